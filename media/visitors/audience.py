"""A visitor that watches, one process for any number of hospitals.

Said to it, a line each, and answered:

    {"begin": {"decodes"}}                    whether pictures are decoded, or only counted
    {"watch": [{"name", "place", "url", "token", "sound"}]}   answered when each of them has its first picture
    {"leave PLACE": PLACE}                    who watches this place says goodbye; what each of them got
    {"end": true}                             say goodbye

Every second it tells how many pictures have come from each place. When a connection is lost it says
`{"lost": {"name", "place"}}`, and is then told `{"again": {"name", "place", "url", "token"}}`.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from importlib import import_module
from typing import Any

import av
from aiortc import MediaStreamTrack
from aiortc.codecs.base import Decoder
from aiortc.jitterbuffer import JitterFrame
from aiortc.mediastreams import MediaStreamError
from av.frame import Frame

from media.visitors.connection import NOT_NOW, PAUSE_S, Connection, watch
from media.visitors.lines import Lines
from media.visitors.scene import FRAMES_PER_SECOND

# As Any: its types do not show what is put in the place of its decoders.
rtcrtpreceiver: Any = import_module("aiortc.rtcrtpreceiver")

CLOCK = 90_000
STANDSTILL_S = 0.5
MOVES_WITHIN_S = 60.0
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
    returns: int = 0
    """How often its connection was lost and made anew."""
    size: tuple[int, int] = (0, 0)


class Viewer:
    """One hospital before its screen."""

    def __init__(self, name: str, place: str, sound: bool, lost: Callable[[Viewer], None]) -> None:
        self.watched = Watched(name, place)
        self._lost, self._kinds = lost, ["video", "audio"] if sound else ["video"]
        self._moved = asyncio.Event()
        self._left = False
        self._connection: Connection | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._arrived = 0.0
        self._pts = 0

    async def begin(self, url: str, token: str) -> None:
        """Also again, over a new connection."""
        if self._left:
            return
        if self._connection is not None:
            await self._connection.peer.close()
            self.watched.returns += 1
        self._connection = await watch(url, token, self._kinds)
        for receiver in self._connection.peer.getReceivers():
            take = self._look if receiver.track.kind == "video" else self._listen
            self._tasks.append(asyncio.create_task(take(receiver.track)))
        self._connection.when_lost(lambda: self._lost(self))

    async def moves(self) -> bool:
        """Whether another picture comes, within a time in which even a lost connection is made anew."""
        self._moved.clear()
        with suppress(TimeoutError):
            await asyncio.wait_for(self._moved.wait(), MOVES_WITHIN_S)
        return self._moved.is_set()

    async def end(self) -> Watched:
        if self._connection is not None and not self._left:
            self._left = True
            await self._connection.close()
            await asyncio.gather(*self._tasks)
        return self.watched

    def _since(self, now: float) -> int:
        return round(1000 * (now - self._arrived)) if self._arrived else 0

    async def _look(self, track: MediaStreamTrack) -> None:
        clock, seen = asyncio.get_running_loop().time, self.watched
        # A new connection counts its times anew.
        self._pts = 0
        while (frame := await _next(track)) is not None:
            assert isinstance(frame, av.VideoFrame)
            now, pts = clock(), frame.pts or 0
            if seen.pictures:
                self._between(now, pts)
            seen.pictures += 1
            seen.size = frame.width, frame.height
            self._arrived, self._pts = now, pts
            self._moved.set()

    def _between(self, now: float, pts: int) -> None:
        seen, stood = self.watched, self._since(now)
        seen.longest_ms = max(seen.longest_ms, stood)
        if stood > 1000 * STANDSTILL_S:
            seen.standstills.append(stood)
        if self._pts and pts - self._pts >= AWAY:
            seen.away += 1
        elif self._pts:
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
    def __init__(self, lost: Callable[[Viewer], None]) -> None:
        self._viewers: list[Viewer] = []
        self._lost = lost

    async def watch(self, wanted: Sequence[dict[str, Any]]) -> int:
        """Answers when each of them has its first picture."""
        doors = [(one.pop("url"), one.pop("token")) for one in wanted]
        coming = [Viewer(**one, lost=self._lost) for one in wanted]
        self._viewers += coming
        await asyncio.gather(*(viewer.begin(*door) for viewer, door in zip(coming, doors, strict=True)))
        moving = await asyncio.gather(*(viewer.moves() for viewer in coming))
        if not all(moving):
            raise TimeoutError(f"{moving.count(False)} of {len(coming)} screens stay dark")
        return len(coming)

    async def again(self, name: str, place: str, url: str, token: str) -> None:
        viewer = next(one for one in self._viewers if (one.watched.name, one.watched.place) == (name, place))
        try:
            await viewer.begin(url, token)
        except NOT_NOW:
            await asyncio.sleep(PAUSE_S)
            self._lost(viewer)

    async def leave(self, place: str) -> list[dict[str, Any]]:
        """Also says of each whether its picture still ran; one that was lost has the time to come back."""
        leaving = [viewer for viewer in self._viewers if viewer.watched.place == place]
        moving = await asyncio.gather(*(viewer.moves() for viewer in leaving))
        seen = await asyncio.gather(*(viewer.end() for viewer in leaving))
        return [{**asdict(watched), "moves": moves} for watched, moves in zip(seen, moving, strict=True)]

    async def end(self) -> None:
        await asyncio.gather(*(viewer.end() for viewer in self._viewers))

    async def tell(self, lines: Lines) -> None:
        while True:
            await asyncio.sleep(1)
            seen: Counter[str] = Counter()
            for viewer in self._viewers:
                seen[viewer.watched.place] += viewer.watched.pictures
            lines.say(counted=seen)


async def main(lines: Lines) -> None:
    def lost(viewer: Viewer) -> None:
        lines.say(lost={"name": viewer.watched.name, "place": viewer.watched.place})

    audience = Audience(lost)
    async with asyncio.TaskGroup() as tasks:
        telling = tasks.create_task(audience.tell(lines))
        while (said := await lines.next()) is not None:
            match said:
                case {"begin": {"decodes": decodes}}:
                    if not decodes:
                        count_only()
                    lines.say(begin={})
                case {"watch": wanted}:
                    tasks.create_task(lines.answer("watch", audience.watch(wanted)))
                case {"again": door}:
                    tasks.create_task(audience.again(**door))
                case {"end": _}:
                    break
                case _:
                    for what, place in said.items():
                        tasks.create_task(lines.answer(what, audience.leave(place)))
        telling.cancel()
        await lines.answer("end", audience.end())
