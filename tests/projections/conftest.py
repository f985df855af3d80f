"""One database with all views for the run; each test works in a transaction that is taken back."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import TYPE_CHECKING

import pytest

from domain._kernel import Recorded
from infra.mapper import to_recorded
from infra.memory import MemoryEventStore
from infra.postgres import Connection, connect
from projections._fold import LiveView, apply
from projections._view import View, create, every_view
from tests.history import History
from tests.own_postgres import fresh_database
from tests.story_twists import everything
from tests.storyteller import Story

if TYPE_CHECKING:
    from tests.conftest import Stack

TakeIn = Callable[..., Awaitable[None]]


@pytest.fixture(scope="session")
async def views_dsn(stack: Stack) -> AsyncIterator[str]:
    async with fresh_database(stack.dsn) as dsn:
        db = await connect(dsn)
        for view in every_view():
            await create(db, view, generation=1)
        await db.close()
        yield dsn


@pytest.fixture
async def db(views_dsn: str) -> AsyncIterator[Connection]:
    connection = await connect(views_dsn)
    transaction = connection.transaction()
    await transaction.start()
    yield connection
    await transaction.rollback()
    await connection.close()


@pytest.fixture(scope="session")
async def whole_story() -> Sequence[Recorded]:
    """The launch day and all that followed it: every event of the domain, as the commands made it."""
    store = MemoryEventStore()
    await everything(Story(store))
    return [to_recorded(row) for row in store.rows]


@pytest.fixture
def history() -> History:
    return History()


@pytest.fixture
def take_in(db: Connection) -> TakeIn:
    """Let views take in events: `await take_in(events, view, …)`; nothing may be parked."""

    async def taken_in(events: Sequence[Recorded], *into: View) -> None:
        for view in into or every_view():
            await apply(db, LiveView(view, 1), events)
        parked = await db.fetch("select view, position, reason from projection_parked")
        assert not parked, [dict(row) for row in parked]

    return taken_in
