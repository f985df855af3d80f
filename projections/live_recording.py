"""What was recorded of a room: by whose consent, with which gaps, and how can it be recognised?

A recording carries the mark of everybody who took the consent back, also when that came after its end.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import TypedDict
from uuid import UUID

from domain._kernel import Recorded
from domain._live import FailureCause, GapCause, RecordingStatus, StopCause
from domain.live_session import (
    FirstBytesWritten,
    RecordingAuthorised,
    RecordingConsentWithdrawn,
    RecordingExported,
    RecordingFailed,
    RecordingInterrupted,
    RecordingSealed,
    RecordingStarted,
    RecordingStopped,
    RecordingViewed,
    TrackPublished,
)
from projections._page import Condition, Page, first, matching, page, select
from projections._table import Row
from projections._view import Connection, Content, View
from projections.live_session import LiveSession


class RecordingGap(TypedDict):
    """A track is missing in the recording from `since` to `until`."""

    track_id: UUID
    since: datetime
    until: datetime
    cause: GapCause


class RecordingAccess(TypedDict):
    """Somebody was given the recording to view, or took it out of the system."""

    person_id: UUID
    at: datetime
    exported_sha256: str | None
    reason: str | None


@dataclass(slots=True, kw_only=True)
class LiveRecording(Row):
    """A recording of some tracks of a room. It really runs once `firstBytesAt` is there."""

    live_session_id: UUID
    recording_id: UUID
    track_ids: list[UUID]
    people: list[UUID]
    status: RecordingStatus = RecordingStatus.AUTHORISED
    authorised_at: datetime
    authorised_by: UUID
    started_at: datetime | None = None
    first_bytes_at: datetime | None = None
    stopped_at: datetime | None = None
    stopped_because: StopCause | None = None
    gaps: list[RecordingGap] = field(default_factory=list)
    sealed_at: datetime | None = None
    sha256: str | None = None
    media_type: str | None = None
    size: int | None = None
    duration_ms: int | None = None
    key_id: str | None = None
    failed_at: datetime | None = None
    failed_because: FailureCause | None = None
    failure_detail: str | None = None
    consent_withdrawn_by: list[UUID] = field(default_factory=list)
    accesses: list[RecordingAccess] = field(default_factory=list)


view = View("live_recording", version=1, content=Content.CASE, stream="live_session_id")
recordings_ = view.table(
    LiveRecording, ("live_session_id", "recording_id"), indexes=["recording_id", "authorised_at, recording_id"]
)


@recordings_.inserts(RecordingAuthorised)
def authorised(event: RecordingAuthorised, at: Recorded) -> LiveRecording:
    return LiveRecording(
        live_session_id=at.stream_id,
        recording_id=event.recording_id,
        track_ids=list(event.track_ids),
        people=list(event.people),
        authorised_at=at.happened_at,
        authorised_by=at.metadata.actor.id,
    )


def _recording(event: RecordingStarted, at: Recorded) -> tuple[UUID, UUID]:
    return at.stream_id, event.recording_id


def _recordings(event: TrackPublished | RecordingConsentWithdrawn, at: Recorded) -> list[tuple[UUID, UUID]]:
    return [(at.stream_id, recording_id) for recording_id in event.recording_ids]


@recordings_.updates(TrackPublished, key=_recordings)
def track_continued(row: LiveRecording, event: TrackPublished, at: Recorded) -> None:
    row.track_ids = [*row.track_ids, event.track_id]


@recordings_.updates(RecordingStarted, key=_recording)
def started(row: LiveRecording, event: RecordingStarted, at: Recorded) -> None:
    row.status, row.started_at = RecordingStatus.STARTED, at.happened_at


@recordings_.updates(FirstBytesWritten, key=_recording)
def runs(row: LiveRecording, event: FirstBytesWritten, at: Recorded) -> None:
    row.first_bytes_at = row.first_bytes_at or at.happened_at


@recordings_.updates(RecordingInterrupted, key=_recording)
def interrupted(row: LiveRecording, event: RecordingInterrupted, at: Recorded) -> None:
    gap = RecordingGap(track_id=event.track_id, since=event.gap.start, until=event.gap.end, cause=event.cause)
    row.gaps = [*row.gaps, gap]


@recordings_.updates(RecordingStopped, key=_recording)
def stopped(row: LiveRecording, event: RecordingStopped, at: Recorded) -> None:
    row.status, row.stopped_at, row.stopped_because = RecordingStatus.STOPPED, at.happened_at, event.cause


@recordings_.updates(RecordingSealed, key=_recording)
def sealed(row: LiveRecording, event: RecordingSealed, at: Recorded) -> None:
    row.status, row.sealed_at = RecordingStatus.SEALED, at.happened_at
    row.sha256, row.media_type, row.size = event.recording.sha256, event.recording.media_type, event.recording.size
    row.duration_ms, row.key_id = event.duration_ms, event.key_id


@recordings_.updates(RecordingFailed, key=_recording)
def failed(row: LiveRecording, event: RecordingFailed, at: Recorded) -> None:
    row.status, row.failed_at = RecordingStatus.FAILED, at.happened_at
    row.failed_because, row.failure_detail = event.cause, event.detail


@recordings_.updates(RecordingConsentWithdrawn, key=_recordings)
def marked(row: LiveRecording, event: RecordingConsentWithdrawn, at: Recorded) -> None:
    if event.person_id not in row.consent_withdrawn_by:
        row.consent_withdrawn_by = [*row.consent_withdrawn_by, event.person_id]


@recordings_.updates(RecordingViewed, RecordingExported, key=_recording)
def accessed(row: LiveRecording, event: RecordingViewed | RecordingExported, at: Recorded) -> None:
    taken_out = event if isinstance(event, RecordingExported) else None
    access = RecordingAccess(
        person_id=event.person_id,
        at=at.happened_at,
        exported_sha256=taken_out.exported.sha256 if taken_out else None,
        reason=taken_out.reason if taken_out else None,
    )
    row.accesses = [*row.accesses, access]


# Questions ---------------------------------------------------------------------------------------------------


@view.on_demand(LiveSession)
async def recordings(db: Connection, row: LiveSession) -> list[LiveRecording]:
    """What was recorded of this room, in the order of the authorisations."""
    return await select(db, recordings_, matching(live_session_id=row.live_session_id), ("authorised_at",))


@view.query
async def live_recording(db: Connection, visible: Condition, recording_id: UUID) -> LiveRecording | None:
    """One recording."""
    return await first(db, recordings_, matching(recording_id=recording_id) & visible)


@view.query
async def live_recordings(
    db: Connection,
    visible: Condition,
    status: list[RecordingStatus] | None = None,
    consent_withdrawn: bool | None = None,
    *,
    size: int = 50,
    after: str | None = None,
) -> Page[LiveRecording]:
    """Recordings, the latest first; `consentWithdrawn: true` gives those that carry the mark."""
    wanted = matching(status=status) & visible
    if consent_withdrawn is not None:
        wanted &= Condition(f"consent_withdrawn_by {'<>' if consent_withdrawn else '='} '[]'::jsonb")
    return await page(db, recordings_, wanted, ("authorised_at",), size=size, after=after, descending=True)
