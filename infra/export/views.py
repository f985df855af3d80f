"""The views into Parquet files: each table of a view is one file, as it stood at one moment.

Rules: all views are read in one snapshot of the database, so that they agree with each other, and each file says up to
which position the views had everything. A row of a view changes, so a view is written anew and takes the place of the
file before it. Rows leave as events do (domain/_open.py): by the marks on their columns, and what nothing decides
about stays at home.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter, itemgetter
from pathlib import Path
from typing import Any, get_type_hints, is_typeddict

import pyarrow as pa

from domain._leaving import Leaves
from domain._open import way_of
from infra.export.files import ParquetFile
from infra.export.manifest import File, Manifest, ViewFile
from infra.export.shapes import MOMENT, Column, Shape, bare, list_of, shape_of, shaped, struct_of
from infra.open_form import OpenForm
from infra.postgres import Connection
from infra.watermark import applied_upto
from projections._table import Table
from projections._view import Content, View, every_view, generations

ROWS_IN_HAND = 10_000
PROVINCES = "reference/provinces.parquet"

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


def view_table(view: View, table: Table[Any], form: OpenForm) -> ViewTable:
    columns = [Column("position", pa.int64(), attrgetter("position"))]
    for name, hint in get_type_hints(table.row, include_extras=True).items():
        shape = _leaving(hint, form)
        if shape is not None:
            columns.append(Column(name, shape.type, shaped(attrgetter(name), shape)))
    return ViewTable(view, table, columns)


async def export_views(
    db: Connection, folder: Path, manifest: Manifest, views: Sequence[View], form: OpenForm
) -> Manifest:
    """Write the views anew that have moved since the last export. Raises NotBuilt."""
    tables = [view_table(view, table, form) for view in views for table in view.tables]
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
        if written:
            written.append(await _provinces(db, folder, position))
    new = {**before, **{one.path: one for one in written}}
    manifest = manifest.model_copy(update={"views": tuple(new[path] for path in sorted(new))})
    manifest.save(folder)
    return manifest


async def _write(db: Connection, folder: Path, one: ViewTable, position: int) -> ViewFile:
    schema = pa.schema([(column.name, column.type) for column in one.columns])

    def row(record: Any) -> list[Any]:
        found = one.table.read(record.items())
        return [column.value(found) for column in one.columns]

    question = f"select * from {one.table.name} order by {', '.join(one.table.key)}"
    file = await _written(db, folder, one.path, schema.with_metadata({"position": str(position)}), question, row)
    return ViewFile(**file.model_dump(), view=one.view.name, version=one.view.version, position=position)


async def _provinces(db: Connection, folder: Path, position: int) -> ViewFile:
    """The lists of provinces, so that analysts count by those of any day as the views do."""
    names = ("code", "province_code", "province", "listed_first", "listed_last", "shown_first", "shown_last")
    schema = pa.schema([(name, pa.string() if name[:2] in ("co", "pr") else pa.date32()) for name in names])
    # The infinities of PostgreSQL are the first and last day that Python, and these files, know.
    question = f"select {', '.join(names)} from province_lineage order by code, listed_first, shown_first"
    file = await _written(db, folder, PROVINCES, schema, question, lambda record: list(record.values()))
    return ViewFile(**file.model_dump(), view="provinces", version=1, position=position)


async def _written(
    db: Connection, folder: Path, path: str, schema: Any, question: str, row: Callable[[Any], list[Any]]
) -> File:
    file = ParquetFile(folder / path, schema)
    try:
        rows: list[list[Any]] = []
        async for record in db.cursor(question, prefetch=1_000):
            rows.append(row(record))
            if len(rows) >= ROWS_IN_HAND:
                file.add(rows)
                rows.clear()
        file.add(rows)
        size, digest = file.finish()
    except BaseException:
        file.drop()
        raise
    return File(path=path, rows=file.rows, bytes=size, sha256=digest)


def _leaving(hint: Any, form: OpenForm) -> Shape | None:
    """What of a column leaves; None when nothing does."""
    way = way_of(hint)
    inner = bare(way.hint)
    if is_typeddict(inner):
        hints = get_type_hints(inner, include_extras=True)
        shapes = [(name, _leaving(part, form), itemgetter(name)) for name, part in hints.items()]
        parts = [(name, shape, get) for name, shape, get in shapes if shape is not None]
        found = struct_of(parts) if parts else None
    else:
        found = _shape(way.how, inner, form)
    return list_of(found) if found is not None and way.many else found


def _shape(how: Leaves | None, inner: Any, form: OpenForm) -> Shape | None:
    match how:
        case Leaves.AS_IT_IS:
            return shape_of(inner)
        case Leaves.PSEUDONYM:
            return Shape(pa.string(), lambda id_: form.pseudonym(str(id_)))
        case Leaves.TO_THE_MINUTE:
            return Shape(MOMENT, lambda moment: moment.replace(second=0, microsecond=0))
        case Leaves.TO_THE_MONTH:
            return Shape(pa.string(), lambda day: f"{day:%Y-%m}")
        case _:
            return None
