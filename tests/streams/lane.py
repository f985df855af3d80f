"""A lane of a test's own on the real Kafka, written by hand as the relay writes, so that it can be written wrongly."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from infra.kafka import AcknowledgedProducer, ensure_topics
from infra.mapper import Stored
from infra.topics import Lane, partition_of
from streams.envelope import Message, to_message
from streams.reading.entry import Entry
from streams.reading.reader import Reader


class TestLane:
    """`aggregates` are those whose topics exist from the start."""

    __test__ = False

    def __init__(self, bootstrap: str, aggregates: Iterable[str] = (), lane: Lane | None = None) -> None:
        self.bootstrap = bootstrap
        self.lane = lane or Lane(f"telehealth.t{secrets.token_hex(6)}", "/test")
        self._last: dict[tuple[str, int], int] = {}
        self._producer = AcknowledgedProducer(bootstrap)
        self.make([*map(self.lane.topic_of, aggregates), self.lane.reached])

    def make(self, topics: Iterable[str]) -> None:
        ensure_topics(self.bootstrap, list(topics))

    def messages(self, events: Iterable[Stored]) -> list[Message]:
        """As the relay makes them, each linked to the one before in its partition."""
        made = []
        for stored in events:
            place = (self.lane.topic_of(stored.aggregate), partition_of(stored.stream_id))
            made.append(to_message(stored, self._last.get(place, 0), self.lane))
            self._last[place] = stored.position
        return made

    def send(self, messages: Sequence[Message]) -> None:
        for one in messages:
            self._producer.send(one.topic, one.partition, one.key, one.value, one.headers, one.timestamp_ms)
        self._producer.wait()

    def say(self, position: int) -> None:
        """What the relay says when all up to this position is on Kafka."""
        self._producer.send(self.lane.reached, 0, b"position", str(position).encode(), [], 0)
        self._producer.wait()

    def write(self, events: Sequence[Stored]) -> list[Message]:
        messages = self.messages(events)
        self.send(messages)
        self.say(events[-1].position)
        return messages

    def reader(self, aggregates: Sequence[str] | None = None, **more: Any) -> Reader:
        more = {"follow": False, "patience_s": 60, **more}
        return Reader(self.bootstrap, self.lane, aggregates, **more)

    def read(self, aggregates: Sequence[str] | None = None, **more: Any) -> list[Entry]:
        with self.reader(aggregates, **more) as reader:
            return list(reader)

    def close(self) -> None:
        self._producer.close()


def changed(message: Message, **headers: bytes) -> Message:
    """The message with other headers."""
    return replace(message, headers=[(name, headers.get(name, value)) for name, value in message.headers])
