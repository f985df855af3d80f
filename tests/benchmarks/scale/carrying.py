"""The log goes through Kafka: the relay carries all of it, and a consumer that knows nothing reads all of it again.

So do open data: the opener carries them, and an analyst's reader puts them into their one order again.
"""

from __future__ import annotations

import time
from typing import Any

import orjson
from aiokafka import AIOKafkaConsumer, TopicPartition

from infra.postgres import Connection, connect
from infra.topics import LOG, PARTITIONS, Lane, open_lane, topic_of
from streams.envelope import from_message
from tests.benchmarks.products import Products, peak_memory_mb, pid_of, relay_carries
from tests.benchmarks.scale import reading
from tests.benchmarks.scale.beside import PATIENCE_S, told_by
from tests.benchmarks.scale.loading import position
from tests.benchmarks.stage import Stage
from tests.product import events

MOST_AT_ONCE = 2_000


async def carried_and_read(stage: Stage, dsn: str) -> dict[str, Any]:
    db = await connect(dsn)
    end = await position(db)
    async with stage.kafka() as bootstrap:
        products = Products.on(stage, dsn, bootstrap)
        await forget_progress(db, LOG)
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


async def opened_and_read(stage: Stage, dsn: str) -> dict[str, Any]:
    """`reader_has_every_position_once`: from position 1, in their order, none left out; the reader proves it itself."""
    db = await connect(dsn)
    end = await position(db)
    async with stage.kafka() as bootstrap:
        products = Products.on(stage, dsn, bootstrap)
        lane = open_lane(products.settings.open_release)
        await forget_progress(db, lane)
        async with products.running("opener") as opener:
            stretch = await relay_carries(db, end, PATIENCE_S, lane)
            memory = peak_memory_mb(pid_of(opener))
        on_disk = sum(file.stat().st_size for file in stage.kafka_folder.rglob("*.log"))
        read = await told_by(reading.__name__, bootstrap)
    await db.close(timeout=5)
    return {
        "opener_events_per_second": round(stretch.per_second(end)),
        "opener_memory_mb": round(memory),
        "kafka_bytes": on_disk,
        "reader_events_per_second": round(read["events"] / read["seconds"]),
        "reader_seconds": round(read["seconds"], 1),
        "reader_cpu_us_an_event": round(1e6 * read["cpu_seconds"] / read["events"]),
        "reader_memory_mb": round(read["memory_mb"]),
        "reader_has_every_position_once": read["events"] == end,
    }


async def forget_progress(db: Connection, lane: Lane) -> None:
    """A run that was broken off left it behind, and Kafka is new."""
    await db.execute("delete from relay_progress where lane = $1", lane.prefix)


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
