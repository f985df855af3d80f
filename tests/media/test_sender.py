"""Python and C send the same bytes, and neither sends what it could not encrypt."""

from __future__ import annotations

import socket
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from media import rtp
from media.burst import Burst, Cohort, Part, Place, burst
from media.downtrack import Downtrack
from media.native.build import NotBuilt, build, library
from media.native.chosen import chosen
from media.native.sender import NativeSender, NotThere
from media.rtp import Packet
from media.sender import PythonSender, Sender
from media.udp import Port
from tests.media.far_end import TAG, receiver, sealing

Make = Callable[[Port], Sender]
END = b"\x00end"
EVERY = list(HealthCheck)


@pytest.fixture(params=["python", "native"])
def make(request: pytest.FixtureRequest, native_library: Path) -> Make:
    return PythonSender if request.param == "python" else lambda port: NativeSender(port, native_library)


def viewer(port: Port, ssrc: int, address: Any, send_time_id: int = 0) -> Downtrack:
    made = Downtrack(port, sealing(), (ssrc, 8), (96, 97), send_time_id)
    made.address = address
    return made


def arrived(port: Port, at: socket.socket) -> list[bytes]:
    """Every datagram that was sent until now, in order."""
    port.socket.sendto(END, at.getsockname())
    return list(iter(lambda: at.recv(4_096), END))


@st.composite
def packets(draw: st.DrawFn) -> list[Packet]:
    """Some of a picture with picture ids of both widths, some without, and now and then a repaired one from before."""
    found, sequence = [], draw(st.integers(0, 65_535))
    for number in range(draw(st.integers(1, 12))):
        size = draw(st.one_of(st.integers(8, 1_200), st.integers(1_100, 1_110)))
        payload = bytes([size % 251]) * size
        packet = Packet((sequence + number) & 0xFFFF, draw(st.integers(0, 0xFFFFFFFF)), number & 1, payload, 1)
        if draw(st.booleans()):
            wide = draw(st.booleans())
            packet.picture = (1, 2, draw(st.integers(0, 0x7FFF)), 3) if wide else (1, 1, draw(st.integers(0, 127)), 0)
        found.append(packet)
    if draw(st.booleans()):
        found.append(Packet((sequence - 20_000) & 0xFFFF, 5, 0, b"from long before", 1))
    return found


@st.composite
def moves(draw: st.DrawFn) -> tuple[int, int, int, int]:
    """By how much a viewer's numbers differ from the publisher's."""
    if draw(st.booleans()):
        return draw(st.integers(-65_535, 65_535)), 0, 0, 0
    anything = st.integers(-70_000, 70_000)
    return draw(anything), draw(st.integers(0, 0xFFFFFFFF)), draw(anything), draw(anything)


@settings(max_examples=150, deadline=None, suppress_health_check=EVERY)
@given(
    bursts=st.lists(packets(), min_size=1, max_size=3),
    moved=st.lists(moves(), min_size=1, max_size=3),
    send_time_id=st.sampled_from([0, 3, 14]),
    stamp=st.integers(0, 0xFFFFFF),
    cuts=st.booleans(),
)
def test_python_and_c_send_the_same_bytes_in_the_same_order(
    port: Port,
    native_library: Path,
    bursts: list[list[Packet]],
    moved: list[tuple[int, int, int, int]],
    send_time_id: int,
    stamp: int,
    cuts: bool,
) -> None:
    cohort, at = Cohort(96, send_time_id, TAG), receiver()
    sent = []
    for sender in (PythonSender(port), NativeSender(port, native_library)):
        viewers = [viewer(port, number, at.getsockname(), send_time_id) for number in range(len(moved))]
        for one, by in zip(viewers, moved, strict=True):
            shift = one.continuity
            shift.sequence, shift.timestamp, shift.picture, shift.base = by
        for each in bursts:
            sender.send(burst(each, cohort, segmentation=cuts and sender.cuts), viewers, stamp)
        sent.append((arrived(port, at), sender.unsealed, sender.dropped))
    at.close()
    assert sent[0] == sent[1]
    assert sent[0][0], "something was sent at all"


def test_what_could_not_be_encrypted_is_not_sent_and_the_others_are(port: Port, make: Make) -> None:
    sender, at, cohort = make(port), receiver(), Cohort(96, 0, TAG)
    one = viewer(port, 1, at.getsockname())
    sender.send(burst([Packet(30_000, 1, 0, b"now", 1)], cohort, segmentation=True), [one], 0)
    # libsrtp refuses numbers that lie far behind, and leaves such a packet as it was: in clear.
    mixed = [Packet(number, 1, 0, text, 1) for number, text in ((30_001, b"one"), (10_000, b"old"), (30_002, b"two"))]
    sender.send(burst(mixed, cohort, segmentation=True), [one], 0)
    found = arrived(port, at)
    at.close()
    assert [int.from_bytes(packet[2:4]) for packet in found] == [30_000, 30_001, 30_002]
    assert not any(text in packet for packet in found for text in (b"now", b"one", b"old", b"two"))
    assert (sender.unsealed, sender.dropped) == (1, 0)


def test_one_who_cannot_be_reached_keeps_nobody_from_his_packets(port: Port, make: Make) -> None:
    sender, at, cohort = make(port), receiver(), Cohort(96, 0, TAG)
    # Refused with the number that also says that a burst cannot be cut.
    nowhere = viewer(port, 1, ("127.0.0.1", 0))
    there = [viewer(port, number, at.getsockname()) for number in (2, 3)]
    both = [Packet(7, 1, 0, b"long" * 9, 1), Packet(8, 1, 0, b"short", 1)]
    sender.send(burst(both, cohort, segmentation=False), [there[0], nowhere, there[1]], 0)
    found = arrived(port, at)
    at.close()
    assert [int.from_bytes(packet[8:12]) for packet in found] == [2, 2, 3, 3]
    assert (sender.dropped, sender.cuts) == (2, True), "and that says nothing of whether bursts can be cut"


@pytest.mark.parametrize(
    "wrong",
    [
        {"places": [Place(0, 4_000, 1, 1, None)]},
        {"places": [Place(0, 11, 1, 1, None)]},
        {"places": [Place(0xFFFFFFF0, 20, 1, 1, None)]},
        {"places": [Place(0, 20, 1, 1, (4_000, 2, 1, 0, 0))]},
        {"places": [Place(0, 20, 1, 1, (19, 2, 1, 0, 0))]},
        {"places": [Place(0, 20, 1, 1, (14, 2, 1, 20, 0))]},
        {"places": [Place(0, 20, 1, 1, None)] * 65},
        {"parts": [Part(0, 37, 0)]},
        {"parts": [Part(30, 0xFFFFFFF0, 0)]},
        {"parts": [Part(0, 36, 0x10000)]},
        {"data": bytes(300_000)},
    ],
)
def test_a_burst_that_contradicts_itself_is_refused_by_c(
    port: Port, native_library: Path, wrong: dict[str, Any]
) -> None:
    sender, at = NativeSender(port, native_library), receiver()
    right: dict[str, Any] = {"data": bytes(36), "places": [Place(0, 20, 1, 1, None)], "parts": [Part(0, 36, 0)]}
    one = viewer(port, 1, at.getsockname())
    with pytest.raises(ValueError, match="outside"):
        sender.send(Burst(Cohort(96, 0, TAG), octets=8, **{**right, **wrong}), [one], 0)
    assert arrived(port, at) == []
    sender.send(Burst(Cohort(96, 0, TAG), octets=8, **right), [one], 0)
    assert [len(packet) for packet in arrived(port, at)] == [36]
    at.close()


def test_the_one_in_c_is_taken_where_it_is_built(port: Port, native_library: Path, tmp_path: Path) -> None:
    assert chosen("auto", port, native_library).name == "native"
    assert chosen("on", port, native_library).name == "native"
    assert chosen("off", port, native_library).name == "python"
    assert chosen("auto", port, tmp_path / "none.so").name == "python"
    with pytest.raises(NotThere, match=r"media\.native\.build"):
        chosen("on", port, tmp_path / "none.so")


def test_one_of_another_shape_is_not_taken(port: Port, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = tmp_path / "burst.c"
    lines = (Path(build.__code__.co_filename).parent / "burst.c").read_text()
    other.write_text(lines.replace("uint32_t unused;\n};", "uint64_t unused;\n};"))
    monkeypatch.setattr("media.native.build.SOURCE", other)
    made = build(tmp_path)
    with pytest.raises(NotThere, match="another struct screen"):
        chosen("on", port, made)
    assert chosen("auto", port, made).name == "python"


def test_one_that_was_built_from_other_lines_is_not_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = library(tmp_path)
    other = tmp_path / "burst.c"
    other.write_text("int x;\n")
    monkeypatch.setattr("media.native.build.SOURCE", other)
    assert library(tmp_path) != before


def test_without_a_compiler_it_is_said_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(NotBuilt, match="gcc libc6-dev"):
        build(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_viewer_whose_address_is_no_address_is_passed_over(port: Port, native_library: Path) -> None:
    sender, at = NativeSender(port, native_library), receiver()
    viewers: Sequence[Downtrack] = [viewer(port, 1, ("nowhere.invalid", 9)), viewer(port, 2, at.getsockname())]
    sender.send(burst([Packet(7, 1, 0, b"x", 1)], Cohort(96, 0, TAG), segmentation=True), viewers, 0)
    found = arrived(port, at)
    at.close()
    assert [raw.ssrc for raw in map(rtp.read, found) if raw is not None] == [2]
    assert sender.dropped == 1
