"""Who is in the room of a consultation or examination now, what is shown, how good is it, and is it recorded?

The row of a session stays small, however many take part: participants and tracks are rows of their own, read on demand.
What was recorded stands in live_recording, how the lines held in link_ledger, what was pointed at in picture_marks.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from domain._kernel import Event, Recorded
from domain._live import Part, RecordingStatus, Rung
from domain.live_session import (
    AdmissionChanged,
    DiagnosticQualityLost,
    DiagnosticQualityReached,
    FirstBytesWritten,
    LiveSessionClosed,
    LiveSessionOpened,
    MessagePosted,
    ParticipantAdmitted,
    ParticipantJoined,
    ParticipantLeft,
    ParticipantLost,
    ParticipantMuted,
    ParticipantReadmitted,
    ParticipantRemoved,
    ParticipantUnmuted,
    PersonHidden,
    PersonShown,
    PictureFrozen,
    PictureReleased,
    PointerPlaced,
    QualityDegraded,
    QualityRestored,
    RecordingAuthorised,
    RecordingConsented,
    RecordingConsentWithdrawn,
    RecordingExported,
    RecordingFailed,
    RecordingInterrupted,
    RecordingRefused,
    RecordingSealed,
    RecordingStarted,
    RecordingStopped,
    RecordingViewed,
    RoomPlaced,
    RoomReleased,
    Status,
    StillCaptured,
    StrokeDrawn,
    StrokesCleared,
    TrackEnded,
    TrackPublished,
    WorkerLost,
)
from projections._live import Alarm, LiveParticipant, LiveTrack, LiveWorker, measurement
from projections._page import Condition, Page, first, matching, page, select
from projections._table import Row
from projections._view import Connection, Content, View


@dataclass(slots=True, kw_only=True)
class LiveSession(Row):
    """The room of a consultation or examination as it stands now. `recording` is how far its last recording is.

    Read `participants` and `tracks` again when `peoplePosition` or `tracksPosition` has grown.
    """

    live_session_id: UUID
    consultation_id: UUID | None
    examination_id: UUID | None
    facility_id: UUID
    partner_id: UUID | None
    status: Status = Status.OPEN
    opened_at: datetime
    closed_at: datetime | None = None
    workers: list[LiveWorker] = field(default_factory=list)
    present: int = 0
    tracks_live: int = 0
    people_position: int = 0
    tracks_position: int = 0
    recording: RecordingStatus | None = None
    last_alarm: Alarm | None = None
    last_alarm_at: datetime | None = None
    last_alarm_detail: str | None = None


view = View("live_session", version=2, content=Content.CASE, stream="live_session_id")
sessions_ = view.table(
    LiveSession,
    "live_session_id",
    indexes=["consultation_id", "examination_id", "facility_id, opened_at", "opened_at, live_session_id"],
)
participants_ = view.table(LiveParticipant, ("live_session_id", "participant_id"), part="participant")
tracks_ = view.table(LiveTrack, ("live_session_id", "track_id"), part="track", indexes=["examination_id"])
view.live("live_session", sessions_, by="live_session_id", field="live_session")


# The room ----------------------------------------------------------------------------------------------------


@sessions_.inserts(LiveSessionOpened)
def opened(event: LiveSessionOpened, at: Recorded) -> LiveSession:
    return LiveSession(
        live_session_id=at.stream_id,
        consultation_id=event.consultation_id,
        examination_id=event.examination_id,
        facility_id=event.facility_id,
        partner_id=event.partner_id,
        opened_at=at.happened_at,
    )


@sessions_.updates(LiveSessionClosed)
def closed(row: LiveSession, event: LiveSessionClosed, at: Recorded) -> None:
    row.status, row.closed_at, row.workers = Status.CLOSED, at.happened_at, []


@sessions_.updates(RoomPlaced)
def placed(row: LiveSession, event: RoomPlaced, at: Recorded) -> None:
    others = [one for one in row.workers if one["run_id"] != event.run_id]
    row.workers = [*others, LiveWorker(worker=event.worker, run_id=event.run_id)]


@sessions_.updates(RoomReleased)
def released(row: LiveSession, event: RoomReleased, at: Recorded) -> None:
    row.workers = [one for one in row.workers if one["run_id"] != event.run_id]


@sessions_.updates(WorkerLost)
def worker_lost(row: LiveSession, event: WorkerLost, at: Recorded) -> None:
    row.workers = [one for one in row.workers if one["run_id"] != event.run_id]
    _alarm(row, Alarm.WORKER_LOST, event.worker, at)


@sessions_.updates(ParticipantAdmitted, AdmissionChanged, QualityDegraded, QualityRestored)
@sessions_.updates(ParticipantMuted, ParticipantUnmuted, ParticipantRemoved, ParticipantReadmitted)
def people_changed(row: LiveSession, event: Event, at: Recorded) -> None:
    row.people_position = at.position


@sessions_.updates(ParticipantJoined, ParticipantLeft, ParticipantLost)
def people_counted(row: LiveSession, event: Event, at: Recorded) -> None:
    row.present += 1 if isinstance(event, ParticipantJoined) else -1
    row.people_position = at.position


@sessions_.updates(TrackPublished, TrackEnded)
def tracks_counted(row: LiveSession, event: Event, at: Recorded) -> None:
    row.tracks_live += 1 if isinstance(event, TrackPublished) else -1
    row.tracks_position = at.position


@sessions_.updates(
    PersonShown,
    PersonHidden,
    RecordingConsented,
    RecordingRefused,
    RecordingConsentWithdrawn,
    DiagnosticQualityReached,
    DiagnosticQualityLost,
    PictureFrozen,
    PictureReleased,
)
def tracks_changed(row: LiveSession, event: Event, at: Recorded) -> None:
    row.tracks_position = at.position


@sessions_.updates(PointerPlaced, StrokeDrawn, StrokesCleared, StillCaptured, FirstBytesWritten)
@sessions_.updates(RecordingViewed, RecordingExported, MessagePosted)
def told_to_subscribers(row: LiveSession, event: Event, at: Recorded) -> None:
    """Nothing of the row changes; whoever follows the room sees the event beside it."""


RECORDING: Mapping[type[Event], RecordingStatus] = {
    RecordingAuthorised: RecordingStatus.AUTHORISED,
    RecordingStarted: RecordingStatus.STARTED,
    RecordingStopped: RecordingStatus.STOPPED,
    RecordingSealed: RecordingStatus.SEALED,
}


@sessions_.updates(*RECORDING)
def recording_went_on(row: LiveSession, event: Event, at: Recorded) -> None:
    row.recording = RECORDING[type(event)]


@sessions_.updates(RecordingFailed)
def recording_failed(row: LiveSession, event: RecordingFailed, at: Recorded) -> None:
    row.recording = RecordingStatus.FAILED
    _alarm(row, Alarm.RECORDING_FAILED, f"{event.cause}: {event.detail}", at)


@sessions_.updates(RecordingInterrupted)
def recording_interrupted(row: LiveSession, event: RecordingInterrupted, at: Recorded) -> None:
    _alarm(row, Alarm.RECORDING_INTERRUPTED, event.cause, at)


def _alarm(row: LiveSession, alarm: Alarm, detail: str, at: Recorded) -> None:
    row.last_alarm, row.last_alarm_at, row.last_alarm_detail = alarm, at.happened_at, detail


# The people --------------------------------------------------------------------------------------------------


def _participant(event: ParticipantJoined | ParticipantLeft, at: Recorded) -> tuple[UUID, UUID]:
    return at.stream_id, event.participant_id


@participants_.inserts(ParticipantAdmitted)
def admitted(event: ParticipantAdmitted, at: Recorded) -> LiveParticipant:
    return LiveParticipant(
        live_session_id=at.stream_id,
        participant_id=event.participant_id,
        person_id=event.person_id,
        facility_id=event.facility_id,
        kind=event.kind,
        part=event.part,
    )


@participants_.updates(AdmissionChanged, key=_participant)
def admission_changed(row: LiveParticipant, event: AdmissionChanged, at: Recorded) -> None:
    row.kind, row.part, row.facility_id = event.kind, event.part, event.facility_id


@participants_.updates(ParticipantJoined, key=_participant)
def joined(row: LiveParticipant, event: ParticipantJoined, at: Recorded) -> None:
    row.present, row.since, row.rung, row.stays = True, at.happened_at, Rung.TWO_WAY_HD, event.stay
    row.gone_at = row.gone_because = None


@participants_.updates(ParticipantLeft, ParticipantLost, key=_participant)
def gone(row: LiveParticipant, event: ParticipantLeft | ParticipantLost, at: Recorded) -> None:
    row.present, row.since, row.rung = False, None, None
    row.gone_at, row.gone_because = at.happened_at, event.cause


@participants_.updates(QualityDegraded, QualityRestored, key=_participant)
def stepped(row: LiveParticipant, event: QualityDegraded | QualityRestored, at: Recorded) -> None:
    row.rung = event.now


@participants_.updates(
    ParticipantMuted, ParticipantUnmuted, ParticipantRemoved, ParticipantReadmitted, key=_participant
)
def ordered(row: LiveParticipant, event: Event, at: Recorded) -> None:
    match event:
        case ParticipantRemoved():
            row.removed_at, row.removed_because = at.happened_at, event.reason
        case ParticipantReadmitted():
            row.removed_at = row.removed_because = None
        case _:
            row.muted = isinstance(event, ParticipantMuted)


# The tracks --------------------------------------------------------------------------------------------------


def _track(event: TrackEnded | PersonShown, at: Recorded) -> tuple[UUID, UUID]:
    return at.stream_id, event.track_id


@tracks_.inserts(TrackPublished)
def published(event: TrackPublished, at: Recorded) -> LiveTrack:
    row = LiveTrack(
        live_session_id=at.stream_id,
        track_id=event.track_id,
        participant_id=event.participant_id,
        source=event.source,
        codec=event.codec,
        width=event.width,
        height=event.height,
        people=list(event.people),
        consented=list(event.consented),
        continues=event.continues,
        published_at=at.happened_at,
    )
    if event.ultrasound is not None:
        row.examination_id, row.device_id = event.ultrasound.examination_id, event.ultrasound.device_id
        row.patient_id, row.category = event.ultrasound.patient_id, event.ultrasound.category
        row.withheld_from = list(event.ultrasound.withheld_from)
    return row


@tracks_.updates(TrackEnded, key=_track)
def ended(row: LiveTrack, event: TrackEnded, at: Recorded) -> None:
    row.ended_at, row.ended_because, row.frozen = at.happened_at, event.cause, False


@tracks_.updates(PersonShown, PersonHidden, key=_track)
def people_on_it(row: LiveTrack, event: PersonShown | PersonHidden, at: Recorded) -> None:
    row.people = [one for one in row.people if one != event.person_id]
    row.consented = [one for one in row.consented if one != event.person_id]
    if isinstance(event, PersonShown):
        row.people = [*row.people, event.person_id]


@tracks_.updates(RecordingConsented, RecordingRefused, RecordingConsentWithdrawn, key=_track)
def consent_changed(
    row: LiveTrack, event: RecordingConsented | RecordingRefused | RecordingConsentWithdrawn, at: Recorded
) -> None:
    row.consented = [one for one in row.consented if one != event.person_id]
    if isinstance(event, RecordingConsented):
        row.consented = [*row.consented, event.person_id]


@tracks_.updates(DiagnosticQualityReached, DiagnosticQualityLost, key=_track)
def gate_crossed(row: LiveTrack, event: DiagnosticQualityReached | DiagnosticQualityLost, at: Recorded) -> None:
    row.diagnostic = isinstance(event, DiagnosticQualityReached)
    row.measured = measurement(event.measured)


@tracks_.updates(PictureFrozen, PictureReleased, key=_track)
def frozen_or_released(row: LiveTrack, event: PictureFrozen | PictureReleased, at: Recorded) -> None:
    row.frozen = isinstance(event, PictureFrozen)


# Questions ---------------------------------------------------------------------------------------------------


@view.on_demand(LiveSession)
async def participants(
    db: Connection, row: LiveSession, present: bool | None = None, part: list[Part] | None = None
) -> list[LiveParticipant]:
    """Who was let into the room; `present: true` gives those on the line."""
    wanted = matching(live_session_id=row.live_session_id, present=present, part=part)
    return await select(db, participants_, wanted)


@view.on_demand(LiveSession)
async def tracks(db: Connection, row: LiveSession, live: bool | None = None) -> list[LiveTrack]:
    """What is shown, `live: true`, and what was."""
    wanted = matching(live_session_id=row.live_session_id)
    if live is not None:
        wanted &= Condition("ended_at is null" if live else "ended_at is not null")
    return await select(db, tracks_, wanted, ("published_at",))


async def room_of(db: Connection, **care: UUID) -> LiveSession | None:
    """The room of this consultation or examination, for the views that tell of the care."""
    return await first(db, sessions_, matching(**care))


async def earlier_runs(db: Connection, worker: str, run_id: UUID) -> list[tuple[UUID, UUID]]:
    """The open rooms that other runs of this worker carry, with those runs: they ended without a farewell."""
    rows = await db.fetch(
        f"select live_session_id, (carrier ->> 'run_id')::uuid as run_id from {sessions_.name},"
        " jsonb_array_elements(workers) carrier"
        " where status = $1 and carrier ->> 'worker' = $2 and carrier ->> 'run_id' <> $3 order by 1, 2",
        Status.OPEN,
        worker,
        str(run_id),
    )
    return [(row["live_session_id"], row["run_id"]) for row in rows]


async def ultrasound_of(db: Connection, examination_id: UUID) -> list[LiveTrack]:
    """The ultrasound pictures of this examination, in order, in whichever room."""
    return await select(db, tracks_, matching(examination_id=examination_id), ("published_at",))


@view.query
async def live_session(
    db: Connection,
    visible: Condition,
    live_session_id: UUID | None = None,
    consultation_id: UUID | None = None,
    examination_id: UUID | None = None,
) -> LiveSession | None:
    """One room, by its own id or by that of its consultation or examination."""
    given = {"live_session_id": live_session_id, "consultation_id": consultation_id, "examination_id": examination_id}
    if not any(given.values()):
        return None
    return await first(db, sessions_, matching(**given) & visible)


@view.query
async def live_sessions(
    db: Connection,
    visible: Condition,
    facility_id: UUID | None = None,
    status: list[Status] | None = None,
    *,
    size: int = 50,
    after: str | None = None,
) -> Page[LiveSession]:
    """Rooms, the latest first; `facilityId`: whose people were let in."""
    wanted = matching(status=status) & visible
    if facility_id is not None:
        mine = f"live_session_id in (select live_session_id from {participants_.name} where facility_id = {{}})"
        wanted &= Condition(mine, (facility_id,))
    return await page(db, sessions_, wanted, ("opened_at",), size=size, after=after, descending=True)
