"""Runs the demo on the stack of this data folder, and leaves that stack running.

Rules: a stack that runs already is used as it is; whatever goes wrong ends with 1 and the reason, never with a page of
program lines.
"""

from __future__ import annotations

import asyncio
import json
from contextlib import AbstractContextManager, nullcontext

import httpx
from rich.console import Console
from rich.live import Live

from infra.client import Refused
from infra.demo.board import Board
from infra.demo.closing import show
from infra.demo.day import NotAsItMustBe, new_day
from infra.demo.script import play
from infra.demo.stage import Stage
from infra.demo.summary import Summary
from infra.local.record import Record
from infra.local.up import up_detached
from infra.settings import Settings

FRAMES_PER_SECOND = 8
FAILURES = (NotAsItMustBe, Refused, httpx.HTTPError, OSError, TimeoutError)


def demo(settings: Settings, console: Console, *, speed: float, as_json: bool = False, keep: bool = True) -> int:
    """0 when the day was as it must be."""
    record = running(settings, console)
    if record is None:
        return 1
    quiet = as_json
    stage = Stage(console=None if quiet else console, plain=not console.is_terminal)
    try:
        summary = asyncio.run(_play(settings, record, stage, speed))
    except BaseExceptionGroup as several:
        return _failed(console, several)
    except FAILURES as failure:
        return _failed(console, failure)
    if as_json:
        console.file.write(json.dumps(summary.as_dict(), ensure_ascii=False, indent=2) + "\n")
    else:
        show(console, summary)
        console.print(f"{'':<34} Hệ thống vẫn chạy / still running: {record.graphql_url}; end it: telehealth down")
    return 1 if summary.wrong else 0


def running(settings: Settings, console: Console) -> Record | None:
    """The stack of this data folder; started and left running when there is none."""
    record = Record.load(settings.data)
    if record is None or not record.running or record.state != "ready":
        if up_detached(settings, console) != 0:
            return None
        record = Record.load(settings.data)
    return record


async def _play(settings: Settings, record: Record, stage: Stage, speed: float) -> Summary:
    policies_run = "reactors" in record.members
    async with new_day(settings, record.graphql_url, stage, speed, policies_run=policies_run) as day:
        with _shown(stage):
            return (await play(day)).summary


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
