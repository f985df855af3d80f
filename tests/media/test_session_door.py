"""The socket of a room: who says hello with a grant is offered everybody, and hears what happens."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any
from uuid import UUID, uuid4

import pytest
from playwright.async_api import Browser
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosedError

from domain._live import Destination
from infra.media_tokens import MediaRole, Source
from media.negotiation import LONGEST_OFFER
from tests.media.screens import Screen, screen
from tests.media.ward import Ward

WITHHELD = frozenset({Destination.PATIENT_SIDE, Destination.OBSERVER})


async def enter(ward: Ward, bridge: Screen, **grant: Any) -> None:
    arguments = ["room", f"{ward.url}/sessions/{ward.session_id}", ward.token(**grant)]
    await bridge.page.evaluate("([n, u, t]) => enter(n, u, t)", arguments)


async def told(bridge: Screen, kind: str = "") -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = await bridge.page.evaluate("kind => toldIn('room', kind)", kind)
    return found


async def sees(bridge: Screen, point: UUID, source: Source = Source.CAMERA, more: int = 10) -> None:
    """Waits until that many more frames of this picture were shown."""
    first: int | None = None
    async with asyncio.timeout(90):
        while True:
            lines = [one for message in await told(bridge) for one in message.get("lines", [])][::-1]
            place = (str(point), source.value, "video")
            mid = next((one["mid"] for one in lines if (one["pointId"], one["source"], one["kind"]) == place), None)
            frames = (await bridge.page.evaluate("kept.room ? shown('room') : {}")).get(mid)
            if frames is not None:
                first = frames if first is None else first
                if frames >= first + more:
                    return
            await asyncio.sleep(0.05)


async def test_a_room_is_offered_over_its_socket_and_grows(chromium: Browser, ward: Ward) -> None:
    sa_pa, thai_nguyen = uuid4(), uuid4()
    async with screen(chromium, ward) as one, screen(chromium, ward) as two, screen(chromium, ward) as bridge:
        await enter(ward, bridge, role=MediaRole.VIEWER)
        await ward.until(lambda: bool(ward.engine.peers))
        await one.publish(grant={"point_id": sa_pa}, width=320, height=240)
        await sees(bridge, sa_pa)
        await two.publish(grant={"point_id": thai_nguyen}, width=320, height=240)
        await sees(bridge, thai_nguyen)
        await sees(bridge, sa_pa)
        await two.close("camera")
        async with asyncio.timeout(90):
            while all(one["live"] for one in (await told(bridge, "lines"))[-1]["lines"]):
                await asyncio.sleep(0.05)
        await bridge.page.evaluate("kept['room-socket'].socket.close()")
        await ward.until(lambda: not ward.engine.rooms[ward.session_id].viewers)


async def test_what_is_withheld_has_no_line_and_no_name(chromium: Browser, ward: Ward) -> None:
    async with screen(chromium, ward) as probe, screen(chromium, ward) as home, screen(chromium, ward) as doctor:
        grant = {"withheld_from": WITHHELD, "participant_id": uuid4()}
        await probe.publish(Source.ULTRASOUND, grant=grant, audio=False, width=320, height=240)
        await enter(ward, home, role=MediaRole.VIEWER, audience=Destination.PATIENT_SIDE)
        await enter(ward, doctor, role=MediaRole.VIEWER)
        await sees(doctor, ward.point_id, Source.ULTRASOUND)
        assert [message for message in await told(home) if message["type"] != "rung"] == [
            {"type": "lines", "lines": []}
        ], "nobody told of a picture that is not for this screen"
        await probe.publish(Source.CAMERA, grant=grant, width=320, height=240)
        await sees(home, ward.point_id)
        assert "ultrasound" not in json.dumps(await told(home))


async def test_a_line_whose_picture_comes_to_be_withheld_is_a_line_of_nothing(chromium: Browser, ward: Ward) -> None:
    async with screen(chromium, ward) as probe, screen(chromium, ward) as home:
        who = {"participant_id": uuid4()}
        await probe.publish(Source.ULTRASOUND, grant=who, audio=False, width=320, height=240)
        await enter(ward, home, role=MediaRole.VIEWER, audience=Destination.PATIENT_SIDE)
        await sees(home, ward.point_id, Source.ULTRASOUND)
        await probe.publish(Source.ULTRASOUND, grant={**who, "withheld_from": WITHHELD}, audio=False)
        async with asyncio.timeout(90):
            while (await told(home, "lines"))[-1]["lines"]:
                await asyncio.sleep(0.05)
        (viewer,) = ward.engine.rooms[ward.session_id].viewers.values()
        assert {seat.down.layer for seat in viewer.seats if seat.down} == {None}
        other = uuid4()
        await probe.publish(grant={"point_id": other}, audio=False, width=320, height=240)
        await sees(home, other)
        assert len(viewer.seats) == 1, "the line is free for others"


@asynccontextmanager
async def socket(ward: Ward, session: UUID | None = None) -> AsyncIterator[ClientConnection]:
    address = f"{ward.url.replace('http', 'ws')}/sessions/{session or ward.session_id}"
    async with connect(address, proxy=None) as opened:
        yield opened


async def answer(opened: ClientConnection, *messages: str) -> tuple[str, int]:
    """The code with which it is refused, and that with which the socket closes."""
    for message in messages:
        await opened.send(message)
    code = ""
    with suppress(ConnectionClosedError):
        while True:
            code = json.loads(await opened.recv()).get("code", code)
    assert opened.close_code is not None
    return code, opened.close_code


def hello(ward: Ward, **grant: Any) -> str:
    return json.dumps({"type": "hello", "token": ward.token(**grant)})


async def test_nobody_comes_in_without_a_grant_for_this_room(ward: Ward) -> None:
    async with socket(ward) as opened:
        assert await answer(opened, json.dumps({"type": "hello", "token": "x"})) == ("GRANT_INVALID", 4401)
    async with socket(ward) as opened:
        assert await answer(opened, hello(ward, session_id=uuid4())) == ("ANOTHER_SESSION", 4401)
    async with socket(ward) as opened:
        assert await answer(opened, json.dumps({"type": "answer", "sdp": ""})) == ("HELLO_EXPECTED", 4400)
    assert not ward.engine.peers


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ("{", "MESSAGE_MALFORMED"),
        ("[]", "MESSAGE_MALFORMED"),
        (json.dumps({"type": "shout"}), "MESSAGE_MALFORMED"),
        (json.dumps({"type": "answer", "sdp": "x" * (LONGEST_OFFER + 1)}), "MESSAGE_MALFORMED"),
        (json.dumps({"type": "answer", "sdp": "v=0"}), "NOTHING_WAS_OFFERED"),
        (json.dumps({"type": "telemetry", "source": "camera", "availableKbit": -1, "limitedBy": "none"}),
         "MESSAGE_MALFORMED"),
    ],
)  # fmt: skip
async def test_what_is_malformed_is_answered_with_a_code_and_leaves_nothing(
    ward: Ward, message: str, code: str
) -> None:
    async with socket(ward) as opened:
        assert await answer(opened, hello(ward), message) == (code, 4400)
    await ward.until(lambda: not ward.engine.peers)


async def test_whoever_says_nothing_is_not_waited_for(ward: Ward, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("media.session_door.HELLO_WITHIN_S", 0.05)
    async with socket(ward) as opened:
        assert await answer(opened) == ("GRANT_MISSING", 4401)
