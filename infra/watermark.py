"""The position up to which the views have everything: where one total order over all partitions is complete."""

from __future__ import annotations

from collections.abc import Mapping

from infra import progress
from infra.postgres import Connection
from infra.rebuild import GROUP
from infra.topics import LOG, Place


async def applied_upto(db: Connection) -> int:
    """A position up to which the views have every event.

    Partitions that have everything the relay sent do not hold it back; the slowest of the others does.
    """
    async with db.transaction(isolation="repeatable_read", readonly=True):
        sent = await relayed(db)
        if sent is None:
            return 0
        position, last_sent = sent
        have = await progress.positions(db, GROUP)
    behind = [have.get(place, 0) for place, last in last_sent.items() if have.get(place, 0) < last]
    return min([position, *behind])


async def relayed(db: Connection) -> tuple[int, Mapping[Place, int]] | None:
    """The position that the relay has brought to Kafka, and the last one in each partition."""
    row = await db.fetchrow("select position, partitions from relay_progress where lane = $1", LOG.prefix)
    if row is None:
        return None
    sent = {Place(topic, n): last for topic, lasts in row["partitions"].items() for n, last in enumerate(lasts)}
    return row["position"], sent
