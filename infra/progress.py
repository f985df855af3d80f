"""How far the views have come, by topic and partition, and up to which position they have everything."""

from __future__ import annotations

from collections.abc import Mapping

from infra.postgres import Connection

VIEWS_GROUP = "projections"
Place = tuple[str, int]


async def applied(db: Connection, group: str = VIEWS_GROUP) -> Mapping[Place, int]:
    """The last position that is in the views, for each topic and partition."""
    rows = await db.fetch("select topic, partition, position from projection_progress where worker_group = $1", group)
    return {(row["topic"], row["partition"]): row["position"] for row in rows}


async def applied_upto(db: Connection, group: str = VIEWS_GROUP) -> int:
    """A position up to which the views have every event.

    Partitions that have everything the relay sent do not hold it back; the slowest of the others does.
    """
    async with db.transaction(isolation="repeatable_read", readonly=True):
        sent = await relayed(db)
        if sent is None:
            return 0
        position, last_sent = sent
        have = await applied(db, group)
    behind = [have.get(place, 0) for place, last in last_sent.items() if have.get(place, 0) < last]
    return min([position, *behind])


async def relayed(db: Connection) -> tuple[int, Mapping[Place, int]] | None:
    """The position that the relay has brought to Kafka, and the last one in each partition."""
    row = await db.fetchrow("select position, partitions from relay_progress")
    if row is None:
        return None
    places = {tuple(name.rsplit("/", 1)): last for name, last in row["partitions"].items()}
    return row["position"], {(topic, int(partition)): last for (topic, partition), last in places.items()}
