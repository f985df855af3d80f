"""One database and one API process for each test file; ids are new in each test, so tests do not meet."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

import pytest

from tests.graphql_api.service import Service, serve
from tests.inline_worker import InlineWorker
from tests.own_postgres import fresh_database

if TYPE_CHECKING:
    from tests.conftest import Stack


@pytest.fixture(scope="module")
async def log_dsn(stack: Stack) -> AsyncIterator[str]:
    async with fresh_database(stack.dsn) as dsn:
        yield dsn


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
