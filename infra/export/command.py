"""`telehealth export`: with a bar, and with a table of what the folder holds now."""

from __future__ import annotations

import asyncio

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from infra.export.events import UnknownKind
from infra.export.manifest import Manifest, NotAnExport
from infra.export.run import AlreadyExporting, Wanted, export
from infra.export.views import NoSuchView, NotBuilt
from infra.local.record import database_of
from infra.open_keys import OpenKeyRefused, release_key
from infra.postgres import LINE_FAULTS
from infra.settings import Settings


def run_export(settings: Settings, console: Console, wanted: Wanted) -> int:
    """0 when everything is there, 1 when an event was left out, 2 when it could not be done or not wholly."""
    dsn = database_of(settings)
    if dsn is None:
        console.print("Nothing runs; start it with `telehealth up`, or set DATABASE_URL.")
        return 2
    try:
        manifest = asyncio.run(_with_a_bar(dsn, console, wanted, release_key(settings)))
    except (OpenKeyRefused, NotAnExport, AlreadyExporting, NoSuchView, NotBuilt, UnknownKind) as refusal:
        console.print(str(refusal), highlight=False)
        return 2
    except LINE_FAULTS as fault:
        reason = fault.strerror if isinstance(fault, OSError) and fault.strerror else type(fault).__name__
        console.print(f"Broken off ({reason}): what the manifest names is there and whole; run it again to go on.")
        return 2
    console.print(_table(manifest), highlight=False)
    for one in manifest.left_out:
        console.print(f"Left out: position {one.position}, {one.reason}", highlight=False)
    return 1 if manifest.left_out else 0


async def _with_a_bar(dsn: str, console: Console, wanted: Wanted, key: bytes) -> Manifest:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console) as progress:
        task = progress.add_task("events", total=None)
        return await export(dsn, wanted, key, lambda at, end: progress.update(task, completed=at, total=end))


def _table(manifest: Manifest) -> Table:
    """A line for each table: its rows, its files, and up to which position it is complete."""
    table = Table()
    table.add_column("table", no_wrap=True)
    for heading in ("rows", "files", "MB", "complete up to position"):
        table.add_column(heading, justify="right")
    for name in sorted({part.table for part in manifest.parts}):
        own = [part for part in manifest.parts if part.table == name]
        rows, size = sum(part.rows for part in own), sum(part.bytes for part in own)
        table.add_row(f"events/{name}", f"{rows:,}", f"{len(own):,}", f"{size / 1e6:.1f}", f"{manifest.position:,}")
    for view in manifest.views:
        name = view.path.removesuffix(".parquet")
        table.add_row(name, f"{view.rows:,}", "1", f"{view.bytes / 1e6:.1f}", f"{view.position:,}")
    return table
