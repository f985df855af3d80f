"""The process that computes and seals the reports that were asked for, one after the other.

Rules: one such process works, by a lock on its session; others stand by. The view tells which runs are open and may be
late or wrong; the run's own stream decides. The command that ends a run has an id that follows from the run, so a
process that is killed at any point and started again computes the same bytes and seals once. A run that waits for its
checkpoint holds up no other.
"""

from __future__ import annotations

import asyncio

import asyncpg
import structlog

from commands._bus import Accepted, Bus, EventStore
from commands._ids import derived_id
from domain._kernel import Recorded
from domain.report import Report, ReportRequested
from infra.audit.report_fold import Tell
from infra.audit.sealing import Sealing
from infra.audit.trust import Trust
from infra.blobs import BlobFolder
from infra.event_store import PostgresEventStore
from infra.health import Vitals
from infra.locks import Lock
from infra.postgres import LINE_FAULTS, Connection, Wake, connect, keep_listening
from infra.reference import load as load_reference
from infra.settings import Settings
from projections.report_run import ReportRun, open_runs
from streams.sender import Sender

POLL_S = 0.5
TELL_EVERY = 20_000
PROGRESS = """
    insert into report_progress values ($1, $2, $3)
    on conflict (run_id) do update set position = $2, upto = $3
"""

log = structlog.get_logger()


class ReportOffice:
    def __init__(self, dsn: str, store: EventStore, sealing: Sealing, sender: Sender, vitals: Vitals) -> None:
        self._dsn, self._store, self._sealing = dsn, store, sealing
        self._sender, self._vitals = sender, vitals
        self._wake = Wake()

    async def run(self, stop: asyncio.Event) -> None:
        listening = asyncio.create_task(keep_listening(self._dsn, "events", self._wake))
        try:
            while not stop.is_set():
                await self._try(stop)
        finally:
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)

    async def _try(self, stop: asyncio.Event) -> None:
        try:
            db = await connect(self._dsn, statement_timeout="10min")
        except LINE_FAULTS as fault:
            return await self._pause(fault)
        try:
            self._vitals.has("database")
            if await self._stand_by(db, stop):
                await self._work(db, stop)
        except (*LINE_FAULTS, asyncpg.PostgresError) as fault:
            await self._pause(fault)
        finally:
            db.terminate()

    async def _pause(self, fault: BaseException) -> None:
        self._vitals.wait_for("database", type(fault).__name__)
        log.warning("reports_wait", reason=type(fault).__name__)
        await asyncio.sleep(POLL_S)

    async def _stand_by(self, db: Connection, stop: asyncio.Event) -> bool:
        while not stop.is_set():
            if await db.fetchval("select pg_try_advisory_lock($1)", Lock.REPORTS):
                self._vitals.details["role"] = "active"
                self._vitals.started()
                return True
            self._vitals.details["role"] = "standby"
            self._vitals.started()
            await asyncio.sleep(POLL_S)
        return False

    async def _work(self, db: Connection, stop: asyncio.Event) -> None:
        while not stop.is_set():
            waiting = 0
            for row in await open_runs(db):
                if not stop.is_set():
                    waiting += not await self._end(db, row)
            self._vitals.details["waiting_runs"] = waiting
            self._vitals.details["told"] = (
                f"{waiting} runs wait for a cosigned checkpoint" if waiting else "nothing waits"
            )
            await self._wake.wait(POLL_S)

    async def _end(self, db: Connection, row: ReportRun) -> bool:
        """Whether the run is over now."""
        asked = await self._request(row)
        if asked is not None:
            at, request = asked
            command = await self._sealing.outcome(db, at, request, _telling(db, at.position, request))
            if command is None:
                return False
            answer = await self._sender.send(derived_id(request.run_id, "ended"), command, at)
            if isinstance(answer, Accepted):
                self._vitals.position = answer.position
            await db.execute("delete from report_progress where run_id = $1", row.run_id)
        return True

    async def _request(self, row: ReportRun) -> tuple[Recorded, ReportRequested] | None:
        """The request as it stands in the log; None when the run is over, which the view may not know yet."""
        history = (await self._store.load({row.report_id: 0})).get(row.report_id, ())
        state = Report().after(at.event for at in history)
        for at in history:
            if isinstance(at.event, ReportRequested) and at.event.run_id == row.run_id in state.open:
                return at, at.event
        return None


def _telling(db: Connection, requested_at: int, request: ReportRequested) -> Tell:
    upto, told = request.as_of_position or requested_at, 0

    async def tell(position: int) -> None:
        nonlocal told
        if position - told >= TELL_EVERY:
            told = position
            await db.execute(PROGRESS, request.run_id, position, upto)

    return tell


async def main(settings: Settings, vitals: Vitals, stop: asyncio.Event) -> None:
    """The process `reports`."""
    if settings.database_url is None:
        raise RuntimeError("the reports need DATABASE_URL")
    store = PostgresEventStore(settings.database_url)
    sealing = Sealing(BlobFolder(settings.data / "blobs"), Trust.of(settings))
    sender = Sender(Bus(store), load_reference(), vitals)
    try:
        await ReportOffice(settings.database_url, store, sealing, sender, vitals).run(stop)
    finally:
        await store.close()
