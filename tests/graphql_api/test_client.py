"""The client against the real API: a lost line costs nothing, a refusal is told, a bad token ends it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest

from infra.client import Accepted, Client, Frame, Refused, Rejected, Subscription
from tests.graphql_api.service import Person, Service, somebody
from tests.graphql_api.world import a_facility

FEED = "subscription ($after: Position) { events(after: $after) { position events { position version } } }"
LINE = {"bitrateKbps": 20_000, "delayMs": 40, "lossPercent": "0.1"}


@pytest.fixture
async def http() -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(trust_env=False) as http:
        yield http


def client_of(service: Service, person: Person, http: httpx.AsyncClient) -> Client:
    return Client(f"{service.url}/graphql", person.token.removeprefix("Bearer "), http)


async def until(subscription: Subscription, count: int, frames: AsyncIterator[Frame]) -> list[int]:
    """The versions of the next events, at least so many."""
    versions: list[int] = []
    async with asyncio.timeout(60):
        while len(versions) < count:
            frame = await anext(frames)
            versions += [event["version"] for event in frame.update["events"]]
    return versions


async def test_a_lost_line_costs_no_event_and_doubles_none(service: Service, http: httpx.AsyncClient) -> None:
    facility_id, coordinator = await a_facility(service)
    client = client_of(service, coordinator, http)
    measured = {"facilityId": str(facility_id), "line": LINE, "instrument": "iperf3"}
    subscription = client.subscribe(FEED, after=0)
    frames = subscription.frames()
    before = await until(subscription, 1, frames)
    subscription.cut()
    for _ in range(3):
        assert isinstance(await client.command("measureLine", measured), Accepted)
    subscription.restore()
    assert before + await until(subscription, 3, frames) == [1, 2, 3, 4]
    assert subscription.connections == 2
    await subscription.close()


async def test_a_command_sent_again_takes_effect_once(service: Service, http: httpx.AsyncClient) -> None:
    facility_id, coordinator = await a_facility(service)
    client = client_of(service, coordinator, http)
    measured = {"facilityId": str(facility_id), "line": LINE, "instrument": "iperf3"}
    first = await client.command("measureLine", measured, command_id=facility_id)
    assert await client.command("measureLine", measured, command_id=facility_id) == first


async def test_a_refusal_is_data_with_its_code(service: Service, http: httpx.AsyncClient) -> None:
    facility_id, coordinator = await a_facility(service)
    answer = await client_of(service, coordinator, http).command("connectPoint", {"facilityId": str(facility_id)})
    assert isinstance(answer, Rejected)
    assert answer.code == "LINE_NOT_MEASURED"


async def test_whoever_may_not_follow_is_told_so(service: Service, http: httpx.AsyncClient) -> None:
    subscription = client_of(service, somebody("registrar"), http).subscribe(FEED)
    with pytest.raises(Refused) as refusal:
        await anext(subscription.frames())
    assert refusal.value.code == "ACCESS_DENIED"


async def test_an_ended_token_is_not_tried_again(service: Service, http: httpx.AsyncClient) -> None:
    subscription = client_of(service, somebody("doctor", for_s=-1), http).subscribe(FEED)
    with pytest.raises(Refused) as refusal:
        await anext(subscription.frames())
    assert refusal.value.code == "TOKEN_EXPIRED"
    assert subscription.connections == 0


async def test_what_is_no_answer_of_the_api_is_asked_for_again() -> None:
    """As from a proxy on the way, or from a server that is ending."""
    said = [httpx.Response(500, text="Internal Server Error"), httpx.Response(200, json={"data": {"a": 1}})]
    line = httpx.MockTransport(lambda request: said.pop(0))
    async with httpx.AsyncClient(transport=line) as http:
        assert await Client("http://nowhere/graphql", "token", http).ask("{ a }") == {"a": 1}
    assert said == []
