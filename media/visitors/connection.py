"""A stock WebRTC client at the doors of a worker: publishes by WHIP, watches by WHEP.

Rules: it stands on the same machine as the stack, so its one candidate is the loopback, which the library would leave
out; whoever is asked to come again comes again; what the worker refuses is told with its code.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from urllib.parse import urljoin

import aioice.ice
import httpx
from aiortc import (
    MediaStreamTrack,
    RTCBundlePolicy,
    RTCConfiguration,
    RTCPeerConnection,
    RTCRtpSender,
    RTCSessionDescription,
)

SDP = "application/sdp"
COME_AGAIN = (409, 503)
WITHIN_S = 30.0
CREATED = 201
PAUSE_S = 1.0
# After these whoever comes back asks for another way in, and tries once more.
NOT_NOW = (OSError, TimeoutError, httpx.HTTPError)


class NotLetIn(OSError):
    """The worker refused, for good; the message holds its code."""


def on_this_machine() -> None:
    """Offer the loopback, and nothing else."""

    def addresses(use_ipv4: bool, use_ipv6: bool) -> list[str]:
        return ["127.0.0.1"]

    aioice.ice.get_host_addresses = addresses


@dataclass
class Connection:
    """A connection that stands, and how it is ended."""

    peer: RTCPeerConnection
    location: str
    token: str
    over: bool = False

    def when_lost(self, tell: Callable[[], None]) -> None:
        """Tells once when it ends and was not meant to, as when the worker heard nothing for too long, or is gone."""

        def changed() -> None:
            if self.peer.connectionState in ("closed", "failed") and not self.over:
                self.over = True
                tell()

        self.peer.on("connectionstatechange", changed)
        changed()

    async def close(self) -> None:
        """Says goodbye, so that nobody has to find out."""
        self.over = True
        async with httpx.AsyncClient(trust_env=False, timeout=WITHIN_S) as http:
            # A worker that is gone needs no goodbye.
            with suppress(httpx.HTTPError):
                await http.delete(self.location, headers={"Authorization": f"Bearer {self.token}"})
        await self.peer.close()


async def publish(url: str, token: str, tracks: Sequence[MediaStreamTrack]) -> Connection:
    """Sends these tracks as one source; the pictures are H.264."""
    peer = _peer()
    for track in tracks:
        transceiver = peer.addTransceiver(track, direction="sendonly")
        if track.kind == "video":
            known = RTCRtpSender.getCapabilities("video").codecs
            transceiver.setCodecPreferences([one for one in known if one.name in ("H264", "rtx")])
    return await _agreed(peer, url, token)


async def watch(url: str, token: str, kinds: Sequence[str]) -> Connection:
    """Receives the picture, the sound or both of a source."""
    peer = _peer()
    for kind in kinds:
        peer.addTransceiver(kind, direction="recvonly")
    return await _agreed(peer, url, token)


def _peer() -> RTCPeerConnection:
    return RTCPeerConnection(RTCConfiguration(iceServers=[], bundlePolicy=RTCBundlePolicy.MAX_BUNDLE))


async def _agreed(peer: RTCPeerConnection, url: str, token: str) -> Connection:
    try:
        await peer.setLocalDescription(await peer.createOffer())
        answer = await _let_in(url, token, peer.localDescription.sdp)
        await peer.setRemoteDescription(RTCSessionDescription(answer.text, "answer"))
    except BaseException:
        await peer.close()
        raise
    return Connection(peer, urljoin(url, answer.headers["location"]), token)


async def _let_in(url: str, token: str, offer: str) -> httpx.Response:
    headers = {"Content-Type": SDP, "Authorization": f"Bearer {token}"}
    async with asyncio.timeout(WITHIN_S), httpx.AsyncClient(trust_env=False, timeout=WITHIN_S) as http:
        while True:
            answer = await http.post(url, content=offer, headers=headers)
            if answer.status_code == CREATED:
                return answer
            again = answer.headers.get("retry-after")
            if answer.status_code not in COME_AGAIN or again is None:
                raise NotLetIn(f"{answer.status_code} {answer.text}")
            await asyncio.sleep(min(float(again), 0.5))
