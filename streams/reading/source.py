"""kafka-python's consumer as this reader uses it: partitions assigned by hand, offsets kept elsewhere, nothing reset.

Rules: it joins no group and commits nothing. What Kafka says of itself (its id, the topics' ids, the number of their
partitions) is asked at the start and again every few seconds, because a topic that is deleted and made anew otherwise
looks like one in which nothing happens.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from typing import Any

from kafka import KafkaAdminClient, KafkaConsumer, TopicPartition
from kafka.errors import CorruptRecordError, KafkaConnectionError, KafkaError, LogTruncationError, OffsetOutOfRangeError

from infra.topics import PARTITIONS, Lane, Place
from streams.reading.faults import Code, Fault

MOST_IN_A_POLL = 500
LOOK_AGAIN_S = 2.0
CONSUMER = {
    "enable_auto_commit": False,
    "auto_offset_reset": "none",
    "group_id": None,
    "max_poll_records": MOST_IN_A_POLL,
    # With 64 partitions this bounds what is fetched ahead; a larger message still comes, alone.
    "max_partition_fetch_bytes": 256 * 1024,
    "fetch_max_wait_ms": 100,
    "check_crcs": True,
}


class Source:
    """`aggregates` None means all topics of the lane, also those that are made later."""

    def __init__(self, bootstrap: str, lane: Lane, aggregates: Collection[str] | None, **kafka: Any) -> None:
        self.lane = lane
        self._wanted = None if aggregates is None else {lane.topic_of(one) for one in aggregates}
        common = {"bootstrap_servers": bootstrap, "client_id": "telehealth-reader", **kafka}
        self._admin = KafkaAdminClient(**common)
        self._consumer = KafkaConsumer(**common, **CONSUMER)
        self.cluster_id = str(self._admin.describe_cluster()["cluster_id"])
        self.topics: dict[str, str] = {}
        self.reached, self.heard = 0, False
        self._looked_at = 0.0
        self._paused: set[Place] = set()
        self._marker = Place(lane.reached, 0)
        self._next: dict[Place, int] = {}

    def look(self) -> Sequence[Place]:
        """The places of topics that are new since the last look. Raises Fault for what has changed."""
        self._looked_at = time.monotonic()
        with suppress(KafkaConnectionError):  # What cannot be reached is asked again at the next look.
            found = {topic["name"]: topic for topic in self._admin.describe_topics() if not topic["error_code"]}
            if found:
                return self._compare(found)
        return []

    def _compare(self, found: Mapping[str, Any]) -> Sequence[Place]:
        wanted = self._wanted if self._wanted is not None else {name for name in found if self.lane.holds(name)}
        for name in sorted({*wanted, *self.topics}):
            if name not in found:
                raise Fault(Code.TOPIC_MISSING, f"there is no topic {name}", Place(name, 0))
            id_, count = str(found[name]["topic_id"]), len(found[name]["partitions"])
            if count != PARTITIONS:
                what = f"{name} has {count} partitions instead of {PARTITIONS}"
                raise Fault(Code.PARTITIONS_CHANGED, what, Place(name, 0))
            if self.topics.get(name, id_) != id_:
                raise Fault(Code.TOPIC_RECREATED, f"{name} was deleted and made anew", Place(name, 0))
        new = sorted(wanted - self.topics.keys())
        self.topics.update({name: str(found[name]["topic_id"]) for name in wanted})
        return [Place(name, number) for name in new for number in range(PARTITIONS)]

    def look_again(self) -> Sequence[Place]:
        return self.look() if time.monotonic() - self._looked_at > LOOK_AGAIN_S else []

    def begin(self, offsets: Mapping[Place, int]) -> None:
        """Read these partitions too, from these offsets on."""
        self._next.update(offsets)
        if self._marker not in self._next:
            said = self.ends([self._marker])[self._marker]
            self._next[self._marker], self.heard = max(0, said - 1), said == 0
        self._consumer.assign([_tp(place) for place in self._next])
        for place, offset in self._next.items():
            self._consumer.seek(_tp(place), offset)
        self._consumer.pause(*map(_tp, self._paused))

    def poll(self, wait_s: float) -> Mapping[Place, Sequence[Any]]:
        """What has come, by partition; how far the relay says it is stands in `reached`. Raises Fault."""
        try:
            polled = self._consumer.poll(timeout_ms=int(wait_s * 1_000))
        except (OffsetOutOfRangeError, LogTruncationError) as fault:
            raise Fault(Code.TOPIC_RECREATED, "a partition is shorter than what was read of it", _of(fault)) from fault
        except CorruptRecordError as fault:
            raise Fault(Code.CORRUPT, f"a record's checksum is wrong: {fault}") from fault
        found = {Place(tp.topic, tp.partition): records for tp, records in polled.items() if records}
        self._next.update({place: records[-1].offset + 1 for place, records in found.items()})
        for record in found.pop(self._marker, []):
            if record.value.isdigit():
                self.reached, self.heard = max(self.reached, int(record.value)), True
        return found

    def ends(self, places: Collection[Place]) -> Mapping[Place, int]:
        deadline = time.monotonic() + 10
        while True:
            try:
                found = self._consumer.end_offsets([_tp(place) for place in places])
                return {Place(tp.topic, tp.partition): offset for tp, offset in found.items()}
            except KeyError:
                # The library answers so while it has not heard yet who leads a partition of a new topic.
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.05)

    def at_time(self, moment_ms: int, places: Collection[Place]) -> Mapping[Place, int]:
        """In each partition the offset of the first message that was recorded at this time or later."""
        found = self._consumer.offsets_for_times({_tp(place): moment_ms for place in places})
        ends = self.ends(places)
        return {place: at.offset if (at := found.get(_tp(place))) else ends[place] for place in places}

    def read_upto(self, place: Place) -> int:
        return self._next[place]

    def hold(self, places: Collection[Place]) -> None:
        """Read on in all partitions but these."""
        held = set(places)
        if held != self._paused:
            self._consumer.resume(*(_tp(place) for place in self._paused - held))
            self._consumer.pause(*(_tp(place) for place in held - self._paused))
            self._paused = held
        # What was fetched of a partition before it was held is given out when it is read on, but only if the library
        # finds no other records in hand; and those that are used up it takes for some (kafka-python 3.0.12).
        fetcher = self._consumer._fetcher
        if fetcher._next_partition_records is not None and not fetcher._next_partition_records:
            fetcher._next_partition_records = None

    def scan(self, place: Place, offset: int, most: int, found: Callable[[Any], bool]) -> Any:
        """The first message from this offset on that is what is looked for, among so many; for naming a fault."""
        self._consumer.assign([_tp(place)])
        self._consumer.seek(_tp(place), offset)
        end, seen = self.ends([place])[place], 0
        while offset < end and seen < most:
            for record in self._consumer.poll(timeout_ms=1_000).get(_tp(place), []):
                offset, seen = record.offset + 1, seen + 1
                if found(record):
                    return record
        return None

    def close(self) -> None:
        for client in (self._consumer, self._admin):
            with suppress(KafkaError):
                client.close()


def _tp(place: Place) -> TopicPartition:
    return TopicPartition(place.topic, place.partition)


def _of(fault: KafkaError) -> Place | None:
    """The partition, as far as the library tells it."""
    for told in fault.args:
        if isinstance(told, Mapping) and told:
            return Place(*next(iter(told)))
    return None
