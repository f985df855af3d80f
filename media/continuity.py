"""Makes one stream out of several: what a receiver gets goes on in numbers and time when its source changes.

Rules: a change happens at a key frame only; sequence numbers go on by one, timestamps by the time that passed on the
publisher's own clock where its sender reports tell it, picture ids by one, also after a pause, since a receiver would
ask for all that it was not sent; the numbers of a new stream begin low, so
that no early wrap can confuse the receiver's SRTP (RFC 3711, 3.3.1).
"""

from __future__ import annotations

from dataclasses import dataclass
from random import randrange

from media.layer import Layer
from media.rtp import Packet, ahead

REMEMBERED = 4
LONGEST_PAUSE_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Segment:
    """From `start` (as sent) on, what was sent is `layer` with these added. `first` was the first packet of it."""

    start: int
    first: Packet
    layer: Layer
    sequence: int
    timestamp: int
    picture: int
    base: int


class Continuity:
    """What has to be added to the numbers of the layer that is sent now. All are 0 before anything was sent."""

    __slots__ = ("_last", "base", "picture", "segments", "sequence", "timestamp")

    def __init__(self) -> None:
        self.sequence = self.timestamp = self.picture = self.base = 0
        self.segments: list[Segment] = []
        self._last: Packet | None = None

    def pause(self) -> None:
        """Nothing is sent from now on, until `begin` is called again."""
        if self.segments and self._last is None:
            self._last = self.segments[-1].layer.newest

    @property
    def layer(self) -> Layer | None:
        return self.segments[-1].layer if self.segments else None

    def begin_as_is(self, layer: Layer, packet: Packet) -> None:
        """From this packet of this layer on, with the publisher's own numbers."""
        self.segments.append(Segment(packet.sequence, packet, layer, 0, 0, 0, 0))

    def begin(self, layer: Layer, packet: Packet) -> None:
        """From this packet of this layer on."""
        before = self.segments[-1] if self.segments else None
        paused, self._last = self._last, None
        newest = paused or (before.layer.newest if before is not None else None)
        if before is None or newest is None:
            start = randrange(1, 0x4000)
            self.sequence, self.timestamp = start - packet.sequence, 0
        elif before.layer is layer and paused is None:
            return
        else:
            start = (newest.sequence + before.sequence + 1) & 0xFFFF
            self.sequence = start - packet.sequence
            self._go_on(before, newest, layer, packet)
        moved = self.sequence, self.timestamp, self.picture, self.base
        self.segments.append(Segment(start & 0xFFFF, packet, layer, *moved))
        del self.segments[:-REMEMBERED]

    def _go_on(self, before: Segment, newest: Packet, layer: Layer, packet: Packet) -> None:
        same = before.layer.source is layer.source
        if not same:
            sent = (newest.timestamp + before.timestamp) & 0xFFFFFFFF
            self.timestamp = (sent + _passed(before.layer, newest, layer, packet) - packet.timestamp) & 0xFFFFFFFF
        if newest.picture is None or packet.picture is None:
            return
        if same and not (layer.renumbers or before.layer.renumbers):
            # Pictures of one encoder refer to each other by their numbers.
            return
        self.picture = newest.picture[2] + self.picture + 1 - packet.picture[2]
        old, new = newest.picture[3], packet.picture[3]
        if old and new and not same:
            self.base = newest.payload[old] + self.base + 1 - packet.payload[new]

    def source(self, sequence: int) -> tuple[Segment, Packet] | None:
        """Where a packet that was sent under this number came from, while the ring still has it."""
        for segment in reversed(self.segments):
            # Numbers go round within minutes, so a start tells what is before it only as long as the ring has it; after
            # that whatever the ring has came later.
            begins_here = segment.layer.find(segment.first.sequence) is segment.first
            if not begins_here or ahead(sequence, segment.start) >= 0:
                packet = segment.layer.find((sequence - segment.sequence) & 0xFFFF)
                return None if packet is None else (segment, packet)
        return None


def rewritten(packet: Packet, picture: int, base: int) -> bytes:
    """The payload with its picture id and base layer index moved on."""
    if packet.picture is None or not (picture or base):
        return packet.payload
    place, width, value, index = packet.picture
    data = bytearray(packet.payload)
    if width == 2:
        data[place : place + 2] = (0x8000 | (value + picture) & 0x7FFF).to_bytes(2)
    else:
        data[place] = (value + picture) & 0x7F
    if index:
        data[index] = (data[index] + base) & 0xFF
    return bytes(data)


def _passed(before: Layer, newest: Packet, after: Layer, packet: Packet) -> int:
    """Ticks between two packets of two layers: by the publisher's clock, else by when they came."""
    rate = after.counters.clock_rate
    if before.source.clock is not None and after.source.clock is not None:
        passed = _ntp_of(after, packet) - _ntp_of(before, newest)
        ticks = round(passed * rate)
        # Reports of two connections may be of two clocks; then they are of no use.
        if 0 < passed < LONGEST_PAUSE_SECONDS and abs(passed - _waited(newest, packet)) < 1:
            return ticks
    return max(1, round(_waited(newest, packet) * rate))


def _waited(newest: Packet, packet: Packet) -> float:
    return (packet.arrived_ns - newest.arrived_ns) / 1e9


def _ntp_of(layer: Layer, packet: Packet) -> float:
    assert layer.source.clock is not None
    ntp, timestamp, _ = layer.source.clock
    distance = (packet.timestamp - timestamp) & 0xFFFFFFFF
    if distance >= 0x80000000:
        distance -= 0x100000000
    return ntp / 0x100000000 + distance / layer.counters.clock_rate
