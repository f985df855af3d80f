"""While the database is away subscribers wait and miss nothing, and whoever asks is told to ask again."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from graphql_api.engine import Operation
from infra.mapper import Stored
from infra.postgres import Connection
from tests.graphql_api.service import Service, serve
from tests.graphql_api.test_subscriptions import FEED, collect, write
from tests.graphql_api.world import a_facility
from tests.proxy import Fault, Message, proxy, through


async def test_a_subscription_outlives_the_database(service: Service, log_dsn: str) -> None:
    facility_id, coordinator = await a_facility(service)
    away = False

    def fault(message: Message) -> Fault:
        return Fault.CUT_BEFORE if away else Fault.NONE

    async with proxy(log_dsn, fault) as line, serve(through(log_dsn, line.port)) as far:
        async with far.subscribe(coordinator, FEED, after=0) as subscription:
            before, _ = await collect(subscription, 1)
            away = True
            await write(service, facility_id, coordinator, 5)
            async with far.client(coordinator) as client:
                refused = await client.ask("{ facilities { nodes { nameVi } } }")
            # Somebody who comes just now waits too.
            async with far.subscribe(coordinator, FEED, after=0) as late:
                await asyncio.sleep(0.5)
                away = False
                versions, _ = await collect(subscription, 5)
                assert (await collect(late, 6))[0] == [1, 2, 3, 4, 5, 6]
        assert line.cuts > 0
    assert before + versions == [1, 2, 3, 4, 5, 6]
    assert {error["extensions"]["code"] for error in refused["errors"]} == {"UNAVAILABLE"}


@pytest.mark.parametrize("first", [True, False], ids=["before the subscribers", "after the subscribers"])
async def test_what_breaks_while_a_batch_is_released_costs_no_event_and_doubles_none(
    service: Service, first: bool
) -> None:
    facility_id, coordinator = await a_facility(service)
    await service.settled()
    failures = 0

    async def breaks_now_and_then(db: Connection, batch: Sequence[Stored]) -> None:
        nonlocal failures
        failures += 1
        if failures % 2:
            raise ConnectionResetError

    listeners = service.feed._listeners
    listeners.insert(0 if first else len(listeners), breaks_now_and_then)
    try:
        async with service.subscribe(coordinator, FEED, after=0) as subscription:
            await collect(subscription, 1)
            await write(service, facility_id, coordinator, 10)
            versions, _ = await collect(subscription, 10)
            with pytest.raises(TimeoutError):
                await subscription.next(within_s=0.5)
    finally:
        listeners.remove(breaks_now_and_then)
    assert versions == list(range(2, 12))
    assert failures > 2


async def test_half_a_frame_is_never_sent(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    facility_id, coordinator = await a_facility(service)
    execute, failures = service.engine.execute, 3

    async def interrupted(operation: Operation, *arguments: Any, **more: Any) -> dict[str, Any]:
        nonlocal failures
        failures -= operation.is_subscription
        if operation.is_subscription and failures >= 0:
            return {"data": None, "errors": [{"message": "", "extensions": {"code": "UNAVAILABLE"}}]}
        return await execute(operation, *arguments, **more)

    async with service.subscribe(coordinator, FEED, after=0) as subscription:
        await collect(subscription, 1)
        monkeypatch.setattr(service.engine, "execute", interrupted)
        await write(service, facility_id, coordinator, 2)
        assert (await collect(subscription, 2))[0] == [2, 3]
    assert failures < 0
