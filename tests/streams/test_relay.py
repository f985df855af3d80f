"""From the log to Kafka: in order, at least once, always the same message, by one relay at a time."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID, uuid4

import pytest
from kafka.admin import ConfigResource, ConfigResourceType, KafkaAdminClient, NewTopic

from infra.health import Vitals
from infra.kafka import (
    TOPIC_CONFIG,
    AcknowledgedProducer,
    KafkaUnavailable,
    Undelivered,
    WrongPartitions,
    ensure_topics,
)
from infra.topics import PARTITIONS
from streams import relay as relay_file
from streams.envelope import Delivered, from_message
from streams.relay import NoLongerOurTurn, Relay, TrustRunOut, Turn
from tests.streams.conftest import Messages, Spawn
from tests.streams.ward import Log

BEDS = [UUID(int=n) for n in range(12)]


def at_least(count: int) -> Callable[[Messages], bool]:
    return lambda found: sum(len(records) for records in found.values()) >= count


def delivered(found: Messages) -> dict[int, list[Delivered]]:
    return {p: [from_message(r.key, r.value, r.headers) for r in records] for p, records in found.items()}


def assert_whole_and_in_order(found: Messages, events: int) -> None:
    positions = []
    for arrived in delivered(found).values():
        links = [0, *(one.stored.position for one in arrived)]
        assert links == sorted(set(links))
        assert [one.prev_position for one in arrived] == links[:-1]
        positions += links[1:]
    assert sorted(positions) == list(range(1, events + 1))


class Line:
    """The way to Kafka, with a producer that can be told to fail."""

    def __init__(self, bootstrap: str) -> None:
        self.bootstrap, self.cluster_id, self.unreachable = bootstrap, "", 0
        self.vitals = Vitals("relay")

    def make_topics(self, topics: Collection[str]) -> str:
        if self.unreachable:
            self.unreachable -= 1
            raise KafkaUnavailable
        return ensure_topics(self.bootstrap, topics) + self.cluster_id

    @asynccontextmanager
    async def relay(self, log: Log) -> AsyncIterator[Relay]:
        stop = asyncio.Event()
        topics = [log.beds.topic]
        relay = Relay(log.dsn, self.vitals, topics, self.make_topics, lambda: AcknowledgedProducer(self.bootstrap))
        running = asyncio.create_task(relay.run(stop))
        try:
            yield relay
        finally:
            stop.set()
            await running


@pytest.fixture
def line(kafka_bootstrap: str) -> Line:
    return Line(kafka_bootstrap)


async def written_down(log: Log, position: int, within_s: float = 60) -> None:
    async with asyncio.timeout(within_s):
        while await log.db.fetchval("select position from relay_progress") != position:
            await asyncio.sleep(0.02)


async def test_every_event_arrives_in_order_and_linked_to_the_one_before(
    log: Log, line: Line, read_topic: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    await log.busy_night(BEDS, 3)
    async with line.relay(log):
        await written_down(log, 48)
        await log.busy_night(BEDS, 2)
        await written_down(log, 72)

    assert_whole_and_in_order(await read_topic(log.beds.topic, at_least(72)), 72)
    assert (line.vitals.position, line.vitals.lag) == (72, 0)


async def test_readers_are_told_how_far_everything_is_on_kafka_and_never_too_early(
    log: Log, line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    order: list[tuple[str, int]] = []
    send, say = Turn.send, Turn.say_reached

    def note_sent(turn: Turn, producer: Any, messages: Any) -> None:
        send(turn, producer, messages)
        order.append(("sent", len(messages)))

    def note_said(turn: Turn, producer: Any) -> None:
        order.append(("said", turn.position))
        say(turn, producer)

    monkeypatch.setattr(Turn, "send", note_sent)
    monkeypatch.setattr(Turn, "say_reached", note_said)
    await log.busy_night(BEDS, 3)
    async with line.relay(log):
        await written_down(log, 48)
        await log.busy_night(BEDS, 2)
        await written_down(log, 72)
        async with asyncio.timeout(60):
            while order[-1] != ("said", 72):
                await asyncio.sleep(0.02)
    sent = 0
    for what, number in order:
        if what == "sent":
            sent += number
        else:
            assert number <= sent


async def test_after_a_crash_before_writing_down_the_same_messages_are_sent_again(
    log: Log, line: Line, read_topic: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    await log.busy_night(BEDS, 3)
    crashes = 2
    write_down = Turn.write_down

    async def crash(turn: Turn, position: int, partitions: dict[str, list[int]]) -> None:
        nonlocal crashes
        crashes -= 1
        if crashes >= 0:
            raise ConnectionError
        await write_down(turn, position, partitions)

    monkeypatch.setattr(Turn, "write_down", crash)
    async with line.relay(log):
        await written_down(log, 48)

    found = await read_topic(log.beds.topic, at_least(3 * 48))
    for records in found.values():
        once = [(r.key, r.value, r.headers, r.timestamp) for r in records[: len(records) // 3]]
        assert [(r.key, r.value, r.headers, r.timestamp) for r in records] == once * 3


async def test_while_kafka_is_away_the_relay_waits_says_so_and_loses_nothing(
    log: Log, line: Line, read_topic: Any
) -> None:
    line.unreachable = 2
    await log.busy_night(BEDS, 1)
    async with line.relay(log):
        async with asyncio.timeout(60):
            while "kafka" not in line.vitals.waiting:
                await asyncio.sleep(0.01)
        await written_down(log, 24)
        assert line.vitals.ready

    assert_whole_and_in_order(await read_topic(log.beds.topic, at_least(24)), 24)


async def test_what_kafka_does_not_acknowledge_is_sent_again(
    log: Log, line: Line, read_topic: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    await log.busy_night(BEDS, 1)
    wait, failures = AcknowledgedProducer.wait, 1

    def lost(producer: AcknowledgedProducer) -> None:
        nonlocal failures
        failures -= 1
        if failures >= 0:
            producer._sent.clear()
            raise Undelivered("the acknowledgement was lost")
        wait(producer)

    monkeypatch.setattr(AcknowledgedProducer, "wait", lost)
    async with line.relay(log):
        await written_down(log, 24)

    found = delivered(await read_topic(log.beds.topic, at_least(24)))
    assert {one.stored.position for arrived in found.values() for one in arrived} == set(range(1, 25))


async def test_when_kafka_has_lost_its_data_the_relay_begins_at_the_beginning(
    log: Log, line: Line, read_topic: Any
) -> None:
    await log.busy_night(BEDS, 2)
    async with line.relay(log):
        await written_down(log, 36)
    admin = KafkaAdminClient(bootstrap_servers=line.bootstrap)
    admin.delete_topics([log.beds.topic])
    while log.beds.topic in admin.list_topics():
        await asyncio.sleep(0.05)
    admin.close()
    await log.busy_night(BEDS, 1)

    line.cluster_id = "another"
    async with line.relay(log):
        assert_whole_and_in_order(await read_topic(log.beds.topic, at_least(48)), 48)


async def test_a_relay_whose_log_was_set_back_sends_nothing_and_says_why(log: Log, line: Line) -> None:
    await log.busy_night(BEDS, 1)
    async with line.relay(log):
        await written_down(log, 24)
    await log.db.execute("update relay_progress set position = 25")

    async with line.relay(log), asyncio.timeout(60):
        while "log" not in line.vitals.waiting:
            await asyncio.sleep(0.02)


class Sent:
    """A producer that keeps what it is given."""

    def __init__(self) -> None:
        self.positions: list[int] = []

    def send(self, topic: str, partition: int, key: bytes, value: bytes, headers: Any, timestamp_ms: int) -> None:
        self.positions.append(int(dict(headers)["position"]))

    def wait(self) -> None: ...

    def close(self) -> None: ...


async def test_a_relay_that_was_overtaken_neither_reads_nor_writes_down_any_more(log: Log) -> None:
    await log.busy_night(BEDS, 1)
    old = await Turn.begin(log.db, "kafka")
    new = await Turn.begin(log.db, "kafka")

    with pytest.raises(NoLongerOurTurn):
        await old.next_events()
    with pytest.raises(NoLongerOurTurn):
        await old.write_down(24, {})
    await new.write_down(24, {})
    assert (await Turn.begin(log.db, "kafka")).position == 24


@pytest.mark.parametrize("guarded", [True, False])
async def test_a_relay_that_slept_while_another_took_over_sends_nothing(
    log: Log, guarded: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relay_file, "TRUST_S", 0.2 if guarded else 600)
    await log.busy_night(BEDS, 1)
    old, producer = await Turn.begin(log.db, "kafka"), Sent()
    events, _ = await old.next_events()
    messages, _ = old.messages(events)
    await Turn.begin(log.db, "kafka")
    await asyncio.sleep(0.3)

    if guarded:
        with pytest.raises(TrustRunOut):
            old.send(producer, messages)
        assert producer.positions == []
    else:
        # The control: without the trust running out, the overtaken one sends.
        old.send(producer, messages)
        assert len(producer.positions) == 24


async def test_a_second_relay_stands_by_and_takes_over_when_the_first_is_killed_or_frozen(
    log: Log, spawn: Spawn, read_topic: Any
) -> None:
    first = spawn("relay")
    await log.busy_night(BEDS, 1)
    await written_down(log, 24)
    second = spawn("relay")
    await asyncio.sleep(1.5)
    epoch = await log.db.fetchval("select epoch from relay_progress")

    first.kill()
    await log.busy_night(BEDS, 1)
    await written_down(log, 36)
    assert await log.db.fetchval("select epoch from relay_progress") == epoch + 1

    third = spawn("relay")
    second.send_signal(signal.SIGSTOP)
    await log.busy_night(BEDS, 1)
    await written_down(log, 48)
    second.send_signal(signal.SIGCONT)
    await log.busy_night(BEDS, 1)
    await written_down(log, 60)
    assert third.poll() is None

    found = await read_topic(log.beds.topic, at_least(60))
    seen = {one.stored.position for arrived in delivered(found).values() for one in arrived}
    assert seen == set(range(1, 61))


async def test_a_topic_with_another_number_of_partitions_is_refused(kafka_bootstrap: str) -> None:
    topic = f"telehealth.{uuid4().hex}.events"
    admin = KafkaAdminClient(bootstrap_servers=kafka_bootstrap)
    admin.create_topics([NewTopic(topic, PARTITIONS + 1, 1)])
    admin.close()

    with pytest.raises(WrongPartitions, match="9 partitions"):
        await asyncio.to_thread(ensure_topics, kafka_bootstrap, [topic])


async def test_topics_forget_nothing(kafka_bootstrap: str) -> None:
    topic = f"telehealth.{uuid4().hex}.events"
    await asyncio.to_thread(ensure_topics, kafka_bootstrap, [topic])
    admin = KafkaAdminClient(bootstrap_servers=kafka_bootstrap)
    wanted = ConfigResource(ConfigResourceType.TOPIC, topic, dict.fromkeys(TOPIC_CONFIG))
    found = admin.describe_configs([wanted], config_filter="all")["topic"][topic]
    admin.close()

    assert {name: found[name]["value"] for name in TOPIC_CONFIG} == TOPIC_CONFIG
    assert TOPIC_CONFIG["retention.ms"] == TOPIC_CONFIG["retention.bytes"] == "-1"
