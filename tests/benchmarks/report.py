"""The figures for people and for programs."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from tests.benchmarks.figure import Figure, number

MARKS = {True: "[green]✓[/]", False: "[red]✗[/]", None: ""}


def show(console: Console, title: str, figures: Sequence[Figure]) -> None:
    table = Table(title=title, title_justify="left", expand=False)
    for heading in ("figure", "asked", "reached", "ratio", "what limits it"):
        table.add_column(heading, overflow="fold")
    for one in figures:
        ratio = f"{number(one.ratio)} × {one.versus}" if one.ratio else ""
        reached = f"{one.reached} {one.unit} {MARKS[one.met]}"
        table.add_row(one.name, str(one.asked or ""), reached, ratio, one.limit)
    console.print(table)


def describe(console: Console, machine: dict[str, object], busy: dict[str, float]) -> None:
    console.print(
        f"{machine['processor']}, {machine['cores']} cores, {machine['memory_gb']} GB, Python {machine['python']};"
        f" load before {busy['load_before']:.1f}, after {busy['load_after']:.1f},"
        f" ours {busy['ours_percent']:.0f} %, idle {busy['idle_percent']:.0f} %, steal {busy['steal_percent']:.1f} %",
        highlight=False,
    )
