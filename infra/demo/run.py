"""Runs the demo on the stack of this data folder, and leaves that stack running.

Rules: a stack that runs already is used as it is; whatever goes wrong ends with 1 and the reason, never with a page of
program lines.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import httpx
from rich.console import Console
from rich.live import Live

from infra.client import Refused
from infra.demo.board import Board
from infra.demo.closing import show
from infra.demo.day import NotAsItMustBe, new_day
from infra.demo.proof import prove
from infra.demo.script import play
from infra.demo.sealing import seal_day
from infra.demo.stage import Stage
from infra.demo.summary import Summary
from infra.local.down import down
from infra.local.record import Record
from infra.local.up import up_detached
from infra.settings import Settings

FRAMES_PER_SECOND = 8
INTERRUPTED = 130
FAILURES = (NotAsItMustBe, Refused, httpx.HTTPError, OSError, TimeoutError)


def demo(
    settings: Settings,
    console: Console,
    *,
    speed: float,
    as_json: bool = False,
    keep: bool = True,
    ultrasound: Path | None = None,
) -> int:
    """0 when the day was as it must be. Without `keep`, a stack that was started for the demo ends with it."""
    own = not is_running(settings)
    record = running(settings, Console(stderr=True, quiet=True) if as_json else console)
    if record is None:
        return 1
    try:
        return _show(settings, record, console, speed, as_json, ultrasound)
    except KeyboardInterrupt:
        return INTERRUPTED
    except BaseExceptionGroup as several:
        return _failed(console, several)
    except FAILURES as failure:
        return _failed(console, failure)
    finally:
        if own and not keep:
            down(settings, Console(quiet=True))


def _show(
    settings: Settings, record: Record, console: Console, speed: float, as_json: bool, ultrasound: Path | None
) -> int:
    stage = Stage(console=None if as_json else console, plain=not console.is_terminal)
    summary = asyncio.run(_play(settings, record, stage, speed, ultrasound))
    if as_json:
        console.file.write(summary.as_json() + "\n")
    else:
        show(console, summary, record.graphql_url)
    return 1 if summary.wrong else 0


def is_running(settings: Settings) -> bool:
    record = Record.load(settings.data)
    return record is not None and record.running


def running(settings: Settings, console: Console) -> Record | None:
    """The stack of this data folder; started and left running when there is none."""
    # Where two copies start at once, one starts the stack, and the other one finds it starting.
    if not is_running(settings) and up_detached(settings, console) != 0 and not is_running(settings):
        return None
    deadline = time.monotonic() + settings.start_timeout_seconds
    while time.monotonic() < deadline:
        record = Record.load(settings.data)
        if record is not None and record.running and record.state == "ready":
            return record
        time.sleep(0.1)
    console.print(f"the stack was not ready within {settings.start_timeout_seconds:g} s", style="red")
    return None


async def _play(settings: Settings, record: Record, stage: Stage, speed: float, ultrasound: Path | None) -> Summary:
    async with new_day(settings, record, stage, speed, ultrasound=ultrasound) as day:
        with _shown(stage):
            played = await play(day)
            sealed = await seal_day(day, played.chair, played.consultation_id)
            return played.summary.proved(await prove(settings, record, sealed, stage))


def _shown(stage: Stage) -> AbstractContextManager[object]:
    if stage.console is None or stage.plain:
        return nullcontext()
    return Live(Board(stage), console=stage.console, refresh_per_second=FRAMES_PER_SECOND)


def _failed(console: Console, failure: BaseException) -> int:
    while isinstance(failure, BaseExceptionGroup):
        failure = failure.exceptions[0]
    if not isinstance(failure, FAILURES):
        raise failure
    reason = str(failure) or type(failure).__name__
    console.print(f"telehealth demo: {reason}", style="red", markup=False, highlight=False, soft_wrap=True)
    return 1
