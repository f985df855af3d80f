"""The columns of every view, one file for every version: tables of that version stand in databases out there.

Rules: a view is never migrated. A worker knows by the version alone whether the tables that stand are its own, so a
view with other columns has another version, and is filled anew. Files of former versions may be deleted.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from projections._view import View

FOLDER = Path(__file__).parent / "views"
CHANGED = (
    "{name} has other tables than {file} says. Raise the view's version and run `make lock`. (Only while no database "
    "outside your machine holds it: delete the file instead, and run `make lock`.)"
)


def file_of(view: View, folder: Path = FOLDER) -> Path:
    return folder / f"{view.name}.v{view.version}.sql"


def shape_of(view: View) -> str:
    """What makes the tables, a column to a line."""
    statements = view.ddl_as(lambda table: table.name)
    return "".join(f"{statement.replace(', ', chr(10) + '  , ')};\n" for statement in statements)


def refused(views: Iterable[View], folder: Path = FOLDER) -> Iterator[str]:
    for view in views:
        file = file_of(view, folder)
        if file.exists() and file.read_text() != shape_of(view):
            yield CHANGED.format(name=view.name, file=file.name)


def missing(views: Iterable[View], folder: Path = FOLDER) -> Mapping[Path, str]:
    """The files that `make lock` writes: those of new views and new versions."""
    return {file: shape_of(view) for view in views if not (file := file_of(view, folder)).exists()}
