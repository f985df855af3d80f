"""The log into Parquet files, step by step: each step is a range of positions, and counts when the manifest says so.

Rules: memory is bounded, for rows are written in groups and a step ends when it has read enough or holds many in hand.
A day of few rows waits for the end of the step, since hospitals that are registered today were founded on thousands of
days: each of these is a file in every step, so steps are long. A step that is broken off leaves no trace but files that
the manifest does not name; the next run makes it anew. An event whose bytes are damaged is left out and named. Before
one of a kind that this version does not know the export stops: a newer version writes it, and nothing is lost.
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
ROWS_IN_A_GROUP = 20_000
MOST_ROWS_IN_HAND = 100_000  # Some 200 MB.
MOST_FILES_OPEN = 64
FEW_ROWS = 500

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
    write_at: int = ROWS_IN_A_GROUP
    left_out: list[LeftOut] = field(default_factory=list)

    @property
    def full(self) -> bool:
        return self.position - self.after >= self.longest or self.in_hand >= MOST_ROWS_IN_HAND

    def take(self, at: OpenRow, day: date) -> None:
        table = at.stored.aggregate
        self.waiting.setdefault((table, day), []).append(self.tables[table].row(at))
        self.in_hand += 1
        if self.in_hand >= self.write_at:
            self._write_what_is_much()
            self.write_at = self.in_hand + ROWS_IN_A_GROUP

    def finish(self) -> list[Part]:
        """All files of the step, in their places."""
        return [self._finish(place) for place in self.waiting]

    def _finish(self, place: tuple[str, date]) -> Part:
        self._write(place)
        file, (table, day) = self.files[place], place
        # The range that was looked at is part of the name, so that no other step has the same one.
        file.path = file.path.with_name(f"{self.after + 1:012d}-{self.position:012d}.parquet")
        size, digest = file.finish()
        return Part(
            path=file.path.relative_to(self.folder).as_posix(),
            table=table,
            day=day,
            first=self.after + 1,
            last=self.position,
            rows=file.rows,
            bytes=size,
            sha256=digest,
        )

    def drop(self) -> None:
        for file in self.files.values():
            file.drop()

    def _write_what_is_much(self) -> None:
        """Also the few that came to a file that is open: it will have them anyhow."""
        for place in sorted(self.waiting, key=lambda one: len(self.waiting[one]), reverse=True):
            much = len(self.files) < MOST_FILES_OPEN and len(self.waiting[place]) >= FEW_ROWS
            if place in self.files or much:
                self._write(place)

    def _write(self, place: tuple[str, date]) -> None:
        rows, (table, day) = self.waiting[place], place
        if place not in self.files:
            path = self.folder / "events" / table / f"day={day}" / f"{self.after + 1:012d}.parquet"
            self.files[place] = ParquetFile(path, self.tables[table].schema)
        self.files[place].add(rows)
        self.in_hand -= len(rows)
        rows.clear()


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
