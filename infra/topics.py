"""Where an event goes on Kafka: one topic per aggregate, the partition by a hash of the aggregate's id.

We choose the partition ourselves, because clients in different languages hash keys differently, and one stream must
stay in one partition. The number of partitions is fixed when a topic is made and never changes.
"""

from __future__ import annotations

import zlib
from uuid import UUID

PARTITIONS = 8


def topic_of(aggregate: str) -> str:
    return f"telehealth.{aggregate}.events"


def aggregate_of(topic: str) -> str:
    return topic.removeprefix("telehealth.").removesuffix(".events")


def partition_of(stream_id: UUID, partitions: int = PARTITIONS) -> int:
    return zlib.crc32(stream_id.bytes) % partitions
