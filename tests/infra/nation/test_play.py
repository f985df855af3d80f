"""A nation gets into the log: through the bus, in bulk, and across kills, and it is always the same one."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest

from commands._bus import Accepted, Bus
from commands._command import Context
from commands.facility import ConnectPoint, SuspendPoint
from commands.policies import policy
from infra.event_log import after
from infra.event_store import PostgresEventStore
from infra.mapper import to_recorded
from infra.nation.bulk import Loader
from infra.nation.pace import Pace
from infra.nation.people import registrar
from infra.nation.play import NotAsPlayed, Player
from infra.nation.resume import known_in
from infra.nation.rhythm import midnight
from infra.nation.step import SYSTEM
from infra.postgres import Line, connect
from infra.reference import load
from infra.settings import ROOT
from tests.infra.nation.playing import DAYS, FACILITIES, FIRST, SEED, facts, script
from tests.own_postgres import fresh_database

KILLS = 3
COMMAND = (
    "nation", f"--facilities={FACILITIES}", f"--days={DAYS}", f"--seed={SEED}", f"--from={FIRST}",
)  # fmt: skip


async def played(dsn: str) -> None:
    store, line = PostgresEventStore(dsn), Line(dsn)
    try:
        tally = await Player(store, load(), known_in(line)).play(script(), Pace())
        assert tally.sent > 1_000
    finally:
        await store.close()
        await line.close()


async def loaded(dsn: str) -> Loader:
    loader = Loader(dsn, load(), most=50)
    try:
        await loader.load(script())
    finally:
        await loader.close()
    return loader


@pytest.fixture
async def other_database(log_database: str) -> AsyncIterator[str]:
    async with fresh_database(log_database) as dsn:
        yield dsn


async def test_bulk_and_bus_lead_to_the_same_facts_and_both_answer_what_the_policies_ask(
    log_database: str, other_database: str
) -> None:
    await played(log_database)
    await loaded(other_database)
    assert await facts(log_database) == await facts(other_database)
    await assert_policies_have_nothing_left(log_database)


async def assert_policies_have_nothing_left(dsn: str) -> None:
    """The script sends what the policies would, under their ids: reactors that meet this log do nothing new."""
    db = await connect(dsn)
    log = [to_recorded(row) for row in await after(db, 0, limit=100_000)]
    await db.close()
    end = max(recorded.happened_at for recorded in log)
    store, added, answered = PostgresEventStore(dsn), set(), 0
    bus = Bus(store)
    for recorded in log:
        # What the script would send after its last day is still to come.
        due = policy.reactions(recorded) if end - recorded.happened_at > timedelta(seconds=5) else ()
        for id_, command in due:
            context = Context(actor=SYSTEM, now=end, correlation_id=id_, reference=load())
            answer = await bus.handle(command, context, id_)
            if isinstance(answer, Accepted):
                answered += 1
                if answer.position > len(log):
                    added.add(type(command).__name__)
    await store.close()
    assert answered
    assert added == set()


async def test_a_loaded_nation_is_not_loaded_twice(log_database: str) -> None:
    await loaded(log_database)
    before = await facts(log_database)
    again = await loaded(log_database)
    assert again.tally.sent == 0
    assert await facts(log_database) == before


async def test_a_run_that_is_killed_again_and_again_leaves_the_same_log(log_database: str, other_database: str) -> None:
    await loaded(other_database)
    whole = await facts(other_database)
    for kill in range(KILLS):
        run = await started(log_database)
        await until_log_has(log_database, len(whole) * (kill + 1) // (KILLS + 2))
        run.send_signal(signal.SIGKILL)
        assert await run.wait() == -signal.SIGKILL
    last = await started(log_database)
    assert await last.wait() == 0
    assert await facts(log_database) == whole


async def started(dsn: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "infra.cli", *COMMAND,
        cwd=ROOT, env={**os.environ, "DATABASE_URL": dsn, "PYTHONPATH": str(ROOT)},
        stdout=asyncio.subprocess.DEVNULL,
    )  # fmt: skip


async def until_log_has(dsn: str, events: int) -> None:
    db = await connect(dsn)
    try:
        while await db.fetchval("select position from head") < events:
            await asyncio.sleep(0.02)
    finally:
        await db.close()


async def test_the_loader_ends_when_somebody_else_writes_to_its_streams(log_database: str) -> None:
    loader = Loader(log_database, load(), most=50)
    windows = script()
    first = next(windows)
    half = replace(first, steps=tuple(step for step in first.steps if step.kind.__name__ != "ConnectPoint"))
    await loader.load([half])
    store = PostgresEventStore(log_database)
    await connect_somewhere_else(store, first.steps[3].given["facility_id"])
    with pytest.raises(NotAsPlayed, match="somebody else writes"):
        await loader.load([first])
    await loader.close()
    await store.close()


async def connect_somewhere_else(store: PostgresEventStore, facility_id: UUID) -> None:
    context = Context(actor=registrar(SEED), now=midnight(FIRST), correlation_id=facility_id, reference=load())
    connect = ConnectPoint(facility_id=facility_id)
    suspend = SuspendPoint(facility_id=facility_id, reason="Bảo trì / maintenance")
    bus = Bus(store)
    for n, command in enumerate((connect, suspend)):
        assert isinstance(await bus.handle(command, context, UUID(int=n + 1)), Accepted)


async def test_a_step_that_the_rules_refuse_ends_the_run_and_is_named(log_database: str) -> None:
    store, line = PostgresEventStore(log_database), Line(log_database)
    window = next(script())
    without_lines = replace(window, steps=tuple(one for one in window.steps if one.kind.__name__ != "MeasureLine"))
    with pytest.raises(NotAsPlayed, match="LINE_NOT_MEASURED"):
        await Player(store, load(), known_in(line)).play([without_lines], Pace())
    with pytest.raises(NotAsPlayed, match="LINE_NOT_MEASURED"):
        await Loader(log_database, load()).load([without_lines])
    await store.close()
    await line.close()
