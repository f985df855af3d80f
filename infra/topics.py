"""Where an event goes on Kafka: one topic per aggregate, the partition by a hash of the aggregate's id.

We choose the partition ourselves, because clients in different languages hash keys differently, and one stream must
stay in one partition. The number of partitions is fixed when a topic is made and never changes.
"""

from __future__ import annotations

import re
import zlib
from functools import lru_cache
from typing import NamedTuple
from uuid import UUID

PARTITIONS = 8
SOURCE = "/telehealth"

# Other tools may write to the log under names that are no names of topics; what they write travels here.
OTHERS = "others"
AGGREGATE = re.compile(r"[a-z]+(_[a-z]+)*")


class Place(NamedTuple):
    """A partition of a topic. It orders, so that locks on several of them are always taken in the same order."""

    topic: str
    partition: int


@lru_cache(maxsize=256)
def topic_of(aggregate: str) -> str:
    return f"telehealth.{aggregate if AGGREGATE.fullmatch(aggregate) else OTHERS}.events"


def aggregate_of(topic: str) -> str:
    return topic.removeprefix("telehealth.").removesuffix(".events")


def partition_of(stream_id: UUID, partitions: int = PARTITIONS) -> int:
    return zlib.crc32(stream_id.bytes) % partitions


def place_of(aggregate: str, stream_id: UUID) -> Place:
    return Place(topic_of(aggregate), partition_of(stream_id))
