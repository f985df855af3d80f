"""What tests stand on: one real PostgreSQL and, when asked for, one real Kafka for the whole run, or each of its lanes.

Rules: DATABASE_URL and KAFKA_BOOTSTRAP are used when they are given; otherwise the servers are children of this run,
on ports of their own, in a folder that is deleted afterwards, so that two runs never meet.
"""

import shutil
import tempfile
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest
from hypothesis import HealthCheck
from hypothesis import settings as properties

from infra.event_log import all_after, head
from infra.event_store import PostgresEventStore
from infra.local.child import Child
from infra.local.kafka import Kafka
from infra.local.ports import Ports
from infra.local.postgres import Postgres
from infra.local.program import Program
from infra.mapper import Stored
from infra.postgres import connect, migrate
from infra.settings import Settings, child_environment
from tests.lanes import pytest_collection_modifyitems as pytest_collection_modifyitems
from tests.lanes import pytest_runtest_protocol as pytest_runtest_protocol
from tests.lanes import pytest_xdist_make_scheduler as pytest_xdist_make_scheduler
from tests.own_folder import pytest_configure as pytest_configure
from tests.own_folder import pytest_sessionfinish as pytest_sessionfinish
from tests.own_postgres import empty_database, fresh_database
from tests.story import launch_day
from tests.storyteller import Story

# Properties are tried with the same examples in every run, and however long they take, so that a run that fails fails
# again. Others are looked for with --hypothesis-profile=by-chance.
_PATIENT = properties(deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True)
properties.register_profile("the same", _PATIENT, derandomize=True, database=None)
properties.register_profile("by-chance", _PATIENT)
properties.load_profile("the same")


class Stack:
    """The run's stores. `dsn` is the database of the run; tests use `database` for one of their own."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.ports = Ports.choose(settings)
        self.environment = child_environment(settings)
        self._children: list[Child] = []
        self.dsn = ""

    async def start(self, program: Program) -> None:
        log = self.settings.data / "log" / f"{program.name}.log"
        child = Child(program, log, self.settings.stop_timeout_seconds, lambda: None)
        self._children.append(child)
        child.start()
        await child.first_ready()

    async def stop(self) -> None:
        for child in reversed(self._children):
            await child.stop()


@pytest.fixture(scope="session")
async def stack() -> AsyncIterator[Stack]:
    """One real PostgreSQL for the run."""
    data = Path(tempfile.mkdtemp(prefix="telehealth-tests-"))
    stack = Stack(Settings.from_env().model_copy(update={"data": data}))
    try:
        if stack.settings.database_url:
            stack.dsn = stack.settings.database_url
        else:
            postgres = Postgres(data, stack.ports.postgres, stack.environment)
            await stack.start(postgres.program())
            stack.dsn = postgres.dsn()
        yield stack
    finally:
        await stack.stop()
        shutil.rmtree(data, ignore_errors=True)


@pytest.fixture(scope="session")
async def kafka_bootstrap(stack: Stack) -> str:
    """One real Kafka for the run, started when the first test asks for it."""
    if stack.settings.kafka_bootstrap:
        return stack.settings.kafka_bootstrap
    ports = (stack.ports.kafka, stack.ports.kafka_controller)
    kafka = Kafka(stack.settings.data, stack.settings.cache, ports, stack.environment)
    await stack.start(kafka.program())
    return kafka.bootstrap


@pytest.fixture
async def database(stack: Stack) -> AsyncIterator[str]:
    """The DSN of a fresh empty database that is dropped after the test."""
    async with empty_database(stack.dsn) as dsn:
        yield dsn


@pytest.fixture
async def log_database(database: str) -> str:
    """The DSN of a fresh database with an empty log."""
    connection = await connect(database)
    await migrate(connection)
    await connection.close()
    return database


@pytest.fixture(scope="session")
async def whole_day(stack: Stack) -> Sequence[Stored]:
    """The rows of a whole launch day, as they lie in the log."""
    async with fresh_database(stack.dsn) as dsn:
        db, store = await connect(dsn), PostgresEventStore(dsn)
        try:
            await launch_day(Story(store))
            return [stored async for chunk in all_after(db, 0, await head(db)) for stored in chunk]
        finally:
            await store.close()
            await db.close()
