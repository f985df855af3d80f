"""What happened in this examination, in order, with its images, and how does it stand now?"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from domain._kernel import Event, Recorded
from domain._signing import NOTHING_WRITTEN, linked
from domain._values import Code, ConsultationKind, Count
from domain.examination import (
    AssessmentRecorded,
    DecisionTaken,
    DeviceConnected,
    DeviceDisconnected,
    DiagnosisMade,
    ExaminationAborted,
    ExaminationAmended,
    ExaminationOrdered,
    ExaminationSigned,
    ExaminationStarted,
    ImageCaptured,
    ObservationRecorded,
    Status,
    TreatmentOrdered,
)
from projections._live import LiveTrack
from projections._page import Condition, Page, first, matching, page, select
from projections._table import Row
from projections._timeline import (
    Happening,
    TimelineAssessment,
    TimelineDecision,
    TimelineDevice,
    TimelineDiagnosis,
    TimelineImage,
    TimelineObservation,
    diagnosis_of,
    image_of,
    observation_of,
)
from projections._view import Connection, Content, View
from projections.live_session import LiveSession, room_of, ultrasound_of


@dataclass(slots=True, kw_only=True)
class Examination(Row):
    """A remote examination as it stands now. Ask for the `entries` behind the last version that you have.

    `contentSha256` is the digest of what was recorded so far; the remote doctor names it to sign just that.
    """

    examination_id: UUID
    patient_id: UUID
    point_id: UUID
    remote_facility_id: UUID
    remote_doctor_id: UUID
    kind: ConsultationKind
    speciality: Code
    referral_id: UUID | None
    consultation_id: UUID | None
    status: Status
    ordered_at: datetime
    started_at: datetime | None = None
    assessed_at: datetime | None = None
    signed_at: datetime | None = None
    devices_connected: list[UUID] = field(default_factory=list)
    images: Count = 0
    images_for_diagnosis: Count = 0
    observations: Count = 0
    diagnoses: list[TimelineDiagnosis] = field(default_factory=list)
    decided_at: datetime | None = None
    amendments: Count = 0
    content_sha256: str


@dataclass(slots=True, kw_only=True)
class TimelineEntry(Row):
    """Something that happened in an examination: what, when, and who recorded it, at which facility."""

    examination_id: UUID
    version: int
    what: Happening
    happened_at: datetime
    recorded_at: datetime
    actor_id: UUID
    actor_facility_id: UUID | None
    text: str | None = None
    reason: str | None = None
    content_sha256: str | None = None
    device: TimelineDevice | None = None
    device_id: UUID | None = None
    observation: TimelineObservation | None = None
    image: TimelineImage | None = None
    assessment: TimelineAssessment | None = None
    diagnosis: TimelineDiagnosis | None = None
    decision: TimelineDecision | None = None


view = View("examination_timeline", version=1, content=Content.CASE, stream="examination_id")
entries_ = view.table(TimelineEntry, ("examination_id", "version"), part="entry")
examinations_ = view.table(
    Examination,
    "examination_id",
    indexes=[
        "point_id, ordered_at, examination_id",
        "remote_facility_id, ordered_at, examination_id",
        "remote_doctor_id, ordered_at",
        "patient_id, ordered_at",
        "ordered_at, examination_id",
    ],
)
view.live("examination_timeline", examinations_, by="examination_id", field="examination")


# One entry for each event ------------------------------------------------------------------------------------


def _entry(at: Recorded, what: Happening, **told: Any) -> TimelineEntry:
    return TimelineEntry(
        examination_id=at.stream_id,
        version=at.version,
        what=what,
        happened_at=at.happened_at,
        recorded_at=at.recorded_at,
        actor_id=at.metadata.actor.id,
        actor_facility_id=at.metadata.actor.facility_id,
        **told,
    )


@entries_.inserts(ExaminationOrdered)
def order_told(event: ExaminationOrdered, at: Recorded) -> TimelineEntry:
    return _entry(at, Happening.ORDERED)


@entries_.inserts(ExaminationStarted)
def start_told(event: ExaminationStarted, at: Recorded) -> TimelineEntry:
    return _entry(at, Happening.STARTED)


@entries_.inserts(DeviceConnected)
def device_told(event: DeviceConnected, at: Recorded) -> TimelineEntry:
    device = TimelineDevice(
        device_id=event.device_id, kind=event.device_kind, maker=event.maker, serial_number=event.serial_number
    )
    return _entry(at, Happening.DEVICE_CONNECTED, device=device, device_id=event.device_id)


@entries_.inserts(DeviceDisconnected)
def disconnection_told(event: DeviceDisconnected, at: Recorded) -> TimelineEntry:
    return _entry(at, Happening.DEVICE_DISCONNECTED, device_id=event.device_id)


@entries_.inserts(ObservationRecorded)
def observation_told(event: ObservationRecorded, at: Recorded) -> TimelineEntry:
    return _entry(
        at,
        Happening.OBSERVATION_RECORDED,
        observation=observation_of(event),
        text=event.text,
        device_id=event.device_id,
    )


@entries_.inserts(ImageCaptured)
def image_told(event: ImageCaptured, at: Recorded) -> TimelineEntry:
    return _entry(at, Happening.IMAGE_CAPTURED, image=image_of(event), device_id=event.device_id)


@entries_.inserts(AssessmentRecorded)
def assessment_told(event: AssessmentRecorded, at: Recorded) -> TimelineEntry:
    assessment = TimelineAssessment(
        findings=event.findings,
        advice=event.advice,
        images=list(event.images),
        images_not_for_diagnosis=list(event.images_not_for_diagnosis),
    )
    return _entry(at, Happening.ASSESSMENT_RECORDED, assessment=assessment)


@entries_.inserts(DiagnosisMade)
def diagnosis_told(event: DiagnosisMade, at: Recorded) -> TimelineEntry:
    return _entry(at, Happening.DIAGNOSIS_MADE, diagnosis=diagnosis_of(event))


@entries_.inserts(DecisionTaken)
def decision_told(event: DecisionTaken, at: Recorded) -> TimelineEntry:
    decision = TimelineDecision(
        decision=event.decision, follows_assessment=event.follows_assessment, treats_locally=event.treats_locally
    )
    return _entry(at, Happening.DECISION_TAKEN, decision=decision, reason=event.reason)


@entries_.inserts(TreatmentOrdered)
def treatment_told(event: TreatmentOrdered, at: Recorded) -> TimelineEntry:
    return _entry(at, Happening.TREATMENT_ORDERED, text=event.treatment)


@entries_.inserts(ExaminationSigned)
def signature_told(event: ExaminationSigned, at: Recorded) -> TimelineEntry:
    return _entry(at, Happening.SIGNED, content_sha256=event.content_sha256)


@entries_.inserts(ExaminationAmended)
def amendment_told(event: ExaminationAmended, at: Recorded) -> TimelineEntry:
    return _entry(at, Happening.AMENDED, text=event.text, reason=event.reason, content_sha256=event.content_sha256)


@entries_.inserts(ExaminationAborted)
def abortion_told(event: ExaminationAborted, at: Recorded) -> TimelineEntry:
    return _entry(at, Happening.ABORTED, reason=event.reason)


# How it stands -----------------------------------------------------------------------------------------------


@examinations_.inserts(ExaminationOrdered)
def ordered(event: ExaminationOrdered, at: Recorded) -> Examination:
    return Examination(
        examination_id=at.stream_id,
        patient_id=event.patient_id,
        point_id=event.point_id,
        remote_facility_id=event.remote_facility_id,
        remote_doctor_id=event.remote_doctor_id,
        kind=event.kind,
        speciality=event.speciality,
        referral_id=event.referral_id,
        consultation_id=event.consultation_id,
        status=Status.ORDERED,
        ordered_at=at.happened_at,
        content_sha256=linked(NOTHING_WRITTEN, event),
    )


@examinations_.updates(
    ExaminationStarted,
    DeviceConnected,
    DeviceDisconnected,
    ObservationRecorded,
    ImageCaptured,
    AssessmentRecorded,
    DiagnosisMade,
    DecisionTaken,
    TreatmentOrdered,
    ExaminationSigned,
    ExaminationAmended,
    ExaminationAborted,
)
def stands(row: Examination, event: Event, at: Recorded) -> None:
    if isinstance(event, ObservationRecorded | ImageCaptured | AssessmentRecorded | DiagnosisMade):
        # The remote doctor signs by the digest of what is read here, so it grows with the content.
        row.content_sha256 = linked(row.content_sha256, event)
    match event:
        case ExaminationStarted():
            row.status, row.started_at = Status.STARTED, at.happened_at
        case DeviceConnected():
            row.devices_connected = [*row.devices_connected, event.device_id]
        case DeviceDisconnected():
            row.devices_connected = [one for one in row.devices_connected if one != event.device_id]
        case ObservationRecorded():
            row.observations += 1
        case ImageCaptured():
            row.images += 1
            row.images_for_diagnosis += event.diagnostic
        case AssessmentRecorded():
            row.status, row.assessed_at = Status.ASSESSED, at.happened_at
        case DiagnosisMade():
            row.diagnoses = [*row.diagnoses, diagnosis_of(event)]
        case DecisionTaken():
            row.decided_at = at.happened_at
        case ExaminationSigned():
            row.status, row.signed_at = Status.SIGNED, at.happened_at
        case ExaminationAmended():
            row.amendments, row.content_sha256 = event.amendment_version, event.content_sha256
        case ExaminationAborted():
            row.status = Status.ABORTED


# Questions ---------------------------------------------------------------------------------------------------


@view.on_demand(Examination)
async def entries(
    db: Connection, row: Examination, after_version: int = 0, what: list[Happening] | None = None
) -> list[TimelineEntry]:
    """What happened behind this version, in order; all of it behind 0."""
    wanted = matching(examination_id=row.examination_id, what=what)
    return await select(db, entries_, wanted & Condition("version > {}", (after_version,)), ("version",))


@view.on_demand(Examination)
async def live_session(db: Connection, row: Examination) -> LiveSession | None:
    """The room of this examination, which within a consultation is that of the consultation."""
    if row.consultation_id is not None:
        return await room_of(db, consultation_id=row.consultation_id)
    return await room_of(db, examination_id=row.examination_id)


@view.on_demand(Examination)
async def live_pictures(db: Connection, row: Examination) -> list[LiveTrack]:
    """When the ultrasound of this examination was shown, and whether it was good enough for a diagnosis."""
    return await ultrasound_of(db, row.examination_id)


@view.query
async def examination(db: Connection, visible: Condition, examination_id: UUID) -> Examination | None:
    """One examination as it stands now."""
    return await first(db, examinations_, matching(examination_id=examination_id) & visible)


@view.query
async def examinations(
    db: Connection,
    visible: Condition,
    point_id: UUID | None = None,
    remote_facility_id: UUID | None = None,
    remote_doctor_id: UUID | None = None,
    patient_id: UUID | None = None,
    status: list[Status] | None = None,
    *,
    size: int = 50,
    after: str | None = None,
) -> Page[Examination]:
    """Examinations, the latest first."""
    wanted = matching(
        point_id=point_id,
        remote_facility_id=remote_facility_id,
        remote_doctor_id=remote_doctor_id,
        patient_id=patient_id,
        status=status,
    )
    return await page(db, examinations_, wanted & visible, ("ordered_at",), size=size, after=after, descending=True)


@view.query
async def examination_timeline(
    db: Connection,
    visible: Condition,
    examination_id: UUID,
    what: list[Happening] | None = None,
    *,
    size: int = 100,
    after: str | None = None,
) -> Page[TimelineEntry]:
    """What happened in this examination, in order; `what: [IMAGE_CAPTURED]` gives its images."""
    wanted = matching(examination_id=examination_id, what=what)
    return await page(db, entries_, wanted & visible, ("version",), size=size, after=after)
