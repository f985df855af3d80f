"""What two workers of a machine say to each other about one room: the pipe from its origin to an edge.

Rules: one connection for one room, in the form of media/framed.py; a connection begins with a greeting of the edge that
names the form and the room; packets are plain RTP taken apart, each once and in the order of arrival, repaired ones
late; all layers go over, so that the edge chooses for each of its viewers; a layer has a number in its track.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from uuid import UUID

from domain._live import Destination
from infra.settings import Settings
from media.framed import WireBroken, described, description, fields_of, message
from media.rtp import Packet
from media.tracks import TrackDescription

FORM = 1
HELLO = struct.Struct(">B16s")
PACKET = struct.Struct(">BBHIQ")
CLOCK = struct.Struct(">BQIQ")
LEVEL = struct.Struct(">f")
MARKER, REPAIRED = 1, 2
LONGEST_RID = 16
LARGEST_SAYING = 16_384
LONGEST_PAYLOAD = 2_048


class Tells(IntEnum):
    TRACK = 1
    """Origin: a track is there; what it is as JSON, with its layers' names and from whom it is withheld."""
    LAYER = 2
    """Origin: a layer came in; its number, then its name."""
    PACKET = 3
    """Origin: layer:u8 flags:u8 sequence:u16 timestamp:u32 arrived_ns:u64, then the payload."""
    CLOCK = 4
    """Origin: a sender report; layer:u8 ntp:u64 timestamp:u32 came_ns:u64."""
    LEVEL = 5
    """Origin: how loud the track is, f32."""
    ENDED = 6
    """Origin: nothing comes of this track any more; why, as text."""
    SPEAKER = 7
    """Origin: who has the floor of screens, as 16 bytes."""
    HELD = 8
    """Origin: packets of this layer were left out, because the edge did not take them in time; how many, as u32."""
    HELLO = 16
    """Edge: form:u8, the room as 16 bytes."""
    KEY = 17
    """Edge: ask the publisher for a key frame of this layer."""
    SAID = 32
    """Both: something for everybody in the room, which the pipe does not look into."""


@dataclass(frozen=True, slots=True)
class Announced:
    """A track as an edge has to know it."""

    track: TrackDescription
    rids: tuple[str, ...]
    withheld_from: frozenset[Destination]
    together: int


def announced(number: int, one: Announced) -> bytes:
    withheld = sorted(each.value for each in one.withheld_from)
    body = described(one.track, rids=one.rids, withheld=withheld, together=one.together)
    return message(Tells.TRACK, number, body)


def read_announced(body: bytes) -> Announced:
    """Raises WireBroken."""
    track, fields = description(body), fields_of(body)
    try:
        rids = tuple(str(rid) for rid in fields["rids"])
        withheld = frozenset(Destination(one) for one in fields["withheld"])
        together = int(fields["together"])
    except (KeyError, TypeError, ValueError, OverflowError):
        raise WireBroken("a track is not announced") from None
    return Announced(track, rids, withheld, together)


def packet_message(number: int, layer: int, packet: Packet) -> bytes:
    flags = (MARKER if packet.marker else 0) | (REPAIRED if packet.repaired else 0)
    head = PACKET.pack(layer, flags, packet.sequence, packet.timestamp, packet.arrived_ns)
    return message(Tells.PACKET, number, head, packet.payload)


def read_packet(body: bytes) -> tuple[int, Packet]:
    """The layer's number and the packet. Raises WireBroken."""
    if not PACKET.size <= len(body) <= PACKET.size + LONGEST_PAYLOAD:
        raise WireBroken("a packet without its numbers, or larger than any that a publisher sends")
    layer, flags, sequence, timestamp, arrived_ns = PACKET.unpack_from(body)
    marker, repaired = flags & MARKER, bool(flags & REPAIRED)
    return layer, Packet(sequence, timestamp, marker, body[PACKET.size :], arrived_ns, repaired)


def hello(session_id: UUID) -> bytes:
    return message(Tells.HELLO, 0, HELLO.pack(FORM, session_id.bytes))


def read_hello(body: bytes) -> UUID:
    """Raises WireBroken."""
    if len(body) != HELLO.size or body[0] != FORM:
        raise WireBroken("no greeting of this form")
    return UUID(bytes=body[1:])


def read_name(body: bytes) -> tuple[int, str]:
    """A layer's number and its name. Raises WireBroken."""
    if not 1 <= len(body) <= 1 + LONGEST_RID or not body.isascii():
        raise WireBroken("a layer without a name")
    return body[0], body[1:].decode()


def pipe_socket(settings: Settings, worker: str) -> Path:
    """Where the pipes of this worker of this machine begin."""
    return settings.data / "run" / f"pipe-{worker}.sock"
