"""Seals bytes while they come: what goes out is whole records and never a byte in clear.

Rules: pure; whoever calls writes what it returns, in order, and everything before it is durable by itself. Plain bytes
wait here until a record is full or `flush` is called.
"""

from __future__ import annotations

from uuid import UUID

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from infra.sealing.form import (
    DIRECTORY_END,
    DIRECTORY_ENTRY,
    DIRECTORY_MAGIC,
    LAST,
    RECORD,
    TAG_BYTES,
    Head,
    Walked,
    derived,
    fresh_head,
    link,
    nonce,
)

RECORD_BYTES = 64 * 1024


class Sealer:
    """One object. `final_hash` is that of the last record so far; `size` counts the plain bytes that left."""

    def __init__(self, key: UUID, data_key: bytes, media_type: str, record_bytes: int = RECORD_BYTES) -> None:
        self._head = bytes(fresh_head(key, data_key, media_type))
        head, _ = Head.parse(self._head)
        self._cipher = AESGCM(derived(data_key, head.salt)[0])
        self._record_bytes = record_bytes
        self._waiting = bytearray()
        self._directory: list[tuple[int, int]] = []
        self._written = 0
        self.size = 0
        self.final_hash = link(self._head)

    @property
    def records(self) -> int:
        return len(self._directory)

    def head(self) -> bytes:
        """What the object begins with; asked for once, first."""
        self._written = len(self._head)
        return self._head

    def write(self, plain: bytes | bytearray | memoryview) -> bytes:
        """The records that are full now; often none."""
        self._waiting += plain
        out = bytearray()
        while len(self._waiting) >= self._record_bytes:
            out += self._record(self._record_bytes)
        return bytes(out)

    def flush(self) -> bytes:
        """What waits, as a record of its own."""
        return self._record(len(self._waiting)) if self._waiting else b""

    def close(self) -> bytes:
        """The last record, marked as such, and the directory by which a reader finds any place at once."""
        last = self._record(len(self._waiting), LAST)
        return last + directory(self._directory)

    def _record(self, size: int, flags: int = 0) -> bytes:
        plain = bytes(self._waiting[:size])
        del self._waiting[:size]
        number = len(self._directory)
        start = RECORD.pack(size + TAG_BYTES, flags, number, self.size, self.final_hash)
        sealed = self._cipher.encrypt(nonce(number), plain, start)
        self._directory.append((self.size, self._written))
        self._written += len(start) + len(sealed)
        self.size += size
        self.final_hash = link(start, sealed)
        return start + sealed


def ending(walked: Walked, data_key: bytes) -> tuple[bytes, bytes]:
    """What a killed writer did not come to write behind its whole records, and the final hash that follows from it."""
    if walked.ended:
        return directory(walked.entries), walked.final_hash
    number = len(walked.entries)
    start = RECORD.pack(TAG_BYTES, LAST, number, walked.size, walked.final_hash)
    sealed = AESGCM(derived(data_key, walked.head.salt)[0]).encrypt(nonce(number), b"", start)
    return start + sealed + directory([*walked.entries, (walked.size, walked.end)]), link(start, sealed)


def directory(entries: list[tuple[int, int]]) -> bytes:
    """Where each record's plain bytes begin in the whole, and where the record begins in the object."""
    packed = b"".join(DIRECTORY_ENTRY.pack(*entry) for entry in entries)
    return packed + DIRECTORY_END.pack(len(entries), DIRECTORY_MAGIC)


def sealed(key: UUID, data_key: bytes, media_type: str, plain: bytes) -> bytes:
    """A whole object at once."""
    sealer = Sealer(key, data_key, media_type)
    return sealer.head() + sealer.write(plain) + sealer.close()
