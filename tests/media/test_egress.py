"""What leaves: the same packets whether the kernel cuts a burst or each is sent alone, readable by its viewer."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from media import rtp
from media.burst import MOST_PADDING
from media.egress import Egress
from media.layer import Layer
from media.payloads import inspect_nothing
from media.rtp import Packet
from media.udp import Port
from tests.media.far_end import FarEnd


def sent(
    port: Port, payloads: list[bytes], *, segmentation: bool, send_time_id: int = 3
) -> list[tuple[rtp.Raw, bytes]]:
    """What a viewer got of these payloads, in a layer of their own."""
    egress = Egress(port)
    egress.segmentation &= segmentation
    layer = Layer(1, "", 90_000, 256, inspect_nothing)
    far_end = FarEnd(port, send_time_id)
    first = Packet(65_530, 1_000, 0, b"first", 1)
    layer.take(first, 10)
    far_end.down.begin(layer, first)
    layer.pending.clear()
    for number, payload in enumerate(payloads):
        layer.take(Packet((65_531 + number) & 0xFFFF, 1_000 + number, number & 1, payload, 1), len(payload))
    egress.push(layer, sound=False)
    asyncio.run(_run(egress, len(payloads)))
    try:
        found = far_end.receive(len(payloads))
    finally:
        far_end.socket.close()
    start = (65_531 + far_end.down.continuity.sequence) & 0xFFFF
    assert [raw.sequence for raw, _ in found] == [start + number for number in range(len(payloads))]
    assert [raw.timestamp for raw, _ in found] == [1_000 + number for number in range(len(payloads))]
    assert {raw.ssrc for raw, _ in found} == {7}
    assert egress.packets == len(payloads)
    return found


async def _run(egress: Egress, count: int) -> None:
    """Until so many packets have left."""
    egress.run()
    async with asyncio.timeout(60):
        while egress.packets < count:
            await asyncio.sleep(0.001)


PAYLOADS = st.integers(1, 1_200).map(lambda size: bytes([size % 251]) * size)


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(payloads=st.lists(PAYLOADS, min_size=1, max_size=100))
def test_a_burst_arrives_as_it_was_whoever_cuts_it(port: Port, payloads: list[bytes]) -> None:
    whole = sent(port, payloads, segmentation=True)
    alone = sent(port, payloads, segmentation=False, send_time_id=0)
    assert [payload for _, payload in whole] == [payload for _, payload in alone] == payloads
    assert [raw.marker for raw, _ in whole] == [number & 1 for number in range(len(payloads))]
    assert all(set(raw.extensions) == {3} for raw, _ in whole)
    assert not any(raw.extensions for raw, _ in alone)


def test_a_key_frame_leaves_in_one_system_call(port: Port) -> None:
    if not Egress(port).segmentation:
        pytest.skip("this kernel cuts no bursts (UDP_SEGMENT, Linux 4.18)")
    real: Any = port.socket
    calls: list[str] = []

    def counted(name: str) -> Any:
        def call(*given: Any) -> Any:
            calls.append(name)
            return getattr(real, name)(*given)

        return call

    counting: Any = SimpleNamespace(
        sendmsg=counted("sendmsg"), sendto=counted("sendto"), setsockopt=real.setsockopt, close=real.close
    )
    port.socket = counting
    sizes = [1_130 + number % MOST_PADDING for number in range(43)]
    found = sent(port, [bytes(size) for size in sizes], segmentation=True)
    assert [len(payload) for _, payload in found] == sizes, "what was padded is not seen by who reads it"
    assert calls == ["sendmsg"]


def test_what_a_viewer_missed_is_sent_again_in_its_own_numbers(port: Port) -> None:
    layer = Layer(1, "", 90_000, 256, inspect_nothing)
    far_end = FarEnd(port)
    for number in range(5):
        layer.take(Packet(500 + number, 9_000, 0, bytes([number]), 1), 10)
    first = layer.find(500)
    assert first is not None
    far_end.down.begin(layer, first)
    start = (500 + far_end.down.continuity.sequence) & 0xFFFF
    far_end.down.send_again([start + 3, start + 100])
    ((raw, payload),) = far_end.receive(1)
    assert (raw.ssrc, raw.payload_type) == (8, 97)
    assert payload == (start + 3).to_bytes(2) + b"\x03"
    assert (far_end.down.again, far_end.down.missed) == (1, 1)
    far_end.socket.close()


def test_nobody_takes_the_worker_for_himself_by_asking_again(port: Port) -> None:
    layer = Layer(1, "", 90_000, 256, inspect_nothing)
    far_end = FarEnd(port)
    layer.take(Packet(500, 9_000, 0, b"x", 1), 10)
    first = layer.find(500)
    assert first is not None
    far_end.down.begin(layer, first)
    start = (500 + far_end.down.continuity.sequence) & 0xFFFF
    far_end.down.send_again([start] * 10_000)
    assert far_end.down.again < 1_000
    far_end.socket.close()
