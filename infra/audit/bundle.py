"""What an auditor takes home: records, leaves, checkpoints and, if wanted, the stored bytes, in one zip file.

Rules: docs/audit-formats.md says what is in it; projections/audit/verifier.py checks it. Records are made from the rows
as they lie there today, leaves from the ledger's tiles as they were written then: so a row that was changed since is
named. The same log as of the same position makes the same bytes, so nothing in it tells when or where it was made.
"""

from __future__ import annotations

import base64
import struct
import zipfile
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import IO
from uuid import UUID

import orjson

from domain.report import ReportSealed
from infra.audit import published
from infra.audit.folder import TileFolder
from infra.audit.logged_tree import record_of_row
from infra.audit.proofs import inclusion, tiles_of_log
from infra.audit.published import Published
from infra.event_log import all_after, head
from infra.mapper import Stored
from infra.postgres import Connection
from projections.audit._checkpoint import read_checkpoint
from projections.audit._note import read_note
from projections.audit._tiles import WIDTH, TileRefused, Tiles
from projections.audit._tree import HASH_SIZE, consistency_proof, leaf_hash

FORMAT = "thx-bundle/v1"
SEAL = ReportSealed.name
MOST_CHECKPOINTS = 500
NO_TIME = (1980, 1, 1, 0, 0, 0)


class NotCovered(Exception):
    """No checkpoint covers the position yet, or there is nothing to show."""


@dataclass(frozen=True, slots=True)
class SealedReport:
    """A sealed run, as a bundle shows it: where the seal stands in the log, what it rests on, and the files."""

    run_id: UUID
    position: int
    checkpoint: Published
    standing_on: Published
    reads: Sequence[str]
    files: Mapping[str, bytes]


@dataclass(frozen=True, slots=True)
class Wanted:
    """`as_of` is a position or a time; None is the last checkpoint. `positions` asks for those events alone.

    `since` are sizes of checkpoints that were kept: a bundle of some events proves that it has grown from them.
    `report` is a sealed run; without `stored` the bundle shows that it is sealed, with it also how it was computed.
    """

    as_of: int | datetime | None = None
    stored: bool = False
    positions: Sequence[int] | None = None
    since: Sequence[int] = ()
    report: SealedReport | None = None

    @property
    def names(self) -> Sequence[str] | None:
        """The names of the events whose stored bytes are shown; None means all of them."""
        if self.report is None:
            return None if self.stored else ()
        return sorted({SEAL, *(self.report.reads if self.stored else ())})


async def write_bundle(db: Connection, folder: TileFolder, out: Path, wanted: Wanted) -> Published:
    """Answers the checkpoint that the bundle stands on. Raises NotCovered."""
    last = await _checkpoint(db, folder, wanted)
    tiles = await tiles_of_log(db, folder, last.size)
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as bundle:
        _put(bundle, "manifest.json", orjson.dumps(_manifest(last, wanted), option=orjson.OPT_SORT_KEYS))
        if wanted.positions is None:
            for one in await _checkpoints(db, last, wanted.report):
                _put(bundle, f"checkpoints/{one.size:019d}", one.note.encode())
            with _opened(bundle, "leaves.bin") as file:
                await _leaves(file, db, tiles, last.size)
        else:
            _put(bundle, f"checkpoints/{last.size:019d}", last.note.encode())
            for position in sorted(wanted.positions):
                proof = await inclusion(db, folder, position, last)
                _put(bundle, f"proofs/{position}.tlog-proof", proof.encode())
            for size in sorted(set(wanted.since)):
                _put(bundle, f"consistency/{size:019d}", _grown(tiles, size, last.size))
        await _fill(bundle, "records.bin", _rows(db, last.size, wanted.positions), _record)
        if wanted.names != ():
            await _fill(bundle, "stored.bin", _rows(db, last.size, wanted.positions, wanted.names), _contents)
        for name, content in sorted(wanted.report.files.items()) if wanted.report is not None else ():
            _put(bundle, f"report/{name}", content)
    return last


def _manifest(last: Published, wanted: Wanted) -> dict[str, object]:
    report = wanted.report
    return {
        "format": FORMAT,
        "origin": read_checkpoint(read_note(last.note).text).origin,
        "size": last.size,
        "stored": wanted.names is None or bool(wanted.names),
        "names": wanted.names,
        "positions": None if wanted.positions is None else sorted(wanted.positions),
        "report": None if report is None else {"run_id": str(report.run_id), "position": report.position},
    }


def _grown(tiles: Tiles, old: int, size: int) -> bytes:
    """The proof that the tree of `old` events is the beginning of this one. Raises NotCovered for a larger one."""
    if old > size:
        raise NotCovered(f"the kept checkpoint has {old} events, and the bundle stands on {size}")
    return "".join(
        f"{base64.b64encode(one).decode()}\n" for one in consistency_proof(tiles.subtree, old, size)
    ).encode()


async def _checkpoint(db: Connection, folder: TileFolder, wanted: Wanted) -> Published:
    """The smallest tree that covers what is wanted; without a wish the largest that the folder or the table knows."""
    if wanted.report is not None:
        return wanted.report.standing_on
    if wanted.as_of is not None or wanted.positions:
        position = max(wanted.positions or [1])
        if isinstance(wanted.as_of, datetime):
            position = max(position, await position_at(db, wanted.as_of))
        elif wanted.as_of is not None:
            position = max(position, wanted.as_of)
        found = await published.covering(db, position)
    else:
        found = await published.last(db)
        note = folder.checkpoint()
        there = None if note is None else read_checkpoint(read_note(note).text)
        if there is not None and note is not None and (found is None or there.size > found.size):
            return Published(there.size, there.root, note, datetime.max)
    if found is None:
        raise NotCovered("no checkpoint covers that yet")
    return found


async def position_at(db: Connection, moment: datetime) -> int:
    """The last position that was recorded by then: times never run backwards along the log, so halving finds it."""
    low, high = 0, await head(db)
    while low < high:
        middle = (low + high + 1) // 2
        at = await db.fetchval("select recorded_at from events where notification_id = $1", middle)
        low, high = (middle, high) if at is not None and at <= moment else (low, middle - 1)
    return low


async def _checkpoints(db: Connection, last: Published, report: SealedReport | None) -> Sequence[Published]:
    """Some of the earlier ones, evenly, and the last: with them a bad leaf can be told without the leaves.

    The one that a report is sealed with is among them.
    """
    rows = await db.fetch(
        f"""
        select size, root, note, signed_at from (
            select *, row_number() over (order by size) as nth, count(*) over () as all_of_them
              from ({published.CHECKPOINTS} where c.size < $1) as c
        ) as c
         where nth % greatest(1, all_of_them / {MOST_CHECKPOINTS}) = 0 order by size
        """,
        last.size,
    )
    found = {row["size"]: Published(row["size"], row["root"], row["note"], row["signed_at"]) for row in rows}
    if report is not None:
        found[report.checkpoint.size] = report.checkpoint
    return [one for _, one in sorted({**found, last.size: last}.items())]


async def _leaves(file: IO[bytes], db: Connection, tiles: Tiles, size: int) -> None:
    for start in range(0, size, WIDTH):
        width = min(WIDTH, size - start)
        try:
            leaves = b"".join(tiles.leaf(start + n) for n in range(width))
        except TileRefused:
            # Without tiles the rows have to do; what is not there is shown as nothing, for the verifier to find.
            rows = [row async for chunk in all_after(db, start, start + width) for row in chunk]
            leaves = b"".join(leaf_hash(_record(row)[1]) for row in rows).ljust(width * HASH_SIZE, b"\0")
        file.write(leaves)


async def _fill(
    bundle: zipfile.ZipFile,
    name: str,
    rows_of_log: AsyncIterator[Sequence[Stored]],
    content: Callable[[Stored], Iterable[bytes]],
) -> None:
    with _opened(bundle, name) as file:
        async for rows in rows_of_log:
            for row in rows:
                for part in content(row):
                    file.write(part)


async def _rows(
    db: Connection, size: int, positions: Sequence[int] | None, names: Sequence[str] | None = None
) -> AsyncIterator[Sequence[Stored]]:
    if positions is None:
        async for rows in all_after(db, 0, size, names):
            yield rows
        return
    for position in sorted(positions):
        async for rows in all_after(db, position - 1, position):
            yield rows


def _record(row: Stored) -> Sequence[bytes]:
    try:
        record = record_of_row(row).record()
    except (struct.error, ValueError, TypeError, OverflowError):
        # A row that somebody has made unwritable is shown as what it is: nothing that was ever signed.
        record = b""
    return (len(record).to_bytes(2, "big"), record)


def _contents(row: Stored) -> Iterable[bytes]:
    for content in (row.state, row.metadata):
        yield len(content).to_bytes(4, "big")
        yield content


def _opened(bundle: zipfile.ZipFile, name: str) -> IO[bytes]:
    return bundle.open(_entry(name), "w", force_zip64=True)


def _put(bundle: zipfile.ZipFile, name: str, content: bytes) -> None:
    bundle.writestr(_entry(name), content)


def _entry(name: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, NO_TIME)
    entry.compress_type = zipfile.ZIP_DEFLATED
    entry.external_attr = 0o644 << 16
    return entry
