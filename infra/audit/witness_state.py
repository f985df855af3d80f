"""What a witness has seen of each log, in a file of its own: SQLite, so that it is on the disk before an answer.

Rules: the comparison with what was seen before and the writing of what is seen now are one transaction, so that of two
requests at once one sees the other; sizes only grow. Refusals are kept with the checkpoint that was refused: a signed
one is proof that the log's key has signed two histories.
"""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

SCHEMA = """
    create table if not exists seen (origin text primary key, size integer not null, root blob not null, note text);
    create table if not exists refused (at real not null, reason text not null, origin text, size integer, note text);
"""
# Whoever floods the witness with wrong checkpoints must not fill its disk.
MOST_REFUSALS = 100_000


@dataclass(frozen=True, slots=True)
class Seen:
    size: int
    root: bytes
    note: str


class WitnessState:
    """Safe to use from several threads and several processes."""

    def __init__(self, file: Path) -> None:
        file.parent.mkdir(parents=True, exist_ok=True)
        self._lock = threading.RLock()
        self._db = sqlite3.connect(file, timeout=10, isolation_level=None, check_same_thread=False)
        self._db.execute("pragma journal_mode = wal")
        self._db.execute("pragma synchronous = full")
        self._db.executescript(SCHEMA)

    def close(self) -> None:
        self._db.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Nobody else reads or writes until the end, when it is on the disk; an exception leaves everything as it was.

        The way in takes the write lock at once: two that had both only read could not both go on.
        """
        with self._lock:
            self._db.execute("begin immediate")
            try:
                yield
                self._db.execute("commit")
            except BaseException:
                self._db.execute("rollback")
                raise

    def seen(self, origin: str) -> Seen | None:
        with self._lock:
            row = self._db.execute("select size, root, note from seen where origin = ?", (origin,)).fetchone()
        return None if row is None else Seen(*row)

    def see(self, origin: str, seen: Seen) -> None:
        """Within a transaction."""
        self._db.execute(
            "insert into seen values (?, ?, ?, ?) on conflict (origin) do update"
            " set size = excluded.size, root = excluded.root, note = excluded.note",
            (origin, seen.size, seen.root, seen.note),
        )

    def refuse(self, reason: str, origin: str | None, size: int | None, note: str) -> None:
        with self._lock:
            self._db.execute(
                "insert into refused select ?, ?, ?, ?, ? where (select count(*) from refused) < ?",
                (time.time(), reason, origin, size, note, MOST_REFUSALS),
            )

    def refusals(self) -> dict[str, int]:
        with self._lock:
            return dict(self._db.execute("select reason, count(*) from refused group by reason").fetchall())
