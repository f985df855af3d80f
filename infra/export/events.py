"""The log into Parquet files, step by step: each step is a range of positions, and counts when the manifest says so.

Rules: memory is bounded, for rows are written in groups and a step ends when it has read enough or holds many files
open. A step that is broken off leaves no trace but files that the manifest does not name; the next run makes it anew.
An event whose bytes are damaged is left out and named. Before one of a kind that this version does not know the export
stops: a newer version writes it, and nothing behind it is lost.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from domain._values import local_day
from infra.event_log import all_after
from infra.export.event_tables import EventTable, OpenRow, schema_versions
from infra.export.files import ParquetFile
from infra.export.manifest import LeftOut, Manifest, Part
from infra.mapper import Broken, Stored, decoded
from infra.open_form import WITHHELD, OpenForm
from infra.postgres import Connection

POSITIONS_IN_A_STEP = 200_000
MOST_FILES_IN_A_STEP = 128
ROWS_IN_HAND = 20_000

Progress = Callable[[int, int], None]


@dataclass
class UnknownKind(Exception):
    """The event at this position is of a kind or shape that this version of the product does not know."""

    position: int
    name: str
    schema_version: int

    def __str__(self) -> str:
        return (
            f"position {self.position} holds {self.name} of schema version {self.schema_version}, which this version "
            "does not know: everything before it is exported, the rest needs a newer one"
        )


@dataclass
class Step:
    """The positions behind `after`, as far as they are taken in by now."""

    folder: Path
    tables: Mapping[str, EventTable]
    after: int
    position: int
    longest: int
    files: dict[tuple[str, date], ParquetFile] = field(default_factory=dict)
    waiting: dict[tuple[str, date], list[list[Any]]] = field(default_factory=dict)
    in_hand: int = 0
    left_out: list[LeftOut] = field(default_factory=list)

    @property
    def full(self) -> bool:
        return self.position - self.after >= self.longest or len(self.waiting) >= MOST_FILES_IN_A_STEP

    def take(self, at: OpenRow, day: date) -> None:
        table = at.stored.aggregate
        self.waiting.setdefault((table, day), []).append(self.tables[table].row(at))
        self.in_hand += 1
        if self.in_hand >= ROWS_IN_HAND:
            self._write()

    def finish(self) -> list[Part]:
        """All files of the step, in their places."""
        self._write()
        parts = []
        for (table, day), file in self.files.items():
            # The range that was looked at is part of the name, so that no other step has the same one.
            name = file.path.with_name(f"{self.after + 1:012d}-{self.position:012d}.parquet")
            file.path = name
            size, digest = file.finish()
            parts.append(
                Part(
                    path=name.relative_to(self.folder).as_posix(),
                    table=table,
                    day=day,
                    first=self.after + 1,
                    last=self.position,
                    rows=file.rows,
                    bytes=size,
                    sha256=digest,
                )
            )
        return parts

    def drop(self) -> None:
        for file in self.files.values():
            file.drop()

    def _write(self) -> None:
        for (table, day), rows in self.waiting.items():
            if not rows:
                continue
            file = self.files.get((table, day))
            if file is None:
                path = self.folder / "events" / table / f"day={day}" / f"{self.after + 1:012d}.parquet"
                file = self.files[table, day] = ParquetFile(path, self.tables[table].schema)
            file.add(rows)
            rows.clear()
        self.in_hand = 0


async def export_events(
    db: Connection,
    folder: Path,
    manifest: Manifest,
    tables: Mapping[str, EventTable],
    upto: int,
    form: OpenForm,
    *,
    progress: Progress = lambda at, end: None,
    longest: int = POSITIONS_IN_A_STEP,
) -> Manifest:
    """Bring the export to this position of the log. Raises UnknownKind when all before it is written."""
    while manifest.position < upto:
        step = Step(folder, tables, manifest.position, manifest.position, longest)
        unknown: UnknownKind | None = None
        try:
            try:
                await _fill(db, step, manifest, upto, form, progress)
            except UnknownKind as found:
                unknown = found
            manifest = _with(manifest, step)
        except BaseException:
            step.drop()
            raise
        manifest.save(folder)
        if unknown is not None:
            raise unknown
    return manifest


async def _fill(db: Connection, step: Step, manifest: Manifest, upto: int, form: OpenForm, progress: Progress) -> None:
    async for chunk in all_after(db, step.after, upto):
        for stored in chunk:
            _take(step, stored, manifest, form)
            step.position = stored.position
            if step.full:
                break
        progress(step.position, upto)
        if step.full:
            return


def _take(step: Step, stored: Stored, manifest: Manifest, form: OpenForm) -> None:
    left = form.of(stored)
    if left.schema_version == WITHHELD:
        read = decoded(stored)
        if isinstance(read, Broken):
            step.left_out.append(LeftOut(position=stored.position, reason=read.reason))
            return
    if left.schema_version == WITHHELD or stored.aggregate not in step.tables:
        raise UnknownKind(stored.position, stored.name, stored.schema_version)
    row = OpenRow.of(left)
    day = local_day(row.happened_at)
    if manifest.selection.holds(day):
        step.take(row, day)


def _with(manifest: Manifest, step: Step) -> Manifest:
    parts = step.finish()
    return manifest.model_copy(
        update={
            "position": step.position,
            "rows": manifest.rows + sum(part.rows for part in parts),
            "schema_versions": schema_versions(step.tables),
            "parts": (*manifest.parts, *parts),
            "left_out": (*manifest.left_out, *step.left_out),
        }
    )
