"""`telehealth report NAME`: ask for a report, wait until it is sealed, and write its files; list what can be asked for.

Rules: the command line asks through the command bus like everybody, so each run is an event that says who asked and on
what ground; sealing is the work of the process `reports`.
"""

from __future__ import annotations

import asyncio
import getpass
import json
import time
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path
from uuid import UUID, uuid4, uuid5

from rich.console import Console
from rich.table import Table

from commands._bus import Bus, Rejected, Unavailable
from commands._command import Context
from commands.report import RequestReport
from domain._kernel import Actor, Role
from domain.report import ReportFailed, ReportParameter, ReportRequested, ReportSealed
from infra.audit.definitions import Installed, installed
from infra.audit.on_the_log import Asked, Wish, as_of, blobs_of, on_the_log, parameters_of
from infra.audit.report_files import SealedRun, files, sealed_run
from infra.audit.report_pages import pages
from infra.event_store import PostgresEventStore
from infra.postgres import Connection
from infra.reference import load as load_reference
from infra.settings import Settings
from projections.audit.reports._kit import Refused

PEOPLE_OF_THE_MACHINE = UUID("5a3f3d0e-4a0c-5f3c-9b53-0b1f3c8a7d55")
POLL_S = 0.1


def make_report(settings: Settings, console: Console, wish: Wish, out: Path | None, *, as_json: bool) -> int:
    async def work(db: Connection, dsn: str) -> int:
        run_id, report_id = await _request(dsn, _command(wish))
        ended = await _ended(dsn, report_id, run_id, wish.wait_s)
        if ended is None:
            console.print(f"Run {run_id} is not over after {wish.wait_s:g} s; is the process `reports` running?")
            return 1
        if isinstance(ended, ReportFailed):
            console.print(f"{ended.code}: {ended.reason}", highlight=False)
            return 1
        await _views_know(db, run_id)
        run = await sealed_run(db, blobs_of(settings), run_id)
        _show(console, settings, run, out, as_json)
        return 0

    return on_the_log(settings, console, work)


def list_reports(console: Console, *, as_json: bool) -> int:
    if as_json:
        console.file.write(json.dumps([_described(one) for one in installed().values()], ensure_ascii=False) + "\n")
        return 0
    table = Table("name", "version", "title", "parameters")
    for name, one in installed().items():
        told = [f"{p.name}: {p.kind}{'' if p.required else ' (optional)'}" for p in one.definition.parameters]
        title = f"{one.definition.title.vi}\n{one.definition.title.en}"
        table.add_row(name, str(one.definition.version), title, "\n".join(told))
    console.print(table)
    return 0


def _command(wish: Wish) -> RequestReport:
    when = as_of(wish.as_of)
    return RequestReport(
        definition=wish.name,
        parameters=tuple(ReportParameter(name=name, value=value) for name, value in parameters_of(wish).items()),
        as_of_position=when if isinstance(when, int) else None,
        as_of_time=when if isinstance(when, datetime) else None,
        ground=wish.ground,
    )


async def _request(dsn: str, command: RequestReport) -> tuple[UUID, UUID]:
    """The run, and the report whose stream it is in. Raises Refused with the code of the rules."""
    store = PostgresEventStore(dsn)
    person = Actor(id=uuid5(PEOPLE_OF_THE_MACHINE, getpass.getuser()), roles=frozenset({Role.OPERATOR}))
    context = Context(actor=person, now=datetime.now(UTC), correlation_id=uuid4(), reference=load_reference())
    try:
        answer = await Bus(store).handle(command, context, uuid4())
        if isinstance(answer, Rejected):
            raise _refusal(answer)
        history = (await store.load({command.stream_id: answer.version - 1}))[command.stream_id]
    except Unavailable as fault:
        raise Asked("The database takes no commands at the moment; ask again.") from fault
    finally:
        await store.close()
    asked = history[0].event
    assert isinstance(asked, ReportRequested)
    return asked.run_id, command.stream_id


def _refusal(answer: Rejected) -> Refused:
    refusal = Refused(answer.message)
    refusal.code = answer.code
    return refusal


async def _ended(dsn: str, report_id: UUID, run_id: UUID, within_s: float) -> ReportSealed | ReportFailed | None:
    store, deadline, version = PostgresEventStore(dsn), time.monotonic() + within_s, 0
    try:
        while time.monotonic() < deadline:
            for at in (await store.load({report_id: version})).get(report_id, ()):
                version = at.version
                if isinstance(at.event, ReportSealed | ReportFailed) and at.event.run_id == run_id:
                    return at.event
            await asyncio.sleep(POLL_S)
    finally:
        await store.close()
    return None


async def _views_know(db: Connection, run_id: UUID) -> None:
    """The row follows the log in a moment; what is sealed is sealed already."""
    for _ in range(100):
        if await db.fetchval("select manifest_sha256 is not null from report_run where run_id = $1", run_id):
            return
        await asyncio.sleep(POLL_S)
    raise Asked(f"Run {run_id} is sealed, but the views do not follow the log: look at `telehealth status`.")


def _show(console: Console, settings: Settings, run: SealedRun, out: Path | None, as_json: bool) -> None:
    told = {
        "run_id": str(run.row.run_id),
        "report_id": str(run.row.report_id),
        "edition": run.seal.edition,
        "position": run.seal.position,
        "recorded_at": run.manifest["recorded_at"],
        "manifest_sha256": run.seal.manifest.sha256,
        "result_sha256": run.seal.result_sha256,
        "checkpoint_size": run.seal.checkpoint_size,
        "cosigned_by": list(run.seal.cosigned_by),
        "files": run.digests(),
    }
    if out is not None:
        blobs = blobs_of(settings)
        for name, content in chain(files(blobs, run), pages(blobs, run)):
            target = out / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
    if as_json:
        console.file.write(json.dumps(told, sort_keys=True) + "\n")
        return
    names = {"checkpoint_size": "checkpoint of", "cosigned_by": "cosigned by"}
    for name, value in told.items():
        if name != "files":
            shown = ", ".join(value) if isinstance(value, list) else value
            console.print(f"{names.get(name, name.replace('_', ' ')):16} {shown}", highlight=False, soft_wrap=True)
    for name, digest in run.digests().items():
        console.print(f"  {digest}  {name}", highlight=False, soft_wrap=True)


def _described(one: Installed) -> dict[str, object]:
    definition = one.definition
    return {
        "name": definition.name,
        "version": definition.version,
        "title": {"vi": definition.title.vi, "en": definition.title.en},
        "content": definition.content,
        "parameters": [{"name": p.name, "kind": p.kind, "required": p.required} for p in definition.parameters],
    }
