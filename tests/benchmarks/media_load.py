"""The load of the media benchmark: one camera and N screens over real ICE, DTLS and SRTP, on a core of its own.

Rules: connections are made by aiortc and then taken from it: packets are counted and thrown away by a loop of system
calls, since decoding N streams would measure this process; three screens keep what they get, and it is decrypted after
the measurement to find when each frame came. Key frames leave in one burst, as hardware encoders send them; everything
else does too, in the rhythm of its frames.

`python -m tests.benchmarks.media_load URL VIEWERS SECONDS CORE FOLDER`: prints one line of JSON.
"""

from __future__ import annotations

import asyncio
import json
import os
import select
import socket
import sys
import time
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from struct import unpack
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
from tests.benchmarks.media_clip import MARK, RATE, STAMP, Clip, clip

SESSION, POINT, CAMERA, SCREEN = (UUID(int=n) for n in (1, 2, 3, 4))
AUDIO_RATE = 50
SAMPLED = 3
WARM_SECONDS = 1.5
AT_ONCE = 8
REPORT_SECONDS = 0.5
SO_RCVBUFFORCE, SO_TIMESTAMPNS = 33, 35
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


def granted(role: str) -> Grant:
    publishes = role == "publisher"
    return Grant(
        session_id=SESSION,
        point_id=POINT,
        participant_id=CAMERA if publishes else SCREEN,
        role=MediaRole(role),
        sources=frozenset({Source.CAMERA}) if publishes else frozenset(),
        expires_at=datetime.now(UTC) + timedelta(minutes=9),
    )


@dataclass
class End:
    """One connection whose socket is ours now."""

    connection: Connection
    socket: socket.socket
    address: tuple[str, int]
    packets: int = 0
    kept: list[tuple[int, bytes]] | None = None

    def protect(self, packet: bytes, *, control: bool = False) -> bytes:
        session = self.connection.dtls._tx_srtp
        return bytes(session.protect_rtcp(packet) if control else session.protect(packet))


@dataclass
class Counted:
    """`latencies_ms` are of the last packet of each frame, from leaving the camera to arriving at a screen."""

    viewers: int
    sent: int
    expected: float
    delivered: int
    cpu_seconds: float
    seconds: float
    rss_mb: float
    idle_rss_mb: float
    waited_seconds: float = 0.0
    latencies_ms: list[float] = field(default_factory=list)


class Load:
    def __init__(self, url: str, viewers: int, frames: Clip) -> None:
        self._url, self._viewers, self.frames = url, viewers, frames
        self._certificate = RTCCertificate.generateCertificate()
        self._http = httpx.AsyncClient(trust_env=False, timeout=60)
        self._kind, self._sound_kind = 96, 111
        self._sent = 0

    async def run(self, seconds: float) -> Counted:
        grants = (await self._http.get(f"{self._url}/grants")).json()
        on_loopback(grants.get("address", "127.0.0.1"))
        camera = await self._connect(f"/whip/{SESSION}/camera", grants["publisher"], "sendonly")
        self._prepare(camera)
        # Something has to flow before a screen can be answered.
        self.send_frame(camera, 0)
        self.send_sound(camera, 0)
        await asyncio.sleep(0.3)
        idle = await self._usage()
        screens: list[End] = []
        gate = asyncio.Semaphore(AT_ONCE)

        async def one() -> None:
            async with gate:
                screens.append(await self._connect(f"/whep/{SESSION}/{POINT}/camera", grants["viewer"], "recvonly"))

        alive = asyncio.create_task(self._keep_alive(camera, screens))
        await asyncio.gather(*(one() for _ in range(self._viewers)))
        alive.cancel()
        for screen in screens[:: max(1, len(screens) // SAMPLED)][:SAMPLED]:
            screen.kept = []
            # The kernel says when a packet came: when this process gets to read it is no concern of the server's.
            screen.socket.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        return await asyncio.to_thread(self._drive, camera, screens, seconds, idle["rss_mb"])

    async def _keep_alive(self, camera: End, screens: list[End]) -> None:
        """While the others join: whoever sends nothing for two seconds is taken for dead."""
        for number in range(1, 10_000):
            self.send_frame(camera, 1 + number % (len(self.frames) - 1))
            for screen in screens[number % 3 :: 3]:
                self.report(screen)
            await asyncio.sleep(0.2)

    async def _usage(self) -> dict[str, Any]:
        found: dict[str, Any] = (await self._http.get(f"{self._url}/usage")).json()
        return found

    async def _connect(self, path: str, token: str, direction: str) -> End:
        connection = Connection(self._certificate)
        for kind in ("video", "audio"):
            connection.addTransceiver(kind, direction=direction)
        await connection.setLocalDescription(await connection.createOffer())
        headers = {"Content-Type": "application/sdp", "Authorization": f"Bearer {token}"}
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
        return self._take(connection)

    def _take(self, connection: Connection) -> End:
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

    def _prepare(self, camera: End) -> None:
        lines: list[Any] = camera.connection.getTransceivers()
        self._ssrcs = [line.sender.ssrcs[0] for line in lines]
        self._kind, self._sound_kind = (line._codecs[0].payloadType for line in lines)
        self._sequence = [100, 200]

    def _send(self, camera: End, line: int, kind: int, timestamp: int, marker: int, payload: bytes) -> None:
        self._sequence[line] = (self._sequence[line] + 1) & 0xFFFF
        packet = rtp.assemble(self._sequence[line], timestamp, self._ssrcs[line], kind, marker, payload)
        camera.socket.sendto(camera.protect(packet), camera.address)
        self._sent += 1

    def send_frame(self, camera: End, number: int) -> None:
        payloads = self.frames[number % len(self.frames)]
        for payload in payloads[:-1]:
            self._send(camera, 0, self._kind, number * 3_000, 0, payload)
        stamp = MARK + time.time_ns().to_bytes(8)
        self._send(camera, 0, self._kind, number * 3_000, 1, payloads[-1][:-STAMP] + stamp)

    def send_sound(self, camera: End, number: int) -> None:
        self._send(camera, 1, self._sound_kind, number * 960, 0, b"\xfc" + bytes(79))

    def _drive(self, camera: End, screens: list[End], seconds: float, idle_mb: float) -> Counted:
        poll = select.epoll()
        by_number = {screen.socket.fileno(): screen for screen in screens}
        for number in by_number:
            poll.register(number, select.EPOLLIN)
        rhythm = _Rhythm(self, camera, screens)
        measured: list[tuple[dict[str, Any], int, int, float]] = []
        client = httpx.Client(trust_env=False)
        for until in (WARM_SECONDS, WARM_SECONDS + seconds):
            while time.monotonic() < rhythm.began + until:
                rhythm.beat()
                self._take_in(poll, by_number)
            used = client.get(f"{self._url}/usage").json()
            measured.append((used, self._sent, sum(one.packets for one in screens), time.monotonic()))
        (first, sent_0, got_0, at_0), (last, sent_1, got_1, at_1) = measured
        sent, began_ns = sent_1 - sent_0, time.time_ns() - int((time.monotonic() - at_0) * 1e9)
        return Counted(
            viewers=len(screens),
            sent=sent,
            expected=sent * len(screens),
            delivered=got_1 - got_0,
            cpu_seconds=last["cpu"] - first["cpu"],
            seconds=at_1 - at_0,
            rss_mb=last["rss_mb"],
            idle_rss_mb=idle_mb,
            waited_seconds=last["waited"] - first["waited"],
            latencies_ms=[ms for screen in screens for ms in self._latencies(screen, began_ns)],
        )

    def _take_in(self, poll: select.epoll, by_number: dict[int, End]) -> None:
        buffer = bytearray(2_048)
        for number, _ in poll.poll(0.001, 64):
            screen = by_number[number]
            with suppress(BlockingIOError):
                if screen.kept is None:
                    self._count(screen, buffer)
                else:
                    self._keep(screen, screen.kept)

    @staticmethod
    def _count(screen: End, buffer: bytearray) -> None:
        receive = screen.socket.recv_into
        for _ in range(64):
            receive(buffer)
            if buffer[0] >> 6 == 2 and not 192 <= buffer[1] < 224:
                screen.packets += 1

    @staticmethod
    def _keep(screen: End, kept: list[tuple[int, bytes]]) -> None:
        for _ in range(64):
            data, told, _, _ = screen.socket.recvmsg(2_048, 64)
            if data[0] >> 6 == 2 and not 192 <= data[1] < 224:
                screen.packets += 1
                seconds, rest = unpack("qq", told[0][2][:16])
                kept.append((seconds * 1_000_000_000 + rest, data))

    def report(self, screen: End) -> None:
        reception = RtcpReceiverInfo(1, 0, 0, 0, 0, 0, 0)
        packet = bytes(RtcpRrPacket(ssrc=7, reports=[reception]))
        screen.socket.sendto(screen.protect(packet, control=True), screen.address)

    @staticmethod
    def _latencies(screen: End, since_ns: int) -> list[float]:
        found, session = [], screen.connection.dtls._rx_srtp
        for arrived_ns, packet in screen.kept or []:
            try:
                plain = session.unprotect(packet)
            except Exception:
                # One that aiortc had decrypted before its socket was taken.
                continue
            raw = rtp.read(plain)
            if raw is None or plain[raw.end - STAMP : raw.end - 8] != MARK or arrived_ns < since_ns:
                continue
            found.append((arrived_ns - int.from_bytes(plain[raw.end - 8 : raw.end])) / 1e6)
        return found


class _Rhythm:
    """What is due now: a frame, a packet of sound, reports of some screens."""

    def __init__(self, load: Load, camera: End, screens: list[End]) -> None:
        self._load, self._camera, self._screens = load, camera, screens
        self.began = time.monotonic()
        # The key frame comes before the measurement begins: screens have nothing to begin with until then.
        self._first = self._frame = len(load.frames) - RATE // 2
        self._sound, self._turn = 1, 0

    def beat(self) -> None:
        passed = time.monotonic() - self.began
        if passed >= (self._frame - self._first) / RATE:
            self._load.send_frame(self._camera, self._frame)
            self._frame += 1
        if passed >= self._sound / AUDIO_RATE:
            self._load.send_sound(self._camera, self._sound)
            self._sound += 1
        if passed >= self._turn * REPORT_SECONDS / 10:
            # A few at a time: whoever says nothing for two seconds is taken for dead.
            for screen in self._screens[self._turn % 10 :: 10]:
                self._load.report(screen)
            self._turn += 1


async def main() -> None:
    url, viewers, seconds, _, folder = sys.argv[1:]
    on_loopback()
    counted = await Load(url, int(viewers), clip(Path(folder))).run(float(seconds))
    print(json.dumps(counted.__dict__), flush=True)
    # What aiortc still holds is of no use to anybody.
    os._exit(0)


if __name__ == "__main__":
    first_on(int(sys.argv[4]))
    asyncio.run(main())
