"""Long logs of what could really have happened: the launch day, told once with real commands, and then cloned.

A clone has ids of its own, the same in each run; the clones' events are mixed as those of parallel days would be.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Sequence
from hashlib import md5
from uuid import UUID

from infra.mapper import COLUMNS, Stored
from infra.memory import MemoryEventStore
from infra.postgres import Connection
from tests.story import CHAPTERS
from tests.storyteller import Story

TOGETHER = 40
ID = re.compile(rb"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
Chapter = Callable[[Story], Awaitable[None]]


async def told(chapters: Sequence[Chapter] = CHAPTERS) -> Sequence[Stored]:
    """The log of the story, as far as these chapters."""
    store = MemoryEventStore()
    story = Story(store)
    for chapter in chapters:
        await chapter(story)
    return store.rows


def clone_of(id_: UUID, n: int) -> UUID:
    return UUID(bytes=md5(n.to_bytes(4, "big") + id_.bytes, usedforsecurity=False).digest())


async def fill(db: Connection, rows: Sequence[Stored], clones: int) -> Sequence[Stored]:
    """Write so many clones into an empty log; answers with the log."""
    log: list[Stored] = []
    for first in range(0, clones, TOGETHER):
        group = [_Clone(n) for n in range(first, min(first + TOGETHER, clones))]
        for row in rows:
            log.extend(clone.of(row, position) for position, clone in enumerate(group, len(log) + 1))
    columns = COLUMNS.split(", ")
    records = [
        (
            one.position,
            one.stream_id,
            one.version,
            one.name,
            one.schema_version,
            one.state,
            one.metadata,
            one.recorded_at,
        )
        for one in log
    ]
    await db.copy_records_to_table("events", records=records, columns=columns)
    await db.execute("update head set position = $1, recorded_at = now()", len(log))
    await db.execute("analyze events")
    return log


class _Clone:
    def __init__(self, n: int) -> None:
        self._n = n
        self._known: dict[bytes, bytes] = {}

    def of(self, row: Stored, position: int) -> Stored:
        return Stored(
            position,
            clone_of(row.stream_id, self._n),
            row.version,
            row.name,
            row.schema_version,
            ID.sub(self._renamed, row.state),
            ID.sub(self._renamed, row.metadata),
            row.recorded_at,
        )

    def _renamed(self, found: re.Match[bytes]) -> bytes:
        old = found[0]
        if old not in self._known:
            self._known[old] = str(clone_of(UUID(old.decode()), self._n)).encode()
        return self._known[old]
