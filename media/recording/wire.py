"""What a media worker and the recorder say to each other over a socket of this machine.

    message = size:u32 kind:u8 track:u16 body

Rules: `size` counts the body; a track has a number for as long as the connection stands. The worker announces tracks,
and hands over packets of those alone that the recorder takes: what is not authorised never leaves the worker. Whoever
breaks the form is cut off.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from enum import IntEnum
from typing import NamedTuple
from uuid import UUID

from infra.media_tokens import Source
from media.tracks import Kind, TrackDescription

HEADER = struct.Struct(">IBH")
PACKET = struct.Struct(">Q")
REPORT = struct.Struct(">QI")
DROPPED = struct.Struct(">I")
LARGEST_BODY = 1 << 16


class Says(IntEnum):
    TRACK = 1
    """Worker: a track is there; its description as JSON."""
    PACKET = 2
    """Worker: arrived_ns:u64, then the RTP packet."""
    REPORT = 3
    """Worker: a sender report, ntp:u64 rtp_timestamp:u32."""
    DROPPED = 4
    """Worker: so many packets (u32) of this track were not handed over."""
    ENDED = 5
    """Worker: nothing comes of this track any more."""
    TAKE = 16
    """Recorder: hand this track over from now on."""
    LEAVE = 17
    """Recorder: no more of this track."""
    KEY = 18
    """Recorder: ask the publisher for a key frame."""


class Message(NamedTuple):
    kind: int
    track: int
    body: bytes


class WireBroken(Exception):
    """The other side does not speak this."""


def message(kind: Says, track: int, *parts: bytes) -> bytes:
    return b"".join((HEADER.pack(sum(map(len, parts)), kind, track), *parts))


class Messages:
    """Cuts a stream of bytes into messages."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> Iterator[Message]:
        """Raises WireBroken."""
        data = self._rest + data if self._rest else data
        at = 0
        while len(data) - at >= HEADER.size:
            size, kind, track = HEADER.unpack_from(data, at)
            if size > LARGEST_BODY:
                raise WireBroken("a message is too large")
            if len(data) - at < HEADER.size + size:
                break
            at += HEADER.size + size
            self._rest = b""
            yield Message(kind, track, data[at - size : at])
        self._rest = data[at:]


def described(track: TrackDescription) -> bytes:
    fields = {
        "track": str(track.track_id),
        "session": str(track.session_id),
        "point": str(track.point_id),
        "participant": str(track.participant_id),
        "kind": track.kind.value,
        "source": track.source.value,
        "codec": track.codec,
        "clock": track.clock_rate,
        "payload": track.payload_type,
        "fmtp": dict(track.fmtp),
        "channels": track.channels,
    }
    return json.dumps(fields).encode()


def description(body: bytes) -> TrackDescription:
    """Raises WireBroken."""
    try:
        fields = json.loads(body)
        return TrackDescription(
            track_id=UUID(fields["track"]),
            session_id=UUID(fields["session"]),
            point_id=UUID(fields["point"]),
            participant_id=UUID(fields["participant"]),
            kind=Kind(fields["kind"]),
            source=Source(fields["source"]),
            codec=str(fields["codec"]),
            clock_rate=int(fields["clock"]),
            payload_type=int(fields["payload"]),
            fmtp={str(name): str(value) for name, value in fields["fmtp"].items()},
            channels=int(fields["channels"]),
        )
    except (ValueError, KeyError, TypeError, AttributeError):
        raise WireBroken("a track is not described") from None
