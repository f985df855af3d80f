"""RTCP that we write: what arrived, what is missing, that a key frame is wanted, and how much may be sent.

Rules: formats are those of RFC 3550 (reports), RFC 4585 (NACK, PLI), draft-alvestrand-rmcat-remb (a limit) and
draft-holmer-rmcat-transport-wide-cc-extensions-01 (arrival times, by which a sender finds its bandwidth); lists are
bounded, so that a sender that jumps about cannot make us write long packets.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from struct import pack

from aiortc.rtp import pack_remb_fci

from media.rtp import ahead

SENDER_REPORT, RECEIVER_REPORT, DESCRIPTION, GOODBYE, TRANSPORT_FEEDBACK, PAYLOAD_FEEDBACK = (
    200,
    201,
    202,
    203,
    205,
    206,
)
NACK, TRANSPORT_CC = 1, 15
PICTURE_LOSS, FULL_INTRA, APPLICATION = 1, 4, 15
MOST_MISSING = 256
MOST_ARRIVALS = 600
TICK_US = 250
REFERENCE_US = 64_000


def rtcp(kind: int, count: int, body: bytes) -> bytes:
    return pack("!BBH", 0x80 | count, kind, len(body) // 4) + body


def picture_loss(sender: int, media: int) -> bytes:
    return rtcp(PAYLOAD_FEEDBACK, PICTURE_LOSS, pack("!II", sender, media))


def at_most(sender: int, bits_per_second: int, media: Sequence[int]) -> bytes:
    """REMB: send no more than this of these together."""
    return rtcp(
        PAYLOAD_FEEDBACK, APPLICATION, pack("!II", sender, 0) + pack_remb_fci(bits_per_second, list(media[:16]))
    )


def missing(sender: int, media: int, sequences: Sequence[int]) -> bytes:
    """A NACK for these, which are in the order of the stream; at most MOST_MISSING of them."""
    body, left = pack("!II", sender, media), list(sequences[:MOST_MISSING])
    while left:
        first, mask = left[0], 0
        rest = []
        for sequence in left[1:]:
            distance = (sequence - first) & 0xFFFF
            if 1 <= distance <= 16:
                mask |= 1 << distance - 1
            else:
                rest.append(sequence)
        body += pack("!HH", first, mask)
        left = rest
    return rtcp(TRANSPORT_FEEDBACK, NACK, body)


@dataclass(frozen=True, slots=True)
class Reception:
    """What a receiver report says of one stream; `fraction` is in 256ths, `delay` in 65536ths of a second."""

    ssrc: int
    fraction: int
    lost: int
    highest: int
    jitter: int
    last_report: int
    delay: int


def receiver_report(sender: int, receptions: Sequence[Reception]) -> bytes:
    body = pack("!I", sender)
    for one in receptions[:31]:
        lost = max(-(1 << 23), min(one.lost, (1 << 23) - 1)) & 0xFFFFFF
        body += pack(
            "!IIIIII",
            one.ssrc,
            one.fraction << 24 | lost,
            one.highest,
            one.jitter,
            one.last_report,
            one.delay & 0xFFFFFFFF,
        )
    return rtcp(RECEIVER_REPORT, len(receptions[:31]), body)


def sender_report(ssrc: int, ntp: int, timestamp: int, packets: int, octets: int, name: bytes) -> bytes:
    """A sender report with the description that has to go with it; `name` is the CNAME."""
    report = rtcp(
        SENDER_REPORT,
        0,
        pack("!IQIII", ssrc, ntp, timestamp & 0xFFFFFFFF, packets & 0xFFFFFFFF, octets & 0xFFFFFFFF),
    )
    item = pack("!IBB", ssrc, 1, len(name)) + name
    return report + rtcp(DESCRIPTION, 1, item + bytes(4 - len(item) % 4))


def goodbye(ssrc: int) -> bytes:
    return rtcp(GOODBYE, 1, pack("!I", ssrc))


@dataclass(slots=True)
class Arrivals:
    """When the packets of a connection arrived, until the next feedback tells their sender."""

    _pending: dict[int, int] = field(default_factory=dict)
    _last: int | None = None
    _count: int = 0

    def note(self, sequence: int, arrived_us: int) -> None:
        """`sequence` is the transport-wide one, 16 bits."""
        unwrapped = sequence if self._last is None else self._last + ahead(sequence, self._last & 65535)
        if self._last is None or unwrapped > self._last:
            self._last = unwrapped
        if len(self._pending) < MOST_ARRIVALS:
            self._pending.setdefault(unwrapped, arrived_us)

    def __bool__(self) -> bool:
        return bool(self._pending)

    def feedback(self, sender: int, media: int) -> bytes:
        """Everything noted since the last time. Call only when there is something."""
        first, last = min(self._pending), max(self._pending)
        if last - first >= 2 * MOST_ARRIVALS:
            # The sender jumped; only the newer side of the jump says anything about the line.
            self._pending = {k: v for k, v in self._pending.items() if last - k < MOST_ARRIVALS}
            first = min(self._pending)
        reference = self._pending[first] // REFERENCE_US
        symbols, deltas = self._symbols(first, last, reference * REFERENCE_US)
        body = pack("!IIHH", sender, media, first & 0xFFFF, len(symbols))
        body += (reference & 0xFFFFFF).to_bytes(3) + bytes([self._count & 0xFF])
        body += _chunks(symbols) + deltas
        self._count += 1
        self._pending.clear()
        padding = -len(body) % 4
        packet = rtcp(TRANSPORT_FEEDBACK, TRANSPORT_CC, body + bytes(padding))
        if padding:
            packet = bytes([packet[0] | 0x20]) + packet[1:-1] + bytes([padding])
        return packet

    def _symbols(self, first: int, last: int, at_us: int) -> tuple[list[int], bytes]:
        symbols, deltas = [], bytearray()
        for sequence in range(first, last + 1):
            arrived = self._pending.get(sequence)
            if arrived is None:
                symbols.append(0)
                continue
            ticks = (arrived - at_us) // TICK_US
            at_us += ticks * TICK_US
            if 0 <= ticks <= 255:
                symbols.append(1)
                deltas.append(ticks)
            else:
                symbols.append(2)
                deltas += pack("!h", max(-32768, min(ticks, 32767)))
        return symbols, bytes(deltas)


def _chunks(symbols: Sequence[int]) -> bytes:
    """Runs of seven and more as a run, everything else seven symbols of two bits at a time."""
    out, at = bytearray(), 0
    while at < len(symbols):
        run = 1
        while at + run < len(symbols) and symbols[at + run] == symbols[at] and run < 0x1FFF:
            run += 1
        if run >= 7:
            out += pack("!H", symbols[at] << 13 | run)
            at += run
        else:
            word = 0xC000
            for place, symbol in enumerate(symbols[at : at + 7]):
                word |= symbol << 12 - 2 * place
            out += pack("!H", word)
            at += 7
    return bytes(out)
