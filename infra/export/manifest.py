"""What an export holds: the file `manifest.json`, which is written last and says what counts.

Rules: a file that the manifest does not name does not exist, and is removed by the next run. The manifest is replaced
in one step, after everything that it names is on the disk; so whatever ends a run, what it says is there and whole.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from infra.export.files import replaced

FORMAT = 1
NAME = "manifest.json"


class NotAnExport(Exception):
    """The folder holds something else, or an export that was made in another way."""


class File(BaseModel):
    """A Parquet file: where it is below the folder, and what makes sure that it is this one."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    path: str
    rows: int
    bytes: int
    sha256: str


class Part(File):
    """A file of events: those of one aggregate and day, of positions from `first` to `last`."""

    table: str
    day: date
    first: int
    last: int


class ViewFile(File):
    """A table of a view as it stood when the view had taken in every event up to `position`."""

    view: str
    version: int
    position: int


class LeftOut(BaseModel):
    """An event that is in no file, and why."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    position: int
    reason: str


class Selection(BaseModel):
    """Which events an export is about: those that happened on these days in Viet Nam, both included."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    since: date | None = None
    until: date | None = None

    def holds(self, day: date) -> bool:
        return (self.since is None or self.since <= day) and (self.until is None or day <= self.until)


EVERY_DAY = Selection()


class Manifest(BaseModel):
    """Every event up to `position` that the selection holds is in exactly one of `parts`, or named in `left_out`.

    `key` names the key of the release by which the pseudonyms were made.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: int = FORMAT
    selection: Selection = EVERY_DAY
    key: str
    position: int = 0
    rows: int = 0
    schema_versions: Mapping[str, int] = Field(default_factory=dict)
    parts: tuple[Part, ...] = ()
    left_out: tuple[LeftOut, ...] = ()
    views: tuple[ViewFile, ...] = ()

    @property
    def paths(self) -> Iterator[str]:
        yield from (part.path for part in self.parts)
        yield from (view.path for view in self.views)

    def save(self, folder: Path) -> None:
        replaced(folder / NAME, (self.model_dump_json(indent=1) + "\n").encode())

    @classmethod
    def load(cls, folder: Path) -> Manifest | None:
        """What the folder holds; None when it holds nothing yet. Raises NotAnExport."""
        try:
            text = (folder / NAME).read_text()
        except FileNotFoundError:
            if any(not one.name.startswith(".") for one in folder.iterdir()):
                raise NotAnExport(f"{folder} holds files but no {NAME}: name a new folder") from None
            return None
        try:
            return cls.model_validate_json(text)
        except ValidationError as fault:
            raise NotAnExport(f"{NAME} is not one of format {FORMAT}: {fault.error_count()} faults") from None
