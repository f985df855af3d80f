"""A media worker is killed with people on it: they are back on another one, and the log says what happened."""

from __future__ import annotations

from playwright.async_api import Browser

from domain.live_session import ParticipantJoined, RoomPlaced, TrackPublished, WorkerLost
from tests.media.worker_processes import LATE_MS, ONE, SOON_MS, TWO, consultation, until

EVERYBODY_WHO_WATCHES_TO_AN_EDGE = {"TELEHEALTH_MEDIA_PACKETS_A_SECOND": "50"}


async def test_whoever_was_on_a_killed_worker_is_back_on_another_one(chromium: Browser, log_database: str) -> None:
    async with consultation(chromium, log_database) as (there, camera, screen):
        names = await there.named()
        before, after = names[await camera.worker()], {ONE, TWO} - {names[await camera.worker()]}
        assert await screen.worker() == await camera.worker()
        lines = len((await screen.line())["joined"])
        lost_tracks = {one.track_id for one in (await there.facts(TrackPublished))[-2:]}
        there.kill(before)
        await screen.shows(30, lines=lines + 1)
        assert {names[await one.worker()] for one in (camera, screen)} == after
        (lost,) = await there.until_told(WorkerLost)
        first, second = await there.until_told(RoomPlaced, 2)
        assert (lost.worker, first.worker, {second.worker}) == (before, before, after)
        assert (second.moved_from, lost.run_id) == (first.run_id, first.run_id)

        async def continued() -> bool:
            return {one.continues for one in await there.facts(TrackPublished)} >= lost_tracks

        await until(continued)


async def test_whoever_watched_at_a_killed_edge_is_back_and_the_camera_notices_nothing(
    chromium: Browser, log_database: str
) -> None:
    given = EVERYBODY_WHO_WATCHES_TO_AN_EDGE
    async with consultation(chromium, log_database, (LATE_MS, SOON_MS), **given) as (there, camera, screen):
        names = await there.named()
        edge = names[await screen.worker()]
        assert names[await camera.worker()] != edge
        lines = len((await screen.line())["joined"])
        there.kill(edge)
        await screen.shows(30, lines=lines + 1)
        assert await screen.worker() == await camera.worker()
        assert len((await camera.line())["joined"]) == 1, "it is the same line"
        assert [one.worker for one in await there.until_told(WorkerLost)] == [edge]


async def test_whoever_watched_at_an_edge_stays_there_when_the_origin_is_killed(
    chromium: Browser, log_database: str
) -> None:
    given = EVERYBODY_WHO_WATCHES_TO_AN_EDGE
    async with consultation(chromium, log_database, (SOON_MS, LATE_MS), **given) as (there, camera, screen):
        names = await there.named()
        origin, edge = names[await camera.worker()], names[await screen.worker()]
        assert origin != edge
        lines, before = len((await camera.line())["joined"]), (await screen.line())["frames"]
        there.kill(origin)
        await camera.joins(lines + 1)
        shown = (await screen.line())["frames"]
        line = await screen.shows(max(before, shown) + 30)
        assert len(line["joined"]) == 1, "it is the same line"
        assert names[await camera.worker()] == edge

        async def taken_over() -> bool:
            return any(one.worker == edge and one.moved_from is not None for one in await there.facts(RoomPlaced))

        await until(taken_over)
        await there.until_told(ParticipantJoined, 3)


async def test_nobody_moves_while_both_workers_live(chromium: Browser, log_database: str) -> None:
    """The control: without a kill every line is the first one."""
    async with consultation(chromium, log_database, (LATE_MS, LATE_MS)) as (there, camera, screen):
        before = (await screen.line())["frames"]
        await screen.shows(before + 60)
        for line in (await camera.line(), await screen.line()):
            assert len(line["joined"]) == 1
        assert not await there.facts(WorkerLost)
