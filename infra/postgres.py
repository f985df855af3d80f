"""Connections to PostgreSQL: the limits that every one of them carries, and how a lost one is found again."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TypeAlias

import asyncpg
import orjson
from pydantic_core import to_json

from infra.locks import Lock
from infra.provinces import write_provinces
from infra.reference import load as load_reference

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"

# What a broken line raises, besides errors of the server: these say nothing about whether a COMMIT was reached.
LINE_FAULTS = (
    OSError,
    asyncio.TimeoutError,
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.OperatorInterventionError,
    asyncpg.CannotConnectNowError,
)

SESSION = {
    "application_name": "telehealth",
    "synchronous_commit": "on",
    # Each statement after the lock must see what was committed before it.
    "default_transaction_isolation": "read committed",
    "lock_timeout": "4s",
    "statement_timeout": "30s",
    "idle_in_transaction_session_timeout": "10s",
    "tcp_user_timeout": "10s",
    "jit": "off",
    "timezone": "UTC",
}
# Above the server's own limit, for a server that does not answer at all.
COMMAND_S = 60.0
SQL_FILES = Path(__file__).with_name("sql")


class NotDurable(RuntimeError):
    """The server may lose what it acknowledged; the log refuses to run on it."""


async def connect(dsn: str, **session: str) -> Connection:
    """A connection with the limits above; `session` overrides single ones, such as a longer statement_timeout."""
    # Whoever lets the server take longer is not cut off by the client.
    most_s = None if "statement_timeout" in session else COMMAND_S
    connection: Connection = await asyncpg.connect(
        dsn, timeout=5, command_timeout=most_s, server_settings={**SESSION, **session}
    )
    await prepare(connection)
    return connection


async def prepare(connection: Connection) -> None:
    """Let JSON columns be Python values on both sides; also the `init` of pools."""
    # Binary, because COPY takes nothing else.
    await connection.set_type_codec(
        "jsonb", schema="pg_catalog", encoder=_to_jsonb, decoder=_from_jsonb, format="binary"
    )


def _to_jsonb(value: object) -> bytes:
    return b"\x01" + to_json(value)  # The version of the format, then JSON text.


def _from_jsonb(data: bytes) -> object:
    return orjson.loads(data[1:])


async def assert_durable(connection: Connection) -> None:
    for setting in ("fsync", "synchronous_commit", "full_page_writes"):
        value = await connection.fetchval(f"show {setting}")
        if value != "on":
            raise NotDurable(f"{setting} is {value}; the log needs it on")


async def migrate(connection: Connection) -> None:
    """Bring the schema and its reference data to what this version needs. Several processes may do so at once."""
    scripts = [file.read_text() for file in sorted(SQL_FILES.glob("*.sql"))]
    reference = load_reference()
    digest = hashlib.sha256("\0".join([*scripts, reference.digest]).encode()).hexdigest()
    async with connection.transaction():
        await connection.fetch("select pg_advisory_xact_lock($1::bigint)", Lock.MIGRATION)
        await connection.execute("create table if not exists schema_digest (digest text not null)")
        if await connection.fetchval("select digest from schema_digest") == digest:
            return
        for script in scripts:
            await connection.execute(script)
        await write_provinces(connection, reference)
        await connection.execute("delete from schema_digest")
        await connection.execute("insert into schema_digest values ($1)", digest)


async def schema_ready(dsn: str) -> None:
    """Wait for the database, and bring its schema to what this version needs. Raises NotDurable."""
    line = Line(dsn)
    while True:
        try:
            connection = await line.get()
            await assert_durable(connection)
            await migrate(connection)
            break
        except LINE_FAULTS:
            await line.drop()
            await asyncio.sleep(0.25)
    await line.close()


class Line:
    """One connection for one task, made anew when it is lost."""

    def __init__(self, dsn: str, **session: str) -> None:
        self._dsn, self._session = dsn, session
        self._connection: Connection | None = None

    async def get(self) -> Connection:
        if self._connection is None or self._connection.is_closed():
            self._connection = await connect(self._dsn, **self._session)
        return self._connection

    async def drop(self) -> None:
        """Give up a connection that may be in an unknown state."""
        if self._connection is not None:
            self._connection.terminate()
            self._connection = None

    async def close(self) -> None:
        if self._connection is not None and not self._connection.is_closed():
            await self._connection.close(timeout=2)
        self._connection = None


async def keep_listening(dsn: str, channel: str, wake: Callable[[], None], retry_s: float = 0.25) -> None:
    """Call `wake` at each notice, until cancelled and across restarts of the server.

    A notice is a wake-up only: the truth is read by position.
    """
    while True:
        try:
            connection = await connect(dsn, tcp_user_timeout="5s")
        except LINE_FAULTS:
            await asyncio.sleep(retry_s)
            continue
        lost = asyncio.Event()
        connection.add_termination_listener(lambda *_, lost=lost: lost.set())
        try:
            await connection.add_listener(channel, lambda *_: wake())
            wake()
            await lost.wait()
        except LINE_FAULTS:
            await asyncio.sleep(retry_s)
        finally:
            connection.terminate()


class Wake:
    """An alarm clock for one waiter: rings at a notice, or after the time given at the latest."""

    def __init__(self) -> None:
        self._event = asyncio.Event()

    def __call__(self) -> None:
        self._event.set()

    async def wait(self, at_most_s: float = 0.25) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(at_most_s):
                await self._event.wait()
        self._event.clear()
