"""A media worker is killed with people on it: they are back on another one, and the log says what happened."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from playwright.async_api import Browser

from domain.live_session import ParticipantJoined, RoomPlaced, TrackPublished, WorkerLost
from infra.serving import bound_socket, serving
from tests.media.worker_processes import CAMERA, SCREEN, Guest, Workers, guest, pages, workers

ONE, TWO = "media-1", "media-2"
EVERYBODY_WHO_WATCHES_TO_AN_EDGE = {"TELEHEALTH_MEDIA_PACKETS_A_SECOND": "50"}


@asynccontextmanager
async def consultation(chromium: Browser, dsn: str, **given: str) -> AsyncIterator[tuple[Workers, Guest, Guest]]:
    """Two workers, a camera and a screen that shows it."""
    async with AsyncExitStack() as stack:
        # A socket's name may not be long, and those of pytest's folders are.
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="workers-"))
        there = await stack.enter_async_context(workers(dsn, Path(folder), ONE, TWO, **given))
        url = await stack.enter_async_context(serving(pages(), bound_socket(0)))
        camera = await stack.enter_async_context(guest(chromium, url, there, CAMERA))
        await there.until_told(TrackPublished, 2)
        screen = await stack.enter_async_context(guest(chromium, url, there, SCREEN))
        await screen.shows(30)
        yield there, camera, screen


async def test_whoever_was_on_a_killed_worker_is_back_on_another_one(chromium: Browser, log_database: str) -> None:
    async with consultation(chromium, log_database) as (there, camera, screen):
        names = await there.named()
        before, after = names[await camera.worker()], {ONE, TWO} - {names[await camera.worker()]}
        assert await screen.worker() == await camera.worker()
        assert (await screen.line())["refused"] == []
        at = there.kill(before)
        line = await screen.shows(30, lines=2)
        print(f"\nkilled to first frame: {(line['first'] - at) / 1000:.2f} s")
        assert {names[await one.worker()] for one in (camera, screen)} == after
        (lost,) = await there.until_told(WorkerLost)
        first, second = await there.until_told(RoomPlaced, 2)
        assert (lost.worker, first.worker, {second.worker}) == (before, before, after)
        assert (second.moved_from, lost.run_id) == (first.run_id, first.run_id)
        tracks = await there.until_told(TrackPublished, 4)
        assert {one.continues for one in tracks[2:]} == {one.track_id for one in tracks[:2]}


async def test_whoever_watched_at_a_killed_edge_is_back_and_the_camera_notices_nothing(
    chromium: Browser, log_database: str
) -> None:
    given = EVERYBODY_WHO_WATCHES_TO_AN_EDGE
    async with consultation(chromium, log_database, **given) as (there, camera, screen):
        names = await there.named()
        edge = names[await screen.worker()]
        assert names[await camera.worker()] != edge
        there.kill(edge)
        await screen.shows(30, lines=2)
        assert await screen.worker() == await camera.worker()
        assert len((await camera.line())["joined"]) == 1
        assert [one.worker for one in await there.until_told(WorkerLost)] == [edge]


async def test_whoever_watched_at_an_edge_stays_there_when_the_origin_is_killed(
    chromium: Browser, log_database: str
) -> None:
    given = EVERYBODY_WHO_WATCHES_TO_AN_EDGE
    async with consultation(chromium, log_database, **given) as (there, camera, screen):
        names = await there.named()
        origin, edge = names[await camera.worker()], names[await screen.worker()]
        assert origin != edge
        before = (await screen.line())["frames"]
        there.kill(origin)
        await there.until_told(TrackPublished, 4)
        line = await screen.shows(before + 30)
        assert len(line["joined"]) == 1, "it is the same line"
        assert names[await camera.worker()] == edge
        placed = await there.facts(RoomPlaced)
        assert [(one.worker, one.moved_from is not None) for one in placed][-1] == (edge, True)
        assert len(await there.facts(ParticipantJoined)) >= 3


async def test_nobody_moves_while_both_workers_live(chromium: Browser, log_database: str) -> None:
    """The control: without a kill every line is the first one."""
    async with consultation(chromium, log_database) as (there, camera, screen):
        before = (await screen.line())["frames"]
        await screen.shows(before + 60)
        for line in (await camera.line(), await screen.line()):
            assert (len(line["joined"]), line["refused"]) == (1, [])
        assert not await there.facts(WorkerLost)
