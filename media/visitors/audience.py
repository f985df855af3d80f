"""A visitor that watches, one process for any number of hospitals.

Said to it, a line each, and answered:

    {"begin": {"decodes"}}                    whether pictures are decoded, or only counted
    {"watch": [{"name", "place", "url", "token", "sound"}]}   answered when each of them has its first picture
    {"end": true}                             say goodbye; what each of them got

Every second it tells how many pictures have come from each place.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from importlib import import_module
from typing import Any

import av
from aiortc import MediaStreamTrack
from aiortc.codecs.base import Decoder
from aiortc.jitterbuffer import JitterFrame
from aiortc.mediastreams import MediaStreamError
from av.frame import Frame

from media.visitors.connection import WITHIN_S, Connection, watch
from media.visitors.lines import Lines
from media.visitors.scene import FRAMES_PER_SECOND

# As Any: its types do not show what is put in the place of its decoders.
rtcrtpreceiver: Any = import_module("aiortc.rtcrtpreceiver")

CLOCK = 90_000
STANDSTILL_S = 0.5
# A longer silence in the sender's own time is no loss on the way: the source was away and came back.
AWAY = CLOCK
STEP = CLOCK // FRAMES_PER_SECOND


class Glance(Decoder):
    """Stands for a decoder and looks at no picture: every whole one gives an empty one of its time."""

    def decode(self, encoded_frame: JitterFrame) -> list[Frame]:
        frame = av.VideoFrame(16, 16, "yuv420p")
        frame.pts = encoded_frame.timestamp
        return [frame]


def count_only() -> None:
    """From now on whole pictures are put together in this process, and not decoded."""
    rtcrtpreceiver.get_decoder = lambda codec: Glance()


@dataclass
class Watched:
    """What one viewer got: pictures, those that are missing between them, and how often and long they stood still."""

    name: str
    place: str
    pictures: int = 0
    sounds: int = 0
    missing: int = 0
    away: int = 0
    standstills: list[int] = field(default_factory=list)
    """Each in ms."""
    longest_ms: int = 0
    silent_ms: int = 0
    """How long before the end the last picture came."""
    size: tuple[int, int] = (0, 0)


class Viewer:
    """One hospital before its screen."""

    def __init__(self, name: str, place: str, url: str, token: str, sound: bool) -> None:
        self.watched = Watched(name, place)
        self.first = asyncio.Event()
        self._door, self._kinds = (url, token), ["video", "audio"] if sound else ["video"]
        self._connection: Connection | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._arrived = 0.0
        self._pts = 0

    async def begin(self) -> None:
        """Returns with the first picture."""
        self._connection = await watch(*self._door, self._kinds)
        for receiver in self._connection.peer.getReceivers():
            take = self._look if receiver.track.kind == "video" else self._listen
            self._tasks.append(asyncio.create_task(take(receiver.track)))
        await asyncio.wait_for(self.first.wait(), WITHIN_S)

    async def end(self) -> Watched:
        self.watched.silent_ms = self._since(asyncio.get_running_loop().time())
        if self._connection is not None:
            await self._connection.close()
        await asyncio.gather(*self._tasks)
        return self.watched

    def _since(self, now: float) -> int:
        return round(1000 * (now - self._arrived)) if self._arrived else 0

    async def _look(self, track: MediaStreamTrack) -> None:
        clock, seen = asyncio.get_running_loop().time, self.watched
        while (frame := await _next(track)) is not None:
            assert isinstance(frame, av.VideoFrame)
            now, pts = clock(), frame.pts or 0
            if seen.pictures:
                self._between(now, pts)
            seen.pictures += 1
            seen.size = frame.width, frame.height
            self._arrived, self._pts = now, pts
            self.first.set()

    def _between(self, now: float, pts: int) -> None:
        seen, stood = self.watched, self._since(now)
        seen.longest_ms = max(seen.longest_ms, stood)
        if stood > 1000 * STANDSTILL_S:
            seen.standstills.append(stood)
        if pts - self._pts >= AWAY:
            seen.away += 1
        else:
            seen.missing += max(0, round((pts - self._pts) / STEP) - 1)

    async def _listen(self, track: MediaStreamTrack) -> None:
        while await _next(track) is not None:
            self.watched.sounds += 1


async def _next(track: MediaStreamTrack) -> object | None:
    try:
        return await track.recv()
    except MediaStreamError:
        return None


class Audience:
    def __init__(self) -> None:
        self._viewers: list[Viewer] = []

    async def watch(self, wanted: Sequence[dict[str, Any]]) -> int:
        coming = [Viewer(**one) for one in wanted]
        self._viewers += coming
        await asyncio.gather(*(viewer.begin() for viewer in coming))
        return len(coming)

    async def end(self) -> list[dict[str, Any]]:
        return [asdict(watched) for watched in await asyncio.gather(*(viewer.end() for viewer in self._viewers))]

    async def tell(self, lines: Lines) -> None:
        while True:
            await asyncio.sleep(1)
            seen: Counter[str] = Counter()
            for viewer in self._viewers:
                seen[viewer.watched.place] += viewer.watched.pictures
            lines.say(counted=seen)


async def main(lines: Lines) -> None:
    audience = Audience()
    telling = asyncio.create_task(audience.tell(lines))
    while (said := await lines.next()) is not None:
        match said:
            case {"begin": {"decodes": decodes}}:
                if not decodes:
                    count_only()
                lines.say(begin={})
            case {"watch": wanted}:
                lines.say(watch=await audience.watch(wanted))
            case {"end": _}:
                break
    telling.cancel()
    lines.say(end=await audience.end())
