"""Pictures of patients that are too large for the log: found by the SHA-256 of what they are, and by nothing else.

Rules: a blob is written whole or not at all, and sealed with a key of its own, so that no picture of a patient lies in
clear; it never changes, so equal bytes are kept once; what is read back is verified against its name, and damaged
bytes are an error, never an answer.
"""

from __future__ import annotations

import hashlib

from domain._values import Blob
from infra.blobs import SHA256, BlobDamaged
from infra.objects import Objects
from infra.sealing.data_keys import DataKeys
from infra.sealing.form import Head, SealBroken
from infra.sealing.master_keys import KeyNotUnwrapped, master_keys
from infra.sealing.reader import opened
from infra.sealing.writer import sealed
from infra.settings import Settings


class SealedBlobs:
    """Blobs among the objects, fanned out by the first byte of their hashes."""

    def __init__(self, objects: Objects, keys: DataKeys) -> None:
        self._objects, self._keys = objects, keys

    def put(self, content: bytes, media_type: str) -> Blob:
        """Store the bytes durably, and answer how they are known from now on."""
        blob = Blob(sha256=hashlib.sha256(content).hexdigest(), media_type=media_type, size=len(content))
        if not self._holds(blob.sha256):
            key_id, key = self._keys.create()
            if not self._objects.put(_name(blob.sha256), sealed(key_id, key, media_type, content)):
                self._keys.destroy(key_id)
        return blob

    def get(self, sha256: str) -> bytes:
        """The verified bytes. Raises KeyError, or BlobDamaged."""
        # The name comes from outside: anything but a hash could lead to other objects.
        if not SHA256.fullmatch(sha256):
            raise KeyError(sha256)
        stored = self._objects.get(_name(sha256))
        try:
            content = opened(stored, self._keys.open(Head.parse(stored)[0].key))
        except (SealBroken, KeyNotUnwrapped) as fault:
            raise BlobDamaged(f"{sha256}: {fault}") from None
        if hashlib.sha256(content).hexdigest() != sha256:
            raise BlobDamaged(sha256)
        return content

    def _holds(self, sha256: str) -> bool:
        try:
            self._objects.size(_name(sha256))
        except KeyError:
            return False
        return True


def sealed_blobs(settings: Settings) -> SealedBlobs:
    """The sealed blobs of this deployment."""
    objects = Objects.open(settings)
    return SealedBlobs(objects, DataKeys(objects, master_keys(settings)))


def _name(sha256: str) -> str:
    return f"blobs/{sha256[:2]}/{sha256}"
