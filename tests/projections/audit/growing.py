"""Trees of every size to 300 for tests: the hash of each complete subtree, computed once and by the definition."""

from __future__ import annotations

from functools import cache
from hashlib import sha256

SIZES = range(301)
RECORDS = [b"record %d" % number for number in SIZES]
LEAVES = [sha256(b"\0" + record).digest() for record in RECORDS]


@cache
def subtree(height: int, index: int) -> bytes:
    if height == 0:
        return LEAVES[index]
    return sha256(b"\1" + subtree(height - 1, 2 * index) + subtree(height - 1, 2 * index + 1)).digest()


@cache
def root(start: int, end: int) -> bytes:
    """MTH of RFC 6962, word for word."""
    if end == start:
        return sha256(b"").digest()
    if end - start == 1:
        return LEAVES[start]
    split = 1
    while split * 2 < end - start:
        split *= 2
    return sha256(b"\1" + root(start, start + split) + root(start + split, end)).digest()
