"""A log with the whole story, its views, and what an analyst asks them with."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import pytest

from infra.event_log import head
from infra.event_store import PostgresEventStore
from infra.postgres import connect
from infra.watermark import applied_upto
from tests.inline_worker import InlineWorker
from tests.own_postgres import fresh_database
from tests.story_of_waits import communes_wait
from tests.story_twists import everything
from tests.storyteller import Story

if TYPE_CHECKING:
    from tests.conftest import Stack

KEY = bytes(32)


@pytest.fixture(scope="session")
async def story_dsn(stack: Stack) -> AsyncIterator[str]:
    """A database with every event of the story, and all views up to date. Tests leave it as it is."""
    async with fresh_database(stack.dsn) as dsn:
        db, worker, store = await connect(dsn), InlineWorker(dsn), PostgresEventStore(dsn)
        await worker.start()
        story = Story(store)
        await everything(story)
        await communes_wait(story)
        await store.close()
        while await applied_upto(db) < await head(db):
            await asyncio.sleep(0.05)
        await worker.stop()
        await db.close()
        yield dsn


def asked(folder: Path, question: str) -> Sequence[tuple[Any, ...]]:
    """What DuckDB answers; `events(x)` and `view(x)` stand for the files of a table."""
    with duckdb.connect() as duck:
        for kind, files in (("events", "events/' || name || '/**/*.parquet"), ("view", "views/' || name || '.parquet")):
            duck.execute(
                f"create macro {kind}(name) as table select * from "
                f"read_parquet('{folder}/{files}', union_by_name := true, hive_partitioning := true)"
            )
        return duck.execute(question).fetchall()
