"""Any range of a sealed object, without reading the rest of it.

Rules: the object ends with the record that its final hash names, else nothing of it is given out; every byte that is
given out was authenticated; records are fetched some at a time, so that memory does not grow with the object.
"""

from __future__ import annotations

from collections.abc import Iterator

from infra.objects import Objects
from infra.sealing.form import HEAD, LARGEST_HEAD, Head, SealBroken, link
from infra.sealing.reader import Directory, Opener

RECORDS_AT_ONCE = 16
TAIL_BYTES = 64 * 1024


class SealedObject:
    """Blocks while it reads. Raises KeyError when there is no such object, and SealBroken."""

    def __init__(self, objects: Objects, name: str, data_key: bytes, final_hash: bytes) -> None:
        self._objects, self._name = objects, name
        size = objects.size(name)
        head, _ = Head.parse(objects.get_range(name, 0, min(size, HEAD.size + LARGEST_HEAD)))
        self.media_type = head.media_type
        self._opener = Opener(head, data_key)
        self._directory = self._read_directory(size)
        start, end = self._directory.place(len(self._directory.entries) - 1)
        if link(objects.get_range(name, start, end)) != final_hash:
            raise SealBroken("it does not end with the record that it ended with")

    @property
    def size(self) -> int:
        """Plain bytes."""
        return self._directory.plain_size

    def read(self, start: int, end: int) -> Iterator[bytes]:
        """The plain bytes from `start` up to, not including, `end`, piece by piece."""
        entries = self._directory.entries
        number = self._directory.record_at(start)
        while number < len(entries) and entries[number][0] < end:
            upto = min(number + RECORDS_AT_ONCE, len(entries))
            first = self._directory.place(number)[0]
            sealed = memoryview(self._objects.get_range(self._name, first, self._directory.place(upto - 1)[1]))
            for each in range(number, upto):
                offset = entries[each][0]
                if offset >= end:
                    return
                at, after = self._directory.place(each)
                plain = self._opener.record(sealed[at - first : after - first], each, offset)
                yield plain[max(0, start - offset) : end - offset]
            number = upto

    def _read_directory(self, size: int) -> Directory:
        tail = self._objects.get_range(self._name, max(0, size - TAIL_BYTES), size)
        needed = Directory.needed(Directory.count(tail))
        if needed > size:
            raise SealBroken("the directory is damaged")
        if needed > len(tail):
            tail = self._objects.get_range(self._name, size - needed, size)
        return Directory.parse(tail, size)
