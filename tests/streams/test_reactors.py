"""The system acts by itself: once for each cause, however often the cause is met."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

import pytest

from commands._bus import Bus, Unavailable
from commands._command import Command
from commands._ids import derived_id
from commands._policy import Policy
from domain._kernel import Recorded
from domain._reference import ReferenceData
from infra import progress
from infra.event_store import PostgresEventStore
from infra.health import Vitals
from infra.topics import PARTITIONS, Place
from streams.reactors import GROUP, Reaction, Reactor, Timer
from streams.sender import SYSTEM, Sender
from tests.streams.test_worker import GUARD, fetched, messages_of
from tests.streams.ward import Log

BEDS = [UUID(int=n) for n in range(5)]
NO_RULES = ReferenceData.model_construct()


class Reacting:
    """A policy of one test: whenever somebody slept calmly in a bed, the bed is made again."""

    def __init__(self, log: Log) -> None:
        self.policy, self.make = Policy(), log.beds.commands().make

        @self.policy.on(log.beds.slept)
        def a_bed_is_made_after_the_night(event: Any, at: Recorded) -> Iterator[Command]:
            if event.note == "poison":
                raise ValueError("nobody can make that")
            if event.note == "calm":
                yield self.make(bed_id=at.stream_id, label="made again")


@asynccontextmanager
async def reactor(log: Log) -> AsyncIterator[Reactor]:
    store, vitals = PostgresEventStore(log.dsn), Vitals("reactors")
    one = Reactor(log.dsn, "kafka", Reacting(log).policy, Sender(Bus(store), NO_RULES, vitals), vitals)
    await one.next_offsets([Place(log.beds.topic, partition) for partition in range(PARTITIONS)])
    try:
        yield one
    finally:
        await one.close()
        await store.close()


async def made_again(log: Log) -> int:
    return sum(stored.name.endswith(".made") and b"again" in stored.state for stored in await log.stored())


@GUARD
async def test_a_fact_that_is_met_again_after_a_crash_has_one_effect(
    log: Log, guarded: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not guarded:
        # The control: ids that do not follow from the cause.
        monkeypatch.setattr("commands._policy.derived_id", lambda cause, step: uuid4())
    await log.busy_night(BEDS, 2)
    async with reactor(log) as one:
        records = fetched(messages_of(await log.stored()))
        await one.take(records)
        assert await made_again(log) == 10
        # As if the process had died between its commands and its progress.
        await log.db.execute("update projection_progress set position = 0, kafka_offset = -1")
        await one.take(records)

    assert (await made_again(log) == 10) == guarded


async def test_a_command_of_the_system_names_its_cause(log: Log) -> None:
    await log.busy_night(BEDS[:1], 1)
    async with reactor(log) as one:
        await one.take(fetched(messages_of(await log.stored())))

    made, slept, again = [stored.metadata for stored in await log.stored()]
    cause, effect = _known(slept), _known(again)
    assert effect["causation_id"] == cause["command_id"]
    assert effect["correlation_id"] == cause["correlation_id"]
    assert effect["actor"]["id"] == str(SYSTEM.id)
    assert made != again


def _known(metadata: bytes) -> Any:
    import orjson

    return orjson.loads(metadata)


async def test_a_fact_at_which_the_policy_fails_is_kept_aside_and_the_others_go_on(log: Log) -> None:
    await log.busy_night(BEDS, 1)
    at = await log.add(BEDS[0], log.beds.slept(note="poison"))
    async with reactor(log) as one:
        await one.take(fetched(messages_of(await log.stored())))

    rows = await log.db.fetch("select view, position, reason from projection_parked")
    assert [tuple(row) for row in rows] == [(GROUP, at, "ValueError")]
    assert await made_again(log) == 5
    assert max((await progress.positions(log.db, GROUP)).values()) == at


async def test_while_the_store_takes_nothing_the_reactor_waits_and_then_sends(
    log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    await log.busy_night(BEDS[:2], 1)
    handle, failures = Bus.handle, 2

    async def full(bus: Bus, *arguments: Any) -> Any:
        nonlocal failures
        failures -= 1
        if failures >= 0:
            raise Unavailable(retry_after=0.05)
        return await handle(bus, *arguments)

    monkeypatch.setattr(Bus, "handle", full)
    async with reactor(log) as one:
        await one.take(fetched(messages_of(await log.stored())))

    assert await made_again(log) == 2


async def until(so: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not so():
            await asyncio.sleep(0.02)


async def test_the_timer_sends_what_is_due_once_from_one_process_and_again_after_a_restart_without_effect(
    log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("streams.reactors.TICK_S", 0.05)
    await log.busy_night(BEDS, 1)
    make = log.beds.commands().make
    asked = {"first": 0, "second": 0}

    def due(who: str) -> Callable[..., Any]:
        async def what(db: Any, now: datetime) -> Sequence[Reaction]:
            asked[who] += 1
            return [(derived_id(bed, "due"), make(bed_id=bed, label="made again")) for bed in BEDS]

        return what

    store = PostgresEventStore(log.dsn)
    sender = Sender(Bus(store), NO_RULES, Vitals("reactors"))
    first_stop, second_stop = asyncio.Event(), asyncio.Event()
    first = asyncio.create_task(Timer(log.dsn, due("first"), sender).run(first_stop))
    await until(lambda: asked["first"] >= 1)
    second = asyncio.create_task(Timer(log.dsn, due("second"), sender).run(second_stop))
    await asyncio.sleep(0.5)
    upto = asked["first"] + 2
    await until(lambda: asked["first"] >= upto)
    assert asked["second"] == 0

    first_stop.set()
    await first
    await until(lambda: asked["second"] >= 2)
    second_stop.set()
    await second
    await store.close()
    assert await made_again(log) == len(BEDS)
