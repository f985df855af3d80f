"""Reading the log by position, for everybody who follows it: relay, rebuild, subscriptions, audit."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Sequence
from uuid import UUID

from infra.mapper import COLUMNS, Stored, stored_from
from infra.postgres import Connection


async def head(db: Connection) -> int:
    """The last position of the log, 0 when it is empty."""
    found = await db.fetchval("select position from head")
    return int(found or 0)


async def after(
    db: Connection,
    position: int,
    *,
    upto: int | None = None,
    names: Collection[str] | None = None,
    streams: Collection[UUID] | None = None,
    limit: int = 1_000,
) -> Sequence[Stored]:
    """The next events behind `position`, up to `upto` included, in order; only those names or streams, if given."""
    conditions, arguments = ["notification_id > $1"], [position]
    for condition, value in (
        ("notification_id <= {}", upto),
        ("topic = any({})", None if names is None else list(names)),
        ("originator_id = any({})", None if streams is None else list(streams)),
    ):
        if value is not None:
            arguments.append(value)  # type: ignore[arg-type]
            conditions.append(condition.format(f"${len(arguments)}"))
    rows = await db.fetch(
        f"select {COLUMNS} from events where {' and '.join(conditions)} order by notification_id limit {limit:d}",
        *arguments,
    )
    return [stored_from(row) for row in rows]


async def all_after(
    db: Connection, position: int, upto: int, names: Collection[str] | None = None, chunk: int = 5_000
) -> AsyncIterator[Sequence[Stored]]:
    """Every event in (position, upto], in order, chunk by chunk."""
    while position < upto:
        found = await after(db, position, upto=upto, names=names, limit=chunk)
        if found:
            yield found
        if len(found) < chunk:
            return
        position = found[-1].position
