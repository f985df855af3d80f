"""The origin's end of a pipe: hands everything of one room over to an edge, and waits for nothing.

Rules: what the edge does not take in time is left out, pictures long before sound, and a picture that was left out goes
on with a key frame, which is asked for when half of the room in the pipe is free again; an edge that takes nothing at
all is cut off and comes again. An edge asks for key frames, and the publisher is asked as seldom as by one viewer.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, cast
from uuid import UUID

import structlog

from domain._live import Destination
from media.framed import Message, Messages, Outbox, WireBroken, message
from media.layer import Layer
from media.pipe import CLOCK, LARGEST_SAYING, LEVEL, Announced, Tells, announced, packet_message, read_hello
from media.published import PublishedTrack
from media.rtp import Packet
from media.tracks import Ended, Kind

if TYPE_CHECKING:
    from media.engine import Engine
    from media.room import Room

MOST_PICTURES = 512 << 10
MOST_SOUND = 2 << 20
MOST_AT_ALL = 8 << 20
MOST_LAYERS = 200
log = structlog.get_logger()


class Outflow(asyncio.Protocol):
    """One connection of an edge. `held` are the layers that wait for a key frame, with what was left out of each."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._box = Outbox()
        self._messages = Messages()
        self._transport: asyncio.Transport | None = None
        self.room: Room | None = None
        self._numbers: dict[PublishedTrack, int] = {}
        self._layers: dict[int, dict[Layer, int]] = {}
        self._next = 0
        self.held: dict[Layer, int] = {}
        self.left_out = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are of no common class.
        self._transport = cast(asyncio.Transport, transport)
        self._box.connect(self._transport)

    def connection_lost(self, exc: Exception | None) -> None:
        self._box.connect(None)
        if self.room is not None:
            for track in tuple(self._numbers):
                track.edges = [one for one in track.edges if one is not self]
            self.room.outflows.discard(self)
            self.room = None

    def data_received(self, data: bytes) -> None:
        try:
            for said in self._messages.feed(data):
                self._hear(said)
        except WireBroken as fault:
            log.error("edge_not_understood", exc_info=fault)
            self.cut()

    def cut(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    # What the edge says --------------------------------------------------------------------------------------

    def _hear(self, said: Message) -> None:
        if self.room is None:
            if said.kind != Tells.HELLO:
                raise WireBroken("an edge that does not greet")
            self._greeted(read_hello(said.body))
        elif said.kind == Tells.KEY and len(said.body) == 1:
            self._wants_key_frame(said.track, said.body[0])
        elif said.kind == Tells.SAID and len(said.body) <= LARGEST_SAYING:
            self.room.said(said.body, by=self)
        else:
            raise WireBroken("an unknown message of an edge")

    def _greeted(self, session_id: UUID) -> None:
        room = self._engine.room(session_id)
        if room.inflow is not None:
            # It is an edge itself, and the other will find the origin in a moment.
            self.cut()
            return
        self.room = room
        room.outflows.add(self)
        for track in room.tracks.values():
            self.began(track, room.withheld(track.description.point_id, track.description.source))
        if room.speaker is not None:
            self.speaker(room.speaker)

    def _wants_key_frame(self, number: int, at: int) -> None:
        # The track may have ended while the edge was asking.
        for layer, found in self._layers.get(number, {}).items():
            if found == at:
                layer.key_frame_wanted = True

    # What the room tells -------------------------------------------------------------------------------------

    def began(self, track: PublishedTrack, withheld_from: frozenset[Destination]) -> None:
        self._next = (self._next + 1) & 0xFFFF
        self._numbers[track], self._layers[self._next] = self._next, {}
        told = Announced(track.description, track.rids, withheld_from, track.together)
        self._box.send(announced(self._next, told))
        for layer in track.layers.values():
            # A picture and its sound appear together, so that nobody is seated with half of them.
            self._number_of(self._next, layer)
        track.edges.append(self)

    def ended(self, track: PublishedTrack, reason: Ended) -> None:
        number = self._numbers.pop(track, None)
        if number is None:
            return
        track.edges = [one for one in track.edges if one is not self]
        for layer in self._layers.pop(number):
            self.held.pop(layer, None)
        self._box.send(message(Tells.ENDED, number, reason.value.encode()))

    def speaker(self, point_id: UUID) -> None:
        self._box.send(message(Tells.SPEAKER, 0, point_id.bytes))

    def said(self, text: bytes) -> None:
        self._box.send(message(Tells.SAID, 0, text))

    def levels(self) -> None:
        """Four times a second: how loud whom is."""
        if self._box.waiting_bytes > MOST_AT_ALL:
            log.error("edge_takes_nothing", count=self.left_out)
            self.cut()
            return
        for track, number in self._numbers.items():
            if track.description.kind is Kind.AUDIO:
                self._box.send(message(Tells.LEVEL, number, LEVEL.pack(track.loudness)))

    def packet(self, track: PublishedTrack, layer: Layer, packet: Packet) -> None:
        number = self._numbers.get(track)
        if number is None or not self._has_room(number, layer, packet, sound=track.description.kind is Kind.AUDIO):
            return
        self._engine.piped += 1
        self._box.send(packet_message(number, self._number_of(number, layer), packet))

    def clock(self, track: PublishedTrack, layer: Layer) -> None:
        number = self._numbers.get(track)
        if number is not None and layer.clock is not None:
            ntp, timestamp, came_ns = layer.clock
            at = self._number_of(number, layer)
            self._box.send(message(Tells.CLOCK, number, CLOCK.pack(at, ntp, timestamp & 0xFFFFFFFF, came_ns)))

    # Backpressure --------------------------------------------------------------------------------------------

    def _has_room(self, number: int, layer: Layer, packet: Packet, *, sound: bool) -> bool:
        waiting = self._box.waiting_bytes
        if sound:
            self.left_out += waiting > MOST_SOUND
            return waiting <= MOST_SOUND
        if layer not in self.held:
            if waiting <= MOST_PICTURES:
                return True
            self.held[layer] = 0
        elif waiting <= MOST_PICTURES // 2:
            if packet.key_frame and not packet.repaired:
                left_out = self.held.pop(layer)
                at = self._number_of(number, layer)
                self._box.send(message(Tells.HELD, number, bytes([at]), left_out.to_bytes(4)))
                return True
            layer.key_frame_wanted = True
        self.held[layer] += 1
        self.left_out += 1
        return False

    def _number_of(self, number: int, layer: Layer) -> int:
        layers = self._layers[number]
        at = layers.get(layer)
        if at is None:
            at = layers[layer] = len(layers) % MOST_LAYERS
            self._box.send(message(Tells.LAYER, number, bytes([at]), layer.rid.encode()))
        return at
