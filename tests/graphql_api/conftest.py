"""One database and one API process for each test file; ids are new in each test, so tests do not meet."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING
from uuid import uuid4

import asyncpg
import pytest

from infra.postgres import connect, migrate
from tests.graphql_api.service import Service, serve
from tests.inline_worker import InlineWorker

if TYPE_CHECKING:
    from tests.conftest import Stack


@pytest.fixture(scope="module")
async def log_dsn(stack: Stack) -> AsyncIterator[str]:
    name = f"api_{uuid4().hex}"
    server = await asyncpg.connect(stack.dsn)
    await server.execute(f"create database {name}")
    dsn = f"{stack.dsn.rpartition('/')[0]}/{name}"
    db = await connect(dsn)
    await migrate(db)
    await db.close()
    yield dsn
    await server.execute(f"drop database {name} with (force)")
    await server.close()


@pytest.fixture(scope="module")
async def worker(log_dsn: str) -> AsyncIterator[InlineWorker]:
    worker = InlineWorker(log_dsn)
    await worker.start()
    yield worker
    await worker.stop()


@pytest.fixture(scope="module")
async def service(log_dsn: str, worker: InlineWorker) -> AsyncIterator[Service]:
    async with serve(log_dsn) as service:
        yield service
