"""From a camera in a browser by WHIP to a screen in another by WHEP, without decoding in between."""

from __future__ import annotations

import asyncio
from uuid import uuid4

import pytest
from playwright.async_api import Browser

from infra.media_tokens import Source
from media.reporter import Joined, LayerSwitched, Left, TrackBegan, TrackEnded
from media.tracks import Ended, Kind
from tests.media.line import Line
from tests.media.screens import screen
from tests.media.ward import Ward

SECOND_OF_FRAMES = 30


@pytest.mark.parametrize("codec", ["VP8", "H264", "VP9"])
async def test_a_picture_is_seen_as_it_was_sent(chromium: Browser, ward: Ward, codec: str) -> None:
    async with screen(chromium, ward) as camera, screen(chromium, ward) as bridge:
        await camera.publish(codec=codec)
        await bridge.watch()
        shown = await bridge.frames(2 * SECOND_OF_FRAMES)
        assert shown["size"] == [640, 480]
        assert shown["srtp"] == "SRTP_AEAD_AES_256_GCM", "the worker is the DTLS server, so it chose the cipher"
        assert ward.missed == 0
        assert shown["inbound"]["audio"]["packetsReceived"] > SECOND_OF_FRAMES
        track = ward.engine.rooms[ward.session_id].track(ward.point_id, Source.CAMERA, Kind.VIDEO)
        assert track is not None
        assert track.description.codec == codec
        await ward.until(lambda: track.measured().frames_per_second > 0)
        await ward.until(lambda: track.measured().loss_before == track.measured().loss_after == 0)
        assert (track.measured().width, track.measured().height) == (640, 480)


async def test_what_happened_is_told_once_and_in_order(chromium: Browser, ward: Ward) -> None:
    async with screen(chromium, ward) as camera:
        await camera.publish()
        await ward.until(lambda: len(ward.heard.of(TrackBegan)) == 2)
        await camera.close("camera")
        await ward.until(lambda: bool(ward.heard.of(Left)))
    kinds = [type(fact) for fact in ward.heard.facts]
    assert kinds == [Joined, TrackBegan, TrackBegan, TrackEnded, TrackEnded, Left]
    (joined,) = ward.heard.of(Joined)
    way = joined.transport
    assert (way.path, way.protocol, way.srtp_profile) == ("direct", "udp", "SRTP_AEAD_AES_256_GCM")
    assert way.dtls.startswith("DTLSv1.")
    assert way.cipher.startswith("ECDHE-")
    assert way.rtt_ms is not None
    assert way.rtt_ms % 10 == way.setup_ms % 10 == 0, "round, since nobody has to be found again by it"
    assert ward.heard.of(Left)[0].reason is Ended.LEFT, "the browser closed its connection by itself"
    await ward.until(lambda: not ward.engine.peers and not ward.engine.port.addresses)


@pytest.mark.parametrize("percent", [3, pytest.param(5, marks=pytest.mark.long)])
async def test_a_lossy_line_is_repaired(chromium: Browser, ward: Ward, percent: int) -> None:
    line = Line(ward.engine, inward=percent / 100, outward=percent / 100)
    async with screen(chromium, ward) as camera, screen(chromium, ward) as bridge:
        await camera.publish(width=1280, height=720, bitrate=1_500_000)
        await bridge.watch()
        shown = await bridge.frames(3 * SECOND_OF_FRAMES)
        video = shown["inbound"]["video"]
        print(f"loss {percent} %: gap {shown['longestGap']:.0f} ms, {video['nackCount']} NACKs")
        assert line.lost > line.passed * percent / 400, "the line was as bad as it was said to be"
        assert video["nackCount"] > 0
        layer = next(iter(ward.engine.rooms[ward.session_id].tracks.values())).best()
        assert layer is not None
        assert layer.counters.gaps > 0
        assert layer.counters.repaired >= layer.counters.gaps * 0.9, "what was lost came again"


@pytest.mark.parametrize("seconds", [3, pytest.param(60, marks=pytest.mark.long)])
async def test_a_long_and_lossy_line_is_repaired(chromium: Browser, ward: Ward, seconds: int) -> None:
    """Over 50 ms each way, as from one end of the country to the other by radio: a repair takes a round trip."""
    Line(ward.engine, inward=0.03, outward=0.03, delay_ms=50)
    async with screen(chromium, ward) as camera, screen(chromium, ward) as bridge:
        await camera.publish(width=1280, height=720, bitrate=1_500_000)
        await bridge.watch()
        shown = await bridge.frames(seconds * SECOND_OF_FRAMES, seconds=90 + 2 * seconds)
        layer = next(iter(ward.engine.rooms[ward.session_id].tracks.values())).best()
        assert layer is not None
        counters = layer.counters
        await ward.until(lambda: counters.gaps > 0 and counters.repaired >= 0.8 * counters.gaps)
        (publisher,) = ward.engine.rooms[ward.session_id].publishers.values()
        await ward.until(lambda: publisher.mouth is not None and (publisher.mouth.rtt_ms or 0) > 90)
        video = shown["inbound"]["video"]
        print(f"100 ms, 3 % loss, {seconds} s: gap {shown['longestGap']:.0f} ms, {video['nackCount']} NACKs")
    for joined in ward.heard.of(Joined):
        assert joined.transport.rtt_ms >= 90, "the log has how far away they are"


@pytest.mark.long
@pytest.mark.parametrize("percent", [3, 5])
async def test_a_lossy_line_is_watched_for_a_minute(chromium: Browser, ward: Ward, percent: int) -> None:
    Line(ward.engine, inward=percent / 100, outward=percent / 100, seed=percent)
    async with screen(chromium, ward) as camera, screen(chromium, ward) as bridge:
        await camera.publish(width=1280, height=720, bitrate=1_500_000)
        await bridge.watch()
        shown = await bridge.frames(60 * SECOND_OF_FRAMES, seconds=90)
        print(f"loss {percent} %, 60 s: gap {shown['longestGap']:.0f} ms")
        assert bridge.unfrozen(shown)


async def test_a_dead_peer_is_noticed(chromium: Browser, ward: Ward) -> None:
    line = Line(ward.engine)
    async with screen(chromium, ward) as camera:
        await camera.publish()
        line.cut = True
        clock = asyncio.get_running_loop().time
        began = clock()
        await ward.until(lambda: bool(ward.heard.of(Left)))
        print(f"dead peer noticed after {clock() - began:.2f} s")
    assert ward.heard.of(Left)[0].reason is Ended.LOST
    assert {fact.reason for fact in ward.heard.of(TrackEnded)} == {Ended.LOST}


async def test_a_camera_that_is_covered_is_no_dead_peer(
    chromium: Browser, ward: Ward, monkeypatch: pytest.MonkeyPatch
) -> None:
    # On a busy machine a browser may answer late; when somebody is given up is asked in test_liveness.
    monkeypatch.setattr("media.peer.LOST_NS", 30_000_000_000)
    async with screen(chromium, ward) as camera:
        await camera.publish(audio=False)
        await camera.page.evaluate("kept.camera.pc.getSenders().forEach((s) => s.replaceTrack(null))")
        (peer,) = ward.engine.peers.values()
        answered: set[float | None] = set()

        def answers() -> bool:
            assert peer.mouth is not None
            answered.add(peer.mouth.rtt_ms)
            return len(answered) > 6

        await ward.until(answers)
        assert not ward.heard.of(Left), "it sends nothing and still answers checks"


async def test_a_publisher_who_comes_back_goes_on_where_it_was(chromium: Browser, ward: Ward) -> None:
    who = {"participant_id": uuid4()}
    async with screen(chromium, ward) as camera, screen(chromium, ward) as bridge:
        await camera.publish(grant=who)
        await bridge.watch()
        await bridge.frames(SECOND_OF_FRAMES)
        before = ward.engine.rooms[ward.session_id].tracks.copy()
        clock = asyncio.get_running_loop().time
        began = clock()
        # Another network: a new connection, while the old one says nothing any more.
        await camera.publish(grant=who)
        await bridge.page.evaluate("forget('screen')")
        await bridge.frames(1)
        print(f"picture back {clock() - began:.2f} s after the new connection was begun")
        shown = await bridge.frames(SECOND_OF_FRAMES)
        assert shown["state"] == "connected", "the viewer noticed nothing of it in its own connection"
        after = ward.engine.rooms[ward.session_id].tracks
        assert not set(before.values()) & set(after.values())
    assert [fact.reason for fact in ward.heard.of(TrackEnded)][:2] == [Ended.REPLACED, Ended.REPLACED]
    assert len(ward.heard.of(Joined)) == 2, "one participant with two connections joined once"


async def test_layers_follow_the_line_of_each_viewer(chromium: Browser, ward: Ward) -> None:
    # Small and two, so that a busy machine has the processor to encode both.
    layers = [["h", 1, 400_000], ["l", 2, 120_000]]
    async with screen(chromium, ward) as camera, screen(chromium, ward) as bridge:
        await camera.publish(width=640, height=360, layers=layers)
        track = ward.engine.rooms[ward.session_id].track(ward.point_id, Source.CAMERA, Kind.VIDEO)
        assert track is not None
        await ward.until(lambda: len(track.layers) == 2, seconds=90)
        await bridge.watch()
        await bridge.frames(1)
        viewer = next(iter(ward.engine.rooms[ward.session_id].viewers.values()))
        await ward.until(lambda: any(fact.after == 1 for fact in ward.heard.of(LayerSwitched)), seconds=90)
        await bridge.frames((await bridge.stats())["frames"] + SECOND_OF_FRAMES)
        viewer.limit(ward.point_id, Source.CAMERA, 0)
        await ward.until(lambda: ward.heard.of(LayerSwitched)[-1].after == 0)
        await bridge.frames((await bridge.stats())["frames"] + SECOND_OF_FRAMES)
        assert ward.missed == 0, "neither going up nor going down"
