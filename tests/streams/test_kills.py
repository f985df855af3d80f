"""The whole way on real processes: log, relay, Kafka, Faust workers, views, and some of them killed."""

from __future__ import annotations

import asyncio
import random
from contextlib import suppress
from uuid import UUID

import pytest
from kafka.admin import KafkaAdminClient
from kafka.errors import KafkaError

from tests.streams.conftest import Spawn
from tests.streams.ward import Log

BEDS = [UUID(int=n) for n in range(40)]


async def assert_views_are_a_fresh_fold(log: Log) -> None:
    for view in log.beds.views.values():
        assert await log.rows(view) == await log.fresh_fold(view)
    assert await log.db.fetchval("select count(*) from projection_parked") == 0


async def test_two_workers_share_the_work_and_one_that_is_killed_is_replaced_soon(
    log: Log, spawn: Spawn, kafka_bootstrap: str
) -> None:
    spawn("relay")
    first, second = spawn("worker"), spawn("worker")
    await log.busy_night(BEDS, 2)
    await _members(kafka_bootstrap, log.beds.aggregate, 2)
    await log.caught_up(log.beds.aggregate)

    first.kill()
    await log.busy_night(BEDS, 1)
    # With the settings that Faust comes with the partitions would be idle for 75 s.
    await log.caught_up(log.beds.aggregate, within_s=70)
    assert second.poll() is None

    await assert_views_are_a_fresh_fold(log)


async def _members(bootstrap: str, group: str, count: int) -> None:
    """Wait until the group is settled with so many members, each with partitions of its own."""
    admin = KafkaAdminClient(bootstrap_servers=bootstrap)
    async with asyncio.timeout(90):
        while True:
            with suppress(KafkaError):  # The coordinator may not be there yet.
                found = (await asyncio.to_thread(admin.describe_groups, [group]))[group]
                held = [member["member_assignment"] for member in found["members"]]
                if found["group_state"] == "Stable" and len([one for one in held if one]) == count:
                    break
            await asyncio.sleep(0.1)
    admin.close()


@pytest.mark.timeout(600)
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
    async with asyncio.timeout(200):
        while await log.end() <= 1_000:
            await asyncio.sleep(0.05)
    full.cancel()
    await asyncio.gather(full, return_exceptions=True)
    await log.caught_up(log.beds.aggregate, within_s=200)
    await assert_views_are_a_fresh_fold(log)


async def _keep_busy(log: Log) -> None:
    while True:
        await asyncio.shield(log.busy_night(BEDS, 1))
        await asyncio.sleep(0.02)
