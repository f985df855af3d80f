"""One room over two workers: who watches at the edge sees what is published at the origin."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from playwright.async_api import Browser, Error

from domain._live import Destination
from infra.media_tokens import MediaRole, Source
from media.reporter import Joined, SpeakerChanged, TrackBegan
from media.tracks import Kind
from tests.media.pair import Pair, pair
from tests.media.screens import Screen, screen

LAYERS = [["l", 2, 150_000], ["h", 1, 500_000]]


@pytest.fixture
async def two() -> AsyncIterator[Pair]:
    # A socket's name may not be long, and those of pytest's folders are.
    with tempfile.TemporaryDirectory(prefix="pair-") as folder:
        async with pair(Path(folder)) as made:
            yield made


def at_the_edge(two: Pair, source: Source = Source.CAMERA) -> bool:
    room = two.edge.engine.rooms.get(two.edge.session_id)
    return room is not None and room.track(two.edge.point_id, source, Kind.VIDEO) is not None


async def test_an_edge_shows_the_origins_picture_and_only_the_origin_tells_of_it(chromium: Browser, two: Pair) -> None:
    async with screen(chromium, two.origin) as camera, screen(chromium, two.edge) as watcher:
        await camera.publish()
        await watcher.watch()
        seen = await watcher.frames(30)
        assert seen["inbound"]["audio"]["packetsReceived"] > 0
    assert len(two.origin.heard.of(TrackBegan)) == 2
    assert not two.edge.heard.of(TrackBegan)
    assert [fact.role for fact in two.edge.heard.of(Joined)] == [MediaRole.VIEWER]


async def test_without_the_pipe_an_edge_has_nothing_to_show(chromium: Browser, two: Pair) -> None:
    """The control: it is the pipe that carries the picture."""
    async with screen(chromium, two.origin) as camera, screen(chromium, two.edge) as watcher:
        await camera.publish()
        two.town.origins[two.origin.session_id] = two.town.runs[1]
        with pytest.raises(Error, match="NOTHING_IS_LIVE"):
            await watcher.watch()


async def test_who_comes_late_to_an_edge_gets_a_key_frame_through_the_pipe(chromium: Browser, two: Pair) -> None:
    async with screen(chromium, two.origin) as camera, screen(chromium, two.edge) as watcher:
        await camera.publish()
        await watcher.watch()
        await watcher.frames(10)
        room = two.origin.engine.rooms[two.origin.session_id]
        picture = room.track(two.origin.point_id, Source.CAMERA, Kind.VIDEO)
        assert picture is not None
        (layer,) = picture.layers.values()
        before = layer.counters.key_frames
        await watcher.page.evaluate("() => close('screen')")
        async with screen(chromium, two.edge) as late:
            await late.watch()
            await late.frames(10)
        assert layer.counters.key_frames > before, "a browser sends none unasked"


async def test_a_viewer_of_an_edge_goes_over_to_another_layer(chromium: Browser, two: Pair) -> None:
    async with screen(chromium, two.origin) as camera, screen(chromium, two.edge) as watcher:
        await camera.publish(width=640, height=360, layers=LAYERS)
        await watcher.watch()
        room = two.edge.engine.rooms[two.edge.session_id]
        picture = room.track(two.edge.point_id, Source.CAMERA, Kind.VIDEO)
        assert picture is not None
        await two.edge.until(lambda: len(picture.layers) == 2)
        await two.edge.until(lambda: len(room.viewers) == 1)
        (viewer,) = room.viewers.values()
        for ceiling, wide in ((0, 320), (None, 640)):
            viewer.limit(two.edge.point_id, Source.CAMERA, ceiling)
            await width(watcher, wide)


async def width(watcher: Screen, wide: int) -> None:
    await watcher.page.wait_for_function("wide => kept.screen.video.videoWidth === wide", arg=wide, timeout=60_000)


async def test_an_ultrasound_is_withheld_at_the_edge_from_whom_it_is_withheld(chromium: Browser, two: Pair) -> None:
    withheld = {"withheld_from": frozenset({Destination.PATIENT_SIDE})}
    async with screen(chromium, two.origin) as probe, screen(chromium, two.edge) as watcher:
        await probe.publish(Source.ULTRASOUND, grant=withheld)
        with pytest.raises(Error, match="NOTHING_IS_LIVE"):
            await watcher.watch(Source.ULTRASOUND, grant={"audience": Destination.PATIENT_SIDE})
        await watcher.watch(Source.ULTRASOUND)
        await watcher.frames(10)


async def test_what_ends_at_the_origin_ends_at_the_edge_and_comes_back_in_the_same_line(
    chromium: Browser, two: Pair
) -> None:
    async with screen(chromium, two.origin) as camera, screen(chromium, two.edge) as watcher:
        await camera.publish()
        await watcher.watch()
        await watcher.frames(10)
        await camera.close("camera")
        await two.edge.until(lambda: not at_the_edge(two))
        async with screen(chromium, two.origin) as again:
            await again.publish()
            before = (await watcher.stats())["frames"]
            await watcher.frames(before + 20)


async def test_the_edge_follows_the_origins_speaker(chromium: Browser, two: Pair) -> None:
    async with screen(chromium, two.origin) as camera, screen(chromium, two.edge) as watcher:
        await camera.publish()
        await watcher.watch()
        room = two.origin.engine.rooms[two.origin.session_id]
        room.spoken(two.origin.point_id)
        await two.edge.until(lambda: bool(two.edge.heard.of(SpeakerChanged)))
        assert two.edge.engine.rooms[two.edge.session_id].speaker == two.origin.point_id


async def test_what_is_said_on_one_worker_is_heard_on_the_other(chromium: Browser, two: Pair) -> None:
    async with screen(chromium, two.origin) as camera, screen(chromium, two.edge) as watcher:
        await camera.publish()
        await watcher.watch()
        await watcher.frames(5)
        here, there = (one.engine.rooms[one.session_id] for one in (two.origin, two.edge))
        heard: list[tuple[str, bytes]] = []
        here.hears = lambda text: heard.append(("origin", text))
        there.hears = lambda text: heard.append(("edge", text))
        here.relay(b"from the origin")
        there.relay(b"from the edge")
        await two.edge.until(lambda: len(heard) == 2)
        assert sorted(heard) == [("edge", b"from the origin"), ("origin", b"from the edge")]


async def test_a_pipe_that_breaks_is_made_anew_and_the_picture_goes_on(chromium: Browser, two: Pair) -> None:
    async with screen(chromium, two.origin) as camera, screen(chromium, two.edge) as watcher:
        await camera.publish()
        await watcher.watch()
        before = (await watcher.frames(10))["frames"]
        (pipe,) = two.origin.engine.rooms[two.origin.session_id].outflows
        pipe.cut()
        await watcher.frames(before + 20)
        (after,) = two.origin.engine.rooms[two.origin.session_id].outflows
        assert after is not pipe


async def test_when_the_edge_becomes_the_origin_its_viewers_stay_where_they_are(chromium: Browser, two: Pair) -> None:
    async with screen(chromium, two.origin) as camera, screen(chromium, two.edge) as watcher:
        await camera.publish()
        await watcher.watch()
        await watcher.frames(10)
        await camera.close("camera")
        two.moves_to(two.edge)
        for pipe in tuple(two.origin.engine.rooms[two.origin.session_id].outflows):
            pipe.cut()
        room = two.edge.engine.rooms[two.edge.session_id]
        await two.edge.until(lambda: room.inflow is None)
        async with screen(chromium, two.edge) as again:
            await again.publish()
            before = (await watcher.stats())["frames"]
            await watcher.frames(before + 20)
            assert len(two.edge.heard.of(Joined)) == 2, "the watcher and the camera, once each"


async def test_a_room_that_is_fed_from_here_stays_and_one_that_nobody_needs_is_gone(
    chromium: Browser, two: Pair
) -> None:
    async with screen(chromium, two.origin) as camera, screen(chromium, two.edge) as watcher:
        await camera.publish()
        await watcher.watch()
        await watcher.frames(5)
        await camera.close("camera")
        origin = two.origin.engine.rooms[two.origin.session_id]
        await two.origin.until(lambda: not origin.members)
        assert origin.outflows
        assert not origin.empty
        await watcher.close()
        await two.edge.until(lambda: not two.edge.engine.rooms)
        await two.origin.until(lambda: not two.origin.engine.rooms)


@pytest.mark.parametrize("role", [MediaRole.PUBLISHER, MediaRole.VIEWER])
@pytest.mark.parametrize("page", [True, False])
async def test_whoever_comes_to_the_wrong_worker_is_told_where_to_go(two: Pair, role: MediaRole, page: bool) -> None:
    two.town.strict = True
    here, there = two.edge, two.origin
    address = here.whip() if role is MediaRole.PUBLISHER else here.whep()
    headers = {"Content-Type": "application/sdp", "Authorization": f"Bearer {here.token(role)}"}
    async with httpx.AsyncClient(trust_env=False) as client:
        origin = {"Origin": "http://127.0.0.1"} if page else {}
        answer = await client.post(address, content="v=0", headers=headers | origin)
    right = address.replace(here.url, there.url)
    assert answer.json()["code"] == "ROOM_IS_ELSEWHERE"
    assert answer.json()["location"] == right
    assert (answer.status_code, answer.headers.get("Location")) == ((409, None) if page else (307, right))


async def test_publishers_stay_at_the_origin(two: Pair) -> None:
    headers = {"Content-Type": "application/sdp", "Authorization": f"Bearer {two.edge.token()}"}
    async with httpx.AsyncClient(trust_env=False) as client:
        answer = await client.post(two.edge.whip(), content="v=0", headers=headers)
    assert (answer.status_code, answer.headers["Location"]) == (307, two.origin.whip())
    assert not two.edge.engine.rooms
