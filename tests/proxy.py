"""A line between a client and a server that breaks where a test wants it to: a TCP proxy on loopback.

It forwards whole PostgreSQL messages one by one, so that a fault can be put between the server's answer and the
client, which is where the fate of a COMMIT becomes unknown. `fault` sees every message and says what befalls it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from enum import Enum, auto
from urllib.parse import urlsplit, urlunsplit


class Fault(Enum):
    NONE = auto()
    CUT_BEFORE = auto()
    """The message is lost and both sides see the line break."""
    CUT_AFTER = auto()
    """The message arrives, then the line breaks."""
    DELAY = auto()
    DROP = auto()
    """The message is lost, and nobody notices."""
    HALF_OPEN = auto()
    """From here on nothing arrives in this direction any more, and nobody notices."""


@dataclass(frozen=True, slots=True)
class Message:
    """`kind` is PostgreSQL's letter, empty for the first message of a line, which has none. `number` from 1."""

    to_server: bool
    kind: str
    body: bytes
    line: int
    number: int


def through(dsn: str, port: int) -> str:
    """The same database through the proxy at `port`; without TLS, since the proxy reads along."""
    parts = urlsplit(dsn)
    account = parts.netloc.rpartition("@")[0]
    return urlunsplit(parts._replace(netloc=f"{account}@127.0.0.1:{port}", query="sslmode=disable"))


Decide = Callable[[Message], Fault]


def no_fault(message: Message) -> Fault:
    return Fault.NONE


class Proxy:
    def __init__(self, host: str, port: int, fault: Decide = no_fault, delay_s: float = 0.2) -> None:
        self.fault, self.delay_s = fault, delay_s
        self.cuts = 0
        self._host, self._port = host, port
        self._lines = 0
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def port(self) -> int:
        assert self._server is not None
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)

    async def stop(self) -> None:
        assert self._server is not None
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._lines += 1
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        with suppress(OSError, asyncio.CancelledError):
            far_reader, far_writer = await asyncio.open_connection(self._host, self._port)
            try:
                there = asyncio.ensure_future(self._pump(reader, far_writer, True, self._lines))
                back = asyncio.ensure_future(self._pump(far_reader, writer, False, self._lines))
                await asyncio.wait((there, back), return_when=asyncio.FIRST_COMPLETED)
            finally:
                there.cancel()
                back.cancel()
                far_writer.transport.abort()
        writer.transport.abort()

    async def _pump(
        self, source: asyncio.StreamReader, target: asyncio.StreamWriter, to_server: bool, line: int
    ) -> None:
        """Ends when the line shall break."""
        number, mute = 0, False
        try:
            while True:
                number += 1
                head = b"" if to_server and number == 1 else await source.readexactly(1)
                length = await source.readexactly(4)
                body = await source.readexactly(int.from_bytes(length, "big") - 4)
                fault = self.fault(Message(to_server, head.decode("latin-1"), body, line, number))
                if fault is Fault.CUT_BEFORE:
                    self.cuts += 1
                    return
                if fault is Fault.DELAY:
                    await asyncio.sleep(self.delay_s)
                mute = mute or fault is Fault.HALF_OPEN
                if mute or fault is Fault.DROP:
                    continue
                target.write(head + length + body)
                await target.drain()
                if fault is Fault.CUT_AFTER:
                    self.cuts += 1
                    return
        except (OSError, asyncio.IncompleteReadError):
            return


@asynccontextmanager
async def proxy(dsn: str, fault: Decide = no_fault, delay_s: float = 0.2) -> AsyncIterator[Proxy]:
    parts = urlsplit(dsn)
    between = Proxy(parts.hostname or "127.0.0.1", parts.port or 5432, fault, delay_s)
    await between.start()
    try:
        yield between
    finally:
        await between.stop()
