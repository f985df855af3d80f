"""Thinner streams out of one that was encoded in spatial and temporal layers (VP9 SVC, VP8 and VP9 temporal layers).

Rules: a stream is thinned by leaving whole layers out, the temporal ones of the best picture before its size; what is
left is numbered without holes, ends its pictures where they end now (RFC 9628, 4.2: the marker), and is a layer like
any other, with its own ring; a viewer goes over at a picture where its decoder can: to less at any, to more frames
where the encoder says so, to more pixels at a key frame. A missing packet is taken for one that goes on; when it comes
and does not, an empty one with its number keeps the receiver from asking for it. Only arithmetic is done for a stream
that nobody takes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from media.continuity import rewritten
from media.layer import JUMP, Layer
from media.payloads import inspect_nothing, inspect_vp8
from media.reception import Window
from media.rtp import Packet, ahead

REMEMBERED = 512


class Point(NamedTuple):
    """What a thinner stream holds: the layers up to these."""

    spatial: int
    temporal: int


def points_of(spatial: int, temporal: int) -> list[Point]:
    """The streams below the whole one, from the poorest on: few enough to climb soon.

    Frames are given up before size at the best size and at the smallest, where nothing else is left.
    """
    found = [Point(size, temporal) for size in range(spatial)]
    if temporal:
        found.insert(0, Point(0, 0))
    if spatial:
        found += [Point(spatial, frames) for frames in range(temporal)]
    else:
        found = [Point(0, frames) for frames in range(temporal)]
    return found


class Thin(Layer):
    """One thinner stream. `taken` is called for every packet of the whole one, in the order of their arrival."""

    def __init__(self, whole: Layer, point: Point) -> None:
        super().__init__(whole.ssrc, whole.rid, whole.counters.clock_rate, len(whole.ring), inspect_nothing)
        self.source, self.point = whole, point
        self.renumbers = whole.inspect is inspect_vp8
        self._left_out = self._pictures_left_out = 0
        self._front: int | None = None
        self._picture: int | None = None
        self._open: dict[int, int] = {}
        self._pictures: dict[int, int | None] = {}

    def keeps(self, packet: Packet) -> bool:
        """What has no layer, such as padding, goes everywhere."""
        scale = packet.scale
        return scale is None or (scale.spatial <= self.point.spatial and scale.temporal <= self.point.temporal)

    @property
    def taken_by_somebody(self) -> bool:
        return bool(self.viewers or self.waiting)

    def number(self, packet: Packet) -> int | None:
        """The number of a packet in this stream; None when it has none. Call once for each packet."""
        front, sequence = self._front, packet.sequence
        if front is not None and -JUMP <= ahead(sequence, front) <= 0:
            left_out = self._open.pop(sequence, None)
            return None if left_out is None else (sequence - left_out) & 0xFFFF
        if front is not None:
            for step in range(max(1, ahead(sequence, front) - REMEMBERED), ahead(sequence, front)):
                self._open[(front + step) & 0xFFFF] = self._left_out
            while len(self._open) > REMEMBERED:
                del self._open[next(iter(self._open))]
        self._front = sequence
        if self.keeps(packet):
            return (sequence - self._left_out) & 0xFFFF
        self._left_out += 1
        return None

    def made(self, packet: Packet, number: int) -> Packet:
        """The packet as it is in this stream; an empty one in the place of what came late and is left out."""
        kept = self.keeps(packet)
        payload = self._payload(packet) if kept else b""
        last = packet.scale is not None and packet.scale.ends and packet.scale.spatial == self.point.spatial
        marker = packet.marker or int(last) if kept else 0
        made = Packet(number, packet.timestamp, marker, payload, packet.arrived_ns, packet.repaired)
        if kept:
            made.key_frame, made.scale, made.picture = packet.key_frame, packet.scale, packet.picture
            if packet.picture is not None and payload is not packet.payload:
                place, width, _, index = packet.picture
                value = int.from_bytes(payload[place : place + width]) & (0x7FFF if width == 2 else 0x7F)
                made.picture = place, width, value, index
        return made

    def count_picture(self, packet: Packet) -> None:
        """Pictures of VP8 are numbered without holes too, because its receivers wait for what is missing."""
        if not self.renumbers or packet.picture is None:
            return
        _, width, value, _ = packet.picture
        if value in self._pictures:
            return
        bits = 15 if width == 2 else 7
        newest = self._picture is None or 0 < (value - self._picture) & ((1 << bits) - 1) < 1 << bits - 1
        if newest:
            self._picture = value
        kept = self.keeps(packet)
        self._pictures[value] = self._pictures_left_out if kept else None
        self._pictures_left_out += newest and not kept
        while len(self._pictures) > REMEMBERED // 4:
            del self._pictures[next(iter(self._pictures))]

    def _payload(self, packet: Packet) -> bytes:
        left_out = self._pictures.get(packet.picture[2]) if self.renumbers and packet.picture is not None else None
        return rewritten(packet, -left_out, 0) if left_out else packet.payload

    def put(self, packet: Packet) -> None:
        highest = self.counters.highest
        self.ring[packet.sequence & self.mask] = packet
        if highest is None or ahead(packet.sequence, highest) > 0 or abs(ahead(packet.sequence, highest)) > self.mask:
            self.counters.highest, self.newest = packet.sequence, packet
        self.pending.append(packet)


class Scaled:
    """The thinner streams of one layer. `push` hands one on; `finish` sends out what a layer still has waiting."""

    def __init__(self, whole: Layer, push: Callable[[Layer], None], finish: Callable[[Layer], None]) -> None:
        self.whole, self._push, self._finish = whole, push, finish
        self.thinner: list[Thin] = []
        self._most = Point(0, 0)
        self._front: int | None = None
        self._octets: dict[Point, int] = {}

    def take(self, packet: Packet) -> None:
        """A packet of the whole stream, before it is handed on there."""
        scale = packet.scale
        if scale is not None:
            here = Point(scale.spatial, scale.temporal)
            self._octets[here] = self._octets.get(here, 0) + len(packet.payload)
            if scale.spatial > self._most.spatial or scale.temporal > self._most.temporal:
                self._grow(here)
        fresh = self._front is None or not 0 <= ahead(self._front, packet.sequence) <= JUMP
        if fresh:
            self._front = packet.sequence
        if not self.thinner:
            return
        made: list[tuple[Thin, Packet]] = []
        for thin in self.thinner:
            thin.count_picture(packet)
            number = thin.number(packet)
            if number is not None and thin.taken_by_somebody:
                made.append((thin, thin.made(packet, number)))
        if fresh and scale is not None and scale.begins and scale.spatial == 0:
            # Before anybody has this picture, so that nobody gets it from both.
            self._go_over(self.whole, packet, packet)
            for thin, part in made:
                if part.payload:
                    self._go_over(thin, packet, part)
        for thin, part in made:
            thin.put(part)
            self._push(thin)

    def _grow(self, here: Point) -> None:
        self._most = Point(max(self._most.spatial, here.spatial), max(self._most.temporal, here.temporal))
        known = {thin.point: thin for thin in self.thinner}
        wanted = points_of(*self._most)
        # One that somebody takes stays, also where it is no step of the ladder any more.
        kept = [thin for thin in self.thinner if thin.point not in wanted and thin.taken_by_somebody]
        self.thinner = sorted(
            [*(known.get(point) or Thin(self.whole, point) for point in wanted), *kept], key=lambda thin: thin.point
        )

    def _go_over(self, to: Layer, packet: Packet, first: Packet) -> None:
        for viewer in tuple(to.waiting):
            now = viewer.layer
            if now is None or now.source is not self.whole or not may_go_over(self.at(now), self.at(to), packet):
                continue
            # What was before this picture still goes out as it was, and this picture only once.
            self._finish(now)
            self._finish(to)
            to.waiting.pop(viewer, None)
            viewer.begin(to, first)

    def at(self, layer: Layer) -> Point:
        return layer.point if isinstance(layer, Thin) else self._most

    def close_window(self, seconds: float) -> None:
        """Every second: what each of the streams takes."""
        for thin in self.thinner:
            octets = sum(
                count
                for at, count in self._octets.items()
                if at.spatial <= thin.point.spatial and at.temporal <= thin.point.temporal
            )
            thin.counters.window = Window(kbit_per_second=octets * 8 / 1000 / seconds)
        self._octets.clear()


def may_go_over(now: Point, to: Point, packet: Packet) -> bool:
    """Whether a decoder that had one of the streams can go on with the other from this picture."""
    if packet.key_frame:
        return True
    if packet.scale is None or to.spatial > now.spatial:
        return False
    if to.temporal <= now.temporal:
        return packet.scale.temporal <= to.temporal
    return packet.scale.switches and packet.scale.temporal == now.temporal + 1
