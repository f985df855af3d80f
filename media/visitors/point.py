"""A visitor that publishes one source.

Said to it, a line each, and answered:

    {"show": {"name", "number", "scan"}}      encode what will be sent; `scan` is a file, else a camera is drawn
    {"publish": {"url", "token"}}             send it by WHIP
    {"still": {"url", "token"}}               hand in the picture that is shown now, without loss
    {"end": true}                             say goodbye, and how much was sent

Every second it tells how many pictures it has sent. When its connection is lost it says `{"lost": {}}`, and is then
told to publish again.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import time
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import httpx

from media._aiortc import sent_last
from media.visitors.clip import SOUNDS_PER_SECOND, Replay, pictures, voice
from media.visitors.connection import NOT_NOW, PAUSE_S, WITHIN_S, Connection, NotLetIn, publish
from media.visitors.lines import Lines
from media.visitors.scene import FRAMES_PER_SECOND, Camera, Pixels, Scan, Scene

CAMERA_KBPS, SCAN_KBPS = 450, 2_500
PNG = "image/png"
CREATED = 201


class Point:
    """One connection with its picture, and the sound where there is somebody to be heard."""

    def __init__(self, lost: Callable[[], None]) -> None:
        self._lost, self.returns = lost, -1
        self._scene: Scene | None = None
        self._picture: Replay | None = None
        self._sound: Replay | None = None
        self._connection: Connection | None = None

    async def show(self, name: str, number: int, scan: str | None) -> dict[str, Any]:
        self._scene = await asyncio.to_thread(Scan, Path(scan)) if scan else Camera(name, number)
        encoded = await asyncio.to_thread(pictures, self._scene, SCAN_KBPS if scan else CAMERA_KBPS)
        self._picture = Replay("video", encoded, FRAMES_PER_SECOND)
        if not scan:
            self._sound = Replay("audio", await asyncio.to_thread(voice, number), SOUNDS_PER_SECOND)
        return {"pictures": len(encoded)}

    async def publish(self, url: str, token: str) -> dict[str, Any]:
        tracks = [track for track in (self._picture, self._sound) if track is not None]
        if self._connection is None:
            self._connection = await publish(url, token, tracks)
        else:
            await self._connection.peer.close()
            try:
                self._connection = await publish(url, token, tracks)
            except NOT_NOW:
                await asyncio.sleep(PAUSE_S)
                self._lost()
                return {}
        self._connection.when_lost(self._lost)
        self.returns += 1
        return {}

    async def still(self, url: str, token: str) -> dict[str, Any]:
        assert self._connection is not None
        assert self._picture is not None
        assert self._scene is not None
        (sender,) = (one for one in self._connection.peer.getSenders() if one.kind == "video")
        # Both are of the same moment: nothing is awaited between them.
        number, rtp_timestamp, taken_ms = self._picture.sent - 1, sent_last(sender), time.time_ns() // 1_000_000
        png = await asyncio.to_thread(png_of, self._scene.picture(number))
        digest = hashlib.sha256(png)
        headers = {
            "Authorization": f"Bearer {token}",
            "Content-Type": PNG,
            "Content-Digest": f"sha-256=:{base64.b64encode(digest.digest()).decode()}:",
            "RTP-Timestamp": str(rtp_timestamp),
            "Taken-At": str(taken_ms),
        }
        async with httpx.AsyncClient(trust_env=False, timeout=WITHIN_S) as http:
            answer = await http.post(url, content=png, headers=headers)
        if answer.status_code != CREATED:
            raise NotLetIn(f"{answer.status_code} {answer.text}")
        return {"sha256": digest.hexdigest(), "answer": answer.json()}

    async def end(self) -> dict[str, Any]:
        told = self.told
        if self._connection is not None:
            await self._connection.close()
        return told

    @property
    def told(self) -> dict[str, int]:
        return {
            "pictures": self._picture.sent if self._picture else 0,
            "sounds": self._sound.sent if self._sound else 0,
            "returns": max(0, self.returns),
        }


def png_of(pixels: Pixels) -> bytes:
    encoder = av.CodecContext.create("png", "w")
    assert isinstance(encoder, av.VideoCodecContext)
    encoder.height, encoder.width = pixels.shape[:2]
    encoder.pix_fmt, encoder.time_base = "rgb24", Fraction(1, FRAMES_PER_SECOND)
    frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
    frame.pts = 0
    return b"".join(bytes(packet) for packet in [*encoder.encode(frame), *encoder.encode(None)])


async def _tell(point: Point, lines: Lines) -> None:
    while True:
        await asyncio.sleep(1)
        lines.say(counted=point.told)


async def main(lines: Lines) -> None:
    point = Point(lambda: lines.say(lost={}))
    async with asyncio.TaskGroup() as tasks:
        telling = tasks.create_task(_tell(point, lines))
        while (said := await lines.next()) is not None:
            match said:
                case {"show": wanted}:
                    await lines.answer("show", point.show(**wanted))
                case {"publish": door}:
                    await lines.answer("publish", point.publish(**door))
                case {"still": door}:
                    # The connection may be lost meanwhile, and has to come back for it.
                    tasks.create_task(lines.answer("still", point.still(**door)))
                case {"end": _}:
                    break
        telling.cancel()
        await lines.answer("end", point.end())
