"""A rebuild that may hold few rows: every view of the product comes out of it as the worker made it.

The log is the launch day and all that followed it, so that each kind of event and each handler is met.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from itertools import count
from typing import TYPE_CHECKING, Any

import pytest

from infra import rebuild as rebuild_file
from infra.event_log import head
from infra.event_store import PostgresEventStore
from infra.postgres import Connection, connect
from infra.rebuild import rebuild
from infra.watermark import applied_upto
from projections._fold import Fold
from projections._tally import Tally
from projections._view import every_view
from projections.patient_record import record
from projections.patient_record import view as patient_record
from tests.inline_worker import InlineWorker
from tests.own_postgres import fresh_database
from tests.story_twists import everything
from tests.storyteller import Story

if TYPE_CHECKING:
    from tests.conftest import Stack

MOST_IN_HAND = 25


@pytest.fixture(scope="module")
async def story(stack: Stack) -> AsyncIterator[str]:
    """A database with the story, and the views as the worker made them."""
    async with fresh_database(stack.dsn) as dsn:
        db, worker, store = await connect(dsn), InlineWorker(dsn), PostgresEventStore(dsn)
        await worker.start()
        await everything(Story(store))
        await store.close()
        async with asyncio.timeout(120):
            while await applied_upto(db) < await head(db):
                await asyncio.sleep(0.05)
        await worker.stop()
        await db.close()
        yield dsn


@pytest.fixture
async def db(story: str) -> AsyncIterator[Connection]:
    connection = await connect(story)
    yield connection
    await connection.close()


@pytest.fixture
def in_hand(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many rows a rebuild had in hand after each of its small chunks. It may not go back to the worker's way."""
    found: list[int] = []
    fold = rebuild_file._Rebuild._fold_in_memory

    async def watched(self: Any, *arguments: Any) -> None:
        await fold(self, *arguments)
        found.append(sum(len(one.rows) for one in self.folds))

    async def never(*_: Any) -> None:
        raise AssertionError("a row was not there, and the rebuild went the worker's way")

    monkeypatch.setattr(rebuild_file, "MOST_ROWS_IN_HAND", MOST_IN_HAND)
    monkeypatch.setattr(rebuild_file, "CHUNK", 20)
    monkeypatch.setattr(rebuild_file._Rebuild, "_fold_in_memory", watched)
    monkeypatch.setattr(rebuild_file._Rebuild, "_apply_like_the_worker", never)
    return found


async def counted(db: Connection, tally: Tally) -> tuple[set[Any], set[Any]]:
    """What the tally says, and what the rows say."""
    columns = ", ".join(tally.columns)
    said = await db.fetch(
        f"select {columns}, sum(count)::bigint from {tally.name} group by {columns} having sum(count) <> 0"
    )
    rows = await db.fetch(f"select {columns}, count(*) from {tally.table.name} where {tally.where} group by {columns}")
    return set(map(tuple, said)), set(map(tuple, rows))


async def test_every_view_filled_with_few_rows_in_hand_is_the_one_that_the_worker_made(
    story: str, db: Connection, in_hand: list[int]
) -> None:
    done = {view.name: await rebuild(story, view) for view in every_view()}

    assert [name for name, one in done.items() if not one.equal or one.parked] == []
    assert {one.table for each in done.values() for one in each.compared} == {
        table.name for view in every_view() for table in view.tables
    }
    assert max(in_hand) <= MOST_IN_HAND < max(one.rows for one in done.values())
    for tally in (tally for view in every_view() for tally in view.tallies):
        said, rows = await counted(db, tally)
        assert said == rows != set()


async def test_one_that_is_broken_off_with_rows_put_down_leaves_the_view_as_it_was_and_is_begun_again(
    story: str, db: Connection, in_hand: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    before = await db.fetch(f"select * from {record.name} order by stream_id, version")
    put_down, times = Fold.put_down, count(1)

    async def breaks(self: Fold, *arguments: Any) -> None:
        await put_down(self, *arguments)
        if next(times) == 3:
            raise ConnectionError

    with monkeypatch.context() as broken:
        broken.setattr(Fold, "put_down", breaks)
        with pytest.raises(ConnectionError):
            await rebuild(story, patient_record)
    assert await db.fetch(f"select * from {record.name} order by stream_id, version") == before
    again = await rebuild(story, patient_record)
    assert again.equal
    assert again.events > 0
