"""Inclusion proofs (C2SP tlog-proof) of events, from the tiles wherever they lie.

Rules: a proof is made for a checkpoint that is published, so that its reader needs nothing but the proof and the keys
that he trusts. Full tiles come from the ledger's folder or, where there is none, from the database; the few leaves
behind the last full tile are folded from the rows.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass

from infra.audit.folder import TileFolder
from infra.audit.logged_tree import leaf_of_row
from infra.audit.published import Published, roots_of, tiles_of
from infra.event_log import all_after
from infra.postgres import Connection
from projections.audit._tiles import HEIGHT, WIDTH, Place, TileRefused, Tiles, edge_places
from projections.audit._tree import HASH_SIZE, inclusion_proof

HEADER = "c2sp.org/tlog-proof@v1"


@dataclass
class TileSource:
    """Tiles of a tree of `size` leaves; `fetched` were brought from the database before they were asked for."""

    size: int
    folder: TileFolder | None
    fetched: dict[Place, bytes]

    def read(self, place: Place) -> bytes:
        if place in self.fetched:
            return self.fetched[place]
        if self.folder is not None:
            return self.folder.read(place)
        raise TileRefused(f"{place.path} is missing")


async def tiles_of_log(
    db: Connection, folder: TileFolder | None, size: int, needed: Sequence[Place] | None = None
) -> Tiles:
    """The tree as of an earlier or the last checkpoint. `needed` names the full tiles; without it all may be asked."""
    places = list(needed) if needed is not None else [Place(0, index) for index in range(size // WIDTH)]
    fetched = {} if folder is not None else await tiles_of(db, places)
    if folder is not None:
        missing = [place for place in places if not (folder.root / place.path).exists()]
        fetched = await tiles_of(db, missing) if missing else {}
    source = TileSource(size, folder, fetched)
    await _add_edge(db, source)
    return Tiles(size, source.read)


async def _add_edge(db: Connection, source: TileSource) -> None:
    """The partial tiles as they were at this size, of which the files may have gone on since."""
    for place in edge_places(source.size):
        written = source.folder.widest(place) if source.folder is not None else None
        if written is not None and len(written) >= place.width * HASH_SIZE:
            # A wider tile of the same place begins with the same hashes.
            source.fetched[place] = written[: place.width * HASH_SIZE]
            continue
        first = place.index * WIDTH
        if place.level == 0:
            rows = [row async for chunk in all_after(db, first, first + place.width) for row in chunk]
            hashes = [leaf_of_row(row) for row in rows]
        else:
            hashes = list(await roots_of(db, place.level - 1, first, place.width))
        source.fetched[place] = b"".join(hashes)


async def inclusion(db: Connection, folder: TileFolder | None, position: int, checkpoint: Published) -> str:
    """The proof that the event at this position is in the tree of the checkpoint, with the checkpoint in it."""
    index = position - 1
    tiles = await tiles_of_log(db, folder, checkpoint.size, path_tiles(index, checkpoint.size))
    hashes = inclusion_proof(tiles.subtree, index, checkpoint.size)
    lines = [HEADER, f"index {index}", *(base64.b64encode(one).decode() for one in hashes)]
    return "\n".join(lines) + f"\n\n{checkpoint.note}"


def path_tiles(index: int, size: int) -> Sequence[Place]:
    """The full tiles that a proof for this leaf may need: those above it, and those before the edge on each level."""
    found, level = set(), 0
    while size >> HEIGHT * level:
        full = size >> HEIGHT * (level + 1)
        at = index >> HEIGHT * (level + 1)
        if at < full:
            found.add(Place(level, at))
        level += 1
    return sorted(found, key=lambda place: (place.level, place.index))
