"""Those who watch the consultation: one per hospital, each with a token and a socket of its own.

Rules: a watcher keeps every position that it was told, and when; nothing is tidied up, so that a gap or a double
shows at the end.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from infra.client import Frame, Subscription
from infra.demo.day import Day, NotAsItMustBe, Person, all_of

WATCH = """
subscription ($id: UUID!, $after: Position) {
  consultationBoard(consultationId: $id, after: $after) {
    position
    events { position commandId }
    consultation { status floorId }
  }
}
"""
OPENED_AT_ONCE = 20
ALL_OPEN_WITHIN_S = 60.0


@dataclass(frozen=True, slots=True)
class Told:
    """An event as a subscriber got it; `late` when it came with the first frame after a lost line."""

    position: int
    command_id: str
    arrived: float
    late: bool


@dataclass
class Watcher:
    """One subscriber: from which position on it was told everything, and what."""

    name: str
    subscription: Subscription
    on_frame: Callable[[dict[str, Any]], None] | None = None
    since: int | None = None
    frames: int = 0
    resumed: int = 0
    told: list[Told] = field(default_factory=list)
    moved: asyncio.Event = field(default_factory=asyncio.Event)

    async def reached(self, position: int) -> None:
        """Returns once the subscriber has been told everything up to this position."""
        while self.since is None or (self.subscription.position or 0) < position:
            self.moved.clear()
            await self.moved.wait()

    async def watch(self) -> None:
        async for frame in self.subscription.frames():
            self.take(frame)

    def take(self, frame: Frame) -> None:
        self.frames += 1
        self.resumed += frame.resumed
        if self.since is None:
            self.since = frame.position
        for event in frame.update["events"]:
            self.told.append(Told(event["position"], event["commandId"], frame.arrived, frame.resumed))
        if self.on_frame is not None:
            self.on_frame(frame.update)
        self.moved.set()


class Watchers:
    """All subscribers of one consultation, in one task group of their own."""

    def __init__(self, day: Day, consultation_id: UUID) -> None:
        self._day, self._id = day, str(consultation_id)
        self._tasks: list[asyncio.Task[None]] = []
        self.all: list[Watcher] = []

    async def open(self, people: Sequence[Person]) -> None:
        """Returns when every one of them has been told how things stand."""
        await all_of(OPENED_AT_ONCE, *(self._open(person) for person in people))

    async def _open(self, person: Person) -> None:
        subscription = self._day.client(person).subscribe(WATCH, id=self._id)
        watcher = Watcher(person.name, subscription)
        self.all.append(watcher)
        await self.run(watcher)

    async def run(self, watcher: Watcher) -> None:
        task = asyncio.create_task(watcher.watch())
        self._tasks.append(task)
        opened = asyncio.create_task(watcher.reached(0))
        await asyncio.wait({task, opened}, timeout=ALL_OPEN_WITHIN_S, return_when=asyncio.FIRST_COMPLETED)
        opened.cancel()
        if task.done():
            task.result()
        if watcher.since is None:
            raise NotAsItMustBe(f"{watcher.name} was told nothing within {ALL_OPEN_WITHIN_S:g} s")

    def at(self, name: str) -> Watcher:
        return next(watcher for watcher in self.all if watcher.name == name)

    async def caught_up(self, position: int, within_s: float) -> bool:
        """Whether everybody has been told up to this position within the time."""
        with suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                await asyncio.gather(*(watcher.reached(position) for watcher in self.all))
                return True
        return False

    async def close(self) -> None:
        await asyncio.gather(*(watcher.subscription.close() for watcher in self.all))
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
