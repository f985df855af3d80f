"""Where benchmarks play: stores of their own in a folder of their own, and the product's processes when wanted."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

from infra.local.child import Child
from infra.local.kafka import Kafka
from infra.local.ports import Ports
from infra.local.postgres import Postgres
from infra.local.program import Program
from infra.postgres import schema_ready
from infra.settings import Settings, child_environment
from tests.own_postgres import fresh_database


class Stage:
    """Opened once for a run of benchmarks. `quick` asks for fewer and shorter runs."""

    def __init__(self, settings: Settings, folder: Path, *, quick: bool) -> None:
        self.quick = quick
        self.settings = settings.model_copy(update={"data": folder, "database_url": None, "kafka_bootstrap": None})
        self._ports = Ports.choose(self.settings)
        self._environment = child_environment(self.settings)
        self._server = Postgres(folder, self._ports.postgres, self._environment)
        self._ends = AsyncExitStack()
        self._postgres: Child | None = None

    @property
    def rounds(self) -> int:
        return 2 if self.quick else 3

    @property
    def postgres_pid(self) -> int:
        assert self._postgres is not None
        assert self._postgres.kin is not None
        return self._postgres.kin.pid

    @asynccontextmanager
    async def database(self) -> AsyncIterator[str]:
        """The DSN of an empty database with today's schema."""
        if self._postgres is None:
            self._postgres = await self._ends.enter_async_context(self.running(self._server.program()))
        # Made and dropped by the superuser, whom the server does not ask to wait for anybody.
        async with fresh_database(self._server.dsn()) as dsn:
            yield dsn

    async def kept_database(self) -> str:
        """The DSN of the database that stays in this folder, with today's schema."""
        if self._postgres is None:
            self._postgres = await self._ends.enter_async_context(self.running(self._server.program()))
        dsn = self._server.dsn()
        await schema_ready(dsn)
        return dsn

    @property
    def kafka_folder(self) -> Path:
        """Where Kafka keeps what it was given, while it runs."""
        return self.settings.data / "kafka"

    @asynccontextmanager
    async def kafka(self) -> AsyncIterator[str]:
        """The bootstrap address of a real Kafka that knows nothing yet: topics carry one log only."""
        ports = (self._ports.kafka, self._ports.kafka_controller)
        kafka = Kafka(self.settings.data, self.settings.cache, ports, self._environment)
        async with self.running(kafka.program()):
            yield kafka.bootstrap
        await asyncio.to_thread(shutil.rmtree, kafka.folder)

    @asynccontextmanager
    async def running(self, program: Program) -> AsyncIterator[Child]:
        """The program as a child of ours, from ready to ended."""
        log = self.settings.data / "log" / f"{program.name}.log"
        child = Child(program, log, self.settings.stop_timeout_seconds, lambda: None)
        child.start()
        try:
            await child.first_ready()
            yield child
        finally:
            await child.stop()

    async def close(self) -> None:
        await self._ends.aclose()


@asynccontextmanager
async def opened(settings: Settings, *, quick: bool) -> AsyncIterator[Stage]:
    """The folder lies in the data folder and is gone afterwards; its disk is the one that is measured."""
    settings.data.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="bench-", dir=settings.data))
    stage = Stage(settings, folder, quick=quick)
    try:
        yield stage
    finally:
        await stage.close()
        await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)


def address_of(dsn: str) -> dict[str, str]:
    """The parts of a DSN, for clients that take no DSN."""
    parts = urlsplit(dsn)
    return {
        "host": parts.hostname or "",
        "port": str(parts.port),
        "user": parts.username or "",
        "password": parts.password or "",
        "database": parts.path.lstrip("/"),
    }
