"""Kafka as we use it: topics with a fixed number of partitions that never forget, and a producer of three methods.

Rules: topics are made here and nowhere else, and a topic with another number of partitions is refused, because the
order of a stream rests on it. Everything here blocks, so it is called in a thread. The producer is kafka-python's,
idempotent and with acks=all; nobody outside this file knows which one it is.
"""

from __future__ import annotations

import time
from collections.abc import Collection
from contextlib import suppress
from typing import Any, Protocol

from kafka import KafkaAdminClient, KafkaProducer
from kafka.admin import NewTopic
from kafka.errors import KafkaError, KafkaTimeoutError, TopicAlreadyExistsError

from infra.topics import PARTITIONS

LARGEST_MESSAGE = 4 * 1024 * 1024
CONNECT_MS = 5_000
# Short, because what was not delivered is simply sent again, by a producer that knows nothing of the old connection.
DELIVERY_MS = 8_000

# Says how far a lane is complete. Only the last word counts, so Kafka forgets the ones before.
REACHED = ".reached"
REACHED_CONFIG = {"cleanup.policy": "compact", "segment.ms": str(3_600 * 1_000)}

TOPIC_CONFIG = {
    "cleanup.policy": "delete",
    "retention.ms": "-1",
    "retention.bytes": "-1",
    "max.message.bytes": str(LARGEST_MESSAGE),
}


class KafkaUnavailable(Exception):
    """Kafka cannot be reached, or does not answer in time. It may come back."""


class WrongPartitions(RuntimeError):
    """A topic exists with another number of partitions than streams were spread over."""


class Undelivered(Exception):
    """Some of what was sent is not acknowledged: it may or may not be on Kafka, and has to be sent again."""


class Producer(Protocol):
    """Sends in order per partition. After Undelivered nothing more may be sent with it."""

    def send(
        self, topic: str, partition: int, key: bytes, value: bytes, headers: list[tuple[str, bytes]], timestamp_ms: int
    ) -> None: ...

    def wait(self) -> None:
        """Until all that was sent is acknowledged. Raises Undelivered."""
        ...

    def close(self) -> None: ...


class AcknowledgedProducer:
    """kafka-python's producer behind the three methods."""

    def __init__(self, bootstrap: str) -> None:
        self._sent: list[Any] = []
        try:
            self._producer = KafkaProducer(
                bootstrap_servers=bootstrap,
                client_id="telehealth-relay",
                acks="all",
                enable_idempotence=True,
                # `wait` flushes, so lingering costs no latency and fills the batches while we are still sending.
                linger_ms=50,
                batch_size=256 * 1024,
                max_request_size=LARGEST_MESSAGE,
                max_block_ms=CONNECT_MS,
                delivery_timeout_ms=DELIVERY_MS,
                request_timeout_ms=4_000,
                reconnect_backoff_max_ms=1_000,
                bootstrap_timeout_ms=CONNECT_MS,
            )
        except KafkaError as fault:
            raise KafkaUnavailable(type(fault).__name__) from fault

    def send(
        self, topic: str, partition: int, key: bytes, value: bytes, headers: list[tuple[str, bytes]], timestamp_ms: int
    ) -> None:
        try:
            self._sent.append(
                self._producer.send(
                    topic, key=key, value=value, headers=headers, partition=partition, timestamp_ms=timestamp_ms
                )
            )
        except KafkaError as fault:
            raise Undelivered(type(fault).__name__) from fault

    def wait(self) -> None:
        sent, self._sent = self._sent, []
        deadline = time.monotonic() + DELIVERY_MS / 1_000
        while True:
            # In short turns: the library goes on waiting for batches that have already failed.
            with suppress(KafkaTimeoutError):
                self._producer.flush(timeout=0.5)
            failed = next((future.exception for future in sent if future.failed()), None)
            if failed is not None:
                raise Undelivered(type(failed).__name__)
            if all(future.succeeded() for future in sent):
                return
            if time.monotonic() > deadline:
                raise Undelivered("not acknowledged in time")

    def close(self) -> None:
        # What is still unsent must never be sent: the next producer will, from the log. The library's own `close`
        # waits for it, and when it waits in vain leaves a thread behind that goes on trying.
        self._producer._sender.force_close()
        self._producer._sender.join(5)
        with suppress(KafkaError):
            self._producer.close(timeout=0)


def ensure_topics(bootstrap: str, topics: Collection[str], replication: int = 1, partitions: int = PARTITIONS) -> str:
    """Make the topics that are missing; answer the id of the cluster, which changes when its data is lost.

    Raises KafkaUnavailable, WrongPartitions.
    """
    try:
        admin = KafkaAdminClient(
            bootstrap_servers=bootstrap,
            client_id="telehealth-topics",
            request_timeout_ms=10_000,
            bootstrap_timeout_ms=CONNECT_MS,
        )
        try:
            _make_missing(admin, topics, replication, partitions)
            return str(admin.describe_cluster()["cluster_id"])
        finally:
            admin.close()
    except KafkaError as fault:
        raise KafkaUnavailable(type(fault).__name__) from fault


def _make_missing(admin: Any, topics: Collection[str], replication: int, partitions: int) -> None:
    missing = set(topics) - set(admin.list_topics())
    for topic in sorted(missing):
        config = REACHED_CONFIG if topic.endswith(REACHED) else TOPIC_CONFIG
        new = NewTopic(topic, _count(topic, partitions), replication, topic_configs=config)
        with suppress(TopicAlreadyExistsError):  # Another process was faster; its partitions are checked below.
            admin.create_topics([new], timeout_ms=10_000)
    if missing:
        admin.wait_for_topics(sorted(missing), timeout_ms=10_000)
    for found in admin.describe_topics(sorted(topics)):
        count = len(found["partitions"])
        wanted = _count(found["name"], partitions)
        if count != wanted:
            raise WrongPartitions(f"{found['name']} has {count} partitions, but streams are spread over {wanted}")


def _count(topic: str, partitions: int) -> int:
    return 1 if topic.endswith(REACHED) else partitions
