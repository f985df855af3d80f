"""The whole way on real processes: log, relay, Kafka, Faust workers, views, and some of them killed."""

from __future__ import annotations

import asyncio
import random
import time
from uuid import UUID

from tests.streams.conftest import Spawn
from tests.streams.ward import Log

BEDS = [UUID(int=n) for n in range(40)]


async def assert_views_are_a_fresh_fold(log: Log) -> None:
    for view in log.beds.views.values():
        assert await log.rows(view) == await log.fresh_fold(view)
    assert await log.db.fetchval("select count(*) from projection_parked") == 0


async def test_two_workers_share_the_work_and_one_that_is_killed_is_replaced_within_ten_seconds(
    log: Log, spawn: Spawn
) -> None:
    spawn("relay")
    first, second = spawn("worker"), spawn("worker")
    await log.busy_night(BEDS, 2)
    await log.caught_up(log.beds.aggregate)
    # Both have joined by now, or join while the next events arrive.
    await asyncio.sleep(2)

    first.kill()
    killed_at = time.monotonic()
    await log.busy_night(BEDS, 3)
    await log.caught_up(log.beds.aggregate, within_s=10)
    assert time.monotonic() - killed_at < 10
    assert second.poll() is None

    await assert_views_are_a_fresh_fold(log)


async def test_workers_and_relays_killed_at_random_moments_leave_every_event_taken_in_exactly_once(
    log: Log, spawn: Spawn
) -> None:
    dice = random.Random(27)
    members = {role: spawn(role) for role in ("relay", "worker")}
    full = asyncio.create_task(_keep_busy(log))
    for role in ("worker", "worker", "relay", "worker"):
        await asyncio.sleep(dice.uniform(1.5, 3.5))
        members[role].kill()
        members[role].wait()
        members[role] = spawn(role)
    full.cancel()
    await asyncio.gather(full, return_exceptions=True)
    await log.caught_up(log.beds.aggregate, within_s=25)

    assert await log.end() > 1_000
    await assert_views_are_a_fresh_fold(log)


async def _keep_busy(log: Log) -> None:
    while True:
        await asyncio.shield(log.busy_night(BEDS, 1))
        await asyncio.sleep(0.02)
