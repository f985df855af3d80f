"""A ward with beds: a small aggregate of its own for every test, so that no two tests meet in a topic.

The view counts, so that an event taken in twice or left out shows in its rows.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, ClassVar
from uuid import UUID, uuid4

from commands._bus import Append, NewEvent
from commands._command import COMMANDS, Command, Context
from domain._kernel import EVENTS, Actor, Event, Lifecycle, Metadata, Recorded, Role, State, stays
from infra.event_log import all_after, head
from infra.event_store import PostgresEventStore
from infra.mapper import Stored, to_recorded
from infra.postgres import Connection, connect, migrate
from infra.progress import positions
from infra.topics import Place, place_of, topic_of
from projections._fold import Fold, take_in
from projections._table import Row, Table
from projections._view import VIEWS, Content, View

ACTOR = Actor(id=UUID(int=7), roles=frozenset({Role.SYSTEM}))


@dataclass(slots=True, kw_only=True)
class Bed(Row):
    id: UUID
    label: str
    nights: int = 0
    notes: list[str] = field(default_factory=list)


@dataclass(slots=True, kw_only=True)
class Ward(Row):
    id: UUID
    nights: int = 0


class BedStatus(StrEnum):
    MADE = "made"


class Beds:
    """The events of one aggregate, called for instance `bed_q.made`, and the views of them."""

    def __init__(self, aggregate: str) -> None:
        self.aggregate, self.topic = aggregate, topic_of(aggregate)

        class Opened(Event, name=f"{aggregate}.opened"):
            """A ward was opened."""

        class Made(Event, name=f"{aggregate}.made"):
            label: str

        class Slept(Event, name=f"{aggregate}.slept_in"):
            note: str
            ward_id: UUID | None = None

        self.opened, self.made, self.slept = Opened, Made, Slept
        self.view = self._beds_view()
        self.nights = self._nights_view()
        self.views = {view.name: view for view in (self.view, self.nights)}
        # They are views of one test, so they do not stand among those of the product.
        for view in self.views:
            del VIEWS[view]

    def in_another_shape(self) -> View:
        view = self._beds_view(version=2)
        del VIEWS[view.name]
        return view

    def _beds_view(self, version: int = 1) -> View:
        view = View(f"{self.aggregate}_beds", version=version, content=Content.FIGURES)
        table: Table[Bed] = view.table(Bed, "id", indexes=("label",))

        @table.inserts(self.made)
        def made(event: Any, at: Recorded) -> Bed:
            return Bed(id=at.stream_id, label=event.label)

        @table.updates(self.slept)
        def slept(bed: Bed, event: Any, at: Recorded) -> None:
            bed.nights += 1
            bed.notes.append(event.note)
            if event.note == "poison":
                raise ValueError("nobody can sleep on that")
            if event.note == "refused":
                bed.label = "\x00"  # PostgreSQL's text cannot hold this.

        return view

    def _nights_view(self) -> View:
        """A second view, which two streams write to: the bed's and the ward's."""
        view = View(f"{self.aggregate}_nights", version=1, content=Content.FIGURES)
        table: Table[Ward] = view.table(Ward, "id")

        @table.inserts(self.opened)
        def opened(event: Any, at: Recorded) -> Ward:
            return Ward(id=at.stream_id)

        @table.updates(self.slept, key=lambda event, at: event.ward_id)
        def slept(ward: Ward, event: Any, at: Recorded) -> None:
            ward.nights += 1

        return view

    def commands(self) -> Commands:
        return Commands(self)

    def forget(self) -> None:
        for kind in (self.opened, self.made, self.slept):
            del EVENTS[kind.name]


class Commands:
    """A command on a bed. It leaves no trace in the registry of commands."""

    def __init__(self, beds: Beds) -> None:
        class MadeBed(State[BedStatus]):
            lifecycle: ClassVar[Lifecycle] = {
                None: {beds.made: BedStatus.MADE},
                BedStatus.MADE: stays(BedStatus.MADE, beds.made, beds.slept),
            }

        def decide(self, state: Any, context: Context) -> Iterator[Any]:  # type: ignore[no-untyped-def]
            yield beds.made(label=self.label)

        decide.__annotations__["return"] = Iterator[beds.made]  # type: ignore[name-defined]
        made_by = decide

        class MakeBed(Command, of=MadeBed, by={Role.SYSTEM}):
            bed_id: UUID
            label: str
            decide = made_by

            @property
            def stream_id(self) -> UUID:
                return self.bed_id

        del COMMANDS[MakeBed.__name__]
        self.make = MakeBed


class Log:
    """The log of one test's database, and what a fresh fold of it says."""

    def __init__(self, dsn: str, beds: Beds, db: Connection) -> None:
        self.dsn, self.beds, self.db = dsn, beds, db
        self.store = PostgresEventStore(dsn)
        self._versions: dict[UUID, int] = {}

    async def add(self, stream_id: UUID, *events: Event) -> int:
        command_id = uuid4()
        metadata = Metadata.model_validate(
            {
                "actor": ACTOR,
                "command_id": command_id,
                "correlation_id": command_id,
                "clinical_time": "2020-08-27T01:00:00Z",
            }
        )
        version = self._versions.get(stream_id, 0)
        wish = Append(command_id, b"", stream_id, version, [NewEvent(event, metadata) for event in events])
        answer = await self.store.append(wish)
        self._versions[stream_id] = answer.version
        return answer.position

    async def busy_night(self, beds: Sequence[UUID], nights: int, note: str = "calm") -> None:
        """Make the beds where they are not yet made, and sleep in each."""
        await asyncio.gather(*(self._use(bed, nights, note) for bed in beds))

    async def _use(self, bed: UUID, nights: int, note: str) -> None:
        if bed not in self._versions:
            await self.add(bed, self.beds.made(label=f"bed {str(bed)[:4]}"))
        for _ in range(nights):
            await self.add(bed, self.beds.slept(note=note))

    async def end(self) -> int:
        return await head(self.db)

    async def fresh_fold(self, view: View) -> list[tuple[Any, ...]]:
        folds = [Fold(table, "nowhere", complete=True) for table in view.tables]
        async for chunk in all_after(self.db, 0, await self.end(), names=[kind.name for kind in view.handled]):
            for stored in chunk:
                take_in(folds, to_recorded(stored))
        rows = [row for fold in folds for row in fold.rows.values() if row is not None]
        return sorted((tuple(getattr(row, column) for column in view.tables[0].columns) for row in rows), key=str)

    async def rows(self, view: View) -> list[tuple[Any, ...]]:
        table = view.tables[0]
        found = await self.db.fetch(f"select {', '.join(table.columns)} from {table.name}")
        return sorted((tuple(row) for row in found), key=str)

    async def last_positions(self) -> dict[Place, int]:
        """The last event of each partition."""
        last: dict[Place, int] = {}
        async for chunk in all_after(self.db, 0, await self.end()):
            last.update({place_of(stored.aggregate, stored.stream_id): stored.position for stored in chunk})
        return last

    async def caught_up(self, group: str, within_s: float = 60) -> None:
        """Wait until every event of the log is in the views of the group."""
        last = await self.last_positions()
        async with asyncio.timeout(within_s):
            while True:
                reached = await positions(self.db, group)
                if all(reached.get(place, 0) >= position for place, position in last.items()):
                    return
                await asyncio.sleep(0.02)

    async def stored(self) -> list[Stored]:
        return [stored async for chunk in all_after(self.db, 0, await self.end()) for stored in chunk]


@asynccontextmanager
async def open_log(dsn: str, beds: Beds) -> AsyncIterator[Log]:
    db = await connect(dsn)
    await migrate(db)
    log = Log(dsn, beds, db)
    try:
        yield log
    finally:
        await log.store.close()
        await db.close()
