"""What is told of a room beside what the engine itself sees: quality, stills and recordings, in plain values.

Rules: as in reporter.py, telling never waits and never fails, because no picture may stand still for a database; a fact
is told once it has happened. Numbers of every second are metrics and are not told. `number` counts the facts of one
kind of one thing, from 1, so that a recorder that was killed and tells a fact again is understood.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID


@dataclass(frozen=True, slots=True)
class LegNumbers:
    """A leg of the way as measured: kbit/s, percent lost, ms, pixels, frames per second; 0 without a picture.

    `capacity_kbps` is what the way could carry, where that was estimated. `line_limits` is False where few frames are
    not, or not known to be, for want of a line: a slow camera or a busy computer makes few frames too.
    """

    bitrate_kbps: int
    loss_percent: float
    rtt_ms: int
    jitter_ms: int = 0
    width: int = 0
    height: int = 0
    frames_per_second: float = 0.0
    capacity_kbps: int | None = None
    line_limits: bool = True


@dataclass(frozen=True, slots=True)
class RoomFact:
    """Something that happened in this live session, and when (the worker's clock, UTC)."""

    session_id: UUID
    at: datetime


@dataclass(frozen=True, slots=True)
class RungChanged(RoomFact):
    """A participant's leg went up or down the ladder. `reason`: loss, delay, bitrate, frames, jitter, asked."""

    participant_id: UUID
    number: int
    rung: str
    reason: str
    measured: LegNumbers


@dataclass(frozen=True, slots=True)
class GateCrossed(RoomFact):
    """A picture came to be, or no longer is, good enough for a diagnosis. `number` counts crossings of this track."""

    track_id: UUID
    number: int
    diagnostic: bool
    measured: LegNumbers


@dataclass(frozen=True, slots=True)
class StillTaken(RoomFact):
    """A still was stored: `origin` key_frame or sending_browser; times of its frame by RTP and by the wall clock."""

    image_id: UUID
    track_id: UUID
    sha256: str
    media_type: str
    size: int
    rtp_timestamp: int
    frame_at: datetime
    origin: str
    lossless: bool
    measured: LegNumbers
    asked_by: UUID


class RoomReporter(Protocol):
    """Where these facts are told; the implementation for the log is media/reporting.py."""

    def tell(self, fact: RoomFact) -> None:
        """Take the fact to the log, sometime soon. Never waits, never raises."""
        ...
