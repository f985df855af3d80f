"""The Merkle tree of RFC 6962 over SHA-256: roots, proofs, and what anybody can check of them.

Rules: leaves are counted from 0, so the event at position p is leaf p - 1. Leaf and node are hashed with different
first bytes, so that no node can be passed off as a leaf. A check answers by raising ProofRefused; an index, a size or
a number of hashes that does not fit is refused like a wrong hash. Nothing here does I/O: a proof is made from a
function that knows the hashes of complete subtrees.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from hashlib import sha256

HASH_SIZE = 32
EMPTY_ROOT = sha256(b"").digest()

# The hash of the complete subtree of 2**height leaves that begins at leaf index * 2**height.
Subtrees = Callable[[int, int], bytes]


class ProofRefused(ValueError):
    """A proof does not show what it is said to show."""


def leaf_hash(record: bytes) -> bytes:
    return sha256(b"\0" + record).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    return sha256(b"\1" + left + right).digest()


class Frontier:
    """The tree as far as it has grown: only the roots of its complete subtrees, from the largest to the smallest."""

    def __init__(self, size: int = 0, peaks: Sequence[bytes] = ()) -> None:
        if len(peaks) != size.bit_count():
            raise ValueError(f"a tree of {size} leaves has {size.bit_count()} complete subtrees, not {len(peaks)}")
        self.size = size
        self._peaks = list(peaks)

    def append(self, leaf: bytes) -> None:
        size, peaks = self.size, self._peaks
        while size & 1:
            leaf = node_hash(peaks.pop(), leaf)
            size >>= 1
        peaks.append(leaf)
        self.size += 1

    @property
    def peaks(self) -> Sequence[bytes]:
        return tuple(self._peaks)

    def root(self) -> bytes:
        return folded(self._peaks)


def folded(peaks: Sequence[bytes]) -> bytes:
    """The root over complete subtrees that stand side by side, the largest first."""
    if not peaks:
        return EMPTY_ROOT
    found = peaks[-1]
    for peak in reversed(peaks[:-1]):
        found = node_hash(peak, found)
    return found


def root_of(leaves: Iterable[bytes]) -> bytes:
    frontier = Frontier()
    for leaf in leaves:
        frontier.append(leaf)
    return frontier.root()


def complete_subtrees(start: int, end: int) -> Sequence[tuple[int, int]]:
    """The leaves [start, end) as (height, index) of complete subtrees, the largest first.

    `start` is where a subtree begins that is at least as large as the stretch, as in all of RFC 6962.
    """
    found = []
    while start < end:
        height = (end - start).bit_length() - 1
        found.append((height, start >> height))
        start += 1 << height
    return found


def range_hash(subtrees: Subtrees, start: int, end: int) -> bytes:
    return folded([subtrees(height, index) for height, index in complete_subtrees(start, end)])


def inclusion_proof(subtrees: Subtrees, index: int, size: int) -> Sequence[bytes]:
    """The hashes that lead from the leaf to the root, nearest first: PATH of RFC 6962, 2.1.1."""
    if not 0 <= index < size:
        raise ValueError(f"a tree of {size} leaves has no leaf {index}")
    found: list[bytes] = []
    start, end = 0, size
    while end - start > 1:
        middle = start + _split(end - start)
        if index < middle:
            found.append(range_hash(subtrees, middle, end))
            end = middle
        else:
            found.append(range_hash(subtrees, start, middle))
            start = middle
    return found[::-1]


def consistency_proof(subtrees: Subtrees, old: int, new: int) -> Sequence[bytes]:
    """The hashes that show that the first `old` of `new` leaves are the old tree: PROOF of RFC 6962, 2.1.2."""
    if not 0 <= old <= new:
        raise ValueError(f"a tree of {new} leaves has no earlier one of {old}")
    if old in (0, new):
        return []
    found: list[bytes] = []
    start, end = 0, new
    while end != old:
        middle = start + _split(end - start)
        if old <= middle:
            found.append(range_hash(subtrees, middle, end))
            end = middle
        else:
            found.append(range_hash(subtrees, start, middle))
            start = middle
    if start:
        # The reader knows the old root, which is this subtree, only when it is the whole old tree.
        found.append(range_hash(subtrees, start, end))
    return found[::-1]


def check_inclusion(leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> None:
    """RFC 9162, 2.1.3.2. Raises ProofRefused."""
    if not 0 <= index < size:
        raise ProofRefused(f"a tree of {size} leaves has no leaf {index}")
    at, last, found = index, size - 1, leaf
    for step in proof:
        if last == 0:
            raise ProofRefused("the proof is too long")
        if at & 1 or at == last:
            found = node_hash(step, found)
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            found = node_hash(found, step)
        at, last = at >> 1, last >> 1
    if last:
        raise ProofRefused("the proof is too short")
    if found != root:
        raise ProofRefused(f"leaf {index} is not in the tree of this root")


def check_consistency(old: int, new: int, old_root: bytes, new_root: bytes, proof: Sequence[bytes]) -> None:
    """RFC 9162, 2.1.4.2. Raises ProofRefused."""
    if not 0 <= old <= new:
        raise ProofRefused(f"a tree of {new} leaves has not grown from one of {old}")
    if old in (0, new):
        if proof:
            raise ProofRefused("between these sizes there is nothing to prove")
        if old == new and old_root != new_root:
            raise ProofRefused(f"two trees of {old} leaves have different roots")
        if old == 0 and old_root != EMPTY_ROOT:
            raise ProofRefused("that is not the root of an empty tree")
        return
    steps = list(proof) if old & (old - 1) else [old_root, *proof]
    if not steps:
        raise ProofRefused("the proof is too short")
    at, last = old - 1, new - 1
    while at & 1:
        at, last = at >> 1, last >> 1
    from_old = from_new = steps[0]
    for step in steps[1:]:
        if last == 0:
            raise ProofRefused("the proof is too long")
        if at & 1 or at == last:
            from_old, from_new = node_hash(step, from_old), node_hash(step, from_new)
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            from_new = node_hash(from_new, step)
        at, last = at >> 1, last >> 1
    if last:
        raise ProofRefused("the proof is too short")
    if from_old != old_root or from_new != new_root:
        raise ProofRefused(f"the tree of {new} leaves does not begin with that of {old}")


def _split(size: int) -> int:
    """The largest power of two below the size."""
    return 1 << (size - 1).bit_length() - 1
