"""The Merkle tree of the log as the ledger grows it: rows in, tiles and checkpoints out.

Rules: leaves are folded in the order of positions, by the frontier and into tiles; before a root is signed it is
computed once more, from the tiles as they lie on the disk, and the tree that was signed before has to be the beginning
of it. One wrong root that is signed ends a log for good, so every doubt raises and nothing is signed.
"""

from __future__ import annotations

from collections.abc import Sequence

from infra.audit.folder import TileFolder, TreeForks
from infra.audit.published import tiles_of
from infra.event_log import all_after, head
from infra.mapper import Stored
from infra.postgres import Connection
from projections.audit._checkpoint import Checkpoint
from projections.audit._leaf import Leaf, leaf_of
from projections.audit._tiles import (
    HEIGHT,
    WIDTH,
    Edge,
    Place,
    Tile,
    TileRefused,
    Tiles,
    full_places,
    peaks_of,
    root_of_tile,
)
from projections.audit._tree import HASH_SIZE, Frontier, consistency_proof, range_hash


class WrongTree(RuntimeError):
    """Two ways of computing the root do not agree, or the new tree does not begin with the one signed before."""


class HoleInTheLog(RuntimeError):
    """Positions are dense; a missing one means that events were removed."""


def leaf_of_row(stored: Stored) -> bytes:
    return record_of_row(stored).hash()


def record_of_row(stored: Stored) -> Leaf:
    """What the leaf is the hash of."""
    return leaf_of(
        stored.position,
        stored.stream_id,
        stored.version,
        stored.name,
        stored.schema_version,
        stored.state,
        stored.metadata,
        stored.recorded_at,
    )


class LoggedTree:
    """`signed` is the last checkpoint; `folder` holds the tiles."""

    def __init__(self, folder: TileFolder, size: int = 0, partials: Sequence[bytes] = ()) -> None:
        self.folder = folder
        self.signed: Checkpoint | None = None
        self._frontier, self._edge = Frontier(size, peaks_of(partials)), Edge(size, partials)
        self._checked = size

    @property
    def size(self) -> int:
        return self._frontier.size

    def root(self) -> bytes:
        return self._frontier.root()

    def fold(self, rows: Sequence[Stored]) -> Sequence[Tile]:
        """Take in the next rows; answers the tiles that they have filled. Raises HoleInTheLog, TreeForks."""
        filled: list[Tile] = []
        for row in rows:
            if row.position != self.size + 1:
                raise HoleInTheLog(f"behind position {self.size} stands {row.position}")
            leaf = leaf_of_row(row)
            self._frontier.append(leaf)
            filled += self._edge.append(leaf)
        for tile in filled:
            self.folder.write(tile)
        return filled

    def checkpoint(self, origin: str) -> Checkpoint:
        """The tree of today, computed anew from what lies on the disk. Raises WrongTree, TileRefused."""
        for tile in self._edge.partials():
            self.folder.write(tile)
        tiles = self.tiles()
        for place in full_places(self.size, self._checked):
            tiles.check_full(place)
        found = Checkpoint(origin, self.size, tiles.root())
        if found.root != self.root():
            raise WrongTree(f"the root of {self.size} events is another one when it is computed from the tiles")
        before = self.signed
        if before is not None and range_hash(tiles.subtree, 0, before.size) != before.root:
            raise WrongTree(f"the tree of {self.size} events does not begin with that of {before.size}")
        self._checked = self.size
        return found

    def tiles(self) -> Tiles:
        return Tiles(self.size, self.folder.read)

    def consistency(self, old: int) -> Sequence[bytes]:
        """The proof that a tree of `old` events has grown into the one whose tiles were written last."""
        return consistency_proof(self.tiles().subtree, old, self.size)


async def restored(db: Connection, folder: TileFolder, signed: Checkpoint | None) -> LoggedTree:
    """The tree as far as it was signed, from tiles and rows. Raises TreeForks when the log is not what was signed."""
    if signed is None:
        return LoggedTree(folder)
    end = await head(db)
    if end < signed.size:
        raise TreeForks(end + 1, signed.size, f"the log ends at {end}, but {signed.size} events were signed")
    try:
        tree = await _from_tiles(db, folder, signed.size)
    except TileRefused:
        tree = LoggedTree(folder)
        async for rows in all_after(db, 0, signed.size):
            tree.fold(rows)
    if tree.size != signed.size or tree.root() != signed.root:
        first, last = await differing(db, folder, signed.size)
        raise TreeForks(first, last, "the rows are not those that were signed")
    tree.signed = signed
    return tree


async def _from_tiles(db: Connection, folder: TileFolder, size: int) -> LoggedTree:
    """From the full tiles before the last one, whose rows are read again: whatever was set back differs there."""
    start = (size - 1) // WIDTH * WIDTH
    needed = [
        Place(level, index)
        for level in range((start.bit_length() + HEIGHT - 1) // HEIGHT)
        for index in _below(start >> HEIGHT * (level + 1))
    ]
    hashes = await tiles_anywhere(db, folder, needed)
    partials = [b""]
    for level in range((start.bit_length() + HEIGHT - 1) // HEIGHT):
        entries = _below(start >> HEIGHT * (level + 1))
        partials.append(b"".join(root_of_tile(hashes[Place(level, index)]) for index in entries))
    tree = LoggedTree(folder, start, partials)
    async for rows in all_after(db, start, size):
        tree.fold(rows)
    return tree


def _below(count: int) -> range:
    """The entries that stand in the partial tile of a level with so many."""
    return range(count // WIDTH * WIDTH, count)


async def tiles_anywhere(db: Connection, folder: TileFolder, places: Sequence[Place]) -> dict[Place, bytes]:
    """Full tiles from the folder or, where it lacks them, from the database, which fills the folder again."""
    found, missing = {}, []
    for place in places:
        try:
            found[place] = folder.read(place)
        except TileRefused:
            missing.append(place)
    for place, hashes in (await tiles_of(db, missing) if missing else {}).items():
        folder.write(Tile(place, hashes))
        found[place] = hashes
    for place in missing:
        if place not in found:
            raise TileRefused(f"{place.path} is missing")
    return found


async def differing(db: Connection, folder: TileFolder, size: int) -> tuple[int, int]:
    """The last stretch of positions whose rows are not those of the tiles: backwards until a whole tile agrees."""
    first = last = 0
    for index in reversed(range((size - 1) // WIDTH + 1)):
        start, end = index * WIDTH, min((index + 1) * WIDTH, size)
        rows = [row async for chunk in all_after(db, start, end) for row in chunk]
        leaves = {row.position: leaf_of_row(row) for row in rows}
        try:
            signed = folder.read(Place(0, index, end - start))
        except TileRefused:
            signed = b""
        wrong = [
            position
            for position in range(start + 1, end + 1)
            if signed[(position - start - 1) * HASH_SIZE :][:HASH_SIZE] != leaves.get(position)
        ]
        if not wrong:
            break
        first, last = wrong[0], last or wrong[-1]
    return (first, last) if first else (1, size)
