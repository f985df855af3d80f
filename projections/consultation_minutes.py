"""What do the minutes of a consultation say, who signed them, and what was corrected later?

The view computes the digest of what it shows in the way in which the consultation does: `genuine` says that these
minutes are, character by character, what both ends signed. After the end nothing is written any more but amendments,
so that version n is the text below with the amendments up to n, and every version stays readable.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import TypedDict
from uuid import UUID

from domain._kernel import Event, Recorded
from domain._signing import NOTHING_WRITTEN, Amendment, linked
from domain._values import Code, ConsultationKind, RemoteMode
from domain.consultation import (
    CasePresented,
    ChairHandedOver,
    ConsultationCancelled,
    ConsultationClosed,
    ConsultationOpened,
    ConsultationPlanned,
    IssueConcluded,
    IssueRaised,
    MinutesAmended,
    MinutesCompleted,
    MinutesSigned,
    OpinionGiven,
    Status,
)
from projections._page import Condition, first, matching, select
from projections._table import Row
from projections._view import Connection, Content, View
from projections.consultation_board import ConsultationPoint, points_
from projections.link_ledger import LinkLine, lines_of
from projections.live_session import room_of


class MinutesOpinion(TypedDict):
    """What a practitioner said on an issue, from which point and in which speciality."""

    practitioner_id: UUID
    facility_id: UUID
    speciality: Code
    opinion: str
    given_at: datetime


class MinutesIssue(TypedDict):
    """A question, the opinions on it, and the conclusion with who stated it."""

    issue_id: UUID
    facility_id: UUID
    question: str
    opinions: list[MinutesOpinion]
    conclusion: str | None
    concluded_by: UUID | None
    concluded_at: datetime | None


class MinutesCase(TypedDict):
    """A patient, as presented by its point, with all issues about the patient."""

    case_id: UUID
    patient_id: UUID
    facility_id: UUID
    referral_id: UUID | None
    consent_id: UUID | None
    summary: str
    presented_by: UUID
    presented_at: datetime
    issues: list[MinutesIssue]


class MinutesSignature(TypedDict):
    """A practitioner signed for a side."""

    facility_id: UUID
    practitioner_id: UUID
    signed_at: datetime


@dataclass(slots=True, kw_only=True)
class Minutes(Row):
    """The minutes of a consultation: a draft while it is open, then waiting for signatures, then signed."""

    consultation_id: UUID
    title: str
    kind: ConsultationKind
    mode: RemoteMode
    speciality: Code
    status: Status
    centre_id: UUID
    responsible_id: UUID
    chair_id: UUID
    opened_at: datetime | None = None
    closed_at: datetime | None = None
    cases: list[MinutesCase] = field(default_factory=list)
    minutes_version: int = 0
    content_sha256: str
    genuine: bool = True


@dataclass(slots=True, kw_only=True)
class MinutesVersion(Row):
    """A version of the minutes: the first is what was said, each further one adds an amendment with its reason."""

    consultation_id: UUID
    minutes_version: int
    content_sha256: str
    written_at: datetime
    written_by: UUID
    case_id: UUID | None = None
    reason: str | None = None
    text: str | None = None
    signatures: list[MinutesSignature] = field(default_factory=list)
    completed_at: datetime | None = None


view = View("consultation_minutes", version=1, content=Content.CASE, stream="consultation_id")
minutes_ = view.table(Minutes, "consultation_id")
versions_ = view.table(MinutesVersion, ("consultation_id", "minutes_version"), part="version")


# What was said -----------------------------------------------------------------------------------------------


@minutes_.inserts(ConsultationPlanned)
def planned(event: ConsultationPlanned, at: Recorded) -> Minutes:
    return Minutes(
        consultation_id=at.stream_id,
        title=event.title,
        kind=event.kind,
        mode=event.mode,
        speciality=event.speciality,
        status=Status.PLANNED,
        centre_id=event.centre_id,
        responsible_id=event.responsible_id,
        chair_id=event.chair_id,
        content_sha256=linked(NOTHING_WRITTEN, event),
    )


def _write(row: Minutes, event: Event) -> None:
    row.content_sha256 = linked(row.content_sha256, event)


@minutes_.updates(ConsultationOpened)
def opened(row: Minutes, event: ConsultationOpened, at: Recorded) -> None:
    row.status, row.opened_at = Status.OPEN, at.happened_at


@minutes_.updates(ChairHandedOver)
def chair_handed_over(row: Minutes, event: ChairHandedOver, at: Recorded) -> None:
    row.chair_id = event.chair_id


@minutes_.updates(ConsultationCancelled)
def cancelled(row: Minutes, event: ConsultationCancelled, at: Recorded) -> None:
    row.status = Status.CANCELLED


@minutes_.updates(CasePresented)
def case_presented(row: Minutes, event: CasePresented, at: Recorded) -> None:
    _write(row, event)
    case = MinutesCase(
        case_id=event.case_id,
        patient_id=event.patient_id,
        facility_id=event.facility_id,
        referral_id=event.referral_id,
        consent_id=event.consent_id,
        summary=event.summary,
        presented_by=at.metadata.actor.id,
        presented_at=at.happened_at,
        issues=[],
    )
    row.cases = [*row.cases, case]


@minutes_.updates(IssueRaised)
def issue_raised(row: Minutes, event: IssueRaised, at: Recorded) -> None:
    _write(row, event)
    case = next(case for case in row.cases if case["case_id"] == event.case_id)
    issue = MinutesIssue(
        issue_id=event.issue_id,
        facility_id=event.facility_id,
        question=event.question,
        opinions=[],
        conclusion=None,
        concluded_by=None,
        concluded_at=None,
    )
    case["issues"].append(issue)


def _issue(row: Minutes, issue_id: UUID) -> MinutesIssue:
    return next(issue for case in row.cases for issue in case["issues"] if issue["issue_id"] == issue_id)


@minutes_.updates(OpinionGiven)
def opinion_given(row: Minutes, event: OpinionGiven, at: Recorded) -> None:
    _write(row, event)
    opinion = MinutesOpinion(
        practitioner_id=event.practitioner_id,
        facility_id=event.facility_id,
        speciality=event.speciality,
        opinion=event.opinion,
        given_at=at.happened_at,
    )
    _issue(row, event.issue_id)["opinions"].append(opinion)


@minutes_.updates(IssueConcluded)
def issue_concluded(row: Minutes, event: IssueConcluded, at: Recorded) -> None:
    _write(row, event)
    issue = _issue(row, event.issue_id)
    issue["conclusion"], issue["concluded_by"] = event.conclusion, at.metadata.actor.id
    issue["concluded_at"] = at.happened_at


# Versions and signatures -------------------------------------------------------------------------------------


@minutes_.updates(ConsultationClosed)
def closed(row: Minutes, event: ConsultationClosed, at: Recorded) -> None:
    row.status, row.closed_at, row.minutes_version = Status.CLOSED, at.happened_at, event.minutes_version
    row.genuine = row.content_sha256 == event.content_sha256


@minutes_.updates(MinutesAmended)
def amended(row: Minutes, event: MinutesAmended, at: Recorded) -> None:
    amendment = Amendment(version=event.minutes_version, reason=event.reason, text=event.text)
    row.status, row.minutes_version = Status.CLOSED, event.minutes_version
    row.content_sha256 = linked(row.content_sha256, amendment)
    row.genuine = row.genuine and row.content_sha256 == event.content_sha256


@minutes_.updates(MinutesSigned)
def signature_checked(row: Minutes, event: MinutesSigned, at: Recorded) -> None:
    row.genuine = row.genuine and row.content_sha256 == event.content_sha256


@minutes_.updates(MinutesCompleted)
def completed(row: Minutes, event: MinutesCompleted, at: Recorded) -> None:
    row.status = Status.SIGNED


@versions_.inserts(ConsultationClosed)
def first_version(event: ConsultationClosed, at: Recorded) -> MinutesVersion:
    return MinutesVersion(
        consultation_id=at.stream_id,
        minutes_version=event.minutes_version,
        content_sha256=event.content_sha256,
        written_at=at.happened_at,
        written_by=at.metadata.actor.id,
    )


@versions_.inserts(MinutesAmended)
def further_version(event: MinutesAmended, at: Recorded) -> MinutesVersion:
    return MinutesVersion(
        consultation_id=at.stream_id,
        minutes_version=event.minutes_version,
        content_sha256=event.content_sha256,
        written_at=at.happened_at,
        written_by=at.metadata.actor.id,
        case_id=event.case_id,
        reason=event.reason,
        text=event.text,
    )


def _version(event: MinutesSigned | MinutesCompleted, at: Recorded) -> tuple[UUID, int]:
    return at.stream_id, event.minutes_version


@versions_.updates(MinutesSigned, key=_version)
def version_signed(row: MinutesVersion, event: MinutesSigned, at: Recorded) -> None:
    signature = MinutesSignature(
        facility_id=event.facility_id, practitioner_id=event.practitioner_id, signed_at=at.happened_at
    )
    row.signatures = [*row.signatures, signature]


@versions_.updates(MinutesCompleted, key=_version)
def version_completed(row: MinutesVersion, event: MinutesCompleted, at: Recorded) -> None:
    row.completed_at = at.happened_at


# Questions ---------------------------------------------------------------------------------------------------


@view.on_demand(Minutes)
async def versions(db: Connection, row: Minutes) -> list[MinutesVersion]:
    """All versions, the first one first, each with its signatures."""
    return await select(db, versions_, matching(consultation_id=row.consultation_id), ("minutes_version",))


@view.on_demand(Minutes)
async def participants(db: Connection, row: Minutes) -> list[ConsultationPoint]:
    """The points that were on the line, by their places."""
    came = matching(consultation_id=row.consultation_id) & Condition("joined_at is not null")
    return await select(db, points_, came, ("place",))


@view.on_demand(Minutes)
async def attendance_evidence(db: Connection, row: Minutes) -> list[LinkLine]:
    """Who was on the line when, and with which quality, as the media workers told it."""
    room = await room_of(db, consultation_id=row.consultation_id)
    return await lines_of(db, room.live_session_id) if room is not None else []


@view.query
async def consultation_minutes(db: Connection, visible: Condition, consultation_id: UUID) -> Minutes | None:
    """The minutes of one consultation."""
    return await first(db, minutes_, matching(consultation_id=consultation_id) & visible)
