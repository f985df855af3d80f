"""A worker in the test's own process, with its HTTP door, a page for browsers, and grants for whoever asks."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Mount, Route

from infra.media_tokens import Grant, GrantDesk, MediaRole, Source, fresh_key
from infra.serving import bound_socket, serving
from media.admission import Admission
from media.engine import Engine
from media.reporter import Fact
from media.signalling import LIMITS, Signalling
from media.udp import Port

PAGE = Path(__file__).with_name("page.js")


@dataclass
class Heard:
    """A reporter that keeps what it was told."""

    facts: list[Fact] = field(default_factory=list)

    def tell(self, fact: Fact) -> None:
        self.facts.append(fact)

    def of(self, kind: type[Any]) -> list[Any]:
        return [fact for fact in self.facts if isinstance(fact, kind)]


@dataclass
class Ward:
    """One worker, where it is reached, and what it told."""

    engine: Engine
    signalling: Signalling
    desk: GrantDesk
    url: str
    heard: Heard
    session_id: UUID = field(default_factory=uuid4)
    point_id: UUID = field(default_factory=uuid4)
    stalled_ms: float = 0.0
    """How late this process's own clock came, at worst."""

    def token(self, role: MediaRole = MediaRole.PUBLISHER, **changed: Any) -> str:
        publishes = role is MediaRole.PUBLISHER
        grant: dict[str, Any] = {
            "session_id": self.session_id,
            "point_id": self.point_id,
            "participant_id": uuid4(),
            "role": role,
            "sources": frozenset(Source) if publishes else frozenset(),
            "expires_at": datetime.now(UTC) + timedelta(minutes=5),
        }
        return self.desk.issue(Grant(**{**grant, **changed}))

    def whip(self, source: Source = Source.CAMERA) -> str:
        return f"{self.url}/whip/{self.session_id}/{source.value}"

    def whep(self, source: Source = Source.CAMERA) -> str:
        return f"{self.url}/whep/{self.session_id}/{self.point_id}/{source.value}"

    @property
    def missed(self) -> int:
        """What viewers asked for that was never sent to them: nothing, while the numbers that they get have no holes.

        What a busy machine loses on its way is asked for too, and is sent again.
        """
        viewers = [viewer for room in self.engine.rooms.values() for viewer in room.viewers.values()]
        return sum(seat.down.missed for viewer in viewers for seat in viewer.seats if seat.down)

    async def watch_the_clock(self) -> None:
        clock = asyncio.get_running_loop().time
        while True:
            due = clock() + 0.02
            await asyncio.sleep(0.02)
            self.stalled_ms = max(self.stalled_ms, 1000 * (clock() - due))

    async def until(self, true: Callable[[], bool], seconds: float = 60) -> None:
        """Waits until something is so; fails when it does not come."""
        async with asyncio.timeout(seconds):
            while not true():
                await asyncio.sleep(0.02)


@asynccontextmanager
async def ward(admission: Admission | None = None) -> AsyncIterator[Ward]:
    key = fresh_key()
    key.ensure_kid()
    desk, heard = GrantDesk([key]), Heard()
    engine = Engine(Port("127.0.0.1", 0), heard)
    engine.start()
    signalling = Signalling(engine, desk, admission=admission or Admission(rate=200, waiting=200))

    async def blank(_: Request) -> Response:
        return HTMLResponse(f"<!doctype html><body><script>{PAGE.read_text()}</script></body>")

    app = Starlette(routes=[Route("/", blank), Mount("/", signalling.app(("*",)))])
    try:
        async with serving(app, bound_socket(0), **LIMITS) as url:
            made = Ward(engine, signalling, desk, url, heard)
            clock = asyncio.create_task(made.watch_the_clock())
            yield made
            clock.cancel()
    finally:
        await engine.close()
