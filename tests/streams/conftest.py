"""A ward, a log and members of its worker group for every test."""

from __future__ import annotations

import asyncio
import secrets
import signal
import string
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import replace

import asyncpg
import pytest
from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition

from infra.event_log import all_after, head
from infra.event_store import PostgresEventStore
from infra.local.kinship import tethered
from infra.mapper import Stored
from infra.postgres import connect, migrate
from infra.topics import PARTITIONS
from tests.conftest import Stack
from tests.story import launch_day
from tests.storyteller import Story
from tests.streams.ward import Beds, Log, open_log

Spawn = Callable[[str], "subprocess.Popen[bytes]"]


@pytest.fixture
def beds() -> Iterator[Beds]:
    made = Beds("bed_" + "".join(secrets.choice(string.ascii_lowercase) for _ in range(10)))
    yield made
    made.forget()


@pytest.fixture
async def log(database: str, beds: Beds) -> AsyncIterator[Log]:
    async with open_log(database, beds) as opened:
        yield opened


@pytest.fixture
def spawn(database: str, kafka_bootstrap: str, beds: Beds) -> Iterator[Spawn]:
    """Start a member ("relay" or "worker") as a process; all are ended after the test."""
    started: list[subprocess.Popen[bytes]] = []

    def start(role: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "tests.streams.member", role, database, kafka_bootstrap, beds.aggregate]
        process = subprocess.Popen(
            tethered(command, orphan_signal=signal.SIGKILL), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.wait()


Messages = dict[int, list["ConsumerRecord[bytes, bytes]"]]


@pytest.fixture
def read_topic(kafka_bootstrap: str) -> Callable[..., object]:
    """Read what lies in a topic, by partition, until `enough` says so."""

    async def read(topic: str, enough: Callable[[Messages], bool], within_s: float = 15) -> Messages:
        consumer = AIOKafkaConsumer(bootstrap_servers=kafka_bootstrap, auto_offset_reset="earliest")
        found: Messages = {partition: [] for partition in range(PARTITIONS)}
        await consumer.start()
        try:
            consumer.assign([TopicPartition(topic, partition) for partition in range(PARTITIONS)])
            deadline = time.monotonic() + within_s
            while not enough(found):
                assert time.monotonic() < deadline, f"only {sum(map(len, found.values()))} messages arrived"
                for tp, records in (await consumer.getmany(timeout_ms=200)).items():
                    found[tp.partition] += records
            await asyncio.sleep(0)
        finally:
            await consumer.stop()
        return found

    return read


@pytest.fixture(scope="session")
async def whole_day(stack: Stack) -> Sequence[Stored]:
    """The rows of a whole launch day, as they lie in the log."""
    name = f"story_{secrets.token_hex(6)}"
    server = await asyncpg.connect(stack.dsn)
    await server.execute(f"create database {name}")
    dsn = f"{stack.dsn.rpartition('/')[0]}/{name}"
    db = await connect(dsn)
    await migrate(db)
    store = PostgresEventStore(dsn)
    try:
        await launch_day(Story(store))
        return [stored async for chunk in all_after(db, 0, await head(db)) for stored in chunk]
    finally:
        await store.close()
        await db.close()
        await server.execute(f"drop database {name} with (force)")
        await server.close()


@pytest.fixture(scope="session")
def story(whole_day: Sequence[Stored]) -> Sequence[Stored]:
    """A smaller log for those who write it anew for every test: three aggregates, numbered for themselves."""
    kept = [stored for stored in whole_day if stored.aggregate in ("facility", "referral", "consultation")]
    return [replace(stored, position=n) for n, stored in enumerate(kept, 1)]
