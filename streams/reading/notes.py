"""The checkpoints on Kafka, one after the other from the first.

Rules: a topic may hold the checkpoints of several logs, told apart by their key, the origin. Reading them never waits
for longer than it was asked to: what is not signed yet is checked later.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Collection
from contextlib import suppress
from typing import Any

from kafka import KafkaConsumer, TopicPartition
from kafka.errors import KafkaError

from streams.reading.source import CONSUMER

CHECKPOINTS = "telehealth.audit.checkpoints"
LOOK_S = 0.2


class Notes:
    def __init__(self, bootstrap: str, topic: str, origins: Collection[str], **kafka: Any) -> None:
        self._consumer = KafkaConsumer(bootstrap_servers=bootstrap, client_id="telehealth-notes", **kafka, **CONSUMER)
        self._place, self._origins = TopicPartition(topic, 0), {origin.encode() for origin in origins}
        self._found: deque[Any] = deque()
        self._looked_at = 0.0
        self._consumer.assign([self._place])
        self._consumer.seek(self._place, 0)

    def next(self, wait_s: float) -> Any:
        """The next checkpoint, or None when there is none within this time."""
        deadline = time.monotonic() + wait_s
        while not self._found:
            # Asked between every two events, so Kafka is asked now and then only.
            if time.monotonic() - self._looked_at < LOOK_S and not wait_s:
                return None
            self._looked_at = time.monotonic()
            records = self._consumer.poll(timeout_ms=int(wait_s * 1_000)).get(self._place, [])
            self._found.extend(record for record in records if record.key in self._origins)
            if not self._found and time.monotonic() >= deadline:
                return None
        return self._found.popleft()

    def close(self) -> None:
        with suppress(KafkaError):
            self._consumer.close()
