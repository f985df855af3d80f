"""Opens sealed objects: as a whole with every check, or at any place by the directory.

Rules: a byte is given out only after its record was authenticated; what is damaged raises SealBroken and gives nothing.
Only `opened` and `walk` see that nothing is missing; a range sees the records that it touches.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from infra.sealing.form import (
    DIRECTORY_END,
    DIRECTORY_ENTRY,
    DIRECTORY_MAGIC,
    HEAD,
    LARGEST_HEAD,
    LARGEST_RECORD,
    LAST,
    RECORD,
    TAG_BYTES,
    Head,
    SealBroken,
    Walked,
    derived,
    link,
    nonce,
)
from infra.sealing.writer import directory


def walk(content: bytes | memoryview) -> Walked:
    """Follow the chain as far as it is whole; a cut record at the end is no fault, a broken link is."""
    view = memoryview(content)
    head, at = Head.parse(bytes(view[: HEAD.size + LARGEST_HEAD]))
    previous, plain, ended = link(view[:at]), 0, False
    entries: list[tuple[int, int]] = []
    while not ended and at + RECORD.size <= len(view):
        size, flags, number, offset, before = RECORD.unpack_from(view, at)
        end = at + RECORD.size + size
        if before != previous or number != len(entries) or offset != plain or flags & ~LAST:
            raise SealBroken(f"record {len(entries)} does not follow the one before")
        if not TAG_BYTES <= size <= LARGEST_RECORD + TAG_BYTES:
            raise SealBroken(f"record {number} has no possible size")
        if end > len(view):
            break
        entries.append((plain, at))
        previous, plain, ended = link(view[at:end]), plain + size - TAG_BYTES, bool(flags & LAST)
        at = end
    return Walked(head, entries, plain, at, ended, previous)


class Opener:
    """Opens single records of an object with its data key."""

    def __init__(self, head: Head, data_key: bytes) -> None:
        key, commitment = derived(data_key, head.salt)
        if commitment != head.commitment:
            raise SealBroken("this is not the key of the object")
        self._cipher = AESGCM(key)

    def record(self, content: bytes | memoryview, number: int, offset: int) -> bytes:
        """The plain bytes of the record that stands there. Raises SealBroken when it is another one."""
        view = memoryview(content)
        if len(view) < RECORD.size + TAG_BYTES:
            raise SealBroken(f"record {number} is cut")
        size, _, its_number, its_offset, _ = RECORD.unpack_from(view)
        if (its_number, its_offset) != (number, offset):
            raise SealBroken(f"record {number} is another one")
        start, sealed = view[: RECORD.size], view[RECORD.size : RECORD.size + size]
        try:
            return self._cipher.decrypt(nonce(number), bytes(sealed), bytes(start))
        except InvalidTag:
            raise SealBroken(f"record {number} was changed") from None


def opened(content: bytes, data_key: bytes, final_hash: bytes | None = None) -> bytes:
    """All plain bytes, with every check; `final_hash` also tells an object that was cut or replaced as a whole."""
    walked = walk(content)
    if final_hash is not None and walked.final_hash != final_hash:
        raise SealBroken("it does not end with the record that it ended with")
    if final_hash is None and not walked.ended:
        raise SealBroken("the end is missing")
    rest = content[walked.end :]
    if rest != (directory(walked.entries) if walked.ended else b""):
        raise SealBroken("something else follows the last record")
    return b"".join(plain for _, plain in _plain(content, walked, data_key))


def whole_records(content: bytes, data_key: bytes) -> bytes:
    """What can still be read of an object that was cut: everything up to its last whole record."""
    return b"".join(plain for _, plain in _plain(content, walk(content), data_key))


def _plain(content: bytes, walked: Walked, data_key: bytes) -> Iterator[tuple[int, bytes]]:
    opener = Opener(walked.head, data_key)
    view = memoryview(content)
    for number, (offset, at) in enumerate(walked.entries):
        yield offset, opener.record(view[at:], number, offset)


@dataclass(frozen=True, slots=True)
class Directory:
    """Where the records of a finished object lie. A wrong directory leads to a refusal, never to wrong bytes."""

    entries: list[tuple[int, int]]
    end: int

    @classmethod
    def parse(cls, tail: bytes, object_size: int) -> Directory:
        """From the last bytes of an object; asks for `needed` of them. Raises SealBroken."""
        count = cls.count(tail)
        size = cls.needed(count)
        if count == 0 or size > len(tail):
            raise SealBroken("the directory is damaged")
        packed = tail[len(tail) - size : len(tail) - DIRECTORY_END.size]
        entries = list(DIRECTORY_ENTRY.iter_unpack(packed))
        end = object_size - size
        places = [*(at for _, at in entries), end]
        if any(a >= b for a, b in pairwise(places)):
            raise SealBroken("the directory is damaged")
        return cls([(offset, at) for offset, at in entries], end)

    @staticmethod
    def count(tail: bytes) -> int:
        if len(tail) < DIRECTORY_END.size:
            raise SealBroken("there is no directory")
        count, magic = DIRECTORY_END.unpack(tail[-DIRECTORY_END.size :])
        if magic != DIRECTORY_MAGIC:
            raise SealBroken("there is no directory")
        return int(count)

    @staticmethod
    def needed(count: int) -> int:
        return count * DIRECTORY_ENTRY.size + DIRECTORY_END.size

    def place(self, number: int) -> tuple[int, int]:
        """From and to which byte of the object this record lies."""
        after = self.entries[number + 1][1] if number + 1 < len(self.entries) else self.end
        return self.entries[number][1], after

    def record_at(self, offset: int) -> int:
        """Which record holds the plain byte at this offset."""
        return max(0, bisect_right(self.entries, (offset, 1 << 63)) - 1)

    @property
    def plain_size(self) -> int:
        offset, _ = self.entries[-1]
        start, end = self.place(len(self.entries) - 1)
        return offset + end - start - RECORD.size - TAG_BYTES
