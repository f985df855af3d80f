"""Data keys: one for each sealed object or recording, wrapped, in an object of its own under `keys/`.

Rules: whoever destroys that object makes what it sealed unreadable for ever, wherever copies of it lie, while its hash
chain can still be checked; a new master key is taken into use by wrapping anew, which changes nothing that is sealed.
"""

from __future__ import annotations

import json
import secrets
from uuid import UUID, uuid4

from infra.objects import Objects
from infra.sealing.master_keys import KEY_BYTES, KeyNotUnwrapped, MasterKeys, WrappedKey

FOLDER = "keys"


class DataKeys:
    def __init__(self, objects: Objects, masters: MasterKeys) -> None:
        self._objects, self._masters = objects, masters

    def create(self) -> tuple[UUID, bytes]:
        """A new key, durable under its id before anything is sealed with it."""
        key_id, key = uuid4(), secrets.token_bytes(KEY_BYTES)
        self._objects.put(_name(key_id), _written(self._masters.wrap(key)))
        return key_id, key

    def open(self, key_id: UUID) -> bytes:
        """Raises KeyNotUnwrapped; also when the key was destroyed."""
        try:
            return self._masters.unwrap(_read(self._objects.get(_name(key_id))))
        except KeyError:
            raise KeyNotUnwrapped(f"there is no key {key_id}") from None

    def destroy(self, key_id: UUID) -> None:
        self._objects.delete(_name(key_id))

    def wrap_anew(self) -> int:
        """Bring every key under the current master key; answers how many were under another one."""
        changed = 0
        for name in list(self._objects.names(FOLDER)):
            wrapped = _read(self._objects.get(name))
            if wrapped.master != self._masters.current:
                self._objects.replace(name, _written(self._masters.wrap(self._masters.unwrap(wrapped))))
                changed += 1
        return changed


def _name(key_id: UUID) -> str:
    return f"{FOLDER}/{key_id}.json"


def _written(key: WrappedKey) -> bytes:
    return json.dumps({"master": key.master, "wrapped": key.wrapped.hex()}, sort_keys=True).encode()


def _read(content: bytes) -> WrappedKey:
    try:
        fields = json.loads(content)
        return WrappedKey(str(fields["master"]), bytes.fromhex(fields["wrapped"]))
    except (ValueError, KeyError, TypeError):
        raise KeyNotUnwrapped("the wrapped key is damaged") from None
