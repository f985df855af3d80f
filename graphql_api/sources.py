"""What can be subscribed to: the live views, and the log itself.

A source says which events concern a subscriber, and which rows to show with them. An update carries the position up
to which the subscriber now has everything; given back as `after`, it is where the next connection goes on.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol
from uuid import UUID

from commands._command import camel
from domain._kernel import Metadata
from graphql_api.access import Scope, Viewer, scope_of_live, scope_of_log
from graphql_api.log_event import LogEvent, log_event
from infra.event_log import after
from infra.mapper import Stored
from projections._page import Condition, select
from projections._view import Connection, Live

CHUNK = 200


@dataclass
class Update:
    """What is sent to subscribers: the events in order, and the rows that they led to, as they are now."""

    position: int
    events: list[LogEvent] = field(default_factory=list)
    rows: list[Any] = field(default_factory=list)


@dataclass(frozen=True)
class Interest:
    """What one group of subscribers wants of a source: its arguments, and what of it they may see."""

    source: Source
    wanted: Hashable
    scope: Scope


class Shown:
    """The updates made of one batch: whoever sees the same events and rows gets the same update.

    Two hundred facilities at one consultation differ in whom they are, not in what they see.
    """

    def __init__(self) -> None:
        self._updates: dict[Hashable, Update] = {}
        self._events: dict[tuple[int, bool], LogEvent] = {}

    def update(self, position: int, events: Sequence[Stored], rows: Sequence[Any], clinical: bool) -> Update:
        key = (clinical, tuple(one.position for one in events), tuple(id(row) for row in rows))
        if key not in self._updates:
            told = [self._event(one, clinical) for one in events]
            self._updates[key] = Update(position, told, list(rows))
        return self._updates[key]

    def _event(self, stored: Stored, clinical: bool) -> LogEvent:
        key = stored.position, clinical
        if key not in self._events:
            self._events[key] = log_event(stored, clinical)
        return self._events[key]


class Source(Protocol):
    @property
    def name(self) -> str: ...

    def interest(self, viewer: Viewer, arguments: Mapping[str, Any]) -> Interest:
        """Raises AccessDenied."""
        ...

    async def snapshot(self, db: Connection, interest: Interest, position: int) -> Update:
        """How things stand, for a subscriber who has seen nothing yet."""
        ...

    def history(self, db: Connection, interest: Interest, position: int, upto: int) -> AsyncIterator[Update]:
        """What came in (position, upto], in order."""
        ...

    async def concern(
        self, db: Connection, interests: Sequence[Interest], batch: Sequence[Stored]
    ) -> Mapping[Interest, Update]:
        """What of a released batch concerns which of the interests; those who see the same get the same update."""
        ...


async def parties_of(db: Connection, streams: Sequence[UUID]) -> Mapping[UUID, frozenset[UUID]]:
    rows = await db.fetch(
        "select stream_id, array_agg(party_id) as parties from audience where stream_id = any($1) group by stream_id",
        streams,
    )
    return {row["stream_id"]: frozenset(row["parties"]) for row in rows}


class LiveRows:
    """A view's rows of which one column has the subscriber's value, and the events of their streams."""

    def __init__(self, live: Live) -> None:
        self.live, self.name = live, camel(live.name)
        self._stream = live.view.stream or live.by
        self._names = sorted(kind.name for kind in live.view.handled)
        self._one_stream = live.by == self._stream
        if not self._one_stream and set(live.table.handlers) != live.view.handled:
            # The positions of the rows must tell which streams have moved.
            raise TypeError(f"{live.name}: every event of {live.view.name} must touch {live.table.name}")

    def interest(self, viewer: Viewer, arguments: Mapping[str, Any]) -> Interest:
        return Interest(self, arguments[self.live.by], scope_of_live(viewer, self.live.view))

    async def snapshot(self, db: Connection, interest: Interest, position: int) -> Update:
        rows = await select(db, self.live.table, self._condition(interest), order=["position"], limit=CHUNK)
        return Update(position, rows=rows)

    async def history(self, db: Connection, interest: Interest, position: int, upto: int) -> AsyncIterator[Update]:
        while position < upto:
            streams = await self._streams(db, interest, position)
            events = await after(db, position, upto=upto, names=self._names, streams=streams, limit=CHUNK)
            if not events:
                return
            position = events[-1].position if len(events) == CHUNK else upto
            yield await self._update(db, interest, position, events)

    async def _streams(self, db: Connection, interest: Interest, position: int) -> Sequence[UUID]:
        """The streams of this interest that may have events behind the position."""
        mine = self._condition(interest)
        if not self._one_stream:
            mine &= Condition("position > {}", (position,))
        query = f"select {self._stream} as id from {self.live.table.name} where {mine.numbered()}"
        return [row["id"] for row in await db.fetch(query, *mine.arguments)]

    async def _update(self, db: Connection, interest: Interest, position: int, events: Sequence[Stored]) -> Update:
        changed = Condition(f"{self._stream} = any({{}}::uuid[])", ([stored.stream_id for stored in events],))
        rows = await select(db, self.live.table, self._condition(interest) & changed)
        return Update(position, [log_event(one, interest.scope.clinical) for one in events], rows)

    async def concern(
        self, db: Connection, interests: Sequence[Interest], batch: Sequence[Stored]
    ) -> Mapping[Interest, Update]:
        handled = set(self._names)
        events = [stored for stored in batch if stored.name in handled]
        streams = sorted({stored.stream_id for stored in events})
        if not streams:
            return {}
        rows = await select(db, self.live.table, Condition(f"{self._stream} = any({{}}::uuid[])", (streams,)))
        by_value: dict[Any, list[Any]] = {}
        for row in rows:
            by_value.setdefault(getattr(row, self.live.by), []).append(row)
        wanted = [interest for interest in interests if interest.wanted in by_value]
        parties = await parties_of(db, streams) if wanted else {}
        shown = Shown()
        found: dict[Interest, Update] = {}
        for interest in wanted:
            seen = [row for row in by_value[interest.wanted] if interest.scope.admits(self._parties(row, parties))]
            mine = {getattr(row, self._stream) for row in seen}
            if mine:
                own = [one for one in events if one.stream_id in mine]
                found[interest] = shown.update(batch[-1].position, own, seen, interest.scope.clinical)
        return found

    def _parties(self, row: Any, parties: Mapping[UUID, frozenset[UUID]]) -> frozenset[UUID]:
        return parties.get(getattr(row, self._stream), frozenset())

    def _condition(self, interest: Interest) -> Condition:
        own = Condition(f"{self.live.by} = {{}}", (interest.wanted,))
        return own & interest.scope.condition(self._stream)


@dataclass(frozen=True)
class Filter:
    """Which events of the log a subscriber wants; what is not given does not matter."""

    aggregates: frozenset[str] | None
    names: frozenset[str] | None
    stream_id: UUID | None

    def wants(self, stored: Stored) -> bool:
        return (
            (self.aggregates is None or stored.aggregate in self.aggregates)
            and (self.names is None or stored.name in self.names)
            and (self.stream_id is None or stored.stream_id == self.stream_id)
        )


class LogEvents:
    """The log itself, filtered, as far as the subscriber may read it."""

    name = "events"

    def interest(self, viewer: Viewer, arguments: Mapping[str, Any]) -> Interest:
        def given(name: str) -> frozenset[str] | None:
            values = arguments.get(name)
            return frozenset(values) if values is not None else None

        wanted = Filter(given("aggregates"), given("names"), arguments.get("stream_id"))
        return Interest(self, wanted, scope_of_log(viewer))

    async def snapshot(self, db: Connection, interest: Interest, position: int) -> Update:
        return Update(position)

    async def history(self, db: Connection, interest: Interest, position: int, upto: int) -> AsyncIterator[Update]:
        while position < upto:
            found = await after(db, position, upto=upto, limit=1_000)
            position = found[-1].position if found else upto
            mine = (await self._mine(db, [interest], found)).get(interest, [])
            if mine or position >= upto:
                yield Update(position, [log_event(one, interest.scope.clinical) for one in mine])

    async def concern(
        self, db: Connection, interests: Sequence[Interest], batch: Sequence[Stored]
    ) -> Mapping[Interest, Update]:
        mine = await self._mine(db, interests, batch)
        shown, position = Shown(), batch[-1].position
        return {interest: shown.update(position, own, (), interest.scope.clinical) for interest, own in mine.items()}

    async def _mine(
        self, db: Connection, interests: Sequence[Interest], batch: Sequence[Stored]
    ) -> dict[Interest, list[Stored]]:
        limited = any(interest.scope.parties is not None for interest in interests)
        parties = await parties_of(db, sorted({one.stream_id for one in batch})) if limited else {}
        found: dict[Interest, list[Stored]] = {}
        for interest in interests:
            wanted = interest.wanted
            assert isinstance(wanted, Filter)
            own = interest.scope.patient_id is not None
            for stored in batch:
                about = Metadata.model_validate_json(stored.metadata).patient_id if own else None
                if wanted.wants(stored) and interest.scope.admits(parties.get(stored.stream_id, frozenset()), about):
                    found.setdefault(interest, []).append(stored)
        return found
