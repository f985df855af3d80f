"""A peer of stock aiortc, which knows nothing of our worker, and can be made to misbehave."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aioice.ice
import httpx
import pytest
from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription

from tests.media.ward import Ward


def on_loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    """aioice skips loopback, and here there shall be nothing else."""
    monkeypatch.setattr(aioice.ice, "get_host_addresses", lambda use_ipv4, use_ipv6: ["127.0.0.1"])


async def offer_of(connection: RTCPeerConnection) -> str:
    await connection.setLocalDescription(await connection.createOffer())
    text: str = connection.localDescription.sdp
    return text


async def post(url: str, token: str, offer: str | bytes, **headers: str) -> httpx.Response:
    sent = {"Content-Type": "application/sdp", "Authorization": f"Bearer {token}", **headers}
    async with httpx.AsyncClient(trust_env=False, timeout=30) as client:
        return await client.post(url, content=offer, headers=sent)


@asynccontextmanager
async def connected(ward: Ward, *, data: bool = False) -> AsyncIterator[RTCPeerConnection]:
    """A publisher with one picture, whose keys are agreed on, and who sends what the test makes it send."""
    connection = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    connection.addTransceiver("video", direction="sendonly")
    if data:
        connection.createDataChannel("chat")
    try:
        answer = await post(ward.whip(), ward.token(), await offer_of(connection))
        assert answer.status_code == 201, answer.text
        await connection.setRemoteDescription(RTCSessionDescription(answer.text, "answer"))
        await ward.until(lambda: bool(connection.connectionState == "connected"))
        await ward.until(lambda: any(peer.joined for peer in ward.engine.peers.values()))
        yield connection
    finally:
        await connection.close()


def dtls_of(connection: RTCPeerConnection) -> Any:
    return connection.getTransceivers()[0].receiver.transport
