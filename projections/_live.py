"""What views of live sessions show beside the room itself: its people, its tracks, alarms and measurements."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import TypedDict
from uuid import UUID

from domain._live import (
    Destination,
    LegQuality,
    Part,
    ParticipantKind,
    PictureCategory,
    Rung,
    Source,
    TrackEnd,
)
from projections._table import Row


class Alarm(StrEnum):
    """What somebody has to know at once."""

    RECORDING_FAILED = "recording_failed"
    RECORDING_INTERRUPTED = "recording_interrupted"
    WORKER_LOST = "worker_lost"


class LiveWorker(TypedDict):
    """A media worker that carries the room, and which of its runs."""

    worker: str
    run_id: UUID


class Measurement(TypedDict):
    """A leg as measured: kbit/s, ms one way and round trip, percent lost, ms of jitter, pixels, frames per second."""

    bitrate_kbps: int
    delay_ms: int
    rtt_ms: int
    jitter_ms: int
    loss_percent: Decimal
    width: int
    height: int
    frames_per_second: Decimal


def measurement(measured: LegQuality) -> Measurement:
    return Measurement(
        bitrate_kbps=measured.bitrate_kbps,
        delay_ms=measured.delay_ms,
        rtt_ms=measured.rtt_ms,
        jitter_ms=measured.jitter_ms,
        loss_percent=measured.loss_percent,
        width=measured.width,
        height=measured.height,
        frames_per_second=measured.frames_per_second,
    )


@dataclass(slots=True, kw_only=True)
class LiveParticipant(Row):
    """Somebody who was let into a room: as what, whether on the line, on which rung, and what the chair ordered."""

    live_session_id: UUID
    participant_id: UUID
    person_id: UUID
    facility_id: UUID | None
    kind: ParticipantKind
    part: Part
    present: bool = False
    since: datetime | None = None
    gone_at: datetime | None = None
    gone_because: str | None = None
    rung: Rung | None = None
    stays: int = 0
    muted: bool = False
    removed_at: datetime | None = None
    removed_because: str | None = None


@dataclass(slots=True, kw_only=True)
class LiveTrack(Row):
    """A picture or a sound that is or was sent, who is on it, and who of them lets it be recorded.

    While `diagnostic` is not true, a picture is labelled "not for diagnosis" (không dùng để chẩn đoán).
    """

    live_session_id: UUID
    track_id: UUID
    participant_id: UUID
    source: Source
    codec: str
    width: int
    height: int
    people: list[UUID]
    consented: list[UUID]
    examination_id: UUID | None = None
    device_id: UUID | None = None
    patient_id: UUID | None = None
    category: PictureCategory | None = None
    withheld_from: list[Destination] = field(default_factory=list)
    continues: UUID | None = None
    published_at: datetime
    ended_at: datetime | None = None
    ended_because: TrackEnd | None = None
    diagnostic: bool | None = None
    measured: Measurement | None = None
    frozen: bool = False
