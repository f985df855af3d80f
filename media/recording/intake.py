"""The way of one track into its strand: packets, in order, whole frames, their times, and what is missing of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from uuid import UUID

from media.recording.clock import SECOND_NS, SenderClock, TrackClock
from media.recording.frames import Assembled, Pictures, Sound
from media.recording.reordering import Item, Reordering
from media.recording.rtp import parse
from media.recording.why import Why
from media.tracks import Kind, TrackDescription

SILENT_NS = 2 * SECOND_NS


class Intake:
    """`last_ns` is when the last frame was taken that is in a file, or, while it `begins`, since when it is heard."""

    def __init__(self, track: TrackDescription, sender: SenderClock, ask_key_frame: Callable[[UUID], None]) -> None:
        self.track_id, self.kind, self.codec = track.track_id, track.kind, track.codec.lower()
        self.clock = TrackClock(track.clock_rate, sender)
        self.last_ns: int | None = None
        self.begins = False
        self.malformed = 0
        self._order = Reordering()
        self._frames: Pictures | Sound = (
            Pictures(self.codec, lambda: ask_key_frame(track.track_id)) if track.kind is Kind.VIDEO else Sound()
        )
        self._missing: tuple[Why | None, int] = (None, 0)

    def silent_at(self, now_ns: int) -> bool:
        """Whether so much time has passed without a frame that it is missed."""
        return self.last_ns is not None and now_ns - self.last_ns > SILENT_NS

    @property
    def waits_for_key(self) -> bool:
        return isinstance(self._frames, Pictures) and self._frames.waits_for_key

    def packet(self, rtp: bytes, arrived_ns: int) -> Iterator[Assembled]:
        try:
            packet = parse(rtp, arrived_ns)
        except ValueError:
            self.malformed += 1
            return
        yield from self._assembled(self._order.push(packet))

    def waited(self, now_ns: int) -> Iterator[Assembled]:
        yield from self._assembled(self._order.waited(now_ns))

    def rest(self) -> Iterator[Assembled]:
        yield from self._assembled(self._order.ended())

    def missing(self, why: Why, packets: int) -> None:
        """The first reason is kept until something comes again."""
        first, so_far = self._missing
        self._missing = (first or why, so_far + packets)

    def broken(self, why: Why, packets: int) -> None:
        """Packets were dropped on the way here, so nothing may be made of those before and after together."""
        self.missing(why, packets)
        self._order = Reordering()
        if isinstance(self._frames, Pictures):
            self._frames.broken()

    def took_up(self) -> tuple[Why | None, int]:
        """What was missing until now; nothing is missing any more."""
        missing, self._missing = self._missing, (None, 0)
        return missing

    def _assembled(self, items: Iterator[Item]) -> Iterator[Assembled]:
        for item in items:
            yield from self._frames.take(item)
