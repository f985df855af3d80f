"""The projection worker: it takes what the relay carried into all views, each event exactly once.

Rules: one batch is one transaction, which holds the partitions' progress, the rows of every view and the new
progress; so whatever dies, either all of it has happened or nothing. The views' tables may be swapped by a rebuild
between two batches, never within one. A worker writes only while the tables that stand are those of its own version
of the product. No fault leaves the loop: the database's are waited for, a value that it refuses is found and parked
with its stream, and so is an event that a view cannot take in.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

import asyncpg
import structlog

from domain._kernel import Recorded
from infra import progress
from infra.health import Vitals
from infra.mapper import Broken, Stored, decoded
from infra.measures import PARKED, VIEW_POSITION
from infra.postgres import LINE_FAULTS, Connection, Line
from infra.rebuild import GROUP, ensure_views, hold_against_swap
from infra.settings import Settings
from infra.topics import Place, topic_of
from projections._fold import REFUSALS, LiveView, apply, park, parked_streams
from projections._view import VIEWS, View, every_view, generations
from streams.group import Records, kafka_replaced, make_app, reach_kafka, run, watch
from streams.intake import Arrived, next_events, unwrap

LONGEST_PAUSE_S = 2.0
log = structlog.get_logger()


class OtherVersion(RuntimeError):
    """The views' tables are those of another version of the product, whose workers have taken over."""


class Projector:
    """The reader of the worker group: takes batches into the views."""

    def __init__(
        self, dsn: str, cluster_id: str, vitals: Vitals, views: Mapping[str, View] = VIEWS, group: str = GROUP
    ) -> None:
        self._line, self._vitals, self._group, self._cluster_id = Line(dsn), vitals, group, cluster_id
        self._views = dict(sorted(views.items()))
        self._names = {kind.name for view in views.values() for kind in view.handled}
        self._live: dict[str, LiveView] = {}
        self._position = 0

    async def next_offsets(self, places: Collection[Place]) -> Mapping[Place, int]:
        while True:
            try:
                db = await self._line.get()
                async with db.transaction():
                    await progress.ensure(db, self._group, self._cluster_id, sorted(places))
                    known = await progress.hold(db, self._group, self._cluster_id, sorted(places))
                return {place: reached.kafka_offset + 1 for place, reached in known.items()}
            except Exception as fault:
                await self._after(fault, 0)

    async def take(self, records: Records) -> None:
        arrived, careful, tries = unwrap(records), False, 0
        while arrived:
            try:
                arrived = await self._take(arrived, careful)
                tries = 0
                self._vitals.has("database")
                self._vitals.has("views")
            except REFUSALS:
                # The same batch again, event by event, to find the one that holds the value.
                self._live.clear()
                careful, tries = True, tries + 1
                if tries > 1:
                    await self._line.drop()
                    await asyncio.sleep(min(LONGEST_PAUSE_S, 0.05 * 2**tries))
            except asyncio.CancelledError:
                await self._line.drop()
                raise
            except Exception as fault:
                tries += 1
                await self._after(fault, tries)

    async def _after(self, fault: Exception, tries: int) -> None:
        what = "views" if isinstance(fault, OtherVersion) else "database"
        self._vitals.wait_for(what, type(fault).__name__)
        log.error("batch_failed", exc_info=fault, attempt=tries)
        self._live.clear()
        await self._line.drop()
        await asyncio.sleep(min(LONGEST_PAUSE_S, 0.05 * 2 ** min(tries, 8)))

    async def _take(self, arrived: Arrived, careful: bool) -> Arrived:
        db = await self._line.get()
        async with db.transaction():
            known = await progress.hold(db, self._group, self._cluster_id, sorted(arrived))
            await hold_against_swap(db, self._views)
            await self._follow_swaps(db)
            intake = await next_events(db, arrived, known)
            await self._apply(db, intake.events, careful)
            await progress.write(db, self._group, self._cluster_id, intake.reached)
            if intake.events:
                await db.execute("select pg_notify('projections', '')")
        if intake.events:
            self._note(intake.events[-1].position)
        return intake.left

    async def _follow_swaps(self, db: Connection) -> None:
        """Write to the tables that stand now. What is parked is read anew with them."""
        built = await generations(db)
        if {name: version for name, (version, _) in built.items()} != {n: v.version for n, v in self._views.items()}:
            raise OtherVersion
        if {name: live.generation for name, live in self._live.items()} == {n: g for n, (_, g) in built.items()}:
            return
        parked = await parked_streams(db)
        self._live = {
            name: LiveView(view, built[name][1], parked.get(name, set())) for name, view in self._views.items()
        }

    async def _apply(self, db: Connection, events: Sequence[Stored], careful: bool) -> None:
        """A broken event divides the batch: what stands before it in its stream is still taken in."""
        batch: list[Recorded] = []
        for stored in events:
            if stored.name not in self._names:
                continue
            read = decoded(stored)
            if isinstance(read, Recorded):
                batch.append(read)
            elif isinstance(read, Broken):
                await self._apply_batch(db, batch, careful)
                batch = []
                for live in self._live.values():
                    await park_broken(db, live, read)
        await self._apply_batch(db, batch, careful)

    async def _apply_batch(self, db: Connection, batch: Sequence[Recorded], careful: bool) -> None:
        if batch:
            for live in self._live.values():
                await apply(db, live, batch, careful)

    def _note(self, position: int) -> None:
        self._position = self._vitals.position = max(self._position, position)
        parked = {name: len(live.parked) for name, live in self._live.items() if live.parked}
        self._vitals.details["parked_streams"] = parked
        for name, live in self._live.items():
            VIEW_POSITION.labels(name).set(self._position)
            PARKED.labels(name).set(len(live.parked))

    async def close(self) -> None:
        await self._line.close()


async def park_broken(db: Connection, live: LiveView, broken: Broken) -> None:
    """Keep the event aside for every view that would have taken it in."""
    stored = broken.stored
    if stored.name in {kind.name for kind in live.view.handled}:
        live.parked.add(stored.stream_id)
        await park(db, live, [(stored.stream_id, stored.position, broken.reason)])


def topics_of(views: Mapping[str, View]) -> frozenset[str]:
    return frozenset(topic_of(aggregate) for view in views.values() for aggregate in view.aggregates)


async def main(settings: Settings, vitals: Vitals, stop: asyncio.Event) -> None:
    """The process `projections`."""
    if settings.database_url is None or settings.kafka_bootstrap is None:
        raise RuntimeError("the projection worker needs DATABASE_URL and KAFKA_BOOTSTRAP")
    await project(
        settings.database_url,
        settings.kafka_bootstrap,
        vitals,
        stop,
        replication=settings.kafka_replication,
        data=settings.data,
        views={view.name: view for view in every_view()},
    )


async def project(
    dsn: str,
    bootstrap: str,
    vitals: Vitals,
    stop: asyncio.Event,
    *,
    data: Path,
    replication: int = 1,
    views: Mapping[str, View] = VIEWS,
    group: str = GROUP,
) -> None:
    """Be a worker for these views until asked to stop."""
    await reach_views(dsn, views, vitals, group)
    cluster_id = await reach_kafka(bootstrap, topics_of(views), replication, vitals)
    projector = Projector(dsn, cluster_id, vitals, views, group)
    app = make_app(group, bootstrap, topics_of(views), projector, data)
    watching = asyncio.create_task(watch(app, vitals))
    try:
        vitals.started()
        await run(app, stop, asyncio.create_task(kafka_replaced(dsn, cluster_id)))
    finally:
        watching.cancel()
        await projector.close()


async def reach_views(dsn: str, views: Mapping[str, View], vitals: Vitals, group: str = GROUP) -> None:
    """Wait until the database is there and holds the views in this version's shape."""
    while True:
        try:
            vitals.wait_for("views", "are being built")
            await ensure_views(dsn, views, group)
        except (*LINE_FAULTS, asyncpg.PostgresError) as fault:
            vitals.wait_for("database", type(fault).__name__)
            log.warning("views_not_reached", exc_info=fault)
            await asyncio.sleep(0.5)
        else:
            vitals.has("database")
            vitals.has("views")
            return
