"""Media workers as processes, on a log with an open consultation, and pages that come back by themselves."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from playwright.async_api import Browser, Page
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from commands._bus import Bus
from commands.live_session import JoinLiveSession
from domain._kernel import Event
from domain._live_session import LiveSession
from domain.live_session import TrackPublished
from infra.event_store import PostgresEventStore
from infra.live_tickets import Places, TicketDesk
from infra.local.kinship import tethered
from infra.media_tokens import grant_desk
from infra.postgres import Line
from infra.serving import bound_socket, serving
from infra.settings import Settings, child_environment
from tests.media.browser import page
from tests.media.ward import PAGE
from tests.story import the_consultation_opens, the_patients_are_referred
from tests.story_live import ROOM, seat_of
from tests.story_network import AT, BACH_MAI, CONSULTATION, DUNG, NGA, the_network_is_built
from tests.storyteller import Story

AGAIN = Path(__file__).with_name("again.js")
PATIENCE_S = 90.0
CAMERA, SCREEN = "camera", "screen"
PERSONS = {CAMERA: NGA, SCREEN: DUNG}
ONE, TWO = "media-1", "media-2"
SOON_MS, LATE_MS = 1_000, 60_000
"""How long a line may be silent: as clients have it, and so that a busy machine alone never ends one."""


@dataclass
class Workers:
    """The workers by name, and the tickets that the API would make."""

    settings: Settings
    dsn: str
    store: PostgresEventStore
    places: Places
    tickets: TicketDesk
    line: Line
    story: Story
    running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def start(self, name: str, process: str = "media") -> None:
        settings = self.settings.model_copy(update={"media_worker": name})
        command = [sys.executable, "-m", "infra.cli", "run", process]
        self.running[name] = subprocess.Popen(
            tethered(command, orphan_signal=signal.SIGKILL), env=child_environment(settings), stdout=subprocess.DEVNULL
        )

    def kill(self, name: str) -> float:
        """At once, without a farewell; answers when, in milliseconds of the day."""
        at = datetime.now(UTC).timestamp() * 1000
        self.running[name].kill()
        self.running[name].wait()
        return at

    async def named(self) -> dict[str, str]:
        """The names of the runs that live, by their addresses."""
        rows = await (await self.line.get()).fetch("select url, name from media_worker")
        return {row["url"]: row["name"] for row in rows}

    async def until_there_are(self, *names: str) -> None:
        await until(lambda: self._are(set(names)))

    async def _are(self, names: set[str]) -> bool:
        return set((await self.named()).values()) == names

    async def ticket(self, name: str) -> dict[str, str]:
        """What `joinLiveSession` would answer now."""
        seat = seat_of(PERSONS[name])
        room = await Bus(self.store).look(LiveSession, ROOM)
        made = await self.tickets.ticket(ROOM, seat, room.participants[seat], datetime.now(UTC))
        watched = made.whep.replace("{pointId}", str(BACH_MAI)).replace("{source}", "camera")
        url = next(one for one in made.whip if one.endswith("/camera")) if name == CAMERA else watched
        return {"url": url, "token": made.token}

    async def facts(self, kind: type[Event]) -> list[Any]:
        return [at.event for at in (await self.store.load({ROOM: 0}))[ROOM] if isinstance(at.event, kind)]

    async def until_told(self, kind: type[Event], number: int = 1) -> list[Any]:
        async def told() -> bool:
            return len(await self.facts(kind)) >= number

        await until(told)
        return await self.facts(kind)


async def until(holds: Any, seconds: float = PATIENCE_S) -> None:
    async with asyncio.timeout(seconds):
        while not await holds():
            await asyncio.sleep(0.05)


@asynccontextmanager
async def workers(dsn: str, data: Path, *names: str, **given: str) -> AsyncIterator[Workers]:
    """These workers run, and a doctor and somebody who only watches are let into the room."""
    environment = {"TELEHEALTH_DATA": str(data), "DATABASE_URL": dsn, "TELEHEALTH_LOG_TO_STDERR": "false", **given}
    settings = Settings.from_env(environment)
    store, places, line = PostgresEventStore(dsn), Places(dsn), Line(dsn)
    story = Story(store)
    for chapter in (the_network_is_built, the_patients_are_referred, the_consultation_opens):
        await chapter(story)
    join = JoinLiveSession(participant_id=seat_of(NGA), consultation_id=CONSULTATION)
    await story.tell(AT[NGA], join)
    watch = JoinLiveSession(participant_id=seat_of(DUNG), consultation_id=CONSULTATION, only_observes=True)
    await story.tell(AT[DUNG], watch)
    made = Workers(settings, dsn, store, places, TicketDesk(settings, grant_desk(settings), places), line, story)
    try:
        for name in names:
            made.start(name)
        await made.until_there_are(*names)
        yield made
    finally:
        for process in made.running.values():
            process.kill()
            process.wait()
        await places.close()
        await line.close()
        await store.close()


@dataclass
class Guest:
    """A page with one line that it keeps up."""

    page: Page
    name: str

    async def line(self) -> Any:
        return await self.page.evaluate("name => lineOf(name)", self.name)

    async def worker(self) -> str:
        """The address of the worker that it is at."""
        return str((await self.line())["joined"][-1]["worker"])

    async def joins(self, lines: int) -> None:
        """Waits until it is on its so-manieth line."""

        async def joined() -> bool:
            return len((await self.line())["joined"]) >= lines

        await until(joined)

    async def shows(self, frames: int, lines: int = 1) -> Any:
        """Waits until its line, the so-manieth at least, has shown so many frames."""

        async def shown() -> bool:
            found = await self.line()
            return len(found["joined"]) >= lines and found["frames"] >= frames

        try:
            await until(shown)
        except TimeoutError:
            raise AssertionError(f"{self.name} shows nothing: {await self.line()}") from None
        return await self.line()


@asynccontextmanager
async def guest(chromium: Browser, url: str, there: Workers, name: str, quiet_ms: int) -> AsyncIterator[Guest]:
    async with page(chromium, url) as opened:
        await opened.expose_function("ticket", there.ticket)
        how = {"publishes": name == CAMERA, "width": 320, "height": 240, "quietMs": quiet_ms}
        await opened.evaluate("([name, how]) => { stay(name, how); }", [name, how])
        yield Guest(opened, name)


@asynccontextmanager
async def consultation(
    chromium: Browser, dsn: str, quiet: tuple[int, int] = (SOON_MS, SOON_MS), **given: str
) -> AsyncIterator[tuple[Workers, Guest, Guest]]:
    """Two workers, a camera and a screen that shows it; `quiet` is how long each of the two lines may be silent."""
    async with AsyncExitStack() as stack:
        # A socket's name may not be long, and those of pytest's folders are.
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="workers-"))
        there = await stack.enter_async_context(workers(dsn, Path(folder), ONE, TWO, **given))
        url = await stack.enter_async_context(serving(pages(), bound_socket(0)))
        camera = await stack.enter_async_context(guest(chromium, url, there, CAMERA, quiet[0]))
        await there.until_told(TrackPublished, 2)
        screen = await stack.enter_async_context(guest(chromium, url, there, SCREEN, quiet[1]))
        await screen.shows(30)
        yield there, camera, screen


def pages() -> Starlette:
    async def blank(_: Request) -> Response:
        script = PAGE.read_text() + AGAIN.read_text()
        return HTMLResponse(f"<!doctype html><body><script>{script}</script></body>")

    return Starlette(routes=[Route("/", blank)])
