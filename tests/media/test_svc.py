"""A scalable picture is thinned without a seam: on packets of a real encoder, and between real browsers."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from itertools import groupby
from types import SimpleNamespace
from typing import Any, cast

import av
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from playwright.async_api import Browser

from infra.media_tokens import Source
from media.continuity import rewritten
from media.downtrack import Downtrack
from media.layer import Layer
from media.payloads import INSPECTIONS
from media.published import PublishedTrack
from media.recording.payloads import joined, vp8, vp9
from media.rtp import Packet, Scale, ahead
from media.svc import Point, Scaled, Thin, may_go_over, points_of
from media.tracks import Kind
from tests.media.screens import screen
from tests.media.ward import Ward
from tests.media.ward import ward as made

PICTURES = 40
MODES = {"VP9": "L3T3_KEY", "VP8": "L1T3"}
PIECES = {"VP9": vp9, "VP8": vp8}


@pytest.fixture(scope="session", params=MODES)
async def captured(chromium: Browser, request: pytest.FixtureRequest) -> AsyncIterator[tuple[str, Sequence[Packet]]]:
    """What Chromium's encoder sent, from a key frame on, without a gap."""
    codec = request.param
    async with made() as ward, screen(chromium, ward) as camera:
        await camera.publish(codec=codec, scalability=MODES[codec], hint="motion", audio=False, width=640, height=360)
        track = picture(ward)
        (whole,) = track.layers.values()
        found: list[Packet] = []

        def enough() -> bool:
            nonlocal found
            newest = whole.highest or 0
            kept = sorted((one for one in whole.ring if one is not None), key=lambda one: ahead(one.sequence, newest))
            runs = (kept[at:] for at, one in enumerate(kept) if one.key_frame)
            found = next((run for run in runs if ahead(run[-1].sequence, run[0].sequence) == len(run) - 1), [])
            # On a busy machine one may be lost, or so few pictures come that the first has left the ring.
            whole.key_frame_wanted = whole.key_frame_wanted or not found
            top = max((one.scale.spatial for one in found if one.scale), default=0)
            return len({one.timestamp for one in found}) > PICTURES and (codec == "VP8" or top > 0)

        await ward.until(enough, seconds=60)
        last = found[-1].timestamp
        yield codec, [one for one in found if one.timestamp != last]


def picture(ward: Ward) -> PublishedTrack:
    track = ward.engine.rooms[ward.session_id].track(ward.point_id, Source.CAMERA, Kind.VIDEO)
    assert track is not None
    return track


class Watcher:
    """One who goes from stream to stream, and everything that was sent there."""

    def __init__(self, codec: str) -> None:
        self.codec = codec
        self.whole = Layer(1, "", 90_000, 4096, INSPECTIONS[codec])
        self.scaled = self.whole.scaled = Scaled(self.whole, lambda layer: None, self.send)
        self.down = Downtrack(cast("Any", None), cast("Any", SimpleNamespace(tag=16)), (1, 2), (96, 97), 0)
        self.sent: list[tuple[int, int, int, bytes]] = []

    def send(self, layer: Layer) -> None:
        """What the way out of a worker does, for this one."""
        if layer.waiting and (first := layer.key_frame_in(layer.pending)) is not None:
            layer.waiting.clear()
            self.down.begin(layer, first)
            del layer.pending[: layer.pending.index(first)]
        if self.down in layer.viewers:
            shift = self.down.continuity
            for one in layer.pending:
                payload = rewritten(one, shift.picture, shift.base)
                self.sent.append(((one.sequence + shift.sequence) & 0xFFFF, one.timestamp, one.marker, payload))
        layer.pending.clear()

    def take(self, packet: Packet) -> None:
        again = Packet(packet.sequence, packet.timestamp, packet.marker, packet.payload, packet.arrived_ns)
        self.whole.take(again, len(packet.payload))
        for layer in self.whole.with_thinner:
            self.send(layer)

    @property
    def shown(self) -> list[tuple[int, int, int, bytes]]:
        """Without padding: Chromium sends some when it tries out its line, behind a picture and under its time."""
        return [one for one in self.sent if one[3]]

    def decoded(self) -> list[tuple[int, int]]:
        """The size of each picture that a decoder makes of what was sent; raises when it cannot."""
        decoder: Any = av.CodecContext.create(self.codec.lower(), "r")
        sizes = []
        for _, packets in groupby(self.shown, key=lambda one: one[1]):
            pieces = [PIECES[self.codec](payload) for *_, payload in packets]
            frames = decoder.decode(av.Packet(joined(self.codec.lower(), pieces)))
            sizes += [(frame.width, frame.height) for frame in frames[-1:]]
        return sizes


def watched(captured: tuple[str, Sequence[Packet]], wishes: Sequence[int]) -> Watcher:
    """Everything is sent to one who wants another stream, by its rank, after every few packets."""
    codec, packets = captured
    watcher = Watcher(codec)
    every = max(1, len(packets) // len(wishes))
    for at, packet in enumerate(packets):
        if at % every == 0:
            streams = watcher.whole.with_thinner
            watcher.down.follow(streams[min(wishes[min(at // every, len(wishes) - 1)], len(streams) - 1)])
        watcher.take(packet)
    return watcher


def test_a_stream_of_each_rank_is_whole_in_itself(captured: tuple[str, Sequence[Packet]]) -> None:
    codec, packets = captured
    octets, widths = [], []
    most = Point(max(one.scale.spatial for one in packets if one.scale), 2)
    for rank in range(len(points_of(*most)) + 1):
        watcher = Watcher(codec)
        # The streams are known from the second picture on; here they shall be taken from the first.
        watcher.scaled._grow(most)
        watcher.down.follow(watcher.whole.with_thinner[rank])
        for packet in packets:
            watcher.take(packet)
        numbers = [number for number, *_ in watcher.sent]
        assert [(one - numbers[0]) & 0xFFFF for one in numbers] == list(range(len(numbers))), "no holes"
        ends = [list(one)[-1][2] for _, one in groupby(watcher.shown, key=lambda one: one[1])]
        assert all(ends), "each picture ends with its marker"
        pictures = len({timestamp for _, timestamp, *_ in watcher.shown})
        sizes = watcher.decoded()
        assert len(sizes) == pictures
        octets.append(sum(len(payload) for *_, payload in watcher.sent))
        widths.append(max(width for width, _ in sizes))
    assert octets[0] < octets[-1] / 1.3
    assert (widths[0] < widths[-1]) is (most.spatial > 0), "a spatial layer that is left out makes the picture smaller"
    assert max(octets) == octets[-1] == sum(len(one.payload) for one in packets)


@given(wishes=st.lists(st.integers(0, 5), min_size=2, max_size=25))
@settings(max_examples=25, deadline=None)
def test_whoever_goes_from_stream_to_stream_gets_each_picture_once_and_decodes_it(
    captured: tuple[str, Sequence[Packet]], wishes: list[int]
) -> None:
    watcher = watched(captured, wishes)
    numbers = [number for number, *_ in watcher.sent]
    assert [(one - numbers[0]) & 0xFFFF for one in numbers] == list(range(len(numbers)))
    pictures = [timestamp for timestamp, _ in groupby(timestamp for _, timestamp, *_ in watcher.shown)]
    assert len(pictures) == len(set(pictures)), "none came back after another"
    assert len(watcher.decoded()) == len(pictures)


def test_padding_behind_a_picture_leaves_no_hole_in_any_stream(captured: tuple[str, Sequence[Packet]]) -> None:
    codec, packets = captured
    fifth = list(dict.fromkeys(one.timestamp for one in packets))[4]
    at = max(number for number, one in enumerate(packets) if one.timestamp == fifth) + 1
    padding = Packet((packets[at - 1].sequence + 1) & 0xFFFF, fifth, 0, b"", packets[at - 1].arrived_ns)
    later = [Packet((one.sequence + 1) & 0xFFFF, one.timestamp, one.marker, one.payload, 1) for one in packets[at:]]
    watcher = watched((codec, [*packets[:at], padding, *later]), [0])
    numbers = [number for number, *_ in watcher.sent]
    assert [(one - numbers[0]) & 0xFFFF for one in numbers] == list(range(len(numbers)))
    assert len(watcher.sent) == len(watcher.shown) + 1, "it goes everywhere"
    assert len(watcher.decoded()) == len({timestamp for _, timestamp, *_ in watcher.shown})


@given(seed=st.randoms(use_true_random=False), point=st.integers(0, 4))
@settings(max_examples=40, deadline=None)
def test_late_packets_leave_no_hole_and_double_no_number(
    captured: tuple[str, Sequence[Packet]], seed: Any, point: int
) -> None:
    codec, packets = captured
    wanted = points_of(2, 2) if codec == "VP9" else points_of(0, 2)
    thin = Thin(Layer(1, "", 90_000, 4096, INSPECTIONS[codec]), wanted[min(point, len(wanted) - 1)])
    order = sorted(range(len(packets)), key=lambda at: at + (seed.randint(0, 40) if at and seed.random() < 0.1 else 0))
    numbers = [number for at in order if (number := thin.number(packets[at])) is not None]
    assert len(numbers) == len(set(numbers))
    first = packets[0].sequence
    assert {(one - first) & 0xFFFF for one in numbers} == set(range(len(numbers)))


KEY, DELTA = True, False


def at(temporal: int, *, key: bool = DELTA, switches: bool = False) -> Packet:
    one = Packet(1, 1, 0, b"x", 1)
    one.key_frame, one.scale = key, Scale(0, temporal, True, True, switches)
    return one


@pytest.mark.parametrize(
    ("now", "to", "packet", "may"),
    [
        (Point(2, 2), Point(0, 2), at(0), True),
        (Point(0, 2), Point(2, 2), at(0), False),
        (Point(0, 2), Point(2, 2), at(0, key=KEY), True),
        (Point(2, 2), Point(2, 0), at(0), True),
        (Point(2, 2), Point(2, 0), at(1), False),
        (Point(0, 0), Point(0, 2), at(0), False),
        (Point(0, 0), Point(0, 2), at(1), False),
        (Point(0, 0), Point(0, 2), at(1, switches=True), True),
        (Point(0, 0), Point(0, 2), at(2, switches=True), False),
    ],
)
def test_one_goes_over_where_the_decoder_can(now: Point, to: Point, packet: Packet, *, may: bool) -> None:
    assert may_go_over(now, to, packet) is may


def test_frames_are_given_up_before_size_and_few_steps_lead_up() -> None:
    assert points_of(2, 2) == [Point(0, 0), Point(0, 2), Point(1, 2), Point(2, 0), Point(2, 1)]
    assert points_of(0, 2) == [Point(0, 0), Point(0, 1)]
    assert points_of(1, 0) == [Point(0, 0)]


async def test_a_weak_viewer_gets_the_small_picture_and_a_strong_one_the_large(chromium: Browser, ward: Ward) -> None:
    async with screen(chromium, ward) as camera, screen(chromium, ward) as weak, screen(chromium, ward) as strong:
        await camera.publish(codec="VP9", scalability="L2T1_KEY", hint="motion", audio=False, width=640, height=360)
        await ward.until(lambda: len(picture(ward).ordered()) == 2, seconds=40)
        await weak.watch(audio=False)
        await weak.frames(1)
        (viewer,) = ward.engine.rooms[ward.session_id].viewers.values()
        viewer.limit(ward.point_id, Source.CAMERA, PublishedTrack.smallest(picture(ward).ordered()))
        await strong.watch(audio=False)
        width = 0
        while width != 640:
            width = (await strong.frames((await strong.stats())["frames"] + 5, seconds=60))["size"][0]
        shown = await weak.frames((await weak.stats())["frames"] + 20, seconds=60)
        assert shown["size"][0] < 640
        assert ward.missed == 0
        viewer.limit(ward.point_id, Source.CAMERA, None)
        while shown["size"][0] != 640:
            shown = await weak.frames(shown["frames"] + 5, seconds=60)
        assert ward.missed == 0, "going up, nothing was missing"
