"""One real stack under load, and everything that can die dies: nothing acknowledged is lost, doubled or mistold.

The stack is started once; the tests of this file follow each other on it, from the harm to what must be found after
it. Then the accounts are falsified in one place each, and every rule has to see it.
"""

from __future__ import annotations

import asyncio
import os
import random
import shutil
import signal
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from rich.console import Console

from infra.client import Accepted
from infra.demo.run import running
from infra.event_log import head
from infra.event_store import PostgresEventStore
from infra.local.down import down
from infra.settings import Settings
from projections._view import every_view
from tests.e2e.harm import Harm
from tests.e2e.judgement import Entry, Evidence, complaints, differences, gather, has_been_told, positions_due
from tests.e2e.load import LINE, Ward, Watch, Work, at_work, watching, writing
from tests.e2e.overdue import Due
from tests.story_twists import everything
from tests.storyteller import Story

pytestmark = pytest.mark.timeout(400)
QUIET = Console(quiet=True)
SEED = 27
PROCESSES = ["api", "relay", "projections", "reactors", "issuer", "kafka", "postgres"]
TOLD_WITHIN_S = 30.0


@pytest.fixture(scope="module")
async def harm() -> AsyncIterator[Harm]:
    """A stack with its own PostgreSQL and Kafka in a folder of its own, and the story of the launch day in its log."""
    data = Path(tempfile.mkdtemp(prefix="telehealth-faults-"))
    settings = Settings.from_env().model_copy(update={"data": data, "database_url": None, "kafka_bootstrap": None})
    try:
        record = await asyncio.to_thread(running, settings, QUIET)
        assert record is not None, (data / "log" / "up.log").read_text()
        harm = Harm(settings.model_copy(update={"oidc_issuer": record.issuer}))
        await tell_the_story(harm)
        yield harm
    finally:
        await asyncio.to_thread(down, settings, QUIET)
        shutil.rmtree(data, ignore_errors=True)


async def tell_the_story(harm: Harm) -> None:
    """Every event of the domain happens once at least, so that every view has rows to lose."""
    store = PostgresEventStore(harm.record.database_url)
    try:
        # Who tells the story answers for the system too; two at once would tell two stories.
        async with harm.frozen("reactors"):
            await everything(Story(store))
    finally:
        await store.close()


@dataclass
class Night:
    """What is known after everything died and came back."""

    evidence: Evidence
    differences: list[str]
    connections: list[int]


@pytest.fixture(scope="module")
async def night(harm: Harm) -> Night:
    """Each process is killed under load, in random order; then two are frozen, and Kafka's data is lost."""
    dice = random.Random(SEED)

    async def hurt() -> None:
        for name in dice.sample(PROCESSES, len(PROCESSES)):
            await harm.kill(name)
            await asyncio.sleep(dice.uniform(0.2, 0.8))
        await harm.kill_a_backend()
        await harm.freeze("relay", 3)
        await harm.freeze("projections", 3)
        await harm.wipe_kafka()

    return await a_night(harm, hurt)


async def a_night(harm: Harm, hurt: Callable[[], Awaitable[None]]) -> Night:
    async with at_work(harm.settings, harm.record.graphql_url, SEED) as work:
        wards = await opened(work, 3)
        inbox = Watch.of_inbox(work, wards[0])
        watches = [Watch.everything(work), inbox, *(Watch.of_facility(work, ward.facility_id) for ward in wards)]
        async with watching(watches):
            async with writing(wards):
                await hurt()
            async with harm.db() as db:
                await harm.caught_up(await head(db))
                for watch in watches:
                    await until_told(watch, await positions_due(watch, db))
        async with harm.db() as db:
            connections = [watch.watcher.subscription.connections for watch in watches]
            return Night(await gather(db, work.wishes, watches), await differences(db), connections)


async def opened(work: Work, count: int) -> list[Ward]:
    ids = [uuid4() for _ in range(count)]
    wards = [Ward(work, partner_id=ids[n - 1], facility_id=ids[n]) for n in range(count)]
    await asyncio.gather(*(ward.open() for ward in wards))
    return wards


async def until_told(watch: Watch, due: list[int]) -> None:
    """Gives frames under way their time; what has not come by then is judged as missed."""
    deadline = time.monotonic() + TOLD_WITHIN_S
    while not has_been_told(watch.watcher, due) and time.monotonic() < deadline:
        await asyncio.sleep(0.05)


async def test_everything_that_dies_under_load_comes_back(harm: Harm, night: Night) -> None:
    print("", *harm.recoveries, sep="\n  ")
    assert len(harm.recoveries) == len(PROCESSES) + 4
    assert all(member.state == "ready" for member in harm.record.members.values())


async def test_what_was_acknowledged_is_in_the_log_once_and_everybody_was_told_once_in_order(night: Night) -> None:
    assert complaints(night.evidence) == []
    assert len(night.evidence.wishes) > 300
    assert all(isinstance(wish.answer, Accepted) for wish in night.evidence.wishes)
    assert all(len(told.received) > 50 for told in night.evidence.told)
    # The API died once, so everybody had to come back to the place where he was.
    assert all(connections > 1 for connections in night.connections)


async def test_every_view_is_what_a_fresh_fold_of_the_log_says(night: Night) -> None:
    assert night.differences == []


async def test_a_clock_that_runs_out_while_nobody_can_act_on_it_is_recorded_once_afterwards(harm: Harm) -> None:
    store = PostgresEventStore(harm.record.database_url)
    due = Due(Story(store))
    try:
        await due.prepare()
        async with harm.frozen("reactors") as former, harm.db() as db:
            await due.submit(runs_out_in=timedelta(seconds=1))
            await harm.caught_up(await head(db))
            await asyncio.sleep(2.5)
            assert await due.recorded(db) == 0
            os.kill(former.pid, signal.SIGKILL)
        async with harm.db() as db:
            await harm.ready("reactors", unlike=former)
            async with asyncio.timeout(90):
                while await due.recorded(db) == 0:
                    await asyncio.sleep(0.05)
            # The next one finds the clock run out too, and the one after that.
            await harm.kill("reactors")
            await asyncio.sleep(2.5)
            assert await due.recorded(db) == 1
    finally:
        await store.close()


# The controls: each rule sees what it is there for -----------------------------------------------------------------


@pytest.mark.parametrize("new_ids", [False, True], ids=["the same id again", "a new id each time"])
async def test_sending_again_is_safe_because_of_the_command_id_alone(
    harm: Harm, new_ids: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("infra.client.TRIES", 1)
    async with at_work(harm.settings, harm.record.graphql_url, SEED, lost_share=0.3) as work:
        work.new_ids = new_ids
        (ward,) = await opened(work, 1)
        staff = work.client("coordinator", at=ward.facility_id)
        measured = {"facilityId": str(ward.facility_id), "line": LINE, "instrument": "iperf3"}
        for _ in range(20):
            await work.wish(staff, "measureLine", measured)
        async with harm.db() as db:
            found = complaints(await gather(db, work.wishes, []))
    assert any("happened 2 times" in one for one in found) == new_ids
    assert bool(found) == new_ids


def log_with(change: Callable[[list[Entry]], None]) -> Callable[[Evidence], Evidence]:
    def falsify(evidence: Evidence) -> Evidence:
        log = list(evidence.log)
        change(log)
        return replace(evidence, log=log)

    return falsify


def told_with(change: Callable[[list[int]], None]) -> Callable[[Evidence], Evidence]:
    def falsify(evidence: Evidence) -> Evidence:
        first, *others = evidence.told
        received = list(first.received)
        change(received)
        return replace(evidence, told=[replace(first, received=received), *others])

    return falsify


def done_twice(log: list[Entry]) -> None:
    """In a place of its own, as a second append would do it."""
    last = log[-1]
    log.append(replace(last, position=last.position + 1, version=last.version + 1))


def done_by_another(log: list[Entry]) -> None:
    log[-1] = replace(log[-1], command_id=uuid4())


def in_another_order(received: list[int]) -> None:
    received[3], received[4] = received[4], received[3]


@pytest.mark.parametrize(
    "falsified",
    [
        log_with(lambda log: log.remove(log[7])),
        log_with(done_twice),
        log_with(done_by_another),
        told_with(lambda received: received.remove(received[5])),
        told_with(lambda received: received.insert(6, received[5])),
        told_with(lambda received: received.append(10**9)),
        told_with(in_another_order),
    ],
)
async def test_what_is_not_as_it_must_be_is_found(night: Night, falsified: Callable[[Evidence], Evidence]) -> None:
    assert complaints(night.evidence) == []
    assert complaints(falsified(night.evidence)) != []


@pytest.mark.parametrize("change", ["delete from {} where {}", "update {} set position = position + 1 where {}"])
async def test_one_wrong_row_in_any_table_is_found(harm: Harm, night: Night, change: str) -> None:
    tables = [table for view in every_view() for table in view.tables]
    async with harm.db() as db:
        await harm.caught_up(await head(db))
        transaction = db.transaction()
        await transaction.start()
        await db.execute("insert into projection_parked values ('activity', gen_random_uuid(), 1, 'by intent')")
        for table in tables:
            key = ", ".join(table.key)
            one = f"({key}) = (select {key} from {table.name} limit 1)"
            assert (await db.execute(change.format(table.name, one))).endswith(" 1"), f"{table.name} has no rows"
        found = await differences(db)
        await transaction.rollback()
    for name in (*(table.name for table in tables), "activity has parked"):
        assert any(one.startswith(name) for one in found), f"a wrong row of {name} is not seen"


@pytest.mark.long
@pytest.mark.parametrize("seed", range(1, 6))
async def test_whatever_dies_in_whatever_order_nothing_is_lost(harm: Harm, seed: int) -> None:
    """Longer: two at once, and again while they come back."""
    dice = random.Random(seed)

    async def hurt() -> None:
        for _ in range(6):
            one, other = dice.sample(PROCESSES, 2)
            await asyncio.gather(harm.kill(one), harm.kill(other))
            await asyncio.sleep(dice.uniform(0, 2))
        await harm.freeze(dice.choice(["relay", "projections", "reactors", "api"]), dice.uniform(1, 12))
        await harm.wipe_kafka(whole_folder=dice.random() < 0.5)

    night = await a_night(harm, hurt)
    assert complaints(night.evidence) == []
    assert night.differences == []
