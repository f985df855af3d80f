"""Who talks in the tests of data channels: stock peers and pages, and what each heard."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription

from domain._kernel import Event
from domain._live import Destination
from tests.media.consulting import POINTS, Consulting
from tests.media.screens import Screen
from tests.media.stock import offer_of, post
from tests.story_network import DUNG, MAY

SMALL: dict[str, Any] = {"width": 320, "height": 180, "talks": True}


@dataclass
class Peer:
    """A stock peer with the channels of a room, and what it heard."""

    consulting: Consulting
    connection: RTCPeerConnection
    channel: Any
    heard: list[dict[str, Any]] = field(default_factory=list)

    def of(self, kind: str) -> list[dict[str, Any]]:
        return [one for one in self.heard if one["type"] == kind]

    def say(self, **message: Any) -> None:
        self.channel.send(json.dumps(message))

    async def hears(self, kind: str, count: int = 1) -> list[dict[str, Any]]:
        await self.consulting.ward.until(lambda: len(self.of(kind)) >= count, 60)
        return self.of(kind)


@asynccontextmanager
async def peer(consulting: Consulting, person: UUID, token: str | None = None) -> AsyncIterator[Peer]:
    """One that has published nothing yet: its keys are agreed on, its channel is open, and it knows how the room is."""
    connection = sending()
    one = Peer(consulting, connection, connection.createDataChannel("room"))
    one.channel.on("message", lambda data: one.heard.append(json.loads(data)))
    try:
        answer = await post(consulting.ward.whip(), token or consulting.token(person), await offer_of(connection))
        assert answer.status_code == 201, answer.text
        await connection.setRemoteDescription(RTCSessionDescription(answer.text, "answer"))
        await one.hears("room")
        yield one
    finally:
        await connection.close()


@asynccontextmanager
async def peer_at_home(consulting: Consulting) -> AsyncIterator[Peer]:
    """One that is on the patient's side, as its grant says."""
    home = consulting.ward.token(**consulting.grant(MAY), audience=Destination.PATIENT_SIDE)
    async with peer(consulting, MAY, token=home) as one:
        yield one


def sending() -> RTCPeerConnection:
    connection = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    connection.addTransceiver("video", direction="sendonly")
    return connection


async def until_told(consulting: Consulting, kind: type[Event]) -> None:
    async with asyncio.timeout(60):
        while not await consulting.told(kind):
            await asyncio.sleep(0.05)


def dung_point() -> UUID:
    return POINTS[DUNG]


def in_a_minute() -> datetime:
    return datetime.now(UTC) + timedelta(minutes=1)


async def say(
    page: Screen, name: str, over: str = "room", message: dict[str, Any] | None = None, **fields: Any
) -> None:
    await page.page.evaluate("([n, t, o]) => talkTo(n, t, o)", [name, json.dumps(message or fields), over])


async def hears(page: Screen, name: str, kind: str, count: int = 1) -> list[dict[str, Any]]:
    async with asyncio.timeout(60):
        while True:
            found: list[dict[str, Any]] = await page.page.evaluate("([n, k]) => talkOf(n, k)", [name, kind])
            if len(found) >= count:
                return found
            await asyncio.sleep(0.05)
