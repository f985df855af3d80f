"""The tree as files (C2SP tlog-tiles): tiles of height 8, each the hashes of up to 256 subtrees side by side.

Rules: a full tile never changes, so it may be copied and kept for ever; the partial ones at the right edge are
replaced as the log grows. A tile's own root, folded pairwise here, must be what stands in the tile above, which the
frontier computed in another way: two code paths that have to agree before anything is signed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from projections.audit._tree import HASH_SIZE, complete_subtrees, folded, node_hash

HEIGHT = 8
WIDTH = 1 << HEIGHT


class TileRefused(ValueError):
    """A tile is missing, has not the length that it must have, or does not agree with the others."""


@dataclass(frozen=True, slots=True)
class Place:
    """Which tile: `width` is the number of hashes in it, 256 unless it is a partial one."""

    level: int
    index: int
    width: int = WIDTH

    @property
    def path(self) -> str:
        """`tile/0/x001/x234/067`, with `.p/N` behind it when it is partial."""
        digits = f"{self.index % 1000:03d}"
        rest = self.index // 1000
        while rest:
            digits = f"x{rest % 1000:03d}/{digits}"
            rest //= 1000
        partial = f".p/{self.width}" if self.width < WIDTH else ""
        return f"tile/{self.level}/{digits}{partial}"


@dataclass(frozen=True, slots=True)
class Tile:
    place: Place
    hashes: bytes


# The content of a tile, or TileRefused.
ReadTile = Callable[[Place], bytes]


class Edge:
    """The partial tiles at the right edge, level by level. `append` answers the tiles that a leaf has filled."""

    def __init__(self, size: int = 0, partials: Sequence[bytes] = ()) -> None:
        self.size = size
        self._levels = [bytearray(hashes) for hashes in partials]

    def append(self, leaf: bytes) -> Sequence[Tile]:
        self.size += 1
        full: list[Tile] = []
        level, entry = 0, leaf
        while True:
            if level == len(self._levels):
                self._levels.append(bytearray())
            hashes = self._levels[level]
            hashes += entry
            if len(hashes) < WIDTH * HASH_SIZE:
                return full
            tile = Tile(Place(level, (self.size >> HEIGHT * (level + 1)) - 1), bytes(hashes))
            full.append(tile)
            hashes.clear()
            level, entry = level + 1, root_of_tile(tile.hashes)

    def partials(self) -> Sequence[Tile]:
        places = edge_places(self.size)
        return [Tile(place, bytes(self._levels[place.level])) for place in places]


def edge_places(size: int) -> Sequence[Place]:
    """The partial tiles of a tree of this size, the lowest first."""
    found = []
    level = 0
    while size:
        if size % WIDTH:
            found.append(Place(level, size >> HEIGHT, size % WIDTH))
        size >>= HEIGHT
        level += 1
    return found


def full_places(size: int, already: int = 0) -> Iterator[Place]:
    """The full tiles of a tree of this size that a tree of size `already` did not have."""
    level = 0
    while size:
        size, already = size >> HEIGHT, already >> HEIGHT
        for index in range(already, size):
            yield Place(level, index)
        level += 1


def root_of_tile(hashes: bytes) -> bytes:
    """The root of a full tile, level by level."""
    row = [hashes[at : at + HASH_SIZE] for at in range(0, len(hashes), HASH_SIZE)]
    while len(row) > 1:
        row = [node_hash(row[at], row[at + 1]) for at in range(0, len(row), 2)]
    return row[0]


class Tiles:
    """A tree of `size` leaves as its tiles tell it. `read` is asked for each tile at most once in a row."""

    def __init__(self, size: int, read: ReadTile) -> None:
        self.size, self._read = size, read
        self._last: tuple[Place, bytes] | None = None

    def subtree(self, height: int, index: int) -> bytes:
        """The hash of a complete subtree: what proofs are made of."""
        level, within = divmod(height, HEIGHT)
        first, count = index << within, 1 << within
        hashes = self._tile(level, first // WIDTH)
        at = first % WIDTH * HASH_SIZE
        return root_of_tile(hashes[at : at + count * HASH_SIZE])

    def leaf(self, index: int) -> bytes:
        return self.subtree(0, index)

    def root(self) -> bytes:
        return folded([self.subtree(height, index) for height, index in complete_subtrees(0, self.size)])

    def peaks(self) -> Sequence[bytes]:
        return [self.subtree(height, index) for height, index in complete_subtrees(0, self.size)]

    def check_full(self, place: Place) -> None:
        """That the tile's own root is what the tile above it says. Raises TileRefused."""
        above = self.subtree((place.level + 1) * HEIGHT, place.index)
        if root_of_tile(self._tile(place.level, place.index)) != above:
            raise TileRefused(f"{place.path} does not agree with the tile above it")

    def _tile(self, level: int, index: int) -> bytes:
        width = min(WIDTH, (self.size >> HEIGHT * level) - index * WIDTH)
        if width <= 0:
            raise TileRefused(f"a tree of {self.size} leaves has no tile {Place(level, index).path}")
        place = Place(level, index, width)
        if self._last is None or self._last[0] != place:
            hashes = self._read(place)
            if len(hashes) != width * HASH_SIZE:
                raise TileRefused(f"{place.path} has {len(hashes)} bytes")
            self._last = place, hashes
        return self._last[1]


def peaks_of(partials: Sequence[bytes]) -> Sequence[bytes]:
    """The complete subtrees of a tree, the largest first, from the partial tiles at its edge, the lowest first."""
    found = []
    for hashes in reversed(partials):
        for height, index in complete_subtrees(0, len(hashes) // HASH_SIZE):
            at, length = (index << height) * HASH_SIZE, HASH_SIZE << height
            found.append(root_of_tile(hashes[at : at + length]))
    return found
