"""A small nation for tests: its script, and what of it a log holds."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from itertools import chain
from uuid import UUID

from infra.nation.days import Days
from infra.nation.founding import founding
from infra.nation.step import Step, Window, windows
from infra.postgres import connect
from infra.reference import load

SEED, FACILITIES, DAYS, FIRST = 7, 12, 2, date(2026, 3, 2)

Fact = tuple[UUID, str, bytes]


def script() -> Iterator[Window]:
    return chain(founding(SEED, FACILITIES), windows(days()))


def days() -> Iterator[Step]:
    return Days(SEED, FACILITIES, load()).steps(FIRST, DAYS)


async def facts(dsn: str) -> list[Fact]:
    """Each event by its stream, name and bytes, in the order of the streams."""
    db = await connect(dsn)
    try:
        rows = await db.fetch(
            "select originator_id, topic, state from events order by originator_id, originator_version"
        )
    finally:
        await db.close()
    return [(row["originator_id"], row["topic"], row["state"]) for row in rows]
