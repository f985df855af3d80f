"""The far ends of the media benchmark: connections whose sockets are ours, cameras among them.

Rules: connections are made by aiortc and then taken from it, because decoding N streams would measure this process and
not the server. Key frames leave in one burst, as hardware encoders send them; the last packet of each frame says when
it left.
"""

from __future__ import annotations

import asyncio
import os
import socket
import time
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import aioice.ice
import httpx
from aiortc import RTCSessionDescription
from aiortc.rtcdtlstransport import RTCCertificate
from aiortc.rtp import RtcpReceiverInfo, RtcpRrPacket

from infra.media_tokens import Grant, MediaRole, Source
from media import rtp
from media._aiortc import Connection
from tests.benchmarks.media_clip import MARK, STAMP, Clip

SESSION, SCREEN = UUID(int=1), UUID(int=4)
SO_RCVBUFFORCE = 33
RECEIVE_BUFFER = 8 * 1024 * 1024
FIRST = -10


def on_loopback(address: str = "127.0.0.1") -> None:
    """aioice skips loopback, and here there shall be nothing else; another address is one of this machine's own."""
    aioice.ice.get_host_addresses = lambda use_ipv4, use_ipv6: [address]


def first_on(core: int) -> None:
    """On this core, and before others there, where that is allowed: what is measured is us, not our neighbours."""
    os.sched_setaffinity(0, {core})
    with suppress(PermissionError):
        os.setpriority(os.PRIO_PROCESS, 0, FIRST)


def point(number: int) -> UUID:
    """Where the camera of this number stands."""
    return UUID(int=100 + number)


def granted(role: str, number: int) -> Grant:
    """What lets one publish that camera, or watch it."""
    publishes = role == "publisher"
    return Grant(
        session_id=SESSION,
        point_id=point(number),
        participant_id=UUID(int=200 + number) if publishes else SCREEN,
        role=MediaRole(role),
        sources=frozenset({Source.CAMERA}) if publishes else frozenset(),
        expires_at=datetime.now(UTC) + timedelta(minutes=9),
    )


@dataclass
class End:
    """One connection."""

    connection: Connection
    socket: socket.socket
    address: tuple[str, int]
    packets: int = 0
    kept: list[tuple[int, bytes]] | None = None

    def protect(self, packet: bytes, *, control: bool = False) -> bytes:
        session = self.connection.dtls._tx_srtp
        return bytes(session.protect_rtcp(packet) if control else session.protect(packet))

    def report(self) -> None:
        """Whoever says nothing for two seconds is taken for dead."""
        reception = RtcpReceiverInfo(1, 0, 0, 0, 0, 0, 0)
        packet = bytes(RtcpRrPacket(ssrc=7, reports=[reception]))
        self.socket.sendto(self.protect(packet, control=True), self.address)


class Camera:
    """A picture and its sound, leaving by one connection."""

    def __init__(self, end: End, frames: Clip) -> None:
        self._end, self._frames = end, frames
        lines: list[Any] = end.connection.getTransceivers()
        self._ssrcs = [line.sender.ssrcs[0] for line in lines]
        self._kinds = [line._codecs[0].payloadType for line in lines]
        self._sequence = [100, 200]
        self.sent = 0

    def _send(self, line: int, timestamp: int, marker: int, payload: bytes) -> None:
        self._sequence[line] = (self._sequence[line] + 1) & 0xFFFF
        number, ssrc, kind = self._sequence[line], self._ssrcs[line], self._kinds[line]
        packet = rtp.assemble(number, timestamp, ssrc, kind, marker, payload)
        self._end.socket.sendto(self._end.protect(packet), self._end.address)
        self.sent += 1

    def send_frame(self, number: int) -> None:
        payloads = self._frames[number % len(self._frames)]
        for payload in payloads[:-1]:
            self._send(0, number * 3_000, 0, payload)
        stamp = MARK + time.time_ns().to_bytes(8)
        self._send(0, number * 3_000, 1, payloads[-1][:-STAMP] + stamp)

    def send_sound(self, number: int) -> None:
        self._send(1, number * 960, 0, b"\xfc" + bytes(79))


@dataclass
class Counted:
    """What one run of a server came to; `latencies_ms` are of the last packet of each frame, camera to screen."""

    viewers: int
    sent: int
    expected: float
    delivered: int
    cpu_seconds: float
    seconds: float
    rss_mb: float
    idle_rss_mb: float
    waited_seconds: float
    join_seconds: float
    join_cpu_seconds: float
    profile: str
    latencies_ms: list[float] = field(default_factory=list)

    @property
    def microseconds(self) -> float:
        """CPU of the server for each packet that arrived."""
        return 1e6 * self.cpu_seconds / max(1, self.delivered)

    @property
    def lost_percent(self) -> float:
        return max(0.0, 100 * (1 - self.delivered / max(1, self.expected)))

    @property
    def waited(self) -> float:
        """The share of the time in which the server waited for a processor."""
        return self.waited_seconds / self.seconds


class Door:
    """Where ends come from: the signalling of the server that is measured."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._certificate = RTCCertificate.generateCertificate()
        self._http = httpx.AsyncClient(trust_env=False, timeout=60)

    async def usage(self) -> dict[str, Any]:
        found: dict[str, Any] = (await self._http.get(f"{self._url}/usage")).json()
        return found

    async def camera(self, number: int, frames: Clip) -> tuple[End, Camera]:
        end = await self._connect(f"/whip/{SESSION}/camera", "publisher", number, "sendonly")
        return end, Camera(end, frames)

    async def screen(self, number: int) -> End:
        return await self._connect(f"/whep/{SESSION}/{point(number)}/camera", "viewer", number, "recvonly")

    async def _connect(self, path: str, role: str, number: int, direction: str) -> End:
        grants = (await self._http.get(f"{self._url}/grants", params={"camera": number})).json()
        on_loopback(grants.get("address", "127.0.0.1"))
        connection = Connection(self._certificate)
        for kind in ("video", "audio"):
            connection.addTransceiver(kind, direction=direction)
        await connection.setLocalDescription(await connection.createOffer())
        headers = {
            "Content-Type": "application/sdp",
            "Authorization": f"Bearer {grants[role]}",
            "X-Camera": str(number),
        }
        answer = await self._http.post(self._url + path, content=connection.localDescription.sdp, headers=headers)
        if answer.status_code == 201:
            await connection.setRemoteDescription(RTCSessionDescription(answer.text, "answer"))
        elif answer.status_code == 200:
            # This server offers itself.
            await connection.close()
            connection = Connection(self._certificate)
            await connection.setRemoteDescription(RTCSessionDescription(answer.text, "offer"))
            await connection.setLocalDescription(await connection.createAnswer())
            where = self._url + answer.headers["x-answer-to"]
            (await self._http.post(where, content=connection.localDescription.sdp)).raise_for_status()
        else:
            raise RuntimeError(answer.text)
        while connection.connectionState != "connected":
            await asyncio.sleep(0.005)
        return _taken(connection)


def _taken(connection: Connection) -> End:
    """From here on nobody but us reads this socket."""
    pair = connection.ice._nominated[1]
    own = pair.protocol.transport.get_extra_info("socket")
    taken = socket.socket(fileno=os.dup(own.fileno()))
    taken.setblocking(False)
    with suppress(OSError):
        taken.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, RECEIVE_BUFFER)
    loop: Any = asyncio.get_running_loop()
    loop._remove_reader(own.fileno())
    if connection.ice._query_consent_task is not None:
        connection.ice._query_consent_task.cancel()
    return End(connection, taken, pair.remote_addr)
