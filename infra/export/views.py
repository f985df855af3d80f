"""The views into Parquet files: each table of a view is one file, as it stood at one moment.

Rules: all views are read in one snapshot of the database, so that they agree with each other, and each file says up to
which position the views had everything. A row of a view changes, so a view is written anew and takes the place of the
file before it. What a view shows of cases leaves as plain columns only: what is nested in them is what was said of the
patient.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from infra.export.files import ParquetFile
from infra.export.manifest import Manifest, ViewFile
from infra.export.pseudonyms import Pseudonyms
from infra.export.shapes import Column, columns_of
from infra.postgres import Connection
from infra.watermark import applied_upto
from projections._table import Table
from projections._view import Content, View, every_view, generations

ROWS_IN_HAND = 10_000

# Views that are no tables for analysts, each with the reason.
STAY: Mapping[str, str] = {"patient_record": "the events of each person once more, under ids that tell who it is"}


class NoSuchView(LookupError):
    """There is no view of this name, or it is not for analysts."""


class NotBuilt(RuntimeError):
    """The database holds this view in another version, or not at all."""


@dataclass(frozen=True)
class ViewTable:
    """One table of a view, and the columns of it that leave."""

    view: View
    table: Table[Any]
    columns: Sequence[Column]

    @property
    def path(self) -> str:
        return f"views/{self.table.name}.parquet"


def views_for_analysts(names: Sequence[str] = ()) -> Sequence[View]:
    """All of them, or those of these names. Raises NoSuchView."""
    there = {view.name: view for view in every_view() if view.content is not Content.INTERNAL and view.name not in STAY}
    missing = [name for name in names if name not in there]
    if missing:
        raise NoSuchView(f"no view for analysts: {', '.join(missing)}; there are {', '.join(sorted(there))}")
    return [there[name] for name in names or there]


def view_table(view: View, table: Table[Any], pseudonyms: Pseudonyms) -> ViewTable:
    columns = columns_of(table.row, pseudonyms.of)
    nested_leave = view.content is not Content.CASE
    return ViewTable(view, table, [one for one in columns if nested_leave or not pa.types.is_nested(one.type)])


async def export_views(
    db: Connection, folder: Path, manifest: Manifest, views: Sequence[View], pseudonyms: Pseudonyms
) -> Manifest:
    """Write the views anew that have moved since the last export. Raises NotBuilt."""
    tables = [view_table(view, table, pseudonyms) for view in views for table in view.tables]
    before = {one.path: one for one in manifest.views}
    async with db.transaction(isolation="repeatable_read", readonly=True):
        position = await applied_upto(db)
        built = await generations(db)
        written = []
        for one in tables:
            if built.get(one.view.name, (0, 0))[0] != one.view.version:
                raise NotBuilt(f"{one.view.name} of version {one.view.version} is not built: `telehealth rebuild`")
            known = before.get(one.path)
            same = known is not None and (known.position, known.version) == (position, one.view.version)
            if not same or not (folder / one.path).exists():
                written.append(await _write(db, folder, one, position))
    new = {**before, **{one.path: one for one in written}}
    manifest = manifest.model_copy(update={"views": tuple(new[path] for path in sorted(new))})
    manifest.save(folder)
    return manifest


async def _write(db: Connection, folder: Path, one: ViewTable, position: int) -> ViewFile:
    schema = pa.schema([(column.name, column.type) for column in one.columns])
    file = ParquetFile(folder / one.path, schema.with_metadata({"position": str(position)}))
    try:
        rows: list[list[Any]] = []
        order = ", ".join(one.table.key)
        async for record in db.cursor(f"select * from {one.table.name} order by {order}", prefetch=1_000):
            row = one.table.read(record.items())
            rows.append([column.value(row) for column in one.columns])
            if len(rows) >= ROWS_IN_HAND:
                file.add(rows)
                rows.clear()
        file.add(rows)
        size, digest = file.finish()
    except BaseException:
        file.drop()
        raise
    return ViewFile(
        path=one.path,
        view=one.view.name,
        version=one.view.version,
        position=position,
        rows=file.rows,
        bytes=size,
        sha256=digest,
    )
