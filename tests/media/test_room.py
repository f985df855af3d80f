"""Who speaks, and what a tap gets of a track whose layers come and go."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from uuid import UUID, uuid4

import pytest

from infra.media_tokens import Source
from media import rtp
from media.engine import Engine
from media.layer import Layer
from media.payloads import inspect_vp8
from media.published import PublishedTrack
from media.reporter import SpeakerChanged
from media.room import Room
from media.rtp import Packet
from media.tracks import Ended, Kind, TrackDescription
from media.udp import Port
from tests.media.ward import Heard

SPEECH, SILENCE = 20, 127


@pytest.fixture
async def heard() -> Heard:
    return Heard()


@pytest.fixture
async def room(heard: Heard) -> AsyncIterator[Room]:
    engine = Engine(Port("127.0.0.1", 0), heard)
    yield engine.room(uuid4())
    engine.port.close()


def track(kind: Kind, point: UUID | None = None, rids: tuple[str, ...] = ()) -> PublishedTrack:
    codec, rate = ("opus", 48_000) if kind is Kind.AUDIO else ("VP8", 90_000)
    about = TrackDescription(
        uuid4(), uuid4(), point or uuid4(), uuid4(), kind, Source.CAMERA, codec, rate, 96, {}, channels=1
    )
    return PublishedTrack(about, rids)


def voice(room: Room, level: int = SILENCE) -> PublishedTrack:
    one = track(Kind.AUDIO)
    room.tracks[one.description.point_id, Source.CAMERA, Kind.AUDIO] = one
    says(one, level)
    return one


def says(one: PublishedTrack, level: int, packets: int = 50) -> None:
    for _ in range(packets):
        one.heard(level)


async def test_the_loudest_has_the_floor_of_screens(room: Room, heard: Heard) -> None:
    quiet, loud = voice(room), voice(room, SPEECH)
    room.listen()
    assert room.speaker == loud.description.point_id
    says(quiet, SPEECH)
    says(loud, SILENCE)
    room.listen()
    assert [fact.point_id for fact in heard.of(SpeakerChanged)] == [
        loud.description.point_id,
        quiet.description.point_id,
    ]


async def test_in_silence_nobody_takes_over(room: Room, heard: Heard) -> None:
    voice(room, 90)
    voice(room, 80)
    room.listen()
    assert not heard.of(SpeakerChanged)


async def test_a_little_louder_is_not_loud_enough_to_take_over(room: Room) -> None:
    first = voice(room, 30)
    room.listen()
    second = voice(room, 27)
    says(first, 30)
    room.listen()
    assert room.speaker == first.description.point_id
    assert second.loudness > first.loudness


async def test_who_is_back_before_the_camera_waits_for_it_where_a_room_was_moved_to(room: Room) -> None:
    camera = track(Kind.VIDEO)

    def shown() -> list[PublishedTrack]:
        return [one for one in room.tracks.values() if one is camera]

    assert await room.soon(shown) == []
    room.comes_back()
    waiting = asyncio.create_task(room.soon(shown))
    await asyncio.sleep(0)
    assert not waiting.done()
    room.appeared(camera)
    assert await waiting == [camera]


class Recorder:
    """A tap that keeps what it gets."""

    def __init__(self, *, fails: bool = False) -> None:
        self.packets: list[rtp.Raw] = []
        self.clocks: list[tuple[int, int]] = []
        self.reason: Ended | None = None
        self._fails = fails

    def packet(self, data: bytes, arrived_ns: int) -> None:
        if self._fails:
            raise RuntimeError("the disk is full")
        raw = rtp.read(data)
        assert raw is not None
        self.packets.append(raw)

    def sender_report(self, ntp: int, rtp_timestamp: int) -> None:
        self.clocks.append((ntp, rtp_timestamp))

    def ended(self, reason: Ended) -> None:
        self.reason = reason


def layer_of(one: PublishedTrack, rid: str, size: int) -> Layer:
    made = one.layers[rid] = Layer(1, rid, 90_000, 64, inspect_vp8)
    made.size.width = made.size.height = size
    return made


def arrive(one: PublishedTrack, layer: Layer, sequence: int, at_ms: int, *, key: bool = False) -> None:
    payload = b"\x10" + (b"\x00" if key else b"\x01") + b"picture"
    packet = Packet(sequence, at_ms * 90, 0, payload, at_ms * 1_000_000)
    assert layer.take(packet, 50)
    one.feed(layer, packet)


def test_a_tap_of_one_layer_gets_the_publishers_own_numbers() -> None:
    one, tap = track(Kind.VIDEO), Recorder()
    layer = layer_of(one, "", 720)
    one.add_tap(tap)
    for number in range(3):
        arrive(one, layer, 700 + number, 10 * number + 1)
    layer.clock = (1 << 32, 4_711, 0)
    one.clock_told(layer)
    assert [raw.sequence for raw in tap.packets] == [700, 701, 702]
    assert tap.clocks == [(1 << 32, 4_711)]
    assert {raw.payload_type for raw in tap.packets} == {96}
    one.end(Ended.LEFT)
    assert tap.reason is Ended.LEFT


def test_a_tap_goes_over_to_a_better_layer_at_its_key_frame_without_a_seam() -> None:
    one, tap = track(Kind.VIDEO, rids=("l", "h")), Recorder()
    low, high = layer_of(one, "l", 180), layer_of(one, "h", 720)
    one.add_tap(tap)
    for number in range(3):
        arrive(one, low, 10 + number, 10 * number + 1, key=number == 0)
    arrive(one, high, 9_000, 31)
    arrive(one, high, 9_001, 41, key=True)
    arrive(one, low, 13, 42)
    arrive(one, high, 9_002, 51)
    numbers = [raw.sequence for raw in tap.packets]
    assert numbers == list(range(numbers[0], numbers[0] + 5))
    times = [raw.timestamp for raw in tap.packets]
    assert times == sorted(times)
    assert len({raw.ssrc for raw in tap.packets}) == 1


def test_a_tap_that_fails_is_taken_off_and_disturbs_nobody() -> None:
    one, broken, sound = track(Kind.VIDEO), Recorder(fails=True), Recorder()
    layer = layer_of(one, "", 720)
    one.add_tap(broken)
    one.add_tap(sound)
    arrive(one, layer, 1, 1)
    arrive(one, layer, 2, 2)
    assert len(sound.packets) == 2
    one.end(Ended.CLOSED)
    assert broken.reason is None
    assert sound.reason is Ended.CLOSED
