"""The system acts by itself: on facts, by the policies, and on clocks that run out, by the timer.

Rules: every command has an id that follows from its cause, so a fact that is met twice, or a timer that rings in two
processes, has one effect. The progress is written after the commands are answered; until then they are sent again. A
refusal is an answer: the rules have decided that the reaction is not called for. A fact at which a policy or its
command fails is kept aside, and the others go on.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from datetime import UTC, datetime
from typing import Protocol
from uuid import UUID

import asyncpg
import structlog

from commands._bus import Bus
from commands._command import Command
from commands.policies import overdue, policy
from domain._kernel import Event, Recorded
from infra import progress
from infra.event_store import PostgresEventStore
from infra.health import Vitals
from infra.locks import Lock
from infra.mapper import Broken, Stored, decoded
from infra.measures import PARKED
from infra.postgres import LINE_FAULTS, Connection, Line
from infra.reference import load as load_reference
from infra.settings import Settings
from infra.topics import Place, topic_of
from infra.waiting import rest
from projections.referral_inbox import due
from streams.group import Records, kafka_replaced, make_app, reach_kafka, run, watch
from streams.intake import next_events, unwrap
from streams.sender import Sender

GROUP = "reactors"
TICK_S = 1.0
# A view may show for a moment what is already recorded; it is not asked for again and again.
TRY_AGAIN_AFTER_S = 30.0
PARK = """
    insert into projection_parked (view, stream_id, position, reason) values ($1, $2, $3, $4) on conflict do nothing
"""

Reaction = tuple[UUID, Command]
Due = Callable[[Connection, datetime], Awaitable[Sequence[Reaction]]]
log = structlog.get_logger()


class Policies(Protocol):
    @property
    def listens_to(self) -> frozenset[type[Event]]: ...

    def reactions(self, recorded: Recorded) -> Sequence[Reaction]: ...


class Reactor:
    """The reader of the worker group: meets every fact that a policy listens to."""

    def __init__(
        self, dsn: str, cluster_id: str, policies: Policies, sender: Sender, vitals: Vitals, group: str = GROUP
    ) -> None:
        self._line, self._cluster_id, self._group = Line(dsn), cluster_id, group
        self._policies, self._sender, self._vitals = policies, sender, vitals
        self._names = {kind.name for kind in policies.listens_to}

    async def next_offsets(self, places: Collection[Place]) -> Mapping[Place, int]:
        while True:
            try:
                db = await self._line.get()
                await progress.ensure(db, self._group, self._cluster_id, sorted(places))
                known = await progress.hold(db, self._group, self._cluster_id, sorted(places))
                return {place: reached.kafka_offset + 1 for place, reached in known.items()}
            except Exception as fault:
                await self._wait(fault)

    async def take(self, records: Records) -> None:
        arrived = unwrap(records)
        while arrived:
            try:
                db = await self._line.get()
                known = await progress.hold(db, self._group, self._cluster_id, sorted(arrived))
                intake = await next_events(db, arrived, known)
                for stored in intake.events:
                    if stored.name in self._names:
                        await self._react(db, stored)
                await self._write_down(db, intake.reached)
            except asyncio.CancelledError:
                await self._line.drop()
                raise
            except Exception as fault:
                await self._wait(fault)
                continue
            self._vitals.has("database")
            if intake.events:
                self._vitals.position = max(self._vitals.position or 0, intake.events[-1].position)
            arrived = intake.left

    async def _react(self, db: Connection, stored: Stored) -> None:
        read = decoded(stored)
        if read is None:
            return
        if isinstance(read, Broken):
            await self._park(db, stored, read.reason)
            return
        try:
            for command_id, command in self._policies.reactions(read):
                await self._sender.send(command_id, command, read)
        except (*LINE_FAULTS, asyncpg.PostgresError):
            raise
        except Exception as fault:
            await self._park(db, stored, type(fault).__name__)

    async def _park(self, db: Connection, stored: Stored, reason: str) -> None:
        await db.execute(PARK, self._group, stored.stream_id, stored.position, reason)
        count = await db.fetchval(
            "select count(distinct stream_id) from projection_parked where view = $1", self._group
        )
        PARKED.labels(self._group).set(count)
        self._vitals.details["parked_streams"] = {self._group: count}
        log.error("reaction_parked", stream_id=stored.stream_id, position=stored.position, reason=reason)

    async def _write_down(self, db: Connection, reached: Mapping[Place, progress.Reached]) -> None:
        """Whoever was overtaken in a partition meanwhile does not set it back."""
        async with db.transaction():
            known = await progress.hold(db, self._group, self._cluster_id, sorted(reached))
            further = {place: to for place, to in reached.items() if to.position >= known[place].position}
            await progress.write(db, self._group, self._cluster_id, further)

    async def _wait(self, fault: Exception) -> None:
        self._vitals.wait_for("database", type(fault).__name__)
        log.error("batch_failed", exc_info=fault)
        await self._line.drop()
        await asyncio.sleep(0.3)

    async def close(self) -> None:
        await self._line.close()


class Timer:
    """Asks every second what has become due, and sends it. One process does so, by a lock; others stand by."""

    def __init__(self, dsn: str, due: Due, sender: Sender) -> None:
        self._line, self._due, self._sender = Line(dsn), due, sender
        self._tried: dict[UUID, float] = {}
        self._locked_on: Connection | None = None

    async def run(self, stop: asyncio.Event) -> None:
        while not stop.is_set():
            try:
                await self._tick(await self._line.get())
            except Exception as fault:
                # The clocks run on; what was tried is left alone for a while, so that the others get through.
                log.error("timer_failed", exc_info=fault)
                await self._line.drop()
            await rest(stop, TICK_S)
        await self._line.close()

    async def _tick(self, db: Connection) -> None:
        if self._locked_on is not db:
            if not await db.fetchval("select pg_try_advisory_lock($1)", Lock.TIMER):
                return
            self._locked_on = db
        now = asyncio.get_running_loop().time()
        self._tried = {id_: at for id_, at in self._tried.items() if now - at < TRY_AGAIN_AFTER_S}
        for command_id, command in await self._due(db, datetime.now(UTC)):
            if command_id not in self._tried:
                self._tried[command_id] = now
                await self._sender.send(command_id, command)


async def overdue_answers(db: Connection, now: datetime) -> Sequence[Reaction]:
    """The referrals whose urgency clock has run out without a first answer."""
    rows = await due(db, now)
    found = [overdue(row.referral_id, row.answer_due_at, row.submission, now) for row in rows if row.answer_due_at]
    return [reaction for reaction in found if reaction is not None]


async def main(settings: Settings, vitals: Vitals, stop: asyncio.Event) -> None:
    """The process `reactors`."""
    if settings.database_url is None or settings.kafka_bootstrap is None:
        raise RuntimeError("the reactors need DATABASE_URL and KAFKA_BOOTSTRAP")
    dsn, store = settings.database_url, PostgresEventStore(settings.database_url)
    sender = Sender(Bus(store), load_reference(), vitals)
    topics = {topic_of(kind.name.partition(".")[0]) for kind in policy.listens_to}
    cluster_id = await reach_kafka(settings.kafka_bootstrap, topics, settings.kafka_replication, vitals)
    reactor = Reactor(dsn, cluster_id, policy, sender, vitals)
    app = make_app(GROUP, settings.kafka_bootstrap, topics, reactor, settings.data)
    tasks = [
        asyncio.create_task(watch(app, vitals)),
        asyncio.create_task(Timer(dsn, overdue_answers, sender).run(stop)),
    ]
    try:
        vitals.started()
        await run(app, stop, asyncio.create_task(kafka_replaced(dsn, cluster_id)))
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await reactor.close()
        await store.close()
