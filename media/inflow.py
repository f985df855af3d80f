"""The edge's end of a pipe: what comes over it stands in the edge's room like what comes from publishers.

Rules: a layer that comes over the pipe is a layer like any other, so viewers choose, switch and are repaired from its
ring as at the origin; key frames are asked for over the pipe, at most twice a second however many want one; what the
pipe lost is not asked for again, a key frame is. When the pipe breaks everything that came over it has ended, and it is
looked for where the room is now: another origin, or this worker itself, whose viewers then stay where they are.
"""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import UUID

import structlog

from media.framed import Message, Messages, Outbox, WireBroken, message
from media.layer import Layer
from media.negotiation import MOST_LAYERS
from media.payloads import INSPECTIONS
from media.pipe import CLOCK, LARGEST_SAYING, LEVEL, Tells, hello, read_announced, read_name, read_packet
from media.placing import pipe_path
from media.published import PublishedTrack
from media.publisher import ring_of
from media.rtp import FIXED
from media.tracks import Ended, Kind

if TYPE_CHECKING:
    from media.engine import Engine
    from media.room import Room

LOOK_AGAIN_S = 0.1
NEVER_NS = 1 << 62
MOST_TRACKS = 256
log = structlog.get_logger()


class Inflow:
    """Feeds one room of this worker from its origin, for as long as somebody is in it."""

    def __init__(self, engine: Engine, room: Room) -> None:
        self._engine, self._room = engine, room
        self._tracks: dict[int, PublishedTrack] = {}
        self._layers: dict[tuple[int, int], Layer] = {}
        self._box = Outbox()
        self._task = asyncio.get_running_loop().create_task(self._run())

    def close(self) -> None:
        """The room is empty, or is this worker's own now."""
        self._task.cancel()
        self._all_ended()

    @property
    def connected(self) -> bool:
        return self._box.open

    def said(self, text: bytes) -> None:
        self._box.send(message(Tells.SAID, 0, text))

    def mend(self, now_ns: int) -> None:
        """A hundred times a second: ask for the key frames that are wanted."""
        for (number, at), layer in self._layers.items():
            if layer.missing:
                # What is too old is given up; nothing is asked for, since the origin mends what can be mended.
                layer.to_ask_again(now_ns, NEVER_NS)
            if layer.key_frame_wanted and layer.key_frame_due(now_ns):
                self._box.send(message(Tells.KEY, number, bytes([at])))

    def second(self, now_ns: int) -> None:
        for layer in self._layers.values():
            layer.counters.close_window(now_ns)

    async def _run(self) -> None:
        while True:
            path = await self._origin()
            if path is None:
                return
            with contextlib.suppress(OSError):
                reader, writer = await asyncio.open_unix_connection(str(path))
                try:
                    await self._listen(reader, writer)
                finally:
                    self._box.connect(None)
                    writer.close()
                    self._all_ended()
            await asyncio.sleep(LOOK_AGAIN_S)

    async def _origin(self) -> Path | None:
        """Where the pipe begins now; None when the room came to be this worker's own."""
        while True:
            found = await self._engine.directory.find(self._room.session_id)
            if found is not None and found.origin.pipe:
                if found.origin.run_id != self._engine.directory.run_id:
                    return pipe_path(found.origin)
                self._room.becomes_origin()
                return None
            await asyncio.sleep(LOOK_AGAIN_S)

    async def _listen(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._box.connect(writer.transport)
        self._box.send(hello(self._room.session_id))
        messages = Messages()
        try:
            while data := await reader.read(262_144):
                for each in messages.feed(data):
                    self._hear(each)
                self._engine.egress.run()
        except WireBroken as fault:
            log.error("origin_not_understood", exc_info=fault)

    def _hear(self, said: Message) -> None:
        match said.kind:
            case Tells.PACKET:
                self._packet(said)
            case Tells.LEVEL if len(said.body) == LEVEL.size:
                if (track := self._tracks.get(said.track)) is not None:
                    (track.loudness,) = LEVEL.unpack(said.body)
            case Tells.CLOCK if len(said.body) == CLOCK.size:
                self._clock(said)
            case Tells.TRACK:
                self._track(said)
            case Tells.LAYER:
                self._layer(said)
            case Tells.ENDED:
                self._ended(said)
            case Tells.HELD if len(said.body) == 5:
                self._engine.held_in_pipes += int.from_bytes(said.body[1:])
            case Tells.SPEAKER if len(said.body) == 16:
                self._room.spoken(UUID(bytes=said.body))
            case Tells.SAID if len(said.body) <= LARGEST_SAYING:
                self._room.said(said.body, by=self)
            case _:
                raise WireBroken("an unknown message of an origin")

    def _track(self, said: Message) -> None:
        if said.track in self._tracks or len(self._tracks) >= MOST_TRACKS:
            raise WireBroken("a track that is there already, or too many")
        known = read_announced(said.body)
        if known.track.session_id != self._room.session_id or known.track.codec not in INSPECTIONS:
            raise WireBroken("a track of another room, or of no codec of ours")
        track = self._tracks[said.track] = PublishedTrack(known.track, known.rids)
        self._room.withhold(known.track.point_id, known.track.source, known.withheld_from)
        track.began, track.together = True, known.together

    def _layer(self, said: Message) -> None:
        at, rid = read_name(said.body)
        track = self._tracks.get(said.track)
        if track is None or rid in track.layers or len(track.layers) >= MOST_LAYERS:
            raise WireBroken("a layer of no track, one that is there already, or too many")
        about = track.description
        layer = Layer(0, rid, about.clock_rate, ring_of(about.source, about.kind), INSPECTIONS[about.codec])
        track.layers[rid] = self._layers[said.track, at] = layer
        if len(track.layers) == 1:
            self._room.appeared(track)

    def _packet(self, said: Message) -> None:
        at, packet = read_packet(said.body)
        track, layer = self._tracks.get(said.track), self._layers.get((said.track, at))
        if track is None or layer is None:
            raise WireBroken("a packet of no layer")
        if layer.take(packet, FIXED + len(packet.payload)):
            track.feed(layer, packet)
            self._engine.egress.push(layer, sound=track.description.kind is Kind.AUDIO)

    def _clock(self, said: Message) -> None:
        at, ntp, timestamp, came_ns = CLOCK.unpack(said.body)
        track, layer = self._tracks.get(said.track), self._layers.get((said.track, at))
        if track is not None and layer is not None:
            layer.clock = (ntp, timestamp, came_ns)
            track.clock_told(layer)

    def _ended(self, said: Message) -> None:
        try:
            reason = Ended(said.body.decode())
        except ValueError:
            raise WireBroken("an end without a reason") from None
        track = self._tracks.pop(said.track, None)
        if track is not None:
            self._end(said.track, track, reason)

    def _end(self, number: int, track: PublishedTrack, reason: Ended) -> None:
        self._layers = {key: layer for key, layer in self._layers.items() if key[0] != number}
        self._room.disappeared(track)
        track.end(reason)

    def _all_ended(self) -> None:
        while self._tracks:
            number, track = self._tracks.popitem()
            self._end(number, track, Ended.LOST)
