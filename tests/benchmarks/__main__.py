"""`python -m tests.benchmarks [NAME…] [--quick]`: measure, print the table, and write it as JSON."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import Annotated, cast

import orjson
import structlog
import typer
import uvloop
from rich.console import Console

from infra.process import spare_the_collector
from infra.settings import Settings
from tests.benchmarks import machine, report
from tests.benchmarks.figure import Figure
from tests.benchmarks.stage import Stage, opened

# In the order in which they run; each is a file of this package.
BENCHMARKS = (
    "commands",
    "flow",
    "end_to_end",
    "graphql",
    "audit",
    "reports",
    "media",
    "media_room",
    "media_killed",
    "recording",
)
WIDTH = 170
Measure = Callable[[Stage], Awaitable[Sequence[Figure]]]


def main(
    names: Annotated[list[str] | None, typer.Argument(help=f"Some of: {', '.join(BENCHMARKS)}.")] = None,
    quick: Annotated[bool, typer.Option(help="Fewer and shorter runs.")] = False,
) -> None:
    unknown = set(names or ()) - set(BENCHMARKS)
    if unknown:
        raise typer.BadParameter(f"there is no {', '.join(sorted(unknown))}; there are {', '.join(BENCHMARKS)}")
    # What the measured code logs belongs to no figure.
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    # What is measured in this process runs as it does in the product's own.
    spare_the_collector()
    uvloop.run(_run(Settings.from_env(), names or BENCHMARKS, quick, _console()))


async def _run(settings: Settings, names: Sequence[str], quick: bool, console: Console) -> None:
    found: dict[str, object] = {}
    described = machine.description()
    async with opened(settings, quick=quick) as stage:
        for name in names:
            measure = cast(Measure, import_module(f"tests.benchmarks.{name}").measure)
            gc.collect()
            with machine.neighbours() as busy:
                figures = await measure(stage)
            report.show(console, name, figures)
            report.describe(console, described, busy)
            found[name] = {"machine_was": busy, "figures": [one.to_json() for one in figures]}
    file = await asyncio.to_thread(_write, settings.data, {"machine": described, "quick": quick, "benchmarks": found})
    console.print(f"written to {file}", highlight=False)


def _console() -> Console:
    # Where nobody looks the table is for a log, whose lines may be long.
    console = Console()
    return console if console.is_terminal else Console(width=WIDTH)


def _write(data: Path, content: dict[str, object]) -> Path:
    now = datetime.now(UTC)
    file = data / "benchmarks" / f"{now:%Y%m%dT%H%M%SZ}.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(orjson.dumps({"measured_at": now, **content}, option=orjson.OPT_INDENT_2))
    return file


if __name__ == "__main__":
    typer.run(main)
