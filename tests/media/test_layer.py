"""A layer takes each packet once, asks for what is missing with patience, and gives up after a second."""

from __future__ import annotations

import re
from fractions import Fraction
from typing import Any

import av
import pytest
from hypothesis import given
from hypothesis import strategies as st

from media.continuity import Continuity, rewritten
from media.layer import GIVE_UP_NS, KEY_FRAME_PAUSE_NS, REASK_NS, Layer
from media.payloads import Size, inspect_nothing, inspect_vp8, sps_size
from media.rtp import Packet, ahead

MS = 1_000_000


def layer(ring: int = 1024) -> Layer:
    return Layer(1, "", 90_000, ring, inspect_nothing)


def packet(sequence: int, at_ms: float = 0, *, repaired: bool = False, timestamp: int = 0) -> Packet:
    return Packet(sequence & 0xFFFF, timestamp, 0, b"x", int(at_ms * MS) + 1, repaired)


def took(one: Layer, *sequences: int) -> list[bool]:
    return [one.take(packet(sequence), 100) for sequence in sequences]


def test_each_packet_is_taken_once() -> None:
    one = layer()
    assert took(one, 1, 2, 2, 1, 3) == [True, True, False, False, True]


def test_what_is_missing_is_asked_for_at_once_and_then_every_forty_milliseconds() -> None:
    one = layer()
    took(one, 10, 13)
    assert one.to_ask_again(1, 0) == []
    now = REASK_NS
    assert one.to_ask_again(now, 0) == [11, 12]
    assert one.to_ask_again(now + REASK_NS - 1, 0) == []
    assert one.to_ask_again(now + REASK_NS, 0) == [11, 12]
    took(one, 12)
    assert one.to_ask_again(now + 2 * REASK_NS, 0) == [11]


def test_on_a_long_line_one_waits_for_the_answer_before_asking_again() -> None:
    one = layer()
    took(one, 10, 12)
    assert one.to_ask_again(300 * MS, 0) == [11]
    assert one.to_ask_again(400 * MS, 250 * MS) == []
    assert one.to_ask_again(560 * MS, 250 * MS) == [11]


def test_after_a_second_it_is_given_up_and_a_key_frame_wanted() -> None:
    one = layer()
    took(one, 10, 12)
    assert one.to_ask_again(GIVE_UP_NS + 2, 0) == []
    assert one.counters.given_up == 1
    assert one.key_frame_wanted


def test_key_frames_are_asked_for_at_most_twice_a_second_and_until_one_comes() -> None:
    one = layer()
    one.key_frame_wanted = True
    times = [ms for ms in range(1, 2_000, 10) if one.key_frame_due(KEY_FRAME_PAUSE_NS + ms * MS)]
    assert len(times) == 4
    took(one, 1)
    assert not one.key_frame_wanted


@given(st.lists(st.tuples(st.integers(-40, 40), st.booleans()), min_size=1, max_size=200))
def test_memory_is_bounded_and_nothing_is_taken_twice(steps: list[tuple[int, bool]]) -> None:
    one, at, seen = layer(64), 30_000, set()
    for step, repaired in steps:
        at = (at + step) & 0xFFFF
        fresh = one.take(packet(at, repaired=repaired), 100)
        assert not (fresh and at in seen and abs(ahead(at, one.highest or 0)) < 64)
        seen.add(at)
        one.pending.clear()
    assert len(one.missing) <= 512
    assert one.counters.received <= len(steps)


def test_a_key_frame_whose_beginning_came_late_is_found_whole() -> None:
    one = layer()
    took(one, 5, 7, 8, 6)
    late = one.find(6)
    assert late is not None
    assert [kept.sequence for kept in one.since(late)] == [6, 7, 8]


def test_numbers_go_on_when_the_layer_changes() -> None:
    poor, good, shift = layer(), layer(), Continuity()
    for sequence in range(100, 110):
        poor.take(packet(sequence, at_ms=sequence, timestamp=sequence * 90), 100)
    first = poor.find(100)
    assert first is not None
    shift.begin(poor, first)
    start = (100 + shift.sequence) & 0xFFFF
    assert start < 0x4000, "low numbers, far from a wrap"
    good.take(packet(60_000, at_ms=129, timestamp=5), 100)
    change = good.find(60_000)
    assert change is not None
    shift.begin(good, change)
    assert (60_000 + shift.sequence) & 0xFFFF == start + 10
    last_sent = 109 * 90 + 0
    passed = (5 + shift.timestamp - last_sent) & 0xFFFFFFFF
    assert passed == pytest.approx(20 * 90, abs=2), "20 ms at 90 kHz"
    assert shift.source(start + 3) is not None, "what was sent before the change can still be sent again"
    found = shift.source(start + 10)
    assert found is not None
    assert found[1] is change


def vp8(picture: int, base: int) -> Packet:
    one = Packet(1, 1, 0, bytes([0x90, 0xC0]) + (0x8000 | picture).to_bytes(2) + bytes([base]) + b"\x01rest", 1)
    inspect_vp8(one, Size())
    return one


@given(st.integers(0, 0x7FFF), st.integers(-0x7FFF, 0x7FFF), st.integers(0, 255), st.integers(-255, 255))
def test_picture_ids_move_and_nothing_else_does(picture: int, by: int, base: int, base_by: int) -> None:
    moved = rewritten(vp8(picture, base), by, base_by)
    assert int.from_bytes(moved[2:4]) & 0x7FFF == (picture + by) & 0x7FFF
    assert moved[2] & 0x80
    assert moved[4] == (base + base_by) & 0xFF
    assert moved[:2] + moved[5:] == b"\x90\xc0\x01rest"


def test_picture_ids_go_on_when_the_layer_changes() -> None:
    poor, good, shift = layer(), layer(), Continuity()
    for one, picture, base in ((poor, 900, 7), (good, 20, 250)):
        one.inspect = inspect_vp8
        one.take(vp8(picture, base), 50)
    first, change = poor.newest, good.newest
    assert first is not None
    assert change is not None
    shift.begin(poor, first)
    assert rewritten(first, shift.picture, shift.base) == first.payload
    shift.begin(good, change)
    moved = rewritten(change, shift.picture, shift.base)
    assert int.from_bytes(moved[2:4]) & 0x7FFF == 901
    assert moved[4] == 8


@pytest.mark.parametrize("size", [(480, 270), (642, 362), (1280, 720), (1920, 1080)])
@pytest.mark.parametrize("profile", ["baseline", "high"])
def test_a_parameter_set_tells_the_size(size: tuple[int, int], profile: str) -> None:
    codec: Any = av.CodecContext.create("libx264", "w")
    (codec.width, codec.height), codec.pix_fmt, codec.time_base = size, "yuv420p", Fraction(1, 30)
    codec.options = {"preset": "ultrafast", "profile": profile, "tune": "zerolatency"}
    stream = b"".join(bytes(one) for one in codec.encode(av.VideoFrame(*size, "yuv420p")))
    unit = next(one for one in re.split(b"\x00\x00\x00?\x01", stream) if one and one[0] & 0x1F == 7)
    assert sps_size(unit) == size
    assert sps_size(unit[:3]) is None
