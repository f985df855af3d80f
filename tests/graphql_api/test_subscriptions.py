"""Subscriptions lose nothing and repeat nothing, whatever happens to the line, the client or the API."""

from __future__ import annotations

import asyncio
import json
import random
from typing import Any
from uuid import UUID

import httpx
import pytest

from graphql_api import cohorts
from graphql_api.engine import Operation
from graphql_api.viewer import RequestContext
from tests.graphql_api.service import Person, Service, Subscription, serve, somebody
from tests.graphql_api.world import a_facility, measure
from tests.inline_worker import InlineWorker

FEED = "subscription($after: Position) { events(after: $after) { position events { position version name data } } }"


async def collect(subscription: Subscription, count: int) -> tuple[list[int], int]:
    """The versions of the next `count` events of the one stream that this viewer sees, and where to go on."""
    versions: list[int] = []
    position = 0
    while len(versions) < count:
        update = (await subscription.next())["events"]
        versions += [event["version"] for event in update["events"]]
        position = update["position"]
    return versions, position


async def write(service: Service, facility_id: UUID, coordinator: Person, times: int) -> None:
    async with service.client(coordinator) as client:
        for _ in range(times):
            assert (await measure(client, facility_id))["__typename"] == "CommandAccepted"


async def test_a_new_subscriber_learns_where_it_stands_and_then_what_happens(service: Service) -> None:
    facility_id, coordinator = await a_facility(service)
    async with service.subscribe(coordinator, FEED) as subscription:
        first = (await subscription.next())["events"]
        await write(service, facility_id, coordinator, 1)
        versions, _ = await collect(subscription, 1)
    assert first["events"] == []
    # The registration may have been released before or after the first answer; the measurement comes last.
    assert versions[-1] == 2 or (versions, await _registered_late(service, coordinator)) == ([1], True)


async def _registered_late(service: Service, coordinator: Person) -> bool:
    async with service.subscribe(coordinator, FEED, after=0) as subscription:
        return (await collect(subscription, 2))[0] == [1, 2]


async def test_history_comes_first_then_what_is_live_without_gap_or_double(service: Service) -> None:
    facility_id, coordinator = await a_facility(service)
    await write(service, facility_id, coordinator, 10)
    async with service.subscribe(coordinator, FEED, after=0) as subscription:
        writing = asyncio.create_task(write(service, facility_id, coordinator, 30))
        versions, _ = await collect(subscription, 41)
        await writing
    assert versions == list(range(1, 42))


async def test_a_line_that_breaks_again_and_again_costs_no_event_and_doubles_none(service: Service) -> None:
    facility_id, coordinator = await a_facility(service)
    writing = asyncio.create_task(write(service, facility_id, coordinator, 60))
    seen: list[int] = []
    position = 0
    dice = random.Random(2020)
    while len(seen) < 61:
        async with service.subscribe(coordinator, FEED, after=position) as subscription:
            versions, position = await collect(subscription, min(dice.randint(1, 9), 61 - len(seen)))
            seen += versions
    await writing
    assert seen == list(range(1, 62))


async def test_a_subscriber_goes_on_at_another_api_process(log_dsn: str, service: Service) -> None:
    facility_id, coordinator = await a_facility(service)
    async with service.subscribe(coordinator, FEED, after=0) as subscription:
        versions, position = await collect(subscription, 1)
    async with serve(log_dsn) as restarted, restarted.subscribe(coordinator, FEED, after=position) as subscription:
        writing = asyncio.create_task(write(restarted, facility_id, coordinator, 5))
        more, _ = await collect(subscription, 5)
        await writing
    assert versions + more == [1, 2, 3, 4, 5, 6]


async def test_a_batch_that_a_subscriber_has_from_history_is_not_sent_again(
    service: Service, worker: InlineWorker
) -> None:
    facility_id, coordinator = await a_facility(service)
    await write(service, facility_id, coordinator, 2)
    async with service.subscribe(coordinator, FEED, after=0) as subscription:
        before, position = await collect(subscription, 3)
        # As when a subscriber joins between the release of a batch and its publication.
        await service.release_again(position - 1, position)
        await write(service, facility_id, coordinator, 1)
        then, _ = await collect(subscription, 1)
    assert (before, then) == ([1, 2, 3], [4])


async def test_a_batch_of_which_a_subscriber_has_a_part_is_not_sent_as_it_is(
    service: Service, worker: InlineWorker
) -> None:
    facility_id, coordinator = await a_facility(service)
    await write(service, facility_id, coordinator, 2)
    async with service.subscribe(coordinator, FEED, after=0) as subscription:
        before, position = await collect(subscription, 3)
        await worker.hold()
        await write(service, facility_id, coordinator, 1)
        # As for a subscriber who comes from a process that was further on than this one.
        await service.release_again(position - 1, position + 1)
        worker.go_on()
        then, _ = await collect(subscription, 1)
    assert (before, then) == ([1, 2, 3], [4])


async def test_a_slow_client_loses_its_queue_and_no_event(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cohorts, "LONGEST_QUEUE", 2)
    facility_id, coordinator = await a_facility(service)
    operation = service.engine.prepare({"query": FEED, "variables": {"after": 0}})
    frames = await service.subscriptions.open(operation, service.viewer(coordinator))
    first = await anext(frames)
    await write(service, facility_id, coordinator, 12)
    await service.settled()
    versions = [event["version"] for event in json.loads(first.payload)["data"]["events"]["events"]]
    while 13 not in versions:
        payload = json.loads((await anext(frames)).payload)
        versions += [event["version"] for event in payload["data"]["events"]["events"]]
    await frames.aclose()
    assert versions == list(range(1, 14))


async def test_what_the_views_do_not_have_yet_is_not_released(service: Service, worker: InlineWorker) -> None:
    facility_id, coordinator = await a_facility(service)
    async with service.subscribe(coordinator, FEED, after=0) as subscription:
        await collect(subscription, 1)
        await worker.hold()
        try:
            await write(service, facility_id, coordinator, 1)
            with pytest.raises(TimeoutError):
                await subscription.next(within_s=0.4)
        finally:
            worker.go_on()


async def test_server_sent_events_carry_their_position_and_resume_by_it(service: Service) -> None:
    facility_id, coordinator = await a_facility(service)
    await write(service, facility_id, coordinator, 3)
    seen: list[int] = []
    last = "0"
    for _ in range(2):
        headers = {"authorization": coordinator.token, "accept": "text/event-stream", "last-event-id": last}
        async with (
            httpx.AsyncClient(timeout=60) as client,
            client.stream("POST", f"{service.url}/graphql", json={"query": FEED}, headers=headers) as answer,
        ):
            assert answer.headers["content-type"].startswith("text/event-stream")
            async for line in answer.aiter_lines():
                if line.startswith("id: "):
                    last = line.removeprefix("id: ")
                if line.startswith("data: "):
                    events = json.loads(line.removeprefix("data: "))["data"]["events"]["events"]
                    seen += [event["version"] for event in events]
                    if events:
                        break
        await write(service, facility_id, coordinator, 1)
    assert seen == [1, 2, 3, 4, 5]


async def test_a_subscription_ends_with_its_token(service: Service) -> None:
    person = somebody("doctor", at=(await a_facility(service))[0], for_s=3)
    async with service.socket(person) as socket:
        payload = {"query": FEED, "variables": {}}
        await socket.send(json.dumps({"id": "1", "type": "subscribe", "payload": payload}))
        async with asyncio.timeout(60):
            await socket.wait_closed()
        assert (socket.close_code, socket.close_reason) == (4403, "TOKEN_EXPIRED")


async def test_subscribers_that_went_away_leave_nothing_behind(service: Service) -> None:
    _, coordinator = await a_facility(service)
    async with service.socket(coordinator) as socket:
        for n in range(5):
            payload = {"query": FEED, "variables": {"after": 0}}
            await socket.send(json.dumps({"id": str(n), "type": "subscribe", "payload": payload}))
        await socket.recv()
        assert service.subscriptions.open_now() >= 1
    async with asyncio.timeout(60):
        while service.subscriptions.open_now():
            await asyncio.sleep(0.02)


async def test_facilities_that_are_shown_the_same_share_one_execution_and_a_stranger_gets_nothing(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    (one, here), (other, there), (elsewhere, stranger) = [await a_facility(service) for _ in range(3)]
    await service.settled()
    executed: list[object] = []
    execute = service.engine.execute

    async def counted(operation: Operation, context: RequestContext, root: object = None) -> dict[str, Any]:
        executed.append(root)
        return await execute(operation, context, root)

    async with (
        service.subscribe(here, FEED) as first,
        service.subscribe(there, FEED) as second,
        service.subscribe(stranger, FEED) as third,
    ):
        for subscription in (first, second, third):
            await subscription.next()
        monkeypatch.setattr(service.engine, "execute", counted)
        async with service.client(somebody("registrar")) as registrar:
            agreement = {"facilityId": str(one), "partnerId": str(other), "term": {"first": "2020-08-27"}}
            names = {"signedForFacility": "Giám đốc A", "signedForPartner": "Giám đốc B"}
            assert (await registrar.command("signAgreement", {**agreement, **names}))["__typename"] == "CommandAccepted"
        update = await first.next()
        assert [event["name"] for event in update["events"]["events"]] == ["agreement.signed"]
        assert await second.next() == update
        assert len([root for root in executed if root is not None]) == 1
        await write(service, elsewhere, stranger, 1)
        assert [event["name"] for event in (await third.next())["events"]["events"]] == ["facility.line_measured"]
