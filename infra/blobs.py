"""Bytes that are too large for the log: kept in a folder, found by their SHA-256 and by nothing else.

They lie in clear; pictures of patients lie in infra/sealing/blobs.py.

Rules: a blob is written whole or not at all; it never changes, so equal bytes are kept once; what is read back is
verified against its name, and damaged bytes are an error, never an answer.
"""

from __future__ import annotations

import hashlib
import os
import re
import tempfile
from pathlib import Path

from domain._values import Blob

SHA256 = re.compile(r"[0-9a-f]{64}")


class BlobDamaged(Exception):
    """The stored bytes are not those that were stored."""


class BlobFolder:
    """A folder of blobs, fanned out by the first byte of their hashes."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def put(self, content: bytes, media_type: str) -> Blob:
        """Store the bytes durably, and answer how they are known from now on."""
        blob = Blob(sha256=hashlib.sha256(content).hexdigest(), media_type=media_type, size=len(content))
        path = self._path(blob.sha256)
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            _write_whole(path, content)
        return blob

    def get(self, sha256: str) -> bytes:
        """The verified bytes. Raises KeyError, or BlobDamaged."""
        try:
            content = self._path(sha256).read_bytes()
        except FileNotFoundError:
            raise KeyError(sha256) from None
        if hashlib.sha256(content).hexdigest() != sha256:
            raise BlobDamaged(sha256)
        return content

    def verified(self, sha256: str) -> Path:
        """The file of a blob whose bytes were verified just now. Raises KeyError, or BlobDamaged."""
        self.get(sha256)
        return self._path(sha256)

    def _path(self, sha256: str) -> Path:
        # The name comes from outside: anything but a hash could lead out of the folder.
        if not SHA256.fullmatch(sha256):
            raise KeyError(sha256)
        return self._folder / sha256[:2] / sha256


def _write_whole(path: Path, content: bytes) -> None:
    """Under a name of its own first, so that a crash leaves no half blob and two writers do not meet."""
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
