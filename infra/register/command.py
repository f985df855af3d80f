"""`telehealth facilities import`: with a bar, the bad rows by line, and a report beside the file."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, date, datetime
from datetime import time as clock
from pathlib import Path
from uuid import UUID, uuid4

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from commands._bus import Bus
from commands._command import Context
from domain._kernel import Actor, Role
from domain._values import VIETNAM_TIME, Tier
from domain.facility import FacilityRecoded, FacilityRegistered
from infra.event_log import all_after, head
from infra.event_store import PostgresEventStore
from infra.local.record import database_of
from infra.mapper import Broken, decoded
from infra.postgres import LINE_FAULTS, connect
from infra.reference import load
from infra.register.importing import Import, Known
from infra.register.report import Report
from infra.register.rows import FileRefused, RegisterFile, read
from infra.settings import Settings

# Whoever runs the command line answers for it; in the log it is the register's own service.
REGISTER_SERVICE = Actor(id=UUID("5a0b3c0e-2b62-5f6d-8c11-7b9e4d2a1f02"), roles=frozenset({Role.REGISTRAR}))
SHOWN = 20


def import_register(
    settings: Settings,
    console: Console,
    file: Path,
    *,
    day: date | None,
    default_tier: Tier | None,
    dry_run: bool,
    report: Path | None,
) -> int:
    """0 when every row is in the register, 1 when some are bad, 2 when it could not be done."""
    dsn = database_of(settings)
    if dsn is None:
        console.print("Nothing runs; start it with `telehealth up`, or set DATABASE_URL.")
        return 2
    began = time.monotonic()
    try:
        found = read(file)
        run = asyncio.run(_import(dsn, console, found, day, default_tier, dry_run))
    except FileRefused as refusal:
        console.print(str(refusal), highlight=False)
        return 2
    except LINE_FAULTS as fault:
        console.print(f"Broken off ({type(fault).__name__}): run it again, and it goes on where it was.")
        return 2
    told = Report(file, found, run.outcomes, dry_run, time.monotonic() - began)
    table, sums = told.write(report or file)
    _tell(console, told)
    console.print(f"{table}\n{sums}", highlight=False, soft_wrap=True)
    return 1 if told.totals["bad"] else 0


async def _import(
    dsn: str, console: Console, file: RegisterFile, day: date | None, default_tier: Tier | None, dry_run: bool
) -> Import:
    known = Known(await known_codes(dsn))
    store = PostgresEventStore(dsn)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    try:
        with Progress(*columns, console=console) as progress:
            task = progress.add_task("facilities", total=sum(row.bad is None for row in file.rows))
            run = Import(
                store,
                Bus(store),
                context_of(day),
                known,
                default_tier,
                dry_run,
                lambda rows: progress.advance(task, rows),
            )
            await run.run(file.rows)
    finally:
        await store.close()
    return run


def context_of(day: date | None) -> Context:
    """Who imports, and of which day the register is: its codes are those of that day's list of units."""
    moment = None if day is None else datetime.combine(day, clock(), VIETNAM_TIME)
    return Context(
        actor=REGISTER_SERVICE,
        now=datetime.now(UTC),
        correlation_id=uuid4(),
        clinical_time=moment,
        reference=load(),
    )


async def known_codes(dsn: str) -> dict[str, UUID]:
    """The facilities of the log by the national codes that they have today. The views may be behind; the log is not."""
    db = await connect(dsn, statement_timeout="0")
    codes: dict[UUID, str] = {}
    try:
        names = [FacilityRegistered.name, FacilityRecoded.name]
        async for chunk in all_after(db, 0, await head(db), names=names):
            for stored in chunk:
                read_ = decoded(stored)
                if read_ is None or isinstance(read_, Broken):
                    raise FileRefused(f"position {stored.position} of the log cannot be read: nothing was imported")
                if isinstance(read_.event, FacilityRegistered | FacilityRecoded):
                    codes[stored.stream_id] = read_.event.national_code
    finally:
        await db.close(timeout=5)
    found: dict[str, UUID] = {}
    for id_, code in codes.items():
        if found.setdefault(code, id_) != id_:
            raise FileRefused(f"two facilities of the log have the national code {code}: {found[code]} and {id_}")
    return found


def _tell(console: Console, report: Report) -> None:
    bad = [row for row in report.file.rows if row.bad]
    for row in bad[:SHOWN]:
        assert row.bad is not None
        console.print(f"line {row.line} {row.code}: {row.bad.code}: {row.bad.reason}", highlight=False, soft_wrap=True)
    if len(bad) > SHOWN:
        console.print(f"and {len(bad) - SHOWN} more bad rows, all in the report", highlight=False)
    if report.file.not_used:
        console.print(f"Columns not used: {', '.join(report.file.not_used)}", highlight=False)
    totals = ", ".join(f"{number:,} {outcome}" for outcome, number in report.totals.items())
    rate = len(report.file.rows) / max(report.seconds, 0.001)
    would = "would be " if report.dry_run else ""
    console.print(f"{would}{totals}; {rate:,.0f} rows/s", highlight=False)
