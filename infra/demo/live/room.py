"""The room of the consultation: five hospitals on camera, hospitals that watch, and one whose power fails.

Rules: each hospital that sends is a process of its own, begun early, since encoding takes a while; a camera that comes
back after its power failed is a new process with a way in of its own; nothing outlives the day.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from infra.demo.day import Day, Person
from infra.demo.hospitals import Hospital
from infra.demo.live.account import Source, Watched
from infra.demo.live.seats import Seats
from infra.demo.live.visitor import Visitor, Visitors, visitors
from infra.demo.people import Cast

POINT, AUDIENCE = "point", "audience"
AUDIENCES = ("those who watch", "those who look closely")
WATCHING = 20
CAMERA, ULTRASOUND = "CAMERA", "ULTRASOUND"


def place(point: Hospital, source: str) -> str:
    """The key of a source in everything that is counted."""
    return f"{point.code} {source.lower()}"


class Room:
    """Everybody before a camera or a screen. `begin` early, `close` whatever happens."""

    def __init__(self, day: Day, cast: Cast, seats: Seats) -> None:
        self._day, self._cast, self.seats = day, cast, seats
        self._shown: dict[str, asyncio.Task[Visitor]] = {}
        self._audiences: list[Visitor] = []
        self._visitors: Visitors | None = None
        self._cut: dict[str, tuple[int, int, int]] = {}
        self._seats_of: dict[tuple[str, str], tuple[Person, Hospital, str]] = {}
        self._back: set[asyncio.Task[None]] = set()
        self.sources: list[Source] = []
        self.watched: list[Watched] = []

    async def begin(self, scan: Path) -> None:
        """Everybody is there and prepares; nothing is waited for."""
        # One more camera than points: that which comes back after its power failed is another process.
        self._visitors = await visitors(self._day.settings, len(self._cast.points) + 2 + len(AUDIENCES))
        for number, point in enumerate(self._cast.points):
            self._prepare(point, CAMERA, number)
        self._prepare(self._cast.points[0], ULTRASOUND, 0, scan)
        for name in AUDIENCES:
            self._audiences.append(self._visitors.take(AUDIENCE, name, partial(self._day.stage.seen_so_far, name)))

    async def open(self) -> None:
        """The five points are seen and heard by those who watch them."""
        for decodes, audience in enumerate(self._audiences):
            audience.lost = partial(self._watches_again, audience)
            await audience.ask(begin={"decodes": bool(decodes)})
        for point in self._cast.points:
            await self.publish(point, self._cast.doctors[point.code], CAMERA, equipmentOfThePoint=True)
        wanted = 2 * len(self._cast.points)
        await self.seats.until("five cameras and five voices are live", lambda room: room["tracksLive"] >= wanted)
        share = WATCHING * 3 // 4
        cameras = self._cast.points
        await self.watch(
            (who, cameras[number % len(cameras)], CAMERA) for number, who in enumerate(self._cast.observers[:share])
        )
        await self.watch([(self._cast.responsible, cameras[0], CAMERA)], decodes=True)
        self._day.stage.say(f"5 máy quay qua WebRTC, {share + 1} màn hình / cameras over WebRTC, screens")

    async def publish(self, point: Hospital, who: Person, source: str, **more: Any) -> Visitor:
        """The source goes on air; a second time as one that comes back."""
        visitor = await self._shown[place(point, source)]
        visitor.lost = lambda _: self._go(self._publish_again(visitor, who, source))
        way = await self.seats.way(who, **more)
        await visitor.ask(publish={"url": way.whip(source), "token": way.token})
        return visitor

    async def _publish_again(self, visitor: Visitor, who: Person, source: str) -> None:
        way = await self.seats.way(who)
        visitor.say(publish={"url": way.whip(source), "token": way.token})

    async def watch(self, wanted: Iterable[tuple[Person, Hospital, str]], *, decodes: bool = False) -> None:
        """Returns when each of them has its first picture."""
        viewers = []
        for who, point, source in wanted:
            way = await self.seats.way(who)
            self._seats_of[who.name, place(point, source)] = who, point, source
            viewer = {"name": who.name, "place": place(point, source), "sound": decodes and source == CAMERA}
            viewers.append({**viewer, "url": way.whep(point.id, source), "token": way.token})
        await self._audiences[decodes].ask(watch=viewers)

    def _watches_again(self, audience: Visitor, lost: dict[str, str]) -> None:
        async def again() -> None:
            who, point, source = self._seats_of[lost["name"], lost["place"]]
            way = await self.seats.way(who)
            audience.say(again={**lost, "url": way.whep(point.id, source), "token": way.token})

        self._go(again())

    def _go(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._back.add(task)

    async def lose(self, point: Hospital) -> None:
        """The power fails at a point: its camera is gone without a word, and a new one is being switched on."""
        key = place(point, CAMERA)
        await (await self._shown[key]).cut()
        self._cut[key] = self._day.stage.sent.get(key, (0, 0, 0))
        self._prepare(point, CAMERA, self._cast.points.index(point))

    async def find(self, point: Hospital) -> None:
        """The point is back, in the place that it had."""
        await self.publish(point, self._cast.doctors[point.code], CAMERA)

    async def end(self, point: Hospital, source: str) -> None:
        """Those who watch a source go, then it goes off the air; what each of them got, and what it sent."""
        key = place(point, source)
        for left in await self._all(audience.ask(**{f"leave {key}": key}) for audience in self._audiences):
            self.watched += [Watched(**one) for one in left]
        told = await (await self._shown[key]).ask(end=True)
        # Of a camera that was cut off, what it sent in its last second is known to nobody.
        pictures, sounds, returns = self._cut.get(key, (0, 0, 0))
        self.sources.append(
            Source(
                place=key,
                name=point.name_vi,
                pictures=told["pictures"] + pictures,
                sounds=told["sounds"] + sounds,
                cuts=int(key in self._cut),
                returns=told["returns"] + returns,
            )
        )

    async def leave(self) -> None:
        """Everybody says goodbye."""
        await self._all(self.end(point, CAMERA) for point in self._cast.points)

    async def close(self) -> None:
        for back in self._back:
            back.cancel()
        for task in self._shown.values():
            task.cancel()
        await asyncio.gather(*self._shown.values(), return_exceptions=True)
        if self._visitors is not None:
            await self._visitors.close()

    def _prepare(self, point: Hospital, source: str, number: int, scan: Path | None = None) -> None:
        assert self._visitors is not None
        key = place(point, source)
        visitor = self._visitors.take(POINT, key, partial(self._day.stage.sent_so_far, key))

        async def shown() -> Visitor:
            await visitor.ask(show={"name": point.name_vi, "number": number, "scan": str(scan) if scan else None})
            return visitor

        self._shown[key] = asyncio.create_task(shown())

    @staticmethod
    async def _all(work: Iterable[Coroutine[Any, Any, Any]]) -> Sequence[Any]:
        return await asyncio.gather(*work)
