"""A desk at which reports are asked for and sealed, on one test's log: views, ledger, witness, and the office itself.

`python -m tests.report_desk DSN BLOBS` runs the office as a process that may be killed.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import uvloop

from commands._bus import Accepted, Bus, Rejected
from commands._command import Command, Context
from commands.report import RequestReport
from domain._kernel import Actor, Event, Recorded, Role
from domain.report import Report, ReportFailed, ReportParameter, ReportSealed
from infra.audit.definitions import Installed, installed
from infra.audit.sealing import COSIGNED_WITHIN_S, Sealing
from infra.audit.trust import Trust
from infra.blobs import BlobFolder
from infra.event_store import PostgresEventStore
from infra.health import Vitals
from infra.reference import load
from streams.reports import ReportOffice
from streams.sender import Sender
from tests.audit_office import LOG, Office, cosigner_keys, public
from tests.history import called

AUDITOR = Actor(id=called("an auditor"), roles=frozenset({Role.AUDITOR}))
AUGUST = (ReportParameter(name="month", value="2020-08"),)
TRUST = Trust(lambda: public(LOG), cosigner_keys)
RULES = load()
Definitions = Callable[[], Mapping[str, Installed]]


@dataclass
class Desk:
    """Asks in an auditor's name and looks what became of it. `office` signs the log."""

    dsn: str
    home: Path
    store: PostgresEventStore
    office: Office

    @property
    def blobs(self) -> BlobFolder:
        return BlobFolder(self.home / "blobs")

    async def send(self, command: Command, actor: Actor = AUDITOR) -> Accepted | Rejected:
        context = Context(actor=actor, now=datetime.now(UTC), correlation_id=uuid4(), reference=RULES)
        return await Bus(self.store).handle(command, context, uuid4())

    async def ask(self, **more: Any) -> UUID:
        """The id of the run."""
        given = {"definition": "activity", "parameters": AUGUST, "ground": "Kiểm tra định kỳ.", **more}
        command = RequestReport(**given)
        answer = await self.send(command)
        assert isinstance(answer, Accepted), answer
        asked = next(at for at in await self.history(command.stream_id) if at.version == answer.version)
        run_id: UUID = asked.event.run_id  # type: ignore[attr-defined]
        return run_id

    async def history(self, report_id: UUID) -> list[Recorded]:
        return list((await self.store.load({report_id: 0})).get(report_id, ()))

    async def of_run(self, run_id: UUID, report_id: UUID | None = None) -> list[Event]:
        history = await self.history(report_id or Report.id_of("activity", AUGUST))
        return [at.event for at in history if getattr(at.event, "run_id", None) == run_id]

    async def ended(self, run_id: UUID, report_id: UUID | None = None, within_s: float = 90) -> Any:
        """How the run ended: the ReportSealed or the ReportFailed."""
        deadline = time.monotonic() + within_s
        while True:
            for event in await self.of_run(run_id, report_id):
                if isinstance(event, ReportSealed | ReportFailed):
                    return event
            assert time.monotonic() < deadline, "the run did not end"
            await asyncio.sleep(0.05)

    @asynccontextmanager
    async def open(
        self, cosigned_within_s: float = COSIGNED_WITHIN_S, definitions: Definitions = installed
    ) -> AsyncIterator[Vitals]:
        vitals, stop = Vitals("reports"), asyncio.Event()
        sealing = Sealing(self.blobs, TRUST, cosigned_within_s, definitions)
        running = asyncio.create_task(office(self.dsn, sealing, vitals, stop))
        try:
            yield vitals
        finally:
            stop.set()
            await running


async def office(dsn: str, sealing: Sealing, vitals: Vitals, stop: asyncio.Event) -> None:
    store = PostgresEventStore(dsn)
    try:
        await ReportOffice(dsn, store, sealing, Sender(Bus(store), RULES, vitals), vitals).run(stop)
    finally:
        await store.close()


@asynccontextmanager
async def desk(dsn: str, home: Path) -> AsyncIterator[Desk]:
    store = PostgresEventStore(dsn)
    try:
        yield Desk(dsn, home, store, Office(dsn, home))
    finally:
        await store.close()


if __name__ == "__main__":
    own = Sealing(BlobFolder(Path(sys.argv[2])), TRUST)
    uvloop.run(office(sys.argv[1], own, Vitals("reports"), asyncio.Event()))
