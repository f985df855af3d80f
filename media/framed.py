"""What goes over a socket of this machine between two processes of live media: messages, and how they are sent.

    message = size:u32 kind:u8 track:u16 body

Rules: `size` counts the body; a track has a number for as long as the connection stands; what is sent in one turn of
the loop goes out by one call of the system, and nothing waits for the other side: whoever sends looks at how much waits
and leaves out what can be left out. Whoever breaks the form is cut off. The socket belongs to the user alone.
"""

from __future__ import annotations

import asyncio
import os
import struct
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID

import orjson

from infra.media_tokens import Source
from media.tracks import Kind, TrackDescription

HEADER = struct.Struct(">IBH")
LARGEST_BODY = 1 << 16
LONGEST_SOCKET_NAME = 107
FASTEST_CLOCK = 200_000


class Message(NamedTuple):
    kind: int
    track: int
    body: bytes


class WireBroken(Exception):
    """The other side does not speak this."""


def message(kind: int, track: int, *parts: bytes) -> bytes:
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


class Outbox:
    """What goes out over one connection. Without a connection nothing is kept."""

    def __init__(self) -> None:
        self._transport: asyncio.WriteTransport | None = None
        self._out = bytearray()

    @property
    def open(self) -> bool:
        return self._transport is not None

    @property
    def waiting_bytes(self) -> int:
        """What the other side has not taken yet."""
        return len(self._out) + (self._transport.get_write_buffer_size() if self._transport else 0)

    def connect(self, transport: asyncio.WriteTransport | None) -> None:
        self._out.clear()
        self._transport = transport

    def send(self, data: bytes) -> None:
        if self._transport is None:
            return
        if not self._out:
            asyncio.get_running_loop().call_soon(self._flush)
        self._out += data

    def _flush(self) -> None:
        out, self._out = self._out, bytearray()
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(out)


async def listening(factory: Callable[[], asyncio.Protocol], path: Path) -> asyncio.Server:
    """A socket there, for this user alone. Raises RuntimeError when the name is too long for one."""
    if len(os.fsencode(path)) > LONGEST_SOCKET_NAME:
        raise RuntimeError(f"the data folder's name is too long for a socket in it: {len(str(path))} characters")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    before = os.umask(0o177)
    try:
        return await asyncio.get_running_loop().create_unix_server(factory, str(path))
    finally:
        os.umask(before)


def described(track: TrackDescription, **more: object) -> bytes:
    fields = {
        **more,
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
    return orjson.dumps(fields)


def fields_of(body: bytes) -> dict[str, Any]:
    """Raises WireBroken."""
    try:
        fields = orjson.loads(body)
    except orjson.JSONDecodeError:
        fields = None
    if not isinstance(fields, dict):
        raise WireBroken("this is no description")
    return fields


def description(body: bytes) -> TrackDescription:
    """Raises WireBroken."""
    fields = fields_of(body)
    try:
        track = TrackDescription(
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
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError):
        raise WireBroken("a track is not described") from None
    if not (0 < track.clock_rate <= FASTEST_CLOCK and 0 <= track.payload_type < 128 and 0 < track.channels <= 8):
        raise WireBroken("a track of no form of ours")
    return track
