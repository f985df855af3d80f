"""`python -m tests.benchmarks.scale --events N …`: measure, write down, plot."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import structlog
import typer
import uvloop
from rich.console import Console

from infra.process import spare_the_collector
from infra.settings import Settings
from projections._view import every_view
from tests.benchmarks.scale import auditing, carrying, exporting, plot, questions, views
from tests.benchmarks.scale.loading import Loading, reached
from tests.benchmarks.scale.measured import Measured
from tests.benchmarks.stage import Stage

SMALLEST = 10_000
UNTOLD = ("machine_was", "done_at", "tables")


def main(
    events: Annotated[list[int], typer.Option(help="How many events; may be given more than once.")],
    keep: Annotated[bool, typer.Option(help="Keep the databases afterwards.")] = False,
) -> None:
    if any(one < SMALLEST for one in events):
        raise typer.BadParameter(f"a log of less than {SMALLEST:,} events says nothing about growth")
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    spare_the_collector()
    uvloop.run(_run(Settings.from_env(), sorted(events), keep, Console(soft_wrap=True)))


async def _run(settings: Settings, sizes: Sequence[int], keep: bool, console: Console) -> None:
    folder = settings.data / "scale"
    measured = Measured.at(folder / "measured.json")
    for events in sizes:
        await _measure(settings, folder / str(events), events, measured, console)
        if not keep:
            await asyncio.to_thread(shutil.rmtree, folder / str(events), ignore_errors=True)
    for file in plot.drawn(measured.content, folder):
        console.print(f"drawn: {file}", highlight=False)
    console.print(f"written to {measured.file}", highlight=False)


async def _measure(settings: Settings, folder: Path, events: int, measured: Measured, console: Console) -> None:
    def say(text: str) -> None:
        console.print(f"{events:>10,}  {text}", highlight=False)

    folder.mkdir(parents=True, exist_ok=True)
    stage = Stage(settings, folder, quick=False)
    steps = _steps(stage, folder, events, measured, say)
    if all(measured.has(events, name) for name in steps):
        say("was measured before")
        return
    try:
        dsn = await stage.kept_database()
        if measured.has(events, "load") and await reached(dsn) < measured.of(events)["load"]["events"]:
            say("the database of what was measured is gone: from the beginning")
            measured.forget(events)
        for name, measure in steps.items():
            await measured.step(events, name, partial(measure, dsn))
            say(f"{name}: {_told(measured.of(events)[name])}")
    finally:
        await stage.close()


def _steps(
    stage: Stage, folder: Path, events: int, measured: Measured, say: Callable[[str], None]
) -> Mapping[str, Callable[[str], Awaitable[dict[str, Any]]]]:
    """What is measured, in this order; each is given the database."""
    return {
        "load": lambda dsn: Loading(dsn, events, measured, say).load(),
        **{f"rebuild {view.name}": partial(views.rebuilt, view) for view in every_view()},
        "weigh": views.weighed,
        "questions": partial(questions.answered, events),
        "export": partial(exporting.exported, folder / "export"),
        "audit": partial(auditing.audited, folder / "tiles"),
        "kafka": partial(carrying.carried_and_read, stage),
        "analysts": partial(carrying.opened_and_read, stage),
    }


def _told(found: Mapping[str, Any]) -> str:
    """What came of a step, without what is only for the file."""
    return ", ".join(f"{name} {value}" for name, value in found.items() if name not in UNTOLD)


if __name__ == "__main__":
    typer.run(main)
