"""The log as this process follows it: every event once, in the order of positions, when the views have it.

An event is released as soon as every event up to it has been taken into the views. So whoever is woken by a release
reads rows that hold at least what was released, in one total order over all topics, and can be brought from any
position to this one without gap or double.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence

import asyncpg
import structlog

from commands._bus import Unavailable
from domain._catalogue import every_event
from infra import progress
from infra.event_log import after
from infra.mapper import Stored
from infra.postgres import LINE_FAULTS, Connection, Line, Wake, keep_listening
from infra.rebuild import GROUP
from infra.topics import Place, partition_of, topic_of
from infra.watermark import applied_upto

MOST_PENDING = 5_000
log = structlog.get_logger("feed")

Listener = Callable[[Connection, Sequence[Stored]], Awaitable[None]]


class Feed:
    """`released` is the position up to which everything was given to the listeners."""

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self._wake = Wake()
        self._pending: deque[Stored] = deque()
        self._listeners: list[Listener] = []
        self._moved = asyncio.Condition()
        self._aggregates = frozenset(name.partition(".")[0] for name in every_event())
        self.released = 0
        self.read = 0
        self.ready = asyncio.Event()

    def listen(self, listener: Listener) -> None:
        self._listeners.append(listener)

    async def reached(self, position: int, within_s: float) -> bool:
        deadline = time.monotonic() + within_s
        async with self._moved:
            while self.released < position:
                try:
                    async with asyncio.timeout_at(asyncio.get_running_loop().time() + deadline - time.monotonic()):
                        await self._moved.wait()
                except TimeoutError:
                    return False
        return True

    async def run(self) -> None:
        """Follow until cancelled, across restarts of the server."""
        line = Line(self._dsn)
        try:
            async with asyncio.TaskGroup() as group:
                for channel in ("events", "projections"):
                    group.create_task(keep_listening(self._dsn, channel, self._wake))
                while True:
                    try:
                        await self._follow(await line.get())
                    except (*LINE_FAULTS, asyncpg.PostgresError, Unavailable) as fault:
                        log.warning("line_lost", reason=type(fault).__name__)
                        await line.drop()
                        await asyncio.sleep(0.25)
        finally:
            await line.close()

    async def _follow(self, db: Connection) -> None:
        if not self.ready.is_set():
            self.read = self.released = await applied_upto(db)
            self.ready.set()
        while True:
            await self._wake.wait()
            while await self._step(db):
                pass

    async def _step(self, db: Connection) -> bool:
        """Read on, release what the views have; whether it was worth asking again at once."""
        if len(self._pending) < MOST_PENDING:
            found = await after(db, self.read)
            self._pending.extend(found)
            self.read = found[-1].position if found else self.read
        if not self._pending:
            return False
        batch = self._ripe(await progress.positions(db, GROUP))
        if batch:
            await self._release(db, batch)
        return bool(batch)

    async def _release(self, db: Connection, batch: Sequence[Stored]) -> None:
        self.released = max(self.released, batch[-1].position)
        try:
            for listener in self._listeners:
                await listener(db, batch)
        except BaseException:
            # Some subscribers may have it and others not: it is released again, and whoever has it passes it over.
            self._pending.extendleft(reversed(batch))
            raise
        async with self._moved:
            self._moved.notify_all()

    def _ripe(self, progress: Mapping[Place, int]) -> Sequence[Stored]:
        batch: list[Stored] = []
        while self._pending and self._is_applied(self._pending[0], progress):
            batch.append(self._pending.popleft())
        return batch

    def _is_applied(self, stored: Stored, progress: Mapping[Place, int]) -> bool:
        if stored.aggregate not in self._aggregates:
            return True  # No view of this version waits for it.
        place = Place(topic_of(stored.aggregate), partition_of(stored.stream_id))
        return progress.get(place, 0) >= stored.position
