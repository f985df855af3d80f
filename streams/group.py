"""One worker group on Kafka: Faust joins it, holds its partitions, and hands what arrives to a reader, in batches.

Faust is the frame: membership, assignment, heartbeats, flow, life cycle. Its streams and its offset commits are not
used. Offsets that are committed apart from the rows can run ahead of them, so where to begin is asked from the reader,
who keeps it beside its rows; and a stream costs Faust two tasks, two locks and a turn of the loop per message, before
anybody has looked at it. The consumer therefore gives whole fetches away: 107,500 messages/s with a
reader that does nothing, 8 µs of CPU each (one run, two cores shared with the broker). The 11,100 events/s known of an
empty agent with `noack_take` are of another run on another occasion; the two were not measured side by side.

Rules: what a reader raises ends the group, so a reader raises nothing it could wait for; at most one batch is under
way; no tables, no producer, no topics made by Faust.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Protocol, cast

import asyncpg
import faust
from aiokafka import ConsumerRecord
from faust.transport.drivers import aiokafka as driver
from faust.types import TP
from mode.types import ServiceT

from infra.health import Vitals
from infra.kafka import KafkaUnavailable, ensure_topics
from infra.postgres import LINE_FAULTS, Line
from infra.topics import LOG, Place

Records = Mapping[Place, Sequence["ConsumerRecord[bytes | None, bytes | None]"]]
MOST_IN_A_BATCH = 500
CARRIED_TO = "select cluster_id from relay_progress where lane = $1"


class Reader(Protocol):
    async def next_offsets(self, places: Collection[Place]) -> Mapping[Place, int]:
        """Where to begin in each partition that has just become ours."""
        ...

    async def take(self, records: Records) -> None:
        """Take the records in, all of them, however long it takes."""
        ...


class BatchConsumer(driver.Consumer):
    """Faust's consumer, but it begins where the reader says, and gives away a fetch at once."""

    async def seek_to_committed(self) -> Mapping[TP, int]:
        """Called by Faust whenever partitions were assigned, before the first fetch."""
        places = [Place(tp.topic, tp.partition) for tp in self.assignment()]
        offsets = await cast(BatchApp, self.app).reader.next_offsets(places)
        found = {TP(place.topic, place.partition): offset for place, offset in offsets.items()}
        # A partition may have been taken away meanwhile; it must not be sought in, and nothing is fetched from it.
        found = {tp: offset for tp, offset in found.items() if tp in self.assignment()}
        await self.seek_wait(found)
        return found

    async def _drain_messages(self, fetcher: ServiceT) -> None:
        """Faust's own loop over what is fetched, for batches instead of messages."""
        reader = cast(BatchApp, self.app).reader
        while not (self.should_stop or fetcher.should_stop):
            records, _ = await self._wait_next_records(1.0)
            # While partitions move nothing is taken: it is fetched again by whoever has them afterwards.
            if records and self.flow_active:
                await reader.take({Place(tp.topic, tp.partition): found for tp, found in records.items()})
            await asyncio.sleep(0)

    def behind(self) -> int:
        """Messages of our partitions that are known to be on Kafka and have not been fetched."""
        consumer = self._thread._consumer
        if consumer is None:
            return 0
        states = [consumer._subscription.subscription.assignment.state_value(tp) for tp in consumer.assignment()]
        return sum(state.highwater - state._position for state in states if state.highwater and state._position)


class BatchTransport(driver.Transport):
    Consumer = BatchConsumer


class BatchApp(faust.App):
    reader: Reader

    @property
    def member(self) -> BatchConsumer:
        return cast(BatchConsumer, self.consumer)


def make_app(group: str, bootstrap: str, topics: Iterable[str], reader: Reader, data: Path) -> BatchApp:
    app = BatchApp(
        group,
        broker=[f"aiokafka://{address}" for address in bootstrap.split(",")],
        store="memory://",
        datadir=str(data),
        web_enabled=False,
        topic_disable_leader=True,
        topic_allow_declare=False,
        table_standby_replicas=0,
        consumer_auto_offset_reset="earliest",
        broker_max_poll_records=MOST_IN_A_BATCH,
        # A dead worker's partitions are with another one within ten seconds.
        broker_session_timeout=6,
        broker_heartbeat_interval=1.5,
        broker_rebalance_timeout=8,
        broker_max_poll_interval=600,
        # A broker that has just started knows no topics yet, and whoever joins then is given none. The next look finds
        # them and moves the partitions; by default that look comes after five minutes.
        consumer_metadata_max_age_ms=2_000,
        # Nothing is committed, so nobody has to look whether commits make progress.
        broker_commit_interval=3_600,
        stream_wait_empty=False,
    )
    app.reader = reader
    app.transport = BatchTransport(app.conf.broker_consumer, app)
    app.finalize()
    app.topics.add(app.topic(*sorted(topics), key_type=bytes, value_type=bytes))
    return app


class GroupCrashed(RuntimeError):
    """Faust gave up. The process ends, and a new one joins the group."""


class KafkaReplaced(RuntimeError):
    """The relay carries the log to another Kafka than the one of this process. It ends, and a new one begins there."""


async def run(app: BatchApp, stop: asyncio.Event, replaced: asyncio.Task[None]) -> None:
    """Be a member of the group until asked to stop, or until Kafka is another one."""
    try:
        await app.start()
        while not stop.is_set():
            with suppress(TimeoutError):
                async with asyncio.timeout(0.2):
                    await stop.wait()
            if app.crashed:
                raise GroupCrashed(repr(app.crash_reason)) from app.crash_reason
            if replaced.done():
                raise KafkaReplaced from replaced.exception()
    finally:
        replaced.cancel()
        await app.stop()


async def kafka_replaced(dsn: str, cluster_id: str, every_s: float = 1.0) -> None:
    """Returns when the relay has turned to another Kafka.

    A consumer whose topics are gone waits for them without a word, for minutes; the relay knows at once. A relay that
    has not come to the Kafka of this process yet is waited for.
    """
    line = Line(dsn)
    not_yet: str | None = None
    try:
        while True:
            try:
                found = await (await line.get()).fetchval(CARRIED_TO, LOG.prefix)
            except (*LINE_FAULTS, asyncpg.PostgresError):
                await line.drop()
            else:
                not_yet = not_yet or found
                if found not in (None, cluster_id, not_yet):
                    return
                if found == cluster_id:
                    not_yet = cluster_id
            await asyncio.sleep(every_s)
    finally:
        await line.close()


async def watch(app: BatchApp, vitals: Vitals) -> None:
    """Keep the lag in the vitals up to date, also when nothing arrives."""
    while True:
        await asyncio.sleep(0.5)
        with suppress(Exception):  # Between two assignments there is nothing to measure.
            vitals.lag = app.member.behind()
            vitals.details["partitions"] = len(app.member.assignment())


async def reach_kafka(bootstrap: str, topics: Collection[str], replication: int, vitals: Vitals) -> str:
    """Wait until Kafka is there and has the topics; answer its cluster's id."""
    while True:
        try:
            cluster_id = await asyncio.to_thread(ensure_topics, bootstrap, topics, replication)
        except KafkaUnavailable as fault:
            vitals.wait_for("kafka", str(fault))
            await asyncio.sleep(0.5)
        else:
            vitals.has("kafka")
            return cluster_id
