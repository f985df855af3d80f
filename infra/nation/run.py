"""`telehealth nation`: found a nation in the log of the running stack, and play days of it.

Rules: ends with 0 when all of it is in the log, with 1 and the reason when the rules refused a step, with 2 when it
could not begin; interrupted or killed it goes on where it was when it is begun again with the same seed, size and
first day. On a terminal there is a bar; elsewhere a line every few seconds.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from itertools import chain

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

from domain._values import VIETNAM_TIME
from infra.event_store import PostgresEventStore
from infra.local.record import database_of
from infra.nation.bulk import Loader
from infra.nation.days import Days, TooEarly
from infra.nation.founding import founding
from infra.nation.geography import FEWEST, MOST
from infra.nation.pace import NoSuchSpeed, Pace
from infra.nation.play import NotAsPlayed, Player, Tally
from infra.nation.resume import known_in
from infra.nation.rhythm import midnight
from infra.nation.step import Window, windows
from infra.postgres import LINE_FAULTS, Line, schema_ready
from infra.reference import load as load_reference
from infra.settings import Settings

FIRST_MONDAY = date(2026, 3, 2)
LINE_EVERY_S = 5.0
INTERRUPTED = 130

Report = Callable[[Tally], None]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is played. `first` is by default a Monday that never changes, or today where life sets the pace."""

    seed: int
    facilities: int
    days: int
    first: date | None
    speed: str
    bulk: bool

    def pace(self) -> Pace:
        return Pace.of(self.speed)

    def begins(self) -> date:
        today = datetime.now(VIETNAM_TIME).date()
        return self.first or (today if self.speed == "real" else FIRST_MONDAY)


def nation(settings: Settings, console: Console, wanted: Wanted) -> int:
    """Answers the exit code."""
    dsn = database_of(settings)
    if dsn is None:
        return _cannot(console, "nothing runs; start it with `telehealth up`, or set DATABASE_URL")
    if not FEWEST <= wanted.facilities <= MOST:
        return _cannot(console, f"a nation has {FEWEST} to {MOST:,} facilities")
    if wanted.bulk and wanted.speed != "max":
        return _cannot(console, "in bulk there is one speed, max")
    try:
        wanted.pace()
        return asyncio.run(_played(dsn, console, wanted, settings.start_timeout_seconds))
    except (NoSuchSpeed, TooEarly) as error:
        return _cannot(console, str(error))
    except KeyboardInterrupt:
        return INTERRUPTED


def script(wanted: Wanted) -> Iterator[Window]:
    """All of it, from the founding on."""
    days = Days(wanted.seed, wanted.facilities, load_reference())
    played = days.steps(wanted.begins(), wanted.days)
    return chain(founding(wanted.seed, wanted.facilities), windows(played))


async def _played(dsn: str, console: Console, wanted: Wanted, timeout_s: float) -> int:
    began = time.monotonic()
    try:
        async with asyncio.timeout(timeout_s):
            await schema_ready(dsn)
        with Shown(console, wanted) as shown:
            tally = await (_loaded if wanted.bulk else _sent)(dsn, wanted, shown.report)
    except (NotAsPlayed, *LINE_FAULTS) as failure:
        console.print(f"telehealth nation: {failure or type(failure).__name__}", style="red", markup=False)
        return 1
    seconds = max(time.monotonic() - began, 0.001)
    console.print(
        f"{tally.sent:,} lệnh / commands in {seconds:,.0f} s, {tally.sent / seconds:,.0f}/s;"
        f" {tally.skipped:,} đã có / were there before",
        highlight=False,
    )
    return 0


async def _sent(dsn: str, wanted: Wanted, report: Report) -> Tally:
    store, line = PostgresEventStore(dsn), Line(dsn)
    try:
        return await Player(store, load_reference(), known_in(line)).play(script(wanted), wanted.pace(), report)
    finally:
        await store.close()
        await line.close()


async def _loaded(dsn: str, wanted: Wanted, report: Report) -> Tally:
    loader = Loader(dsn, load_reference())
    try:
        return await loader.load(script(wanted), report)
    finally:
        await loader.close()


class Shown:
    """How far it is: the day and hour in the nation, and how many commands a second."""

    def __init__(self, console: Console, wanted: Wanted) -> None:
        self._console, self._first, self._days = console, midnight(wanted.begins()), wanted.days
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.fields[told]}"),
        )
        self._progress = Progress(*columns, console=console, disable=not console.is_terminal)
        self._task = self._progress.add_task("nation", total=float(wanted.days), told="")
        self._began = self._told = time.monotonic()

    def __enter__(self) -> Shown:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def report(self, tally: Tally) -> None:
        assert tally.upto is not None
        days = max(0.0, (tally.upto - self._first).total_seconds() / 86_400)
        where = tally.upto.strftime("%Y-%m-%d %H:%M") if days else "thành lập mạng lưới / founding"
        rate = tally.sent / max(time.monotonic() - self._began, 0.001)
        told = f"{where}  {tally.sent:,} lệnh / commands, {rate:,.0f}/s"
        self._progress.update(self._task, completed=min(days, self._days), told=told)
        if not self._console.is_terminal and time.monotonic() - self._told > LINE_EVERY_S:
            self._told = time.monotonic()
            self._console.print(told, highlight=False, soft_wrap=True)


def _cannot(console: Console, why: str) -> int:
    console.print(f"telehealth nation: {why}", style="red", markup=False, highlight=False)
    return 2
