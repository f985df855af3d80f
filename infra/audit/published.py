"""What was signed, in PostgreSQL: checkpoints, cosignatures and full tiles, which are only ever added."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import asyncpg

from infra.postgres import Connection
from projections.audit._checkpoint import Checkpoint
from projections.audit._note import Signature
from projections.audit._tiles import Place, Tile, root_of_tile

CHECKPOINTS = """
    select c.size, c.root, c.signed_at,
           c.note || coalesce((select string_agg(line, '' order by signer) from audit_cosignatures s
                                where s.size = c.size), '') as note
      from audit_checkpoints c
"""


@dataclass(frozen=True, slots=True)
class Published:
    """A checkpoint with the cosignatures that it has so far."""

    size: int
    root: bytes
    note: str
    signed_at: datetime


async def last(db: Connection) -> Published | None:
    return _published(await db.fetchrow(f"{CHECKPOINTS} order by c.size desc limit 1"))


async def covering(db: Connection, position: int) -> Published | None:
    """The first checkpoint that covers the position."""
    return _published(await db.fetchrow(f"{CHECKPOINTS} where c.size >= $1 order by c.size limit 1", position))


async def after(db: Connection, size: int, limit: int = 500) -> Sequence[Published]:
    rows = await db.fetch(f"{CHECKPOINTS} where c.size > $1 order by c.size limit $2", size, limit)
    return [found for row in rows if (found := _published(row)) is not None]


async def add(db: Connection, checkpoint: Checkpoint, note: str) -> None:
    """Raises asyncpg's RestrictViolationError for a smaller tree, or another one of the same size."""
    statement = "insert into audit_checkpoints (size, root, note) values ($1, $2, $3)"
    await db.execute(statement, checkpoint.size, checkpoint.root, note)


async def add_cosignatures(db: Connection, size: int, signatures: Sequence[Signature]) -> None:
    statement = "insert into audit_cosignatures (size, signer, line) values ($1, $2, $3) on conflict do nothing"
    await db.executemany(statement, [(size, f"{one.name}+{one.key_id.hex()}", one.line()) for one in signatures])


async def add_tiles(db: Connection, tiles: Sequence[Tile]) -> None:
    statement = """
        insert into audit_tiles select * from unnest($1::smallint[], $2::bigint[], $3::bytea[], $4::bytea[])
        on conflict do nothing
    """
    places = [tile.place for tile in tiles]
    hashes = [tile.hashes for tile in tiles]
    roots = [root_of_tile(one) for one in hashes]
    await db.execute(statement, [place.level for place in places], [place.index for place in places], hashes, roots)


async def tiles_of(db: Connection, places: Sequence[Place]) -> dict[Place, bytes]:
    """Those of the full tiles that are there."""
    rows = await db.fetch(
        """
        select level, index, hashes from audit_tiles
          join unnest($1::smallint[], $2::bigint[]) as wanted (level, index) using (level, index)
        """,
        [place.level for place in places],
        [place.index for place in places],
    )
    return {Place(row["level"], row["index"]): row["hashes"] for row in rows}


async def roots_of(db: Connection, level: int, first: int, count: int) -> Sequence[bytes]:
    """The roots of full tiles side by side: what stands in the tile above them."""
    statement = "select root from audit_tiles where level = $1 and index >= $2 and index < $3 order by index"
    return [row["root"] for row in await db.fetch(statement, level, first, first + count)]


def _published(row: asyncpg.Record | None) -> Published | None:
    return None if row is None else Published(row["size"], row["root"], row["note"], row["signed_at"])
