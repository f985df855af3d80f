"""The log goes through Kafka: the relay carries all of it, and a consumer that knows nothing reads all of it again."""

from __future__ import annotations

import time
from typing import Any

import orjson
from aiokafka import AIOKafkaConsumer, TopicPartition

from infra.postgres import connect
from infra.topics import PARTITIONS, topic_of
from streams.envelope import from_message
from tests.benchmarks.products import Products, peak_memory_mb, pid_of, relay_carries
from tests.benchmarks.scale.loading import position
from tests.benchmarks.stage import Stage
from tests.product import events

PATIENCE_S = 4 * 3_600.0
MOST_AT_ONCE = 2_000


async def carried_and_read(stage: Stage, dsn: str) -> dict[str, Any]:
    db = await connect(dsn)
    end = await position(db)
    async with stage.kafka() as bootstrap:
        products = Products.on(stage, dsn, bootstrap)
        async with products.running("relay") as relay:
            stretch = await relay_carries(db, end, PATIENCE_S)
            memory = peak_memory_mb(pid_of(relay))
        on_disk = sum(file.stat().st_size for file in stage.kafka_folder.rglob("*.log"))
        read = await read_by_a_new_consumer(bootstrap, end)
    await db.close(timeout=5)
    return {
        "relay_events_per_second": round(stretch.per_second(end)),
        "relay_memory_mb": round(memory),
        "kafka_bytes": on_disk,
        **read,
    }


async def read_by_a_new_consumer(bootstrap: str, end: int) -> dict[str, Any]:
    """From the first message on, all topics; every position must come once."""
    topics = {topic_of(event.name.partition(".")[0]) for event in events()}
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, enable_auto_commit=False, auto_offset_reset="earliest")
    await consumer.start()
    seen = bytearray(end + 1)
    count, size = 0, 0
    try:
        consumer.assign([TopicPartition(topic, n) for topic in sorted(topics) for n in range(PARTITIONS)])
        await consumer.seek_to_beginning()
        began = time.perf_counter()
        while count < end:
            batches = await consumer.getmany(timeout_ms=30_000, max_records=MOST_AT_ONCE)
            if not batches:
                raise RuntimeError(f"nothing more came after {count} of {end} events")
            for records in batches.values():
                for record in records:
                    stored = from_message(record.key, record.value, record.headers).stored
                    orjson.loads(stored.state)
                    seen[stored.position] += 1
                    size += len(record.value or b"")
                count += len(records)
        seconds = time.perf_counter() - began
    finally:
        await consumer.stop()
    whole = seen[1:].count(1) == end
    return {
        "consumer_events_per_second": round(end / seconds),
        "consumer_seconds": round(seconds, 1),
        "consumer_has_every_position_once": whole,
        "value_bytes": size,
    }
