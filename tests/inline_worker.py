"""The log taken into the views without Kafka: what the relay and the worker do together, in one task.

For tests of what stands behind the views. It writes the same progress that they write, so nobody can tell it apart.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress

from infra import progress
from infra.event_log import after
from infra.mapper import to_recorded
from infra.postgres import Connection, Wake, connect, keep_listening
from infra.progress import Reached
from infra.rebuild import GROUP
from infra.topics import PARTITIONS, place_of
from projections._fold import LiveView, apply
from projections._view import create, every_view

CLUSTER = "none"


class InlineWorker:
    """`hold()` stops it between two batches, `go_on()` lets it work again."""

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self._free = asyncio.Event()
        self._free.set()
        self._working = asyncio.Lock()
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        db = await connect(self._dsn)
        self._views = [LiveView(view, 1) for view in every_view()]
        for live in self._views:
            await create(db, live.view, 1)
        await db.execute(
            "insert into relay_progress (epoch, cluster_id, position, partitions) values (1, $1, 0, '{}')", CLUSTER
        )
        self._task = asyncio.create_task(self._work(db))

    async def hold(self) -> None:
        self._free.clear()
        async with self._working:
            pass

    def go_on(self) -> None:
        self._free.set()

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    async def _work(self, db: Connection) -> None:
        wake, position = Wake(), 0
        listening = asyncio.create_task(keep_listening(self._dsn, "events", wake))
        try:
            while True:
                await self._free.wait()
                async with self._working:
                    moved = await self._step(db, position) if self._free.is_set() else position
                if moved == position:
                    await wake.wait()
                position = moved
        finally:
            listening.cancel()
            db.terminate()

    async def _step(self, db: Connection, position: int) -> int:
        rows = await after(db, position, limit=50)
        if not rows:
            return position
        async with db.transaction():
            for live in self._views:
                await apply(db, live, [to_recorded(row) for row in rows])
            reached = {place_of(row.aggregate, row.stream_id): Reached(row.position, 0) for row in rows}
            await progress.ensure(db, GROUP, CLUSTER, sorted(reached))
            await progress.write(db, GROUP, CLUSTER, reached)
            await self._as_the_relay(db, rows[-1].position)
            await db.execute("select pg_notify('projections', '')")
        return rows[-1].position

    async def _as_the_relay(self, db: Connection, position: int) -> None:
        partitions: dict[str, list[int]] = {}
        for place, last in (await progress.positions(db, GROUP)).items():
            partitions.setdefault(place.topic, [0] * PARTITIONS)[place.partition] = last
        await db.execute("update relay_progress set position = $1, partitions = $2", position, partitions)
