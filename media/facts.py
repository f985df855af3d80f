"""What the engine and the recorder tell of a room, in plain values, and to whom they tell it.

Rules: a fact is told once it has happened, with the ids under which it happened, so that telling it again changes
nothing; telling never waits and never fails, because no picture may stand still for a database. Numbers of every second
are metrics and are not told here. No address of anybody is in any of these.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Measured:
    """A leg of the way as measured: kbit/s, percent lost, ms, pixels, frames per second. 0 where there is no picture."""

    bitrate_kbps: int
    loss_percent: float
    rtt_ms: int
    jitter_ms: int = 0
    width: int = 0
    height: int = 0
    frames_per_second: float = 0.0


@dataclass(frozen=True, slots=True)
class Fact:
    """Something that happened in the room of this live session, and when (the worker's clock, UTC)."""

    room_id: UUID
    at: datetime


@dataclass(frozen=True, slots=True)
class PeerJoined(Fact):
    """A participant's connection stands. `connection_id` is new for every peer connection; `path` direct or relayed."""

    participant_id: UUID
    connection_id: UUID
    path: str
    protocol: str
    cipher: str
    setup_ms: int


@dataclass(frozen=True, slots=True)
class PeerLeft(Fact):
    """The connection was ended: by the peer itself (`left`) or by the room (`removed`)."""

    participant_id: UUID
    connection_id: UUID
    reason: str = "left"


@dataclass(frozen=True, slots=True)
class PeerLost(Fact):
    """Nothing came any more over this connection for so long."""

    participant_id: UUID
    connection_id: UUID
    silent_ms: int


@dataclass(frozen=True, slots=True)
class TrackBegan(Fact):
    """The first packets of a source came. `source`: camera, ultrasound, screen or audio; `codec` as in SDP, VP8.

    An ultrasound names its examination and device, as the grant does.
    """

    track_id: UUID
    participant_id: UUID
    source: str
    codec: str
    width: int = 0
    height: int = 0
    examination_id: UUID | None = None
    device_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class TrackEnded(Fact):
    """No more will come of this source."""

    track_id: UUID


@dataclass(frozen=True, slots=True)
class RungChanged(Fact):
    """A participant's leg went up or down the ladder. `reason`: loss, delay, bitrate, frames, jitter, asked."""

    participant_id: UUID
    step: int
    rung: str
    reason: str
    measured: Measured


@dataclass(frozen=True, slots=True)
class GateCrossed(Fact):
    """A picture came to be, or no longer is, good enough for a diagnosis. `step` counts crossings of this track."""

    track_id: UUID
    step: int
    diagnostic: bool
    measured: Measured


@dataclass(frozen=True, slots=True)
class StillTaken(Fact):
    """A still was stored: `origin` key_frame or sending_browser; times of its frame by RTP and by the wall clock."""

    image_id: UUID
    track_id: UUID
    examination_id: UUID
    device_id: UUID
    sha256: str
    media_type: str
    size: int
    rtp_timestamp: int
    frame_at: datetime
    origin: str
    lossless: bool
    measured: Measured
    asked_by: UUID


@dataclass(frozen=True, slots=True)
class RecordingBegan(Fact):
    """The recorder takes the tracks of this recording in; nothing is written yet."""

    recording_id: UUID


@dataclass(frozen=True, slots=True)
class FirstBytes(Fact):
    """The first encrypted bytes are where they will stay."""

    recording_id: UUID


@dataclass(frozen=True, slots=True)
class GapFound(Fact):
    """Between these moments this track is not in the recording.

    `reason`: packets_lost, line_silent, recorder_lost, recorder_overrun.
    """

    recording_id: UUID
    number: int
    track_id: UUID
    since: datetime
    until: datetime
    reason: str


@dataclass(frozen=True, slots=True)
class RecordingEnded(Fact):
    """Nothing more is written. `reason`: asked, tracks_ended, recorder_lost."""

    recording_id: UUID
    reason: str


@dataclass(frozen=True, slots=True)
class RecordingStored(Fact):
    """The recording is complete and will not change: the hash and size of its encrypted bytes, and the key's id."""

    recording_id: UUID
    sha256: str
    media_type: str
    size: int
    duration_ms: int
    key_id: str


@dataclass(frozen=True, slots=True)
class RecordingBroken(Fact):
    """There will be no good recording. `reason`: not_started, no_bytes, store_refuses, no_key."""

    recording_id: UUID
    reason: str
    detail: str


Refused = Callable[[Fact, str], None]


class Reporter(Protocol):
    """Where facts are told. The implementation for the log is media/reporting.py."""

    def tell(self, fact: Fact) -> None:
        """Take the fact to the log, sometime soon. Never waits, never raises."""
        ...


@dataclass(slots=True)
class Notebook:
    """A reporter that only keeps what it was told: for a worker without a log, as on a bench."""

    facts: list[Fact] = field(default_factory=list)

    def tell(self, fact: Fact) -> None:
        self.facts.append(fact)
