"""RTP packets and header extensions, as little of them as forwarding needs (RFC 3550, RFC 8285).

Rules: everything here is arithmetic on bytes that somebody else sent: what is not well formed is None, never an
exception; sequence numbers are compared in the circle of 16 bits.
"""

from __future__ import annotations

from struct import Struct
from typing import NamedTuple

HEADER = Struct("!BBHII")
FIXED = 12
RTCP_TYPES = range(192, 224)
"""RFC 5761, 4: the second byte of RTCP, where RTP would have marker and payload type."""

MID = "urn:ietf:params:rtp-hdrext:sdes:mid"
RID = "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id"
REPAIRED_RID = "urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id"
AUDIO_LEVEL = "urn:ietf:params:rtp-hdrext:ssrc-audio-level"
SEND_TIME = "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time"
TRANSPORT_CC = "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01"


class Scale(NamedTuple):
    """Which layer of a scalable picture a packet is of; whether it begins or ends the picture of that layer, and
    whether one may begin there to take this and higher temporal layers."""

    spatial: int
    temporal: int
    begins: bool
    ends: bool
    switches: bool


class Packet:
    """One packet of a layer. `payload` has neither header nor padding; `picture` says where a picture id lies."""

    __slots__ = (
        "arrived_ns",
        "key_frame",
        "marker",
        "payload",
        "picture",
        "repaired",
        "scale",
        "sequence",
        "timestamp",
    )

    def __init__(
        self, sequence: int, timestamp: int, marker: int, payload: bytes, arrived_ns: int, repaired: bool = False
    ) -> None:
        self.sequence = sequence
        self.timestamp = timestamp
        self.marker = marker
        self.payload = payload
        self.arrived_ns = arrived_ns
        self.repaired = repaired
        self.key_frame = False
        self.picture: tuple[int, int, int, int] | None = None
        self.scale: Scale | None = None


class Raw:
    """A header as it came, with the extensions by their ids and the bounds of the payload."""

    __slots__ = ("end", "extensions", "marker", "payload_type", "sequence", "ssrc", "start", "timestamp")

    def __init__(self, fields: tuple[int, int, int, int, int], start: int, end: int) -> None:
        _, second, self.sequence, self.timestamp, self.ssrc = fields
        self.marker = second >> 7
        self.payload_type = second & 0x7F
        self.start, self.end = start, end
        self.extensions: dict[int, bytes] = {}


def read(data: bytes) -> Raw | None:
    """The header of a decrypted packet, or None when its lengths contradict each other."""
    size = len(data)
    if size < FIXED:
        return None
    fields = HEADER.unpack_from(data)
    first = fields[0]
    if first >> 6 != 2:
        return None
    start, end = FIXED + 4 * (first & 0x0F), size
    extended = first & 0x10
    if extended:
        if size < start + 4:
            return None
        begin, start = start + 4, start + 4 + 4 * int.from_bytes(data[start + 2 : start + 4])
    if first & 0x20:
        end -= data[-1]
        if data[-1] == 0:
            return None
    if start > end:
        return None
    raw = Raw(fields, start, end)
    if extended:
        _read_extensions(data, begin, start, raw.extensions)
    return raw


def _read_extensions(data: bytes, at: int, end: int, found: dict[int, bytes]) -> None:
    profile = int.from_bytes(data[at - 4 : at - 2])
    if profile == 0xBEDE:
        while at < end:
            number, length = data[at] >> 4, (data[at] & 0x0F) + 1
            at += 1
            # An id of 0 is padding, of 15 the end.
            if number == 0:
                continue
            if number == 15 or at + length > end:
                return
            found[number] = data[at : at + length]
            at += length
    elif profile & 0xFFF0 == 0x1000:
        while at + 1 < end:
            number, length = data[at], data[at + 1]
            if number == 0:
                at += 1
                continue
            at += 2
            if at + length > end:
                return
            found[number] = data[at : at + length]
            at += length


def newer(a: int, b: int) -> bool:
    """Whether `a` comes after `b`."""
    return a != b and (a - b) & 0xFFFF < 0x8000


def ahead(a: int, b: int) -> int:
    """How far `a` is after `b`; negative when it is before."""
    distance = (a - b) & 0xFFFF
    return distance - 0x10000 if distance >= 0x8000 else distance


def assemble(sequence: int, timestamp: int, ssrc: int, payload_type: int, marker: int, payload: bytes) -> bytes:
    """A plain packet without extensions."""
    second = marker << 7 | payload_type
    return HEADER.pack(0x80, second, sequence & 0xFFFF, timestamp & 0xFFFFFFFF, ssrc) + payload
