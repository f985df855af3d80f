"""How far a worker group has come in each partition: read, held and written beside what it writes.

The row of a partition is locked for the time of a transaction. So whatever two workers believe to be theirs after a
rebalance, one of them waits, and then finds that the other has already taken the events in.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from infra.postgres import Connection
from infra.topics import Place


@dataclass(frozen=True, slots=True)
class Reached:
    """The last event taken in: its position, and its offset if it was read from the Kafka that runs now, else -1."""

    position: int = 0
    kafka_offset: int = -1


ENSURE = """
    insert into projection_progress (worker_group, topic, partition, cluster_id, kafka_offset, position)
    select $1, topic, partition, $2, -1, 0 from unnest($3::text[], $4::int[]) as _ (topic, partition)
    on conflict do nothing
"""
HOLD = """
    select topic, partition, position, case when cluster_id = $2 then kafka_offset else -1 end as kafka_offset
      from projection_progress
     where worker_group = $1 and (topic, partition) in (select * from unnest($3::text[], $4::int[]))
     order by topic, partition for update
"""
WRITE = """
    update projection_progress as p set cluster_id = $2, kafka_offset = new.kafka_offset, position = new.position
      from unnest($3::text[], $4::int[], $5::bigint[], $6::bigint[]) as new (topic, partition, kafka_offset, position)
     where worker_group = $1 and p.topic = new.topic and p.partition = new.partition
"""


async def ensure(db: Connection, group: str, cluster_id: str, places: Collection[Place]) -> None:
    await db.execute(ENSURE, group, cluster_id, *_columns(places))


async def hold(db: Connection, group: str, cluster_id: str, places: Collection[Place]) -> dict[Place, Reached]:
    """Read the progress, and keep everybody else from going on in these partitions until the transaction ends."""
    rows = await db.fetch(HOLD, group, cluster_id, *_columns(places))
    return {Place(row["topic"], row["partition"]): Reached(row["position"], row["kafka_offset"]) for row in rows}


async def write(db: Connection, group: str, cluster_id: str, reached: Mapping[Place, Reached]) -> None:
    offsets, positions = [r.kafka_offset for r in reached.values()], [r.position for r in reached.values()]
    await db.execute(WRITE, group, cluster_id, *_columns(reached), offsets, positions)


async def positions(db: Connection, group: str) -> dict[Place, int]:
    """The last position of each partition that is in the views."""
    rows = await db.fetch("select topic, partition, position from projection_progress where worker_group = $1", group)
    return {Place(row["topic"], row["partition"]): row["position"] for row in rows}


def _columns(places: Collection[Place]) -> tuple[list[str], list[int]]:
    return [place.topic for place in places], [place.partition for place in places]
