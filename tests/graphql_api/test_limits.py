"""What a client may ask for: each limit, and just below it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import orjson
import pytest

from graphql_api import http, websocket
from graphql_api.http import LARGEST_BODY
from graphql_api.limits import DEEPEST, MOST_ALIASES, MOST_TOKENS
from graphql_api.queries import LARGEST_PAGE
from graphql_api.websocket import MOST_OPEN
from tests.graphql_api.service import Service, serve, somebody
from tests.graphql_api.world import a_facility

FACILITY = "00000000-0000-0000-0000-000000000001"


async def codes(service: Service, query: str, **variables: Any) -> set[str]:
    async with service.client(somebody("doctor", at=(await a_facility(service))[0])) as client:
        answer = await client.ask(query, **variables)
    return {error["extensions"]["code"] for error in answer.get("errors", [])}


@pytest.fixture(scope="module")
async def in_production(log_dsn: str, service: Service) -> AsyncIterator[Service]:
    async with serve(log_dsn, production=True) as production:
        yield production


def inbox(arguments: str = "", fields: str = "nodes { status }", alias: str = "") -> str:
    return f'{alias}referralInbox(facilityId: "{FACILITY}"{arguments}) {{ {fields} }}'


async def test_a_usual_query_is_answered(service: Service) -> None:
    assert await codes(service, "{" + inbox() + "}") == set()


async def test_aliases_are_limited(service: Service) -> None:
    many = [inbox(alias=f"a{n}: ", fields="pageInfo { hasNextPage }") for n in range(MOST_ALIASES + 1)]
    assert await codes(service, "{" + " ".join(many[:-1]) + "}") == set()
    assert await codes(service, "{" + " ".join(many) + "}") == {"ALIAS_LIMIT"}


async def test_aliases_inside_fragments_count_where_they_are_spread(service: Service) -> None:
    fields = " ".join(f"a{n}: status" for n in range(MOST_ALIASES))
    fragment = f"fragment f on Referral {{ {fields} }}"
    assert await codes(service, "{" + inbox(fields="nodes { ...f }") + "} " + fragment) == set()
    twice = inbox(fields="nodes { ...f } edges { node { ...f } }")
    assert await codes(service, "{" + twice + "} " + fragment) == {"ALIAS_LIMIT"}


async def test_depth_is_limited(service: Service) -> None:
    deep = "status"
    for _ in range(DEEPEST + 1):
        deep = "... on Referral { " + deep + " }"
    assert "DEPTH_LIMIT" in await codes(service, "{" + inbox(fields="nodes {" + deep + "}") + "}")


async def test_a_fragment_that_contains_itself_is_refused(service: Service) -> None:
    query = "{" + inbox(fields="nodes { ...f }") + "} fragment f on Referral { status ...f }"
    assert await codes(service, query) >= {"BAD_REQUEST"}


async def test_cost_grows_with_the_size_of_a_page(service: Service) -> None:
    fields = "nodes { " + " ".join(f"{name}" for name in REFERRAL_FIELDS) + " }"
    small = " ".join(inbox(", first: 2", fields, f"a{n}: ") for n in range(10))
    large = " ".join(inbox(f", first: {LARGEST_PAGE}", fields, f"a{n}: ") for n in range(10))
    assert await codes(service, "{" + small + "}") == set()
    assert await codes(service, "{" + large + "}") == {"COST_LIMIT"}


async def test_a_page_size_in_a_variable_counts_as_the_largest(service: Service) -> None:
    fields = "nodes { " + " ".join(REFERRAL_FIELDS) + " }"
    query = " ".join(inbox(", first: $n", fields, f"a{n}: ") for n in range(10))
    assert await codes(service, f"query($n: Int!) {{ {query} }}", n=2) == {"COST_LIMIT"}


REFERRAL_FIELDS = [
    *("position", "referralId", "patientId", "askingFacilityId", "receivingFacilityId", "speciality", "urgency"),
    *("status", "question", "history", "findings", "draftedAt", "submittedAt", "answerDueAt", "overdue"),
]


async def test_tokens_are_limited(service: Service) -> None:
    assert await codes(service, "{" + inbox(fields="nodes { " + "status " * MOST_TOKENS + "}") + "}") == {"BAD_REQUEST"}


@pytest.mark.parametrize("first", [0, -1, LARGEST_PAGE + 1])
async def test_a_page_has_a_largest_size(service: Service, first: int) -> None:
    assert await codes(service, "{" + inbox(f", first: {first}") + "}") == {"PAGE_TOO_LARGE"}


async def test_a_cursor_of_another_list_is_refused(service: Service) -> None:
    assert await codes(service, "{" + inbox(', after: "bm9uc2Vuc2U"') + "}") == {"BAD_CURSOR"}


async def test_a_body_has_a_largest_size(service: Service) -> None:
    async with service.client(somebody("doctor")) as client:
        answer = await client.post(b'{"query": "' + b"#" * LARGEST_BODY + b'"}')
    assert answer.status_code == 413
    assert answer.json()["errors"][0]["extensions"]["code"] == "BODY_TOO_LARGE"


async def test_a_body_has_its_time_to_arrive(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "BODY_WITHIN_S", 0.2)

    async def slowly() -> AsyncIterator[bytes]:
        yield b"{"
        await asyncio.sleep(2)
        yield b"}"

    headers = {"authorization": somebody("doctor").token, "content-type": "application/json"}
    async with httpx.AsyncClient(trust_env=False) as client:
        answer = await client.post(f"{service.url}/graphql", content=slowly(), headers=headers)
    assert (answer.status_code, answer.json()["errors"][0]["extensions"]["code"]) == (408, "BODY_TOO_SLOW")


async def test_without_a_token_there_is_no_answer(service: Service) -> None:
    async with service.client(somebody("doctor", for_s=-1)) as client:
        answer = await client.post(b'{"query": "{__typename}"}')
    assert (answer.status_code, answer.json()["errors"][0]["extensions"]["code"]) == (401, "TOKEN_EXPIRED")


async def test_production_shows_neither_its_schema_nor_suggestions(in_production: Service) -> None:
    async with in_production.client(somebody("doctor")) as client:
        shown = await client.ask("{ __schema { types { name } } }")
        guessed = await client.ask("{ referralInbo { nodes { status } } }")
    assert shown["errors"][0]["extensions"]["code"] == "BAD_REQUEST"
    assert "data" not in shown
    assert "referralInbox" not in json.dumps(guessed)


async def test_development_shows_its_schema(service: Service) -> None:
    assert await codes(service, "{ __schema { types { name } } }") == set()


async def close_code(service: Service, *messages: object, greet: bool = True) -> int | None:
    async with service.socket(somebody("doctor", at=(await a_facility(service))[0]), greet=greet) as socket:
        for message in messages:
            await socket.send(message if isinstance(message, str | bytes) else orjson.dumps(message).decode())
        async with asyncio.timeout(60):
            await socket.wait_closed()
        return socket.close_code


def subscribe(id_: object = "1") -> dict[str, Any]:
    return {"id": id_, "type": "subscribe", "payload": {"query": "subscription { events { position } }"}}


async def test_who_breaks_the_protocol_is_told_the_code_of_it(service: Service) -> None:
    assert await close_code(service, {"type": "connection_init"}) == 4429
    assert await close_code(service, {"type": "nonsense"}) == 4400
    assert await close_code(service, "not JSON") == 4400
    assert await close_code(service, [1]) == 4400
    assert await close_code(service, subscribe(id_=7)) == 4400
    assert await close_code(service, subscribe(), subscribe()) == 4409
    assert await close_code(service, subscribe(), greet=False) == 4401


async def test_who_does_not_say_who_he_is_in_time_is_let_go(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(websocket, "INIT_WITHIN_S", 0.2)
    assert await close_code(service, greet=False) == 4408


async def test_a_connection_has_a_largest_number_of_subscriptions(service: Service) -> None:
    assert await close_code(service, *(subscribe(str(n)) for n in range(MOST_OPEN + 1))) == 4430


async def test_a_binary_message_ends_the_connection_and_not_the_process(service: Service) -> None:
    assert await close_code(service, b"\x00\xff") == 4400
    assert await codes(service, "{" + inbox() + "}") == set()
