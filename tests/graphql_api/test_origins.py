"""Which pages may call the API from a browser: its own, and those that the deployment names."""

from __future__ import annotations

import json

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from tests.graphql_api.service import Service, serve, somebody
from tests.inline_worker import InlineWorker

CONSOLE, STRANGER = "https://console.example", "https://stranger.example"


async def opened(service: Service, origin: str) -> bool:
    url = service.url.replace("http", "ws") + "/graphql"
    try:
        async with connect(url, subprotocols=["graphql-transport-ws"], origin=origin) as socket:  # type: ignore[arg-type, list-item]
            payload = {"Authorization": somebody("doctor").token}
            await socket.send(json.dumps({"type": "connection_init", "payload": payload}))
            return bool(json.loads(await socket.recv())["type"] == "connection_ack")
    except InvalidStatus as refusal:
        return refusal.response.status_code != 403


@pytest.mark.parametrize(("origin", "may"), [(CONSOLE, True), (STRANGER, False)])
async def test_a_page_of_another_origin_may_call_only_when_it_is_named(
    log_dsn: str, worker: InlineWorker, origin: str, may: bool
) -> None:
    async with serve(log_dsn, origins=[CONSOLE]) as service, service.client(somebody("doctor")) as client:
        answer = await client.post(b'{"query": "{ __typename }"}', origin=origin)
        assert (answer.headers.get("access-control-allow-origin") == origin) is may
        assert await opened(service, origin) is may


async def test_the_pages_of_its_own_origin_are_always_welcome(service: Service) -> None:
    assert await opened(service, service.url)
    assert not await opened(service, STRANGER)
