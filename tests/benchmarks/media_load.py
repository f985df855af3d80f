"""The load of the media benchmark: cameras and screens over real ICE, DTLS and SRTP, on a core of their own.

Rules: packets are counted and thrown away by a loop of system calls; some screens keep what they get, and it is
decrypted after the measurement to find when each frame came, by the kernel's own clock. The cameras' frames are spread
over a frame's time, as those of different hospitals are.

`python -m tests.benchmarks.media_load URL CAMERAS SCREENS SECONDS CORE FOLDER`, with so many screens for each camera:
prints one line of JSON.
"""

from __future__ import annotations

import asyncio
import json
import os
import select
import socket
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from struct import unpack
from typing import Any

import httpx

from media import rtp
from tests.benchmarks.media_clip import MARK, RATE, STAMP, clip
from tests.benchmarks.media_ends import Camera, Counted, Door, End, first_on

AUDIO_RATE = 50
SAMPLED = 6
WARM_SECONDS = 1.5
AT_ONCE = 8
REPORT_SECONDS = 0.5
SO_TIMESTAMPNS = 35


@dataclass
class Reading:
    """How far things were at one moment."""

    used: dict[str, Any]
    sent: int
    got: int
    at: float


class Load:
    """`screens` is how many watch each camera."""

    def __init__(self, url: str, screens: int) -> None:
        self._url, self._each = url, screens
        self._door = Door(url)
        self._ends: list[End] = []
        self._cameras: list[Camera] = []
        self._screens: list[End] = []

    async def run(self, cameras: int, seconds: float, folder: Path) -> Counted:
        frames = clip(folder)
        for number in range(cameras):
            end, camera = await self._door.camera(number, frames)
            self._ends.append(end)
            self._cameras.append(camera)
            # Something has to flow before a screen can be answered.
            camera.send_frame(0)
            camera.send_sound(0)
        await asyncio.sleep(0.3)
        idle, began = await self._door.usage(), time.monotonic()
        alive = asyncio.create_task(self._keep_alive(len(frames)))
        gate = asyncio.Semaphore(AT_ONCE)

        async def join(number: int) -> None:
            async with gate:
                self._screens.append(await self._door.screen(number))

        await asyncio.gather(*(join(number) for number in range(cameras) for _ in range(self._each)))
        alive.cancel()
        joined, seconds_joining = await self._door.usage(), time.monotonic() - began
        for screen in self._screens[:: max(1, len(self._screens) // SAMPLED)][:SAMPLED]:
            screen.kept = []
            # The kernel says when a packet came: when this process gets to read it is no concern of the server's.
            screen.socket.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        first, last = await asyncio.to_thread(self._drive, seconds)
        return self._counted(idle, joined, seconds_joining, first, last)

    async def _keep_alive(self, frames: int) -> None:
        """While the others join: whoever sends nothing for two seconds is taken for dead."""
        for number in range(1, 10_000):
            for camera in self._cameras:
                camera.send_frame(1 + number % (frames - 1))
            for screen in self._screens[number % 3 :: 3]:
                screen.report()
            await asyncio.sleep(0.2)

    def _drive(self, seconds: float) -> tuple[Reading, Reading]:
        """Plays for so long; what was read when it had settled, and at the end."""
        poll = select.epoll()
        by_number = {screen.socket.fileno(): screen for screen in self._screens}
        for number in by_number:
            poll.register(number, select.EPOLLIN)
        rhythm = _Rhythm(self._cameras, self._screens)
        read: list[Reading] = []
        client = httpx.Client(trust_env=False)
        for until in (WARM_SECONDS, WARM_SECONDS + seconds):
            while time.monotonic() < rhythm.began + until:
                rhythm.beat()
                _take_in(poll, by_number)
            used = client.get(f"{self._url}/usage").json()
            sent, got = (sum(one.sent for one in self._cameras), sum(one.packets for one in self._screens))
            read.append(Reading(used, sent, got, time.monotonic()))
        return read[0], read[1]

    def _counted(
        self, idle: dict[str, Any], joined: dict[str, Any], joining: float, first: Reading, last: Reading
    ) -> Counted:
        began_ns = time.time_ns() - int((time.monotonic() - first.at) * 1e9)
        return Counted(
            viewers=len(self._screens),
            sent=last.sent - first.sent,
            expected=(last.sent - first.sent) * self._each,
            delivered=last.got - first.got,
            cpu_seconds=last.used["cpu"] - first.used["cpu"],
            seconds=last.at - first.at,
            rss_mb=last.used["rss_mb"],
            idle_rss_mb=idle["rss_mb"],
            waited_seconds=last.used["waited"] - first.used["waited"],
            join_seconds=joining,
            join_cpu_seconds=joined["cpu"] - idle["cpu"],
            profile=self._screens[0].connection.dtls._ssl.get_selected_srtp_profile().decode(),
            latencies_ms=[ms for screen in self._screens for ms in _latencies(screen, began_ns)],
        )


def _take_in(poll: select.epoll, by_number: dict[int, End]) -> None:
    buffer = bytearray(2_048)
    for number, _ in poll.poll(0.001, 64):
        screen = by_number[number]
        with suppress(BlockingIOError):
            if screen.kept is None:
                _count(screen, buffer)
            else:
                _keep(screen, screen.kept)


def _count(screen: End, buffer: bytearray) -> None:
    receive = screen.socket.recv_into
    for _ in range(64):
        receive(buffer)
        if buffer[0] >> 6 == 2 and not 192 <= buffer[1] < 224:
            screen.packets += 1


def _keep(screen: End, kept: list[tuple[int, bytes]]) -> None:
    for _ in range(64):
        data, told, _, _ = screen.socket.recvmsg(2_048, 64)
        if data[0] >> 6 == 2 and not 192 <= data[1] < 224:
            screen.packets += 1
            seconds, rest = unpack("qq", told[0][2][:16])
            kept.append((seconds * 1_000_000_000 + rest, data))


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
    """What is due now: frames, sound, reports of some screens."""

    def __init__(self, cameras: Sequence[Camera], screens: Sequence[End]) -> None:
        self._cameras, self._screens = cameras, screens
        self.began = time.monotonic()
        # Key frames come before the measurement begins, since screens have nothing to begin with until then, and not
        # all cameras' at once.
        self._first = [4 * RATE - RATE // 2 - 4 * number for number in range(len(cameras))]
        self._frames, self._sounds = list(self._first), [1] * len(cameras)
        self._turn = 0

    def beat(self) -> None:
        passed = time.monotonic() - self.began
        for number, camera in enumerate(self._cameras):
            own = passed - number / len(self._cameras) / RATE
            if own >= (self._frames[number] - self._first[number]) / RATE:
                camera.send_frame(self._frames[number])
                self._frames[number] += 1
            if own >= self._sounds[number] / AUDIO_RATE:
                camera.send_sound(self._sounds[number])
                self._sounds[number] += 1
        if passed >= self._turn * REPORT_SECONDS / 10:
            # A few at a time.
            for screen in self._screens[self._turn % 10 :: 10]:
                screen.report()
            self._turn += 1


async def main() -> None:
    url, cameras, screens, seconds, _, folder = sys.argv[1:]
    counted = await Load(url, int(screens)).run(int(cameras), float(seconds), Path(folder))
    print(json.dumps(counted.__dict__), flush=True)
    # What aiortc still holds is of no use to anybody.
    os._exit(0)


if __name__ == "__main__":
    first_on(int(sys.argv[5]))
    asyncio.run(main())
