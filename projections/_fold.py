"""Events into rows: load the rows that a batch touches, fold the events in order, write what changed.

An event that a view cannot take in is parked together with all later events of its stream, so that the others go on
and nothing is applied out of order. Nothing is dropped: parked events wait for a mended handler and a rebuild.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import islice
from operator import attrgetter
from typing import Any
from uuid import UUID

import asyncpg
from pydantic_core import to_json

from domain._kernel import Recorded
from projections._table import Handler, Key, Row, Table
from projections._view import Connection, View

MERGED_AT_ONCE = 5_000


@dataclass
class Poison(Exception):
    """This event could not be taken in by this view."""

    at: Recorded
    reason: str


@dataclass
class Fold:
    """The rows of one table that are in hand, those changed last at the end; `loaded` are those that the table has.

    `complete` means that rows which are not in hand do not exist, `alone` that nobody else writes to the table.
    A handler that fails may have changed a part of its row: then the rows in hand are given up, all of them.
    """

    table: Table[Any]
    physical: str
    complete: bool = False
    alone: bool = False
    rows: dict[Key, Row | None] = field(default_factory=dict)
    changed: set[Key] = field(default_factory=set)
    loaded: set[Key] = field(default_factory=set)
    remakes: bool = False

    @property
    def loads(self) -> bool:
        """Whether a batch may need rows that are not in hand."""
        return not self.complete and any(handler.keys is not None for handler in self.table.handlers.values())

    async def load(self, db: Connection, batch: Sequence[Recorded]) -> None:
        """Have the rows in hand that the batch changes."""
        if self.complete:
            return
        # Not the difference of two sets, which would go through all rows in hand.
        needed = {key for at in batch for key in self._keys(at) if key not in self.rows}
        if not needed:
            return
        conditions = ", ".join(self.table.key)
        arrays = ", ".join(f"${n}::{self.table.types[column]}[]" for n, column in enumerate(self.table.key, 1))
        # Two workers may take events of different streams into the same row, so each waits for the other's change; in
        # the order of the keys, so that they never wait for each other.
        rows = await db.fetch(
            f"select * from {self.physical} where ({conditions}) in (select * from unnest({arrays}))"
            + ("" if self.alone else f" order by {conditions} for update"),
            *(list(column) for column in zip(*needed, strict=True)),
        )
        self.rows.update(dict.fromkeys(needed))
        for found in rows:
            row = self.table.read(found.items())
            key = self.table.key_of(row)
            self.rows[key] = row
            self.loaded.add(key)

    def take_in(self, at: Recorded) -> None:
        handler = self.table.handlers.get(type(at.event))
        if handler is None:
            return
        if handler.keys is None:
            made = handler.fold(at.event, at)
            for row in [made] if isinstance(made, Row) else made:
                self._keep(self.table.key_of(row), row, at)
            return
        for key in handler.keys(at.event, at):
            known = self.rows.get(key)
            if known is None:
                raise LookupError(f"{self.table.name} has no row {key}")
            handler.fold(known, at.event, at)
            self._keep(key, known, at)

    def _keep(self, key: Key, row: Row, at: Recorded) -> None:
        row.position = max(row.position, at.position)
        self.rows.pop(key, None)
        self.rows[key] = row
        self.changed.add(key)

    def _keys(self, at: Recorded) -> Iterable[Key]:
        handler: Handler | None = self.table.handlers.get(type(at.event))
        return handler.keys(at.event, at) if handler is not None and handler.keys is not None else ()

    async def write(self, db: Connection) -> None:
        if self.changed:
            await self._merge(db, [row for key in sorted(self.changed, key=str) if (row := self.rows[key]) is not None])
        self.changed.clear()

    async def put_down(self, db: Connection, count: int) -> None:
        """Write the rows that were changed longest ago to a table that is ours alone, and have them in hand no more."""
        keys = list(islice(self.rows, count))
        put = {key: self.rows.pop(key) for key in keys}
        rows = {key: row for key, row in put.items() if row is not None and key in self.changed}
        new = [row for key, row in rows.items() if key not in self.loaded]
        known = [row for key, row in rows.items() if key in self.loaded]
        if self.remakes or not await self._copied(db, new):
            # Some row was made anew that the table has, and takes its place; in such a table that happens again.
            self.remakes, known = True, list(rows.values())
        for start in range(0, len(known), MERGED_AT_ONCE):
            await self._merge(db, known[start : start + MERGED_AT_ONCE])
        self.changed.difference_update(keys)
        self.loaded.difference_update(keys)
        self.complete = False

    async def _copied(self, db: Connection, rows: Sequence[Row]) -> bool:
        """Whether the table took these rows as new ones; otherwise it is as it was."""
        columns = self.table.columns
        values = map(attrgetter(*columns), rows)
        try:
            async with db.transaction():
                await db.copy_records_to_table(self.physical, records=values, columns=columns)
        except asyncpg.UniqueViolationError:
            return False
        return True

    async def _merge(self, db: Connection, rows: Sequence[Row]) -> None:
        columns, types = self.table.columns, self.table.types
        # JSON travels as text: an array of lists would be taken for an array of more dimensions.
        as_text = {column for column in columns if types[column] == "jsonb"}
        sent = ", ".join(
            f"${n}::{'text' if column in as_text else types[column]}[]" for n, column in enumerate(columns, 1)
        )
        taken = ", ".join(f"{column}::{types[column]}" for column in columns)
        updated = ", ".join(f"{column} = excluded.{column}" for column in columns if column not in self.table.key)
        await db.execute(
            f"insert into {self.physical} ({', '.join(columns)})"
            f" select {taken} from unnest({sent}) as _ ({', '.join(columns)})"
            f" on conflict ({', '.join(self.table.key)}) do update set {updated}",
            *(_sent([getattr(row, column) for row in rows], column in as_text) for column in columns),
        )


def _sent(values: Sequence[Any], as_text: bool) -> Sequence[Any]:
    return [None if value is None else to_json(value).decode() for value in values] if as_text else values


@dataclass
class LiveView:
    """A view, the generation that is written, and the streams of which it has parked an event.

    A generation that is not in use yet keeps its parked events in a table of its own (`parked_in`).
    """

    view: View
    generation: int
    parked: set[UUID] = field(default_factory=set)
    parked_in: str = "projection_parked"

    def folds(self, anew: bool = False) -> list[Fold]:
        """One for each table; `anew` when they are empty and nobody else writes to them."""
        return [Fold(table, self.view.physical(table, self.generation), anew, anew) for table in self.view.tables]


BEHIND = "an earlier event is parked"
REFUSALS = (asyncpg.DataError, asyncpg.IntegrityConstraintViolationError)


async def apply(db: Connection, live: LiveView, batch: Sequence[Recorded], careful: bool = False) -> None:
    """Take a batch into one view, inside the caller's transaction. Events stand in the order of their positions.

    When the server refuses a value (`REFUSALS`) the caller's transaction is lost: roll it back, load the parked
    streams anew and apply the same batch with `careful`, which finds the event that holds the value and parks it.
    """
    handled = live.view.handled
    relevant = [at for at in batch if type(at.event) in handled]
    if live.parked:
        await _park(db, live, [at for at in relevant if at.stream_id in live.parked], BEHIND)
        relevant = [at for at in relevant if at.stream_id not in live.parked]
    while relevant:
        try:
            await (_one_by_one if careful else _together)(db, live, relevant)
            return
        except Poison as poison:
            live.parked.add(poison.at.stream_id)
            await _park(db, live, [poison.at], poison.reason)
            behind = [at for at in relevant if _stands_behind(at, poison.at)]
            await _park(db, live, behind, BEHIND)
            relevant = [at for at in relevant if at is not poison.at and at not in behind]


async def _together(db: Connection, live: LiveView, batch: Sequence[Recorded]) -> None:
    """Nothing is written before every event is folded, so a Poison leaves no trace."""
    folds = live.folds()
    for fold in folds:
        await fold.load(db, batch)
    for at in batch:
        take_in(folds, at)
    for fold in folds:
        await fold.write(db)


async def _one_by_one(db: Connection, live: LiveView, batch: Sequence[Recorded]) -> None:
    async with db.transaction():  # A savepoint: a Poison takes back what was written before it.
        for at in batch:
            try:
                async with db.transaction():
                    await _together(db, live, [at])
            except REFUSALS as fault:
                raise Poison(at, str(fault)) from fault


def take_in(folds: Sequence[Fold], at: Recorded) -> None:
    try:
        for fold in folds:
            fold.take_in(at)
    except Exception as fault:
        raise Poison(at, f"{type(fault).__name__}: {fault}") from fault


def _stands_behind(at: Recorded, poisoned: Recorded) -> bool:
    return at.stream_id == poisoned.stream_id and at.position > poisoned.position


async def _park(db: Connection, live: LiveView, events: Sequence[Recorded], reason: str) -> None:
    await park(db, live, [(at.stream_id, at.position, reason) for at in events])


async def park(db: Connection, live: LiveView, events: Sequence[tuple[UUID, int, str]]) -> None:
    """Keep events aside for this view: their stream, position, and why."""
    if events:
        await db.executemany(
            f"insert into {live.parked_in} (view, stream_id, position, reason) values ($1, $2, $3, $4)"
            " on conflict do nothing",
            [(live.view.name, *event) for event in events],
        )


async def parked_streams(db: Connection, parked_in: str = "projection_parked") -> dict[str, set[UUID]]:
    found: dict[str, set[UUID]] = {}
    for row in await db.fetch(f"select distinct view, stream_id from {parked_in}"):
        found.setdefault(row["view"], set()).add(row["stream_id"])
    return found
