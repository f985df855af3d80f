"""What is written to publishers: read back by other eyes than those that wrote it."""

from __future__ import annotations

from struct import unpack_from

from aiortc.rtp import RtcpPacket, RtcpRrPacket, RtcpRtpfbPacket, RtcpSrPacket
from hypothesis import given
from hypothesis import strategies as st

from media import feedback
from media.feedback import Arrivals, Reception


def arrivals_told(packet: bytes) -> dict[int, int]:
    """Reads transport-wide feedback by the letter of the draft: 16-bit number to arrival in ticks of 250 µs."""
    body = packet[4:]
    base, count = unpack_from("!HH", body, 8)
    at = int.from_bytes(body[12:15], signed=True) * 256
    place = 16
    symbols: list[int] = []
    while len(symbols) < count:
        (chunk,) = unpack_from("!H", body, place)
        place += 2
        if chunk >> 15 == 0:
            symbols += [chunk >> 13 & 3] * (chunk & 0x1FFF)
        elif chunk >> 14 & 1:
            symbols += [chunk >> shift & 3 for shift in range(12, -1, -2)]
        else:
            symbols += [chunk >> shift & 1 for shift in range(13, -1, -1)]
    found = {}
    for number, symbol in enumerate(symbols[:count]):
        if symbol == 1:
            at += body[place]
            place += 1
        elif symbol == 2:
            at += unpack_from("!h", body, place)[0]
            place += 2
        if symbol:
            found[(base + number) & 0xFFFF] = at
    assert len(packet) % 4 == 0
    assert int.from_bytes(packet[2:4]) == len(packet) // 4 - 1
    return found


@given(
    st.integers(0, 0xFFFF),
    st.lists(st.tuples(st.integers(1, 12), st.integers(0, 90_000)), min_size=1, max_size=80),
    st.integers(0, 10**9),
)
def test_arrivals_are_told_as_they_were(first: int, steps: list[tuple[int, int]], begin_us: int) -> None:
    arrivals, noted, sequence, now = Arrivals(), {}, first, begin_us
    for step, pause_us in steps:
        sequence, now = sequence + step, now + pause_us
        arrivals.note(sequence & 0xFFFF, now)
        noted[sequence & 0xFFFF] = now
    told = arrivals_told(arrivals.feedback(1, 2))
    assert told.keys() == noted.keys()
    # The reference time has 24 bits of 64 ms; times are told on that circle, to a tick.
    circle = 2**24 * 256
    assert all((noted[n] // 250 - told[n]) % circle in (0, 1) for n in noted)
    assert not arrivals, "what was told is forgotten"


def test_a_sender_that_jumps_makes_no_long_packet() -> None:
    arrivals = Arrivals()
    for sequence in (1, 30_000, 60_000, 20_000, 5):
        arrivals.note(sequence, 1_000)
    assert len(arrivals.feedback(1, 2)) < 2_000


def test_packets_that_came_out_of_order_are_told_once() -> None:
    arrivals = Arrivals()
    for sequence, now in ((10, 1_000_000), (12, 1_001_000), (11, 1_004_000), (12, 1_009_000)):
        arrivals.note(sequence, now)
    assert sorted(arrivals_told(arrivals.feedback(1, 2))) == [10, 11, 12]


@given(st.integers(0, 0xFFFF), st.sets(st.integers(0, 300), min_size=1, max_size=100))
def test_a_nack_names_what_is_missing(first: int, offsets: set[int]) -> None:
    wanted = [(first + offset) & 0xFFFF for offset in sorted(offsets)]
    (read,) = RtcpPacket.parse(feedback.missing(1, 2, wanted))
    assert isinstance(read, RtcpRtpfbPacket)
    assert {sequence & 0xFFFF for sequence in read.lost} == set(wanted)


def test_reports_are_read_by_others() -> None:
    (read,) = RtcpPacket.parse(feedback.receiver_report(1, [Reception(2, 64, -5, 70_000, 12, 13, 14)]))
    assert isinstance(read, RtcpRrPacket)
    one = read.reports[0]
    assert (one.ssrc, one.fraction_lost, one.packets_lost, one.highest_sequence) == (2, 64, -5, 70_000)
    assert (one.jitter, one.lsr, one.dlsr) == (12, 13, 14)
    sent, _ = RtcpPacket.parse(feedback.sender_report(9, 1 << 40, 77, 3, 4, b"telehealth"))
    assert isinstance(sent, RtcpSrPacket)
    assert (sent.ssrc, sent.sender_info.ntp_timestamp, sent.sender_info.rtp_timestamp) == (9, 1 << 40, 77)
