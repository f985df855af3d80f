"""A PostgreSQL of a test's own, which may be killed, and fresh databases in any server."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import time
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import psutil

from infra.local.kinship import tethered
from infra.local.postgres import SUPERUSER, Postgres
from infra.postgres import Connection, connect, migrate
from tests.free_port import free_port


class OwnPostgres:
    """A real server in a folder of its own. It ends with the process that started it."""

    def __init__(self, folder: Path) -> None:
        self._server = Postgres(folder, free_port(), dict(os.environ))
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def dsn(self) -> str:
        return self._server.dsn()

    async def start(self) -> None:
        deadline = time.monotonic() + 90
        while time.monotonic() < deadline:
            # One that starts right after a kill may find the shared memory still taken, and give up.
            if self._process is None or self._process.poll() is not None:
                self._process = self._spawn()
            if await self._server.why_not_ready(self._process.pid) is None:
                return
            await asyncio.sleep(0.05)
        raise TimeoutError("PostgreSQL did not start")

    def _spawn(self) -> subprocess.Popen[bytes]:
        program = self._server.program()
        self._server.prepare()
        # The kernel ties the child to the thread that starts it, so this must be the main one.
        return subprocess.Popen(
            tethered(list(program.command), orphan_signal=program.orphan_signal, user=program.user),
            env=dict(program.environment),
            cwd="/",
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    async def kill(self) -> None:
        """As a loss of power would: the server and all of its children, at once."""
        assert self._process is not None
        # Its children lead process groups of their own, and would keep the shared memory for a while.
        server = psutil.Process(self._process.pid)
        for one in (server, *server.children(recursive=True)):
            with suppress(psutil.NoSuchProcess):
                one.kill()
        await asyncio.to_thread(self._process.wait)

    async def stop(self) -> None:
        if self._process is not None and self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGINT)
            await asyncio.to_thread(self._process.wait)


@asynccontextmanager
async def superuser_of_an_own_server(folder: Path) -> AsyncIterator[str]:
    """The DSN with which one may do everything, in a server that nobody else uses."""
    server = OwnPostgres(folder)
    await server.start()
    yield server._server.dsn(user=SUPERUSER)
    await server.stop()


@asynccontextmanager
async def fresh_database(server: str) -> AsyncIterator[str]:
    """The DSN of a database with today's schema and nothing in it, dropped afterwards."""
    async with empty_database(server) as dsn:
        db = await connect(dsn)
        await migrate(db)
        await db.close()
        yield dsn


@asynccontextmanager
async def empty_database(server: str) -> AsyncIterator[str]:
    """The DSN of a database without a table, dropped afterwards."""
    name = f"test_{uuid.uuid4().hex[:12]}"
    await _as_admin(server, f"create database {name}")
    try:
        yield urlunsplit(urlsplit(server)._replace(path=f"/{name}"))
    finally:
        await _dropped(server, name)


async def somebody_waits_for_a_lock(db: Connection) -> None:
    """Returns when a session of the same database waits for what another one holds."""
    waiting = "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"
    async with asyncio.timeout(60):
        while not await db.fetchval(waiting):
            await asyncio.sleep(0.01)


async def _dropped(server: str, name: str) -> None:
    """The server's own vacuum may be in it, which our account cannot end: it is over in a moment."""
    for _ in range(300):
        try:
            return await _as_admin(server, f"drop database if exists {name} with (force)")
        except (asyncpg.InsufficientPrivilegeError, asyncpg.ObjectInUseError):
            await asyncio.sleep(0.1)
    raise TimeoutError(f"{name} is in use and stays so")


async def _as_admin(server: str, statement: str) -> None:
    admin = await asyncpg.connect(server)
    try:
        await admin.execute(statement)
    finally:
        await admin.close()
