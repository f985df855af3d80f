"""One RTP packet (RFC 3550, section 5.1), read as far as a recording needs it.

Rules: what is no RTP packet raises ValueError; nothing is copied but the payload.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

_HEADER = struct.Struct("!BBHII")
VERSION_MASK, VERSION = 0xC0, 0x80
PADDING, EXTENSION, SOURCES, MARKER = 0x20, 0x10, 0x0F, 0x80


class Packet(NamedTuple):
    """`number` and `timestamp` are as on the wire, 16 and 32 bits; `arrived_ns` is the machine's monotonic time."""

    number: int
    timestamp: int
    ssrc: int
    marker: bool
    payload: bytes
    arrived_ns: int


def parse(rtp: bytes, arrived_ns: int) -> Packet:
    """Raises ValueError."""
    if len(rtp) < _HEADER.size:
        raise ValueError("shorter than an RTP header")
    first, second, number, timestamp, ssrc = _HEADER.unpack_from(rtp)
    if first & VERSION_MASK != VERSION:
        raise ValueError("not RTP version 2")
    start, end = _HEADER.size + 4 * (first & SOURCES), len(rtp)
    if first & EXTENSION:
        if end < start + 4:
            raise ValueError("the header extension is cut")
        start += 4 + 4 * int.from_bytes(rtp[start + 2 : start + 4], "big")
    if first & PADDING and end > start:
        end -= rtp[-1]
    if start > end:
        raise ValueError("the payload is cut")
    return Packet(number, timestamp, ssrc, bool(second & MARKER), rtp[start:end], arrived_ns)
