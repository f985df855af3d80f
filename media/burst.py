"""A burst of packets, written once for all viewers whose packets differ in numbers only.

Rules: what is the same for all of a cohort is written here, with room for the numbers and for what encryption adds;
packets that differ by a few bytes are padded to one length (RFC 3550, 5.1), so that the kernel can cut them out of one
piece (UDP_SEGMENT); nothing in here knows a viewer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from media.rtp import FIXED, Packet

MOST_PACKETS = 64
LARGEST_PACKET = 2_048
LARGEST_BURST = MOST_PACKETS * (LARGEST_PACKET + 128)
LARGEST_SEND = 60_000
MOST_PADDING = 8
ONE_WORD_OF_EXTENSIONS = 0xBEDE0001


class Cohort(NamedTuple):
    """Viewers whose packets differ in numbers only."""

    payload_type: int
    send_time_id: int
    tag: int


class Place(NamedTuple):
    """One packet in the burst: where it begins, how long it is before encryption, and its numbers as they came.

    `picture` says where in the burst a picture id lies, how wide it is and which, then where a base layer index lies
    and which; a place of 0 is none.
    """

    at: int
    length: int
    sequence: int
    timestamp: int
    picture: tuple[int, int, int, int, int] | None


class Part(NamedTuple):
    """What one system call sends; `segment` is the length at which the kernel cuts, 0 for a single packet."""

    at: int
    length: int
    segment: int


@dataclass(slots=True)
class Burst:
    """`data` as one cohort gets it. `prepared` belongs to whoever sends it."""

    cohort: Cohort
    data: bytes
    places: Sequence[Place]
    parts: Sequence[Part]
    octets: int
    prepared: Any = None


def burst(packets: Sequence[Packet], cohort: Cohort, *, segmentation: bool) -> Burst:
    """These packets, in their order; at most MOST_PACKETS of them."""
    header = FIXED + (8 if cohort.send_time_id else 0)
    lengths = _equalised([header + len(packet.payload) for packet in packets])
    data, places, parts = bytearray(), [], []
    begin, segment = 0, 0
    for packet, length in zip(packets, lengths, strict=True):
        full = length + cohort.tag
        at = len(data)
        # A shorter packet may only be the last of a part, and a longer one begins the next.
        if segment and (not segmentation or full > segment or at - begin + full > LARGEST_SEND):
            parts.append(_part(begin, at, segment))
            begin, segment = at, 0
        segment = segment or full
        data += _written(packet, cohort, header, length) + bytes(cohort.tag)
        places.append(Place(at, length, packet.sequence, packet.timestamp, _picture(packet, at + header)))
        if full < segment:
            parts.append(_part(begin, len(data), segment))
            begin, segment = len(data), 0
    if len(data) > begin:
        parts.append(_part(begin, len(data), segment))
    return Burst(cohort, bytes(data), places, parts, sum(len(packet.payload) for packet in packets))


def _part(begin: int, end: int, segment: int) -> Part:
    return Part(begin, end - begin, segment if end - begin > segment else 0)


SEND_TIME_AT = FIXED + 5
"""Where in a packet of a cohort with send times the 24 bits of it lie."""


def _picture(packet: Packet, payload_at: int) -> tuple[int, int, int, int, int] | None:
    if packet.picture is None:
        return None
    at, width, value, base = packet.picture
    return payload_at + at, width, value, payload_at + base if base else 0, packet.payload[base] if base else 0


def _written(packet: Packet, cohort: Cohort, header: int, length: int) -> bytes:
    padding = length - header - len(packet.payload)
    first = 0x80 | (0x10 if cohort.send_time_id else 0) | (0x20 if padding else 0)
    head = bytes([first, packet.marker << 7 | cohort.payload_type]) + bytes(FIXED - 2)
    if cohort.send_time_id:
        head += ONE_WORD_OF_EXTENSIONS.to_bytes(4) + bytes([cohort.send_time_id << 4 | 2]) + bytes(3)
    return head + packet.payload + (bytes(padding - 1) + bytes([padding]) if padding else b"")


def _equalised(lengths: Sequence[int]) -> list[int]:
    """Lengths in which neighbours that differ by a few bytes are as long as the longest of them."""
    out, at = list(lengths), 0
    while at < len(out):
        low = high = lengths[at]
        end = at + 1
        while end < len(out):
            low, high = min(low, lengths[end]), max(high, lengths[end])
            if high - low > MOST_PADDING:
                break
            end += 1
        longest = max(lengths[at:end])
        out[at:end] = [longest] * (end - at)
        at = end
    return out


def send_time(now_ns: int) -> int:
    """The 24 bits of abs-send-time: seconds in 6.18 fixed point."""
    return (now_ns << 18) // 1_000_000_000 & 0xFFFFFF
