"""A fold that may not have all rows in hand puts some down into their table, and ends with the same rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from enum import Enum
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain._kernel import EVENTS, Actor, Event, Metadata, Recorded, Role
from infra.postgres import Connection, connect
from projections import _fold
from projections._fold import Fold
from projections._table import Key, Row, Table
from projections._tally import Tally

SHELVES = [UUID(int=n) for n in range(1, 5)]
PHYSICAL, COUNTED = "shelf_v1_g1", "shelf_by_books_v1_g1"
METADATA = Metadata.model_validate(
    {
        "actor": Actor(id=UUID(int=9), roles=frozenset({Role.SYSTEM})),
        "command_id": UUID(int=8),
        "correlation_id": UUID(int=8),
        "clinical_time": "2020-08-27T01:00:00Z",
    }
)


@dataclass(slots=True, kw_only=True)
class Shelf(Row):
    id: UUID
    books: int = 0
    titles: list[str]


class Step(Enum):
    PUT_UP = "put up"
    FILL = "fill"
    FILL_ALL = "fill all"


STEPS = st.lists(st.tuples(st.sampled_from(Step), st.sampled_from(SHELVES)), min_size=1, max_size=40)


class Library:
    """Shelves that are put up, and put up again where one stands; a book goes to one of them, or to all that stand."""

    def __init__(self) -> None:
        class PutUp(Event, name="shelf.put_up"):
            title: str

        class Filled(Event, name="shelf.filled"):
            title: str
            shelves: tuple[UUID, ...]

        self.put_up, self.filled = PutUp, Filled
        self.table: Table[Shelf] = Table("shelf", Shelf, ("id",))
        self.tally = Tally("shelf_by_books", self.table, ("books",))

        @self.table.inserts(PutUp)
        def put_up(event: Any, at: Recorded) -> Shelf:
            return Shelf(id=at.stream_id, titles=[event.title])

        @self.table.updates(Filled, key=lambda event, at: list(event.shelves))
        def filled(shelf: Shelf, event: Any, at: Recorded) -> None:
            shelf.books += 1
            shelf.titles = [*shelf.titles, event.title]

    @property
    def ddl(self) -> list[str]:
        return self.table.ddl(PHYSICAL) + self.tally.ddl(COUNTED, PHYSICAL)

    def happened(self, steps: Sequence[tuple[Step, UUID]]) -> list[Recorded]:
        """What the steps did; a book for a shelf that does not stand puts it up."""
        standing: dict[UUID, None] = {}
        found = []
        for position, (step, shelf) in enumerate(steps, 1):
            event: Event
            if step is Step.PUT_UP or shelf not in standing:
                event = self.put_up(title=f"{position} \\ \t ờ")
                standing[shelf] = None
            else:
                shelves = tuple(standing) if step is Step.FILL_ALL else (shelf,)
                event = self.filled(title=f"{position}", shelves=shelves)
            found.append(Recorded(event, shelf, position, position, METADATA.clinical_time, METADATA))
        return found


@pytest.fixture(scope="module")
def library() -> Iterator[Library]:
    made = Library()
    yield made
    for kind in (made.put_up, made.filled):
        del EVENTS[kind.name]


@asynccontextmanager
async def empty_shelves(dsn: str, library: Library) -> AsyncIterator[Connection]:
    """The table and its tally in a transaction that is taken back."""
    db = await connect(dsn)
    transaction = db.transaction()
    await transaction.start()
    try:
        for statement in library.ddl:
            await db.execute(statement)
        yield db
    finally:
        await transaction.rollback()
        await db.close()


def all_in_hand(library: Library, events: Sequence[Recorded]) -> list[Shelf]:
    fold = Fold(library.table, "nowhere", complete=True)
    for at in events:
        fold.take_in(at)
    return sorted((row for row in fold.rows.values() if isinstance(row, Shelf)), key=lambda shelf: shelf.id)


async def assert_the_table_holds(db: Connection, library: Library, shelves: Sequence[Shelf]) -> None:
    rows = await db.fetch(f"select * from {PHYSICAL} order by id")
    assert [library.table.read(row.items()) for row in rows] == list(shelves)
    counted = await db.fetch(f"select books, sum(count)::int from {COUNTED} group by books having sum(count) <> 0")
    assert dict(map(tuple, counted)) == Counter(shelf.books for shelf in shelves)


@settings(max_examples=30)
@given(steps=STEPS, data=st.data())
async def test_rows_that_are_put_down_at_any_moment_end_as_if_all_had_stayed_in_hand(
    views_dsn: str, library: Library, steps: list[tuple[Step, UUID]], data: st.DataObject
) -> None:
    events = library.happened(steps)
    async with empty_shelves(views_dsn, library) as db:
        fold = Fold(library.table, PHYSICAL, complete=True, alone=True)
        rest = events
        while rest:
            together = data.draw(st.integers(1, 4), "events that are loaded for together")
            batch, rest = rest[:together], rest[together:]
            await fold.load(db, batch)
            for at in batch:
                fold.take_in(at)
            await fold.put_down(db, data.draw(st.integers(0, len(SHELVES)), "rows that are put down"))
        await fold.put_down(db, len(fold.rows))
        assert not fold.rows
        await assert_the_table_holds(db, library, all_in_hand(library, events))


async def test_the_rows_that_were_changed_longest_ago_are_put_down_first(views_dsn: str, library: Library) -> None:
    first, second, third, _ = SHELVES
    put_up = [(Step.PUT_UP, shelf) for shelf in (first, second, third)]
    async with empty_shelves(views_dsn, library) as db:
        fold = Fold(library.table, PHYSICAL, complete=True, alone=True)
        for at in library.happened([*put_up, (Step.FILL, first)]):
            fold.take_in(at)
        await fold.put_down(db, 2)
        assert list(fold.rows) == [(first,)]
        assert [row["id"] for row in await db.fetch(f"select id from {PHYSICAL} order by id")] == [second, third]


async def test_loading_what_a_batch_needs_does_not_go_through_all_rows_in_hand(
    views_dsn: str, library: Library
) -> None:
    """It is done for every few events, with a hundred thousand rows in hand."""

    class NeverWalked(dict[Key, Row | None]):
        def __iter__(self) -> Iterator[Key]:
            raise AssertionError("all rows were gone through")

        keys = __iter__  # type: ignore[assignment]

    events = library.happened([(Step.PUT_UP, SHELVES[0]), (Step.PUT_UP, SHELVES[1]), (Step.FILL_ALL, SHELVES[0])])
    async with empty_shelves(views_dsn, library) as db:
        fold = Fold(library.table, PHYSICAL, complete=True, alone=True)
        fold.take_in(events[0])
        await fold.put_down(db, 1)
        fold.take_in(events[1])
        fold.rows = NeverWalked(fold.rows)
        await fold.load(db, events[2:])
        assert len(fold.rows) == 2


async def test_rows_are_merged_a_part_at_a_time(
    views_dsn: str, library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is sent to the database in one statement is held in memory several times over."""
    monkeypatch.setattr(_fold, "MERGED_AT_ONCE", 3)
    merge, sizes = Fold._merge, list[int]()

    async def counted(self: Fold, db: Connection, rows: Sequence[Row]) -> None:
        sizes.append(len(rows))
        await merge(self, db, rows)

    monkeypatch.setattr(Fold, "_merge", counted)
    events = library.happened([(Step.PUT_UP, shelf) for shelf in (*SHELVES, *SHELVES)])
    half = len(SHELVES)
    async with empty_shelves(views_dsn, library) as db:
        fold = Fold(library.table, PHYSICAL, complete=True, alone=True)
        for part in (events[:half], events[half:]):
            for at in part:
                fold.take_in(at)
            await fold.put_down(db, half)
        assert sizes == [3, 1], "what the table has already is merged, and nothing else"
        await assert_the_table_holds(db, library, all_in_hand(library, events))
