"""A call that lasts: packets are counted with 16 bits, which go round within minutes, and nothing of it is noticed.

With the keys and the library of a real call, many packets fast; nothing here looks at a clock.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pylibsrtp
import pytest

from media import rtp
from media._aiortc import ffi
from media.burst import burst
from media.continuity import Continuity
from media.layer import Layer
from media.native.sender import NativeSender
from media.payloads import inspect_nothing
from media.rtp import Packet
from media.sender import PythonSender, Sender
from media.srtp import Srtp
from media.udp import Port
from tests.media.far_end import TAG, FarEnd, session

ROUND = 1 << 16
BURST = 64
RING = 1024
MEMORY = 2_048


@pytest.fixture(params=["python", "native"])
def make(request: pytest.FixtureRequest, native_library: Path) -> Callable[[Port], Sender]:
    return PythonSender if request.param == "python" else lambda port: NativeSender(port, native_library)


def packet(number: int) -> Packet:
    return Packet(number & 0xFFFF, (number * 90) & 0xFFFFFFFF, 1, number.to_bytes(4), 1 + number)


def layer_with(first: int, ring: int = RING) -> tuple[Layer, Packet]:
    layer, begin = Layer(1, "", 90_000, ring, inspect_nothing), packet(first)
    layer.take(begin, 20)
    layer.pending.clear()
    return layer, begin


def taken(layer: Layer, numbers: range) -> list[Packet]:
    for number in numbers:
        assert layer.take(packet(number), 20)
    found = layer.pending[:]
    layer.pending.clear()
    return found


def test_a_viewer_reads_every_packet_of_more_than_one_round_and_what_it_missed(
    port: Port, make: Callable[[Port], Sender]
) -> None:
    sender, far_end, (layer, begin) = make(port), FarEnd(port), layer_with(60_000)
    down = far_end.down
    down.begin(layer, begin)
    shift = down.continuity.sequence
    for first in range(60_001, 60_001 + ROUND + 20_000, BURST):
        numbers = range(first, first + BURST)
        sender.send(burst(taken(layer, numbers), down.cohort, segmentation=sender.cuts), [down], 0)
        found = far_end.receive(BURST)
        assert [raw.sequence for raw, _ in found] == [(number + shift) & 0xFFFF for number in numbers]
        assert [int.from_bytes(payload) for _, payload in found] == list(numbers)
        if first % (40 * BURST) == 1:
            down._allowed = 1
            missed = (first + 5 + shift) & 0xFFFF
            down.send_again([missed])
            ((raw, payload),) = far_end.receive(1)
            assert (raw.ssrc, payload) == (8, missed.to_bytes(2) + (first + 5).to_bytes(4))
    far_end.socket.close()
    assert (sender.unsealed, sender.dropped, down.missed) == (0, 0, 0)


@pytest.mark.parametrize("passed", range(10_000, 150_000, 10_000))
def test_what_was_sent_is_found_again_however_long_ago_its_stream_began(passed: int) -> None:
    layer, begin = layer_with(500)
    shift = Continuity()
    shift.begin(layer, begin)
    taken(layer, range(501, 501 + passed))
    newest = 500 + passed
    for back in (0, 1, 100, RING - 1):
        found = shift.source((newest - back + shift.sequence) & 0xFFFF)
        assert found is not None
        assert found[1].payload == (newest - back).to_bytes(4)
    assert shift.source((newest - RING + shift.sequence) & 0xFFFF) is None, "that is forgotten"


@pytest.mark.parametrize("passed", [300, 33_000, 65_500, 66_000])
def test_what_was_sent_of_the_stream_before_is_found_until_it_is_forgotten(passed: int) -> None:
    """A viewer went over from one layer to another of the same size, and back after so many packets."""
    one, begin = layer_with(500)
    other, change = layer_with(40_000)
    shift = Continuity()
    shift.begin(one, begin)
    taken(one, range(501, 501 + passed))
    last = 500 + passed + shift.sequence
    shift.begin(other, change)
    taken(other, range(40_001, 40_101))
    before = shift.source(last & 0xFFFF)
    assert before is not None
    assert before[0].layer is one
    assert before[1].payload == (500 + passed).to_bytes(4)
    after = shift.source((last + 101) & 0xFFFF)
    assert after is not None
    assert after[1].payload == (40_100).to_bytes(4)


class Publisher:
    """Seals with the key that the worker's side opens with."""

    def __init__(self) -> None:
        self._sealing = session(pylibsrtp.Policy.SSRC_ANY_OUTBOUND)

    def sealed(self, number: int) -> bytes:
        plain: bytes = self._sealing.protect(rtp.assemble(number, number * 90, 5, 96, 0, number.to_bytes(4)))
        return plain


def worker_side() -> Srtp:
    held = session(pylibsrtp.Policy.SSRC_ANY_INBOUND)
    keys: Any = SimpleNamespace(tx=held._srtp[0], rx=held._srtp[0], tag=TAG, profile="", held=held)
    return Srtp(keys)


def in_another_order(sealed: Iterator[bytes]) -> Iterator[bytes]:
    """Every seventh is lost, and every fifth comes after the next eight."""
    late: list[tuple[int, bytes]] = []
    for at, one in enumerate(sealed):
        if at % 7 == 3:
            continue
        if at % 5 == 2:
            late.append((at + 8, one))
        else:
            yield one
        while late and late[0][0] <= at:
            yield late.pop(0)[1]


@pytest.mark.parametrize("disorder", [False, True])
def test_the_worker_opens_every_packet_of_more_than_one_round_once(*, disorder: bool) -> None:
    publisher, srtp = Publisher(), worker_side()
    memory = ffi.new("char[]", MEMORY)
    view = ffi.buffer(memory)
    numbers = range(60_000, 60_000 + ROUND + 20_000)

    def opened(sealed: bytes) -> bytes:
        view[: len(sealed)] = sealed
        return bytes(view[: srtp.decrypt(memory, len(sealed))])

    again: list[bytes] = []
    sealed = (publisher.sealed(number) for number in numbers)
    for came, one in enumerate(in_another_order(sealed) if disorder else sealed):
        assert opened(one), "nothing that is new is refused"
        if came % 1_000 == 0:
            again.append(one)
    assert srtp.failures == 0
    assert not any(opened(one) for one in again), "also not in another round"
    assert srtp.failures == len(again)
