"""Is everything as it must be after the faults? Each rule compares two independent accounts.

The accounts: the log, what the writers wanted and were answered, what the watchers were told, and the tables of the
views beside a fresh fold of the log in memory.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import orjson
from pydantic_core import to_json

from infra.demo.delivery import delivered
from infra.demo.watchers import Watcher
from infra.event_log import all_after, head
from infra.mapper import Stored, to_recorded
from infra.postgres import Connection
from projections._fold import Fold, take_in
from projections._table import Row, Table
from projections._view import every_view
from tests.e2e.load import Watch, Wish


@dataclass(frozen=True)
class Entry:
    """One event of the log, as far as the rules ask for it."""

    position: int
    stream_id: UUID
    version: int
    command_id: UUID

    @classmethod
    def of(cls, stored: Stored) -> Entry:
        command_id = UUID(orjson.loads(stored.metadata)["command_id"])
        return cls(stored.position, stored.stream_id, stored.version, command_id)


@dataclass(frozen=True)
class Told:
    """What one watcher was told, and what he had to be told."""

    name: str
    since: int
    received: Sequence[int]
    due: Sequence[int]

    @classmethod
    async def of(cls, watch: Watch, db: Connection) -> Told:
        watcher = watch.watcher
        received = [told.position for told in watcher.told]
        return cls(watcher.name, watcher.since or 0, received, await positions_due(watch, db))


@dataclass(frozen=True)
class Evidence:
    log: Sequence[Entry]
    wishes: Sequence[Wish]
    told: Sequence[Told]


def complaints(evidence: Evidence) -> list[str]:
    """Everything that is not as it must be; the views are judged by `differences`."""
    return [*_dense(evidence.log), *_done_once(evidence), *_told_once(evidence.told)]


def _dense(log: Sequence[Entry]) -> Iterator[str]:
    if [entry.position for entry in log] != list(range(1, len(log) + 1)):
        yield f"the positions of {len(log)} events are not 1, 2, 3 …"
    versions: dict[UUID, list[int]] = defaultdict(list)
    for entry in log:
        versions[entry.stream_id].append(entry.version)
    for stream_id, found in versions.items():
        if found != list(range(1, len(found) + 1)):
            yield f"the versions of {stream_id} are not 1, 2, 3 …"


def _done_once(evidence: Evidence) -> Iterator[str]:
    """Every wish here leads to one event."""
    done: dict[UUID, list[int]] = defaultdict(list)
    for entry in evidence.log:
        done[entry.command_id].append(entry.position)
    for wish in evidence.wishes:
        at = [position for id_ in wish.sent_as for position in done[id_]]
        if len(at) > 1:
            yield f"{wish.name} happened {len(at)} times, at {at}"
        if wish.answer is not None and getattr(wish.answer, "position", None) not in at:
            yield f"{wish.name} was answered with {wish.answer}, and stands in the log at {at}"


def _told_once(told: Sequence[Told]) -> Iterator[str]:
    for one in told:
        found = delivered(one.name, one.since, one.received, one.due)
        if not found.complete:
            yield (
                f"{one.name} missed {len(found.missed)}, got {len(found.doubled)} twice and {len(found.foreign)} that "
                f"were not for him, in order: {found.in_order}; {(*found.missed, *found.doubled, *found.foreign)[:3]}"
            )


async def gather(db: Connection, wishes: Sequence[Wish], watches: Sequence[Watch]) -> Evidence:
    log = [Entry.of(stored) for stored in await whole_log(db)]
    return Evidence(log, tuple(wishes), [await Told.of(watch, db) for watch in watches])


async def whole_log(db: Connection) -> list[Stored]:
    return [stored async for chunk in all_after(db, 0, await head(db)) for stored in chunk]


async def positions_due(watch: Watch, db: Connection) -> list[int]:
    query = f"select notification_id from events where {watch.due} order by 1"
    return [row[0] for row in await db.fetch(query, watch.facility_id)]


def has_been_told(watcher: Watcher, due: Sequence[int]) -> bool:
    since = watcher.since or 0
    return {told.position for told in watcher.told} >= {position for position in due if position > since}


async def differences(db: Connection) -> list[str]:
    """Which tables of which views are not what a fresh fold of the whole log says."""
    log = [to_recorded(stored) for stored in await whole_log(db)]
    found = []
    for view in every_view():
        folds = [Fold(table, "in memory", complete=True) for table in view.tables]
        for recorded in log:
            take_in(folds, recorded)
        for fold in folds:
            standing = [fold.table.read(row.items()) for row in await db.fetch(f"select * from {fold.table.name}")]
            folded = [row for row in fold.rows.values() if row is not None]
            found += list(_differing(fold.table, standing, folded))
    for parked in await db.fetch("select view, position, reason from projection_parked"):
        found.append(f"{parked['view']} has parked {parked['position']}: {parked['reason']}")
    return found


def _differing(table: Table[Any], standing: Sequence[Row], folded: Sequence[Row]) -> Iterator[str]:
    stands, must_stand = Counter(_plain(table, row) for row in standing), Counter(_plain(table, row) for row in folded)
    if stands != must_stand:
        wrong, missing = stands - must_stand, must_stand - stands
        yield f"{table.name} has {wrong.total()} rows that the log does not give, and lacks {missing.total()}"


def _plain(table: Table[Any], row: Row) -> bytes:
    """What can be compared: PostgreSQL puts the keys of its JSON into an order of its own."""
    values = orjson.loads(to_json([getattr(row, column) for column in table.columns]))
    return orjson.dumps(values, option=orjson.OPT_SORT_KEYS)
