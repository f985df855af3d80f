"""`telehealth rebuild`: fill views anew, with a bar, and say whether old and new agree."""

from __future__ import annotations

import asyncio

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from infra.local.record import database_of
from infra.rebuild import AlreadyRebuilding, Rebuilt, rebuild
from infra.settings import Settings
from projections._view import VIEWS, View, every_view


def run_rebuild(settings: Settings, console: Console, view: str | None, *, all_views: bool) -> int:
    """Answers the exit code: 0 when everything agrees, 1 when rows differ, 2 when it could not be done."""
    dsn = database_of(settings)
    if dsn is None:
        console.print("Nothing runs; start it with `telehealth up`, or set DATABASE_URL.")
        return 2
    every_view()
    if all_views == (view is not None) or (view is not None and view not in VIEWS):
        console.print(f"Name one view, or give --all. There are: {', '.join(sorted(VIEWS))}")
        return 2
    wanted = [one for name, one in sorted(VIEWS.items()) if all_views or name == view]
    try:
        done = asyncio.run(_rebuild_all(dsn, console, wanted))
    except AlreadyRebuilding as busy:
        console.print(f"{busy} is being rebuilt by another process.")
        return 2
    console.print(_table(done))
    return 0 if all(one.equal for one in done) else 1


async def _rebuild_all(dsn: str, console: Console, views: list[View]) -> list[Rebuilt]:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    done = []
    with Progress(*columns, console=console) as progress:
        for view in views:
            task = progress.add_task(view.name, total=None)
            done.append(
                await rebuild(dsn, view, lambda at, end, task=task: progress.update(task, completed=at, total=end))  # type: ignore[misc]
            )
    return done


def _table(done: list[Rebuilt]) -> Table:
    """As wide as a terminal of 80 columns, with millions of rows too."""
    table = Table(box=None, pad_edge=False)
    table.add_column("view", no_wrap=True)
    for heading in ("events", "rows", "parked", "only old", "only new", "equal"):
        table.add_column(heading, justify="right", no_wrap=True)
    for one in done:
        table.add_row(
            one.view,
            f"{one.events:,}",
            f"{one.rows:,}",
            str(one.parked),
            str(sum(difference.only_old for difference in one.compared)),
            str(sum(difference.only_new for difference in one.compared)),
            "yes" if one.equal else "NO",
        )
    return table
