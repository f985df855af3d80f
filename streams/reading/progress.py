"""How far a reader has come, and where that is kept: beside its output, so that both are always of one moment.

Rules: progress is what the user has taken, never what was only fetched. A store is anything with `load` and `save`;
`SqliteStore` writes in the user's own transaction and commits nothing, so an output in the same database and its
progress are there together or not at all.
"""

from __future__ import annotations

import json
import os
import sqlite3
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from infra.topics import Place


@dataclass
class Progress:
    """`reached` holds for each partition the next offset and the last position, None where that is not known.

    `topics` holds the ids of the topics. A `position` of None is that of a reader that began later than the log and has
    taken nothing yet.
    """

    lane: str
    dense: bool
    cluster_id: str
    position: int | None = 0
    topics: dict[str, str] = field(default_factory=dict)
    reached: dict[Place, tuple[int, int | None]] = field(default_factory=dict)

    def to_json(self) -> str:
        places = {f"{place.topic}:{place.partition}": list(at) for place, at in sorted(self.reached.items())}
        return json.dumps({**vars(self), "reached": places}, indent=1)

    @classmethod
    def from_json(cls, text: str) -> Progress:
        """Raises ValueError for what no reader wrote."""
        try:
            found = json.loads(text)
            reached = {_place(name): (offset, position) for name, (offset, position) in found.pop("reached").items()}
            return cls(**found, reached=reached)
        except (KeyError, TypeError, IndexError) as fault:
            raise ValueError(f"not the progress of a reader: {fault}") from fault


def _place(name: str) -> Place:
    topic, _, partition = name.rpartition(":")
    return Place(topic, int(partition))


class Store(Protocol):
    """Where progress is kept. `at_any_time` says whether the reader may save of itself, or only when it is told to."""

    at_any_time: bool

    def load(self) -> str | None: ...

    def save(self, text: str) -> None: ...


class FileStore:
    """A file, replaced in one step and on the disk when `save` returns."""

    at_any_time = True

    def __init__(self, path: Path | str) -> None:
        self._path = Path(path)

    def load(self) -> str | None:
        try:
            return self._path.read_text()
        except FileNotFoundError:
            return None

    def save(self, text: str) -> None:
        new = self._path.with_name(f".{self._path.name}.new")
        with new.open("w") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.replace(new, self._path)


class SqliteStore:
    """A table of the user's SQLite database. Committing is the user's."""

    at_any_time = False

    def __init__(self, db: sqlite3.Connection, name: str = "log") -> None:
        self._db, self._name = db, name
        db.execute("create table if not exists reader_progress (name text primary key, progress text not null)")

    def load(self) -> str | None:
        row = self._db.execute("select progress from reader_progress where name = ?", (self._name,)).fetchone()
        return None if row is None else str(row[0])

    def save(self, text: str) -> None:
        self._db.execute("insert or replace into reader_progress values (?, ?)", (self._name, text))


class MemoryStore:
    """For those who read from the beginning each time, and for tests."""

    at_any_time = True

    def __init__(self, text: str | None = None) -> None:
        self.text = text

    def load(self) -> str | None:
        return self.text

    def save(self, text: str) -> None:
        self.text = text
