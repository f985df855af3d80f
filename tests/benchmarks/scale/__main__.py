"""`python -m tests.benchmarks.scale --events N …`: measure, write down, plot."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Annotated

import structlog
import typer
import uvloop
from rich.console import Console

from infra.process import spare_the_collector
from infra.settings import Settings
from projections._view import every_view
from tests.benchmarks.scale import carrying, plot, questions, views
from tests.benchmarks.scale.loading import Loading
from tests.benchmarks.scale.measured import Measured
from tests.benchmarks.stage import Stage

SMALLEST = 10_000


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

    steps = ["load", *(f"rebuild {view.name}" for view in every_view()), "weigh", "questions", "kafka"]
    if all(measured.has(events, step) for step in steps):
        say("was measured before")
        return
    folder.mkdir(parents=True, exist_ok=True)
    stage = Stage(settings, folder, quick=False)
    try:
        dsn = await stage.kept_database()
        step = partial(measured.step, events)
        await step("load", Loading(dsn, events, measured, say).load)
        say(f"load: {measured.of(events)['load']}")
        await views.workers_have_all(dsn)
        for view in every_view():
            await step(f"rebuild {view.name}", partial(views.rebuilt, dsn, view))
            say(f"rebuild {view.name}: {measured.of(events)[f'rebuild {view.name}']}")
        await step("weigh", partial(views.weighed, dsn))
        await step("questions", partial(questions.answered, dsn, events))
        for name, ms in measured.of(events)["questions"]["ms"].items():
            say(f"{name}: p50 {ms['p50']} ms, p99 {ms['p99']} ms")
        await step("kafka", partial(carrying.carried_and_read, stage, dsn))
        say(f"kafka: {measured.of(events)['kafka']}")
    finally:
        await stage.close()


if __name__ == "__main__":
    typer.run(main)
