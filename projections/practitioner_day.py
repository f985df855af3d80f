"""What does a practitioner do on a day: hours on duty, consultations to chair or answer for, examinations?

Shown to everybody who plans in the network, so that it names no patient.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from uuid import UUID

from domain import consultation, examination
from domain._kernel import Recorded
from domain._values import VIETNAM_TIME, Code, ConsultationKind
from domain.consultation import (
    ChairHandedOver,
    ConsultationCancelled,
    ConsultationClosed,
    ConsultationOpened,
    ConsultationPlanned,
)
from domain.examination import (
    ExaminationAborted,
    ExaminationOrdered,
    ExaminationSigned,
    ExaminationStarted,
)
from domain.practitioner import PractitionerAssigned, PractitionerReleased
from projections._page import Condition, select
from projections._table import Row
from projections._view import Connection, Content, View


@dataclass(slots=True, kw_only=True)
class Duty(Row):
    """Hours on duty at a facility; hours that were released before they began are gone."""

    assignment_id: UUID
    practitioner_id: UUID
    facility_id: UUID
    starts_at: datetime
    ends_at: datetime
    released_reason: str | None = None


@dataclass(slots=True, kw_only=True)
class ConsultationDuty(Row):
    """A consultation that the practitioner chairs, chaired before handing over, or answers for."""

    consultation_id: UUID
    title: str
    kind: ConsultationKind
    speciality: Code
    centre_id: UUID
    responsible_id: UUID
    chair_id: UUID
    former_chairs: list[UUID] = field(default_factory=list)
    starts_at: datetime
    ends_at: datetime
    status: consultation.Status


@dataclass(slots=True, kw_only=True)
class ExaminationDuty(Row):
    """An examination of which the practitioner is the remote doctor; by the time of its start, before that of order."""

    examination_id: UUID
    remote_doctor_id: UUID
    point_id: UUID
    speciality: Code
    happens_at: datetime
    status: examination.Status


@dataclass(frozen=True)
class PractitionerDay:
    """A practitioner's day in Viet Nam, each list by time."""

    practitioner_id: UUID
    day: date
    duties: list[Duty]
    consultations: list[ConsultationDuty]
    examinations: list[ExaminationDuty]


view = View("practitioner_day", version=1, content=Content.NETWORK)
duties = view.table(Duty, ("assignment_id", "practitioner_id"), indexes=["practitioner_id, ends_at"])
consultations = view.table(
    ConsultationDuty,
    "consultation_id",
    part="consultation",
    indexes=["chair_id, ends_at", "responsible_id, ends_at"],
)
examinations = view.table(
    ExaminationDuty, "examination_id", part="examination", indexes=["remote_doctor_id, happens_at"]
)


@duties.inserts(PractitionerAssigned)
def assigned(event: PractitionerAssigned, at: Recorded) -> Duty:
    return Duty(
        assignment_id=event.assignment_id,
        practitioner_id=at.stream_id,
        facility_id=event.facility_id,
        starts_at=event.hours.start,
        ends_at=event.hours.end,
    )


@duties.updates(PractitionerReleased, key=lambda event, at: (event.assignment_id, at.stream_id))
def released(row: Duty, event: PractitionerReleased, at: Recorded) -> None:
    # An assignment that had not begun ends where it starts, so that no day holds an hour of it.
    row.ends_at = max(row.starts_at, min(row.ends_at, event.released_at))
    row.released_reason = event.reason


@consultations.inserts(ConsultationPlanned)
def planned(event: ConsultationPlanned, at: Recorded) -> ConsultationDuty:
    return ConsultationDuty(
        consultation_id=at.stream_id,
        title=event.title,
        kind=event.kind,
        speciality=event.speciality,
        centre_id=event.centre_id,
        responsible_id=event.responsible_id,
        chair_id=event.chair_id,
        starts_at=event.period.start,
        ends_at=event.period.end,
        status=consultation.Status.PLANNED,
    )


@consultations.updates(ChairHandedOver)
def handed_over(row: ConsultationDuty, event: ChairHandedOver, at: Recorded) -> None:
    row.former_chairs = [one for one in (*row.former_chairs, row.chair_id) if one != event.chair_id]
    row.chair_id = event.chair_id


@consultations.updates(ConsultationOpened)
def opened(row: ConsultationDuty, event: ConsultationOpened, at: Recorded) -> None:
    row.status = consultation.Status.OPEN


@consultations.updates(ConsultationClosed)
def closed(row: ConsultationDuty, event: ConsultationClosed, at: Recorded) -> None:
    row.status = consultation.Status.CLOSED


@consultations.updates(ConsultationCancelled)
def cancelled(row: ConsultationDuty, event: ConsultationCancelled, at: Recorded) -> None:
    row.status = consultation.Status.CANCELLED


@examinations.inserts(ExaminationOrdered)
def ordered(event: ExaminationOrdered, at: Recorded) -> ExaminationDuty:
    return ExaminationDuty(
        examination_id=at.stream_id,
        remote_doctor_id=event.remote_doctor_id,
        point_id=event.point_id,
        speciality=event.speciality,
        happens_at=at.happened_at,
        status=examination.Status.ORDERED,
    )


@examinations.updates(ExaminationStarted)
def started(row: ExaminationDuty, event: ExaminationStarted, at: Recorded) -> None:
    row.status, row.happens_at = examination.Status.STARTED, at.happened_at


@examinations.updates(ExaminationSigned)
def signed(row: ExaminationDuty, event: ExaminationSigned, at: Recorded) -> None:
    row.status = examination.Status.SIGNED


@examinations.updates(ExaminationAborted)
def aborted(row: ExaminationDuty, event: ExaminationAborted, at: Recorded) -> None:
    row.status = examination.Status.ABORTED


CHAIRS = "(chair_id = {} or responsible_id = {} or former_chairs @> jsonb_build_array({}::text))"


@view.query
async def practitioner_day(db: Connection, visible: Condition, practitioner_id: UUID, day: date) -> PractitionerDay:
    """A practitioner's day: everything that touches it, also what began the day before."""
    begins = datetime.combine(day, time.min, VIETNAM_TIME)
    ends = begins + timedelta(days=1)
    touching = Condition("starts_at < {} and ends_at > {} and starts_at < ends_at", (ends, begins))
    mine = Condition("practitioner_id = {}", (practitioner_id,))
    chaired = Condition(CHAIRS, (practitioner_id, practitioner_id, str(practitioner_id)))
    remote = Condition(
        "remote_doctor_id = {} and happens_at >= {} and happens_at < {}", (practitioner_id, begins, ends)
    )
    return PractitionerDay(
        practitioner_id=practitioner_id,
        day=day,
        duties=await select(db, duties, mine & touching & visible, ("starts_at",)),
        consultations=await select(db, consultations, chaired & touching & visible, ("starts_at",)),
        examinations=await select(db, examinations, remote & visible, ("happens_at",)),
    )
