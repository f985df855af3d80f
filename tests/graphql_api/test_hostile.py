"""What strangers send harms nobody: the process lives, others are served, and no answer tells of its inside.

The API is a process of its own here, so that it can die of what it is sent.
"""

from __future__ import annotations

import asyncio
import base64
import json
import random
import re
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID, uuid4

import httpx
import orjson
import pytest
import structlog

from graphql_api.engine import masked, told
from graphql_api.schema import build_schema, executable
from infra.client import Accepted, Client
from infra.log import only_allowed
from infra.postgres import connect
from tests.graphql_api.api_process import ApiProcess, api_process
from tests.graphql_api.hostile_frames import HANDSHAKE, hostile_frames
from tests.graphql_api.hostility import Attack, Attacker
from tests.graphql_api.world import registration
from tests.inline_worker import InlineWorker
from tests.product import ROOT

pytestmark = pytest.mark.timeout(240)
SEED, REQUESTS, AT_ONCE = 64, 1_000, 12
GOOD = "{ facilities(first: 5) { nodes { facilityId nameVi status } } }"
# Files, classes, libraries, statements and tables have no place in an answer.
INSIDE = re.compile(
    rf"{re.escape(str(ROOT))}"
    r"|traceback|\.py\b|site-packages|\b[A-Za-z]+(Error|Exception)\b|asyncpg|uvicorn|starlette|sqlstate|select \*"
    r"|_v\d+_g\d+|object at 0x|NoneType|graphql_api|server closed",
    re.IGNORECASE,
)
NOT_BLOCKED_S = 25.0
MOST_GROWTH_MB = 200.0


@pytest.fixture(scope="module")
async def api(
    log_dsn: str, worker: InlineWorker, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[ApiProcess]:
    async with api_process(log_dsn, tmp_path_factory.mktemp("hostile")) as api:
        yield api


@pytest.fixture(scope="module")
async def http() -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(trust_env=False, timeout=30) as http:
        yield http


@pytest.fixture(scope="module")
async def facility_id(api: ApiProcess, http: httpx.AsyncClient) -> UUID:
    return await others_see_new_facts(api, http)


async def others_see_new_facts(api: ApiProcess, http: httpx.AsyncClient) -> UUID:
    """A facility is registered, and stands in the views."""
    found = uuid4()
    client = Client(api.url, api.token("registrar"), http)
    answer = await client.command("registerFacility", registration(found))
    assert isinstance(answer, Accepted)
    seen = "query ($id: UUID!, $p: Position) { facility(facilityId: $id, minPosition: $p) { nameVi } }"
    assert (await client.ask(seen, id=str(found), p=answer.position))["facility"]
    return found


def complaints(status: int, text: str) -> Iterator[str]:
    """What an answer must not be, whatever was asked."""
    if status >= 500:
        yield f"answered with {status}"
    inside = INSIDE.search(text)
    if inside:
        yield f"tells {inside.group()!r}"
    try:
        answer = orjson.loads(text)
    except orjson.JSONDecodeError:
        yield "is not JSON"
        return
    for error in answer.get("errors") or ():
        code = error.get("extensions", {}).get("code")
        if not code or code == "INTERNAL":
            yield f"an error has the code {code}"
    for result in (answer.get("data") or {}).values():
        if isinstance(result, dict) and result.get("__typename") == "CommandRejected" and not result["code"]:
            yield "a refusal has no code"
    if not answer.get("errors") and answer.get("data") is None:
        yield "says nothing"


async def send(http: httpx.AsyncClient, url: str, token: str, attack: Attack) -> tuple[int, str]:
    headers = {"authorization": f"Bearer {token}", "content-type": "application/json", **attack.headers}
    async with http.stream("POST", url, content=attack.body, headers=headers) as response:
        if response.headers.get("content-type", "").startswith("text/event-stream"):
            # Somebody who goes away in the middle of the stream.
            return 200, '{"data": {}}'
        return response.status_code, (await response.aread()).decode()


@asynccontextmanager
async def others_are_served(api: ApiProcess, http: httpx.AsyncClient, facility_id: UUID) -> AsyncIterator[None]:
    """While the block runs, somebody with a good request is answered again and again, and after it too."""
    client = Client(api.url, api.token("coordinator", "doctor", at=facility_id), http)
    slowest = 0.0

    async def ask() -> None:
        nonlocal slowest
        began = time.monotonic()
        assert (await client.ask(GOOD))["facilities"]["nodes"]
        slowest = max(slowest, time.monotonic() - began)

    async def keep_asking() -> None:
        while True:
            await ask()
            await asyncio.sleep(0.05)

    asking = asyncio.create_task(keep_asking())
    try:
        yield
        assert not asking.done(), asking.result()
    finally:
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
    await ask()
    assert slowest < NOT_BLOCKED_S
    assert api.never_died


async def test_a_thousand_hostile_requests_are_answered_with_a_code_and_nothing_of_the_inside(
    api: ApiProcess, http: httpx.AsyncClient, facility_id: UUID, log_dsn: str
) -> None:
    attacker = Attacker(executable(build_schema()), SEED, [facility_id])
    tokens = [
        api.token("coordinator", "doctor", "registrar", at=facility_id),
        api.token("doctor", "nurse", at=facility_id),
        api.token("auditor"),
    ]
    attacks = [attacker.attack() for _ in range(REQUESTS)]
    gate, found, kinds = asyncio.Semaphore(AT_ONCE), list[str](), Counter[str]()

    async def one(n: int, attack: Attack) -> None:
        async with gate:
            status, text = await send(http, api.url, tokens[n % len(tokens)], attack)
        kinds[attack.kind.partition(" of ")[0]] += 1
        found.extend(
            f"{attack.kind} {complaint}: {text[:300]} <- {attack.body[:600]!r}"
            for complaint in complaints(status, text)
        )

    before = api.resident_mb
    async with others_are_served(api, http, facility_id):
        await asyncio.gather(*(one(n, attack) for n, attack in enumerate(attacks)))
    print(f"\n  {dict(kinds)}; memory {before:.0f} MB before, {api.resident_mb:.0f} MB after")
    print(*found, sep="\n\n")
    assert found == [], f"{len(found)} of {REQUESTS}"
    assert api.resident_mb - before < MOST_GROWTH_MB
    assert len(kinds) > 8
    # What was taken into the log by chance has poisoned no view.
    db = await connect(log_dsn)
    assert await db.fetchval("select count(*) from projection_parked") == 0
    await db.close()
    await others_see_new_facts(api, http)


# Where it hurts: each of these was answered with a fault once, or poisoned a view ---------------------------------


async def code_of(api: ApiProcess, http: httpx.AsyncClient, token: str, document: str, **variables: Any) -> str:
    attack = Attack("one", json.dumps({"query": document, "variables": variables}).encode())
    status, text = await send(http, api.url, token, attack)
    assert list(complaints(status, text)) == []
    answer = json.loads(text)
    if answer.get("errors"):
        return str(answer["errors"][0]["extensions"]["code"])
    return str(next(iter(answer["data"].values())).get("code"))


RESULT = "{ __typename ... on CommandRejected { code } }"
MEASURE = f"""
mutation ($input: MeasureLineInput!, $id: UUID!, $at: DateTime) {{
  measureLine(input: $input, commandId: $id, clinicalTime: $at) {RESULT}
}}
"""
LINE = {"bitrateKbps": 60_000, "delayMs": 20, "lossPercent": "0.1"}


@pytest.mark.parametrize(
    ("code", "changed"),
    [
        ("INVALID_INPUT", {"instrument": "iperf\x1b[2J"}),
        ("INVALID_INPUT", {"instrument": "iperf\n3"}),
        ("BAD_REQUEST", {"instrument": "iperf\x00"}),
        ("BAD_REQUEST", {"line": {**LINE, "lossPercent": "1e-999999"}}),
        ("BAD_REQUEST", {"line": {**LINE, "lossPercent": "0." + "1" * 30_000}}),
        ("INVALID_INPUT", {"line": {**LINE, "lossPercent": "0." + "1" * 30}}),
        ("BAD_REQUEST", {"line": {**LINE, "lossPercent": [0, [1, 2], 3]}}),
        ("BAD_REQUEST", {"line": {**LINE, "lossPercent": True}}),
        ("BAD_REQUEST", {"line": {**LINE, "bitrateKbps": 2**31}}),
        ("BAD_REQUEST", {"at": "0001-01-01T00:00:00+14:00"}),
        ("BAD_REQUEST", {"at": "9999-12-31T23:59:59-14:00"}),
    ],
)
async def test_what_no_row_can_hold_is_refused_before_it_is_a_fact(
    api: ApiProcess, http: httpx.AsyncClient, facility_id: UUID, code: str, changed: dict[str, Any]
) -> None:
    token = api.token("coordinator", at=facility_id)
    given = {"facilityId": str(facility_id), "line": LINE, "instrument": "iperf3"}
    at = changed.get("at")
    given |= {name: value for name, value in changed.items() if name != "at"}
    assert await code_of(api, http, token, MEASURE, input=given, id=str(uuid4()), at=at) == code


@pytest.mark.parametrize(
    "document",
    [
        '{ facilities(text: "\\u0000") { nodes { nameVi } } }',
        '{ facilities(provinceCode: """a\\u0000 \x00""") { nodes { nameVi } } }',
        "{ facilities(first: " + "9" * 5_000 + ") { nodes { nameVi } } }",
        "{ facilities(first: 1." + "9" * 5_000 + ") { nodes { nameVi } } }",
        "{ facilities(minPosition: " + "9" * 5_000 + ") { nodes { nameVi } } }",
        '{ facilities { nodes { services(day: "9999-12-31") { kind } } } }',
    ],
)
async def test_what_no_question_can_hold_is_refused(
    api: ApiProcess, http: httpx.AsyncClient, facility_id: UUID, document: str
) -> None:
    assert await code_of(api, http, api.token("coordinator", at=facility_id), document) == "BAD_REQUEST"


async def test_texts_in_variables_and_cursors_are_judged_too(
    api: ApiProcess, http: httpx.AsyncClient, facility_id: UUID
) -> None:
    token = api.token("coordinator", at=facility_id)
    asked = "query ($t: String, $a: String) { facilities(text: $t, after: $a) { nodes { nameVi } } }"
    assert await code_of(api, http, token, asked, t="a\x00b") == "BAD_REQUEST"
    cursor = base64.urlsafe_b64encode(json.dumps(["a\x00", str(facility_id)]).encode()).decode()
    assert await code_of(api, http, token, asked, a=cursor) == "BAD_CURSOR"


async def test_a_place_in_the_stream_that_is_no_position_is_passed_over(
    api: ApiProcess, http: httpx.AsyncClient, facility_id: UUID
) -> None:
    token = api.token("coordinator", at=facility_id)
    headers = {"accept": "text/event-stream", "last-event-id": "9" * 5_000}
    body = json.dumps({"query": "subscription { events { position } }"}).encode()
    assert (await send(http, api.url, token, Attack("one", body, headers)))[0] == 200


# Lines that say little, slowly, or nothing ------------------------------------------------------------------------


async def raw_line(api: ApiProcess) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    where = urlsplit(api.url)
    return await asyncio.open_connection(where.hostname, where.port)


async def test_half_open_lines_slow_bodies_and_streams_that_nobody_reads_block_nobody(
    api: ApiProcess, http: httpx.AsyncClient, facility_id: UUID
) -> None:
    token = api.token("coordinator", at=facility_id)
    head = f"POST /graphql HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\nContent-Type: application/json\r\n"
    feed = json.dumps({"query": "subscription { events(after: 0) { position events { name data } } }"})
    starts = [
        "",
        "POST /gra",
        head,
        head + "Content-Length: 1000\r\n\r\n{",
        head + "Transfer-Encoding: chunked\r\n\r\nFFFFFFFF\r\n{",
        head + f"Accept: text/event-stream\r\nContent-Length: {len(feed)}\r\n\r\n{feed}",
        "GET /graphql HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
        "\x16\x03\x01\x02\x00\x01\x00",
    ]
    before = api.resident_mb
    async with others_are_served(api, http, facility_id):
        lines = [await raw_line(api) for _ in range(20) for _ in starts]
        for n, (_, writer) in enumerate(lines):
            with suppress(OSError):
                writer.write(starts[n % len(starts)].encode("latin-1"))
        await asyncio.sleep(3)
        for _, writer in lines:
            writer.transport.abort()
    assert api.resident_mb - before < MOST_GROWTH_MB


async def test_frames_of_all_kinds_end_their_own_line_at_most(
    api: ApiProcess, http: httpx.AsyncClient, facility_id: UUID
) -> None:
    dice, token = random.Random(SEED), api.token("coordinator", at=facility_id)
    answers: list[str] = []

    async def one(frames: list[bytes]) -> None:
        reader, writer = await raw_line(api)
        with suppress(OSError, asyncio.IncompleteReadError):
            async with asyncio.timeout(1):
                writer.write(HANDSHAKE.encode())
                assert b" 101 " in await reader.readuntil(b"\r\n\r\n")
                for part in frames:
                    writer.write(part)
                while found := await reader.read(65_536):
                    answers.append(found.decode("latin-1"))
        writer.transport.abort()

    # Most lines stay open until their second is over, so many of them wait side by side.
    gate = asyncio.Semaphore(4 * AT_ONCE)

    async def gated(frames: list[bytes]) -> None:
        async with gate:
            await one(frames)

    async with others_are_served(api, http, facility_id):
        await asyncio.gather(*(gated(hostile_frames(dice, token)) for _ in range(120)))
    assert any("connection_ack" in answer for answer in answers)
    assert [found.group() for answer in answers if (found := INSIDE.search(answer))] == []
    assert "INTERNAL" not in "".join(answers)


async def test_what_is_told_as_a_reference_stands_in_the_log_under_it() -> None:
    with structlog.testing.capture_logs() as lines:
        shown = told(masked(RuntimeError("of the inside")))
    (line,) = lines
    # The exception and the level are written by processors of the log; everything else has to be on the list.
    written = only_allowed(None, "error", {k: v for k, v in line.items() if k not in ("exc_info", "log_level")})
    assert written["error_reference"] == shown["extensions"]["reference"]
    assert "dropped" not in written, written
    assert "inside" not in json.dumps(shown)


@pytest.mark.parametrize(
    ("status", "text"),
    [
        (500, '{"errors": [{"message": "", "extensions": {"code": "BAD_REQUEST"}}]}'),
        (200, '{"errors": [{"message": "", "extensions": {"code": "INTERNAL"}}]}'),
        (200, '{"errors": [{"message": ""}]}'),
        (200, '{"errors": [{"message": "KeyError: 1", "extensions": {"code": "BAD_REQUEST"}}]}'),
        (200, '{"errors": [{"message": "in graphql_api/http.py", "extensions": {"code": "BAD_REQUEST"}}]}'),
        (200, '{"data": {"a": {"__typename": "CommandRejected", "code": ""}}}'),
        (200, '{"data": null}'),
        (200, "Internal Server Error"),
    ],
)
def test_an_answer_that_tells_too_much_or_too_little_is_seen(status: int, text: str) -> None:
    assert list(complaints(status, text)) != []
