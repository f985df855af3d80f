"""Master keys: they wrap the data keys of recordings and stills, and nothing else.

Rules: they lie in one file that its owner alone can read, one `id base64` a line; the last line wraps, every line
unwraps. So a key is replaced by adding the next one and wrapping anew what the old one wrapped; what is sealed stays as
it is. In development a missing file is made at first start; in production it is given, and never made by accident.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.hazmat.primitives.keywrap import InvalidUnwrap, aes_key_unwrap, aes_key_wrap

from infra.local.files import write_atomically, write_once
from infra.settings import Settings

KEY_BYTES = 32
_ID_SALT = b"telehealth master key\x00"


class MasterKeyRefused(Exception):
    """The file of master keys is missing, readable by others or holds what is no key; never says a secret."""


class KeyNotUnwrapped(Exception):
    """The master key that wrapped this data key is not here, or the wrapped key was changed."""


@dataclass(frozen=True, slots=True)
class WrappedKey:
    """A data key as it may lie anywhere: AES key wrap (RFC 3394) under the master key of that id."""

    master: str
    wrapped: bytes


@dataclass(frozen=True, slots=True)
class MasterKeys:
    """`current` is the id of the key that wraps."""

    current: str
    _keys: Mapping[str, bytes] = field(repr=False)

    def wrap(self, data_key: bytes) -> WrappedKey:
        return WrappedKey(self.current, aes_key_wrap(self._keys[self.current], data_key))

    def unwrap(self, key: WrappedKey) -> bytes:
        """Raises KeyNotUnwrapped."""
        master = self._keys.get(key.master)
        if master is None:
            raise KeyNotUnwrapped(f"the master key {key.master} is not here")
        try:
            return aes_key_unwrap(master, key.wrapped)
        except (InvalidUnwrap, ValueError):
            raise KeyNotUnwrapped(f"the key wrapped by {key.master} was changed") from None


def master_keys(settings: Settings) -> MasterKeys:
    """The keys of this deployment; in development they are made when there are none. Raises MasterKeyRefused."""
    file = master_key_file(settings)
    if not file.exists():
        if settings.production:
            raise MasterKeyRefused(f"{file.name} is missing: make it with `telehealth sealing rotate`")
        write_once(file, _line(secrets.token_bytes(KEY_BYTES)))
    return read_master_keys(file)


def master_key_file(settings: Settings) -> Path:
    return settings.sealing_keys or settings.data / "sealing" / "master.keys"


def read_master_keys(file: Path) -> MasterKeys:
    """Raises MasterKeyRefused."""
    if _open_to_others(file.stat()):
        raise MasterKeyRefused(f"{file.name} can be read by others than its owner")
    keys = dict(_key(line, file) for line in file.read_text().splitlines() if line.strip())
    if not keys:
        raise MasterKeyRefused(f"{file.name} holds no key")
    return MasterKeys(list(keys)[-1], keys)


def add_master_key(file: Path) -> str:
    """Add the key that wraps from the next start on, and answer its id."""
    old = file.read_text() if file.exists() else ""
    if old:
        read_master_keys(file)
    line = _line(secrets.token_bytes(KEY_BYTES))
    write_atomically(file, old + line)
    return line.partition(" ")[0]


def _open_to_others(status: os.stat_result) -> bool:
    """A secret that an orchestrator mounts belongs to root, and to the group of the process alone."""
    if status.st_uid == 0 != os.getuid():
        return bool(status.st_mode & 0o037)
    return bool(status.st_mode & 0o077)


def _key(line: str, file: Path) -> tuple[str, bytes]:
    name, _, text = line.strip().partition(" ")
    try:
        key = base64.b64decode(text, validate=True)
    except binascii.Error:
        key = b""
    # The id follows from the key, so that a line that was damaged or mixed up wraps nothing.
    if len(key) != KEY_BYTES or _id(key) != name:
        raise MasterKeyRefused(f"{file.name}: the line of {name[:16]} is no key")
    return name, key


def _line(key: bytes) -> str:
    return f"{_id(key)} {base64.b64encode(key).decode()}\n"


def _id(key: bytes) -> str:
    return hashlib.sha256(_ID_SALT + key).hexdigest()[:16]
