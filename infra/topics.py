"""Where an event goes on Kafka: one topic per aggregate, the partition by a hash of the aggregate's id.

We choose the partition ourselves, because clients in different languages hash keys differently, and one stream must
stay in one partition. The number of partitions is fixed when a topic is made and never changes.

A lane is a set of such topics that holds the whole log once. One holds it as it is, for those inside; each release of
open data has one of its own. Beside its topics of events a lane has one that says how far it is complete.
"""

from __future__ import annotations

import re
import zlib
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple
from uuid import UUID

PARTITIONS = 8

# Other tools may write to the log under names that are no names of topics; what they write travels here.
OTHERS = "others"
AGGREGATE = re.compile(r"[a-z]+(_[a-z]+)*")
RELEASE = re.compile(r"[a-z][a-z0-9]{0,29}")


class Place(NamedTuple):
    """A partition of a topic. It orders, so that locks on several of them are always taken in the same order."""

    topic: str
    partition: int


@dataclass(frozen=True)
class Lane:
    """`prefix` begins the names of its topics; `source` is what its messages name as their origin."""

    prefix: str
    source: str

    def topic_of(self, aggregate: str) -> str:
        return f"{self.prefix}.{aggregate if AGGREGATE.fullmatch(aggregate) else OTHERS}.events"

    @property
    def reached(self) -> str:
        """The topic that says up to which position everything is in the topics of events."""
        return f"{self.prefix}.reached"

    def holds(self, topic: str) -> bool:
        """Whether it is one of this lane's topics of events."""
        if not (topic.startswith(f"{self.prefix}.") and topic.endswith(".events")):
            return False
        return AGGREGATE.fullmatch(self.aggregate_of(topic)) is not None

    def aggregate_of(self, topic: str) -> str:
        return topic.removeprefix(f"{self.prefix}.").removesuffix(".events")


LOG = Lane("telehealth", "/telehealth")


def open_lane(release: str) -> Lane:
    """The lane of a release of open data. Raises ValueError for what is no name of a release."""
    if not RELEASE.fullmatch(release):
        raise ValueError(f"a release is named in small letters and digits, not {release!r}")
    return Lane(f"telehealth.open.{release}", f"/telehealth/open/{release}")


@lru_cache(maxsize=256)
def topic_of(aggregate: str) -> str:
    return LOG.topic_of(aggregate)


def aggregate_of(topic: str) -> str:
    return LOG.aggregate_of(topic)


def partition_of(stream_id: UUID, partitions: int = PARTITIONS) -> int:
    return zlib.crc32(stream_id.bytes) % partitions


def place_of(aggregate: str, stream_id: UUID) -> Place:
    return Place(topic_of(aggregate), partition_of(stream_id))
