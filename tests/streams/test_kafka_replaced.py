"""A worker learns from the relay that Kafka is another one, and waits for a relay that comes later than itself."""

from __future__ import annotations

import asyncio

from streams.group import CARRIED_TO, kafka_replaced
from tests.streams.ward import Log


async def carries_to(log: Log, cluster_id: str) -> None:
    await log.db.execute(
        "insert into relay_progress (epoch, cluster_id, position, partitions) values (1, $1, 0, '{}')"
        " on conflict (lane) do update set cluster_id = $1",
        cluster_id,
    )


async def known(log: Log) -> None:
    """Returns when whoever watches has asked, and has asked again since."""
    asked = "select max(query_start) from pg_stat_activity where datname = current_database() and query = $1"
    since = await log.db.fetchval("select clock_timestamp()")
    async with asyncio.timeout(60):
        for _ in range(2):
            while (last := await log.db.fetchval(asked, CARRIED_TO)) is None or last <= since:
                await asyncio.sleep(0.01)
            since = last


async def test_it_ends_when_the_relay_turns_to_another_kafka(log: Log) -> None:
    watching = asyncio.create_task(kafka_replaced(log.dsn, "ours", every_s=0.01))
    for to in ("ours", "ours"):
        await carries_to(log, to)
        await known(log)
        assert not watching.done()
    await carries_to(log, "another")
    async with asyncio.timeout(60):
        await watching


async def test_a_relay_that_has_not_come_to_our_kafka_yet_is_waited_for(log: Log) -> None:
    await carries_to(log, "the one before")
    watching = asyncio.create_task(kafka_replaced(log.dsn, "ours", every_s=0.01))
    for to in ("the one before", "ours"):
        await carries_to(log, to)
        await known(log)
        assert not watching.done()
    # Back to the one before, which for us is another one by now.
    await carries_to(log, "the one before")
    async with asyncio.timeout(60):
        await watching
