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
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition

from infra.local.kinship import tethered
from infra.mapper import Stored
from infra.topics import PARTITIONS
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
def spawn(database: str, kafka_bootstrap: str, beds: Beds, tmp_path: Path) -> Iterator[Spawn]:
    """Start a member ("relay" or "worker") as a process; all are ended after the test."""
    started: list[subprocess.Popen[bytes]] = []

    def start(role: str) -> subprocess.Popen[bytes]:
        known = [database, kafka_bootstrap, beds.aggregate, str(tmp_path)]
        command = [sys.executable, "-m", "tests.streams.member", role, *known]
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

    async def read(topic: str, enough: Callable[[Messages], bool], within_s: float = 60) -> Messages:
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
def story(whole_day: Sequence[Stored]) -> Sequence[Stored]:
    """A smaller log for those who write it anew for every test: three aggregates, numbered for themselves."""
    kept = [stored for stored in whole_day if stored.aggregate in ("facility", "referral", "consultation")]
    return [replace(stored, position=n) for n, stored in enumerate(kept, 1)]
