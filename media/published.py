"""A published track with its layers and its taps: the `Track` of media/tracks.py.

Rules: a tap gets one stream whatever the layers do, made by the same arithmetic as a viewer's; a tap that raises is
taken off, told so, and never called again.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import structlog

from media.continuity import Continuity, rewritten
from media.layer import Layer
from media.rtp import Packet, assemble
from media.svc import Thin
from media.tracks import Ended, Measured, Tap, TrackDescription

FLOWS_NS = 1_000_000_000
LOUD = 45
"""Below this many dB under full scale somebody speaks; silence is 127."""

log = structlog.get_logger()


class Edge(Protocol):
    """Another worker that gets everything of a track, all layers as they come."""

    def packet(self, track: PublishedTrack, layer: Layer, packet: Packet) -> None: ...

    def clock(self, track: PublishedTrack, layer: Layer) -> None: ...


class _Feed:
    """One tap, and which layer it gets."""

    def __init__(self, tap: Tap) -> None:
        self.tap = tap
        self.layer: Layer | None = None
        self.continuity = Continuity()


class PublishedTrack:
    """`layers` are by RID, or one under the empty name; `loudness` is 0 (silent) .. 127, smoothed."""

    def __init__(self, description: TrackDescription, rids: Sequence[str]) -> None:
        self.description = description
        self.rids = tuple(rids)
        self.layers: dict[str, Layer] = {}
        self.began = False
        self.over = False
        self.loudness = 0.0
        self.rtt_ms: float | None = None
        self.edges: list[Edge] = []
        self.together = 1
        """How many tracks its connection brings: a picture with its sound are two."""
        self.limited_kbit: float | None = None
        """What the sender's line carries, by its own word, while that limits it."""
        self._feeds: list[_Feed] = []

    def ordered(self) -> list[Layer]:
        """The layers, from the poorest to the best; ranks follow."""
        found = sorted(
            self.layers.values(),
            key=lambda layer: (layer.size.width * layer.size.height, layer.counters.window.kbit_per_second),
        )
        # Of several encodings the next one is the thinner one.
        streams = found[0].with_thinner if len(found) == 1 else found
        for rank, stream in enumerate(streams):
            stream.rank = rank
        return streams

    @staticmethod
    def smallest(layers: Sequence[Layer]) -> int:
        """The rank of the smallest size with all of its frames; where there is one size only, that of the fewest."""
        sizes = [one.point.spatial for one in layers if isinstance(one, Thin)]
        return sizes.count(0) - 1 if any(sizes) else 0

    @classmethod
    def first_rank(cls, layers: Sequence[Layer]) -> int:
        """What a viewer begins with: the smallest size, and all of its frames, since it is sizes that lines fail at."""
        thin = [one for one in layers if isinstance(one, Thin)]
        only_frames = bool(thin) and not any(one.point.spatial for one in thin)
        return len(layers) - 1 if only_frames else cls.smallest(layers)

    def flowing(self, now_ns: int) -> list[Layer]:
        """Those that something came of in the last second."""
        return [
            layer
            for layer in self.ordered()
            if layer.source.newest is not None and now_ns - layer.source.newest.arrived_ns < FLOWS_NS
        ]

    def best(self) -> Layer | None:
        """The best layer that flows, or that ever did."""
        newest = max((x.newest.arrived_ns for x in self.layers.values() if x.newest is not None), default=0)
        found = self.flowing(newest)
        return found[-1] if found else None

    def heard(self, level: int) -> None:
        """One packet's audio level: 0 is the loudest, 127 silence (RFC 6464)."""
        self.loudness += (127 - level - self.loudness) * 0.1

    def feed(self, layer: Layer, packet: Packet) -> None:
        for edge in self.edges:
            edge.packet(self, layer, packet)
        for feed in tuple(self._feeds):
            if feed.layer is not layer and not self._goes_over(feed, layer, packet):
                continue
            shift = feed.continuity
            rtp = assemble(
                packet.sequence + shift.sequence,
                packet.timestamp + shift.timestamp,
                self.description_ssrc,
                self.description.payload_type,
                packet.marker,
                rewritten(packet, shift.picture, shift.base),
            )
            try:
                feed.tap.packet(rtp, packet.arrived_ns)
            except Exception as fault:
                self._drop(feed, fault)

    @property
    def description_ssrc(self) -> int:
        """One SSRC for all of the track's life, as its taps see it."""
        return int(self.description.track_id) & 0xFFFFFFFF

    def _goes_over(self, feed: _Feed, layer: Layer, packet: Packet) -> bool:
        """The first layer is taken as it is; another one at a key frame, when it is the best that flows."""
        if feed.layer is not None and not (packet.key_frame and self.best() is layer):
            return False
        if feed.layer is None:
            feed.continuity.begin_as_is(layer, packet)
        else:
            feed.continuity.begin(layer, packet)
        feed.layer = layer
        return True

    def clock_told(self, layer: Layer) -> None:
        """A sender report came for this layer."""
        for edge in self.edges:
            edge.clock(self, layer)
        for feed in tuple(self._feeds):
            if feed.layer is layer and layer.clock is not None:
                try:
                    feed.tap.sender_report(layer.clock[0], (layer.clock[1] + feed.continuity.timestamp) & 0xFFFFFFFF)
                except Exception as fault:
                    self._drop(feed, fault)

    def add_tap(self, tap: Tap) -> None:
        self._feeds.append(_Feed(tap))
        self.ask_key_frame()

    def remove_tap(self, tap: Tap) -> None:
        self._feeds = [feed for feed in self._feeds if feed.tap is not tap]

    def ask_key_frame(self) -> None:
        layer = self.best()
        if layer is not None:
            layer.key_frame_wanted = True

    def measured(self) -> Measured:
        layer = self.best()
        if layer is None:
            return Measured(0, 0, 0, 0, 0, 0, 0, None, 0, 0, 0, line_limits=False)
        window, counters = layer.counters.window, layer.counters
        return Measured(
            kbit_per_second=sum(one.counters.window.kbit_per_second for one in self.layers.values()),
            frames_per_second=window.frames_per_second,
            width=layer.size.width,
            height=layer.size.height,
            loss_before=window.loss_before,
            loss_after=window.loss_after,
            jitter_ms=window.jitter_ms,
            rtt_ms=self.rtt_ms,
            freezes=counters.freezes,
            nacks=counters.nacks,
            key_frames=counters.key_frames,
            capacity_kbit=self.limited_kbit,
            line_limits=self.limited_kbit is not None,
        )

    def end(self, reason: Ended) -> None:
        self.over = True
        for feed in self._feeds:
            try:
                feed.tap.ended(reason)
            except Exception as fault:
                log.error("tap_failed", exc_info=fault)
        self._feeds.clear()

    def _drop(self, feed: _Feed, fault: Exception) -> None:
        log.error("tap_failed", exc_info=fault)
        if feed in self._feeds:
            self._feeds.remove(feed)
