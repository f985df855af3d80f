"""The keys of releases of open data: whoever has one can make pseudonyms, so it stays inside.

Rules: one file for each release, readable by its owner only. In development a missing one is made at the first start;
in production it is put there by somebody. Without it nobody can carry the release on: a release with another key would
have other pseudonyms for the same people, so it has to have another name.
"""

from __future__ import annotations

import secrets
from hashlib import sha256
from pathlib import Path

from infra.local.files import write_once
from infra.settings import Settings

SIZE = 32


class OpenKeyRefused(Exception):
    """The key of a release is missing, readable by others, or no key; the message never holds a secret."""


def key_file(data: Path, release: str) -> Path:
    return data / "open" / f"{release}.key"


def release_key(settings: Settings) -> bytes:
    """The key of the release of these settings. Raises OpenKeyRefused."""
    file = key_file(settings.data, settings.open_release)
    if not file.exists():
        if settings.production:
            raise OpenKeyRefused(f"{file.name} is missing: put {SIZE} random bytes in hexadecimal there")
        write_once(file, f"{secrets.token_hex(SIZE)}\n")
    if file.stat().st_mode & 0o077:
        raise OpenKeyRefused(f"{file.name} can be read by others than its owner")
    try:
        key = bytes.fromhex(file.read_text().strip())
    except ValueError:
        key = b""
    if len(key) != SIZE:
        raise OpenKeyRefused(f"{file.name} does not hold {SIZE} bytes in hexadecimal")
    return key


def key_id(key: bytes) -> str:
    """By which a key is known without being told."""
    return sha256(b"telehealth/open-key\0" + key).hexdigest()[:16]
