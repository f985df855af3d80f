"""What every test may ask for: a real PostgreSQL for the whole run, and a fresh database in it."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator

import pytest

from tests.own_postgres import OwnPostgres, fresh_database


@pytest.fixture(scope="session")
async def server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[str]:
    if given := os.environ.get("DATABASE_URL"):
        yield given
        return
    own = OwnPostgres(tmp_path_factory.mktemp("server"))
    await own.start()
    try:
        yield own.dsn
    finally:
        await own.stop()


@pytest.fixture
async def database(server: str) -> AsyncIterator[str]:
    async with fresh_database(server) as dsn:
        yield dsn
