"""Hội chẩn từ xa: one centre and any number of points discuss the cases of the points, live.

Only joined points speak, and observers never do. Every issue that was raised gets a conclusion before the end. The
minutes are signed at both ends, by the centre and by each point that presented a case, and a later correction is a new
version that both ends sign again (Circular 49/2017/TT-BYT, Art 7 and Annex I; Law 15/2023, Art 7(10) and Art 64).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from enum import StrEnum
from typing import ClassVar, Self
from uuid import UUID

from domain._kernel import Event, Lifecycle, State, Value, stays
from domain._personal import ClinicalText, Label, Reason
from domain._points import LeaveReason, Point, PointRole, Presence
from domain._signing import NOTHING_WRITTEN, Amendment, linked
from domain._values import Code, ConsultationKind, Count, Period, RemoteMode, Sha256

# The house's own rule: points need time to test their lines, and a room that is opened a day early is a mistake.
OPENS_BEFORE_START = timedelta(minutes=30)


class Status(StrEnum):
    PLANNED = "planned"
    OPEN = "open"
    CLOSED = "closed"
    SIGNED = "signed"
    CANCELLED = "cancelled"


# What can happen ---------------------------------------------------------------------------------------------


class ConsultationPlanned(Event, name="consultation.planned"):
    """A centre planned a consultation, with the practitioner who answers for it and the one who chairs it."""

    kind: ConsultationKind
    mode: RemoteMode
    title: Label
    speciality: Code
    period: Period
    centre_id: UUID
    responsible_id: UUID
    chair_id: UUID
    teaching: bool


class PointInvited(Event, name="consultation.point_invited"):
    """A facility was invited and given its place; the centre has the first."""

    facility_id: UUID
    role: PointRole
    place: Count


class PointConfirmed(Event, name="consultation.point_confirmed"):
    """The invited facility will take part."""

    facility_id: UUID


class ConsultationOpened(Event, name="consultation.opened"):
    """The centre opened the session and is on the line."""


class PointJoined(Event, name="consultation.point_joined"):
    """A point came on the line, or came back to its place."""

    facility_id: UUID
    role: PointRole
    place: Count
    rejoined: bool


class PointLeft(Event, name="consultation.point_left"):
    """A point went off the line; the floor, if it had it, is free again."""

    facility_id: UUID
    reason: LeaveReason
    gave_back_floor: bool


class FloorGiven(Event, name="consultation.floor_given"):
    """The chair gave a point the floor."""

    facility_id: UUID


class ChairHandedOver(Event, name="consultation.chair_handed_over"):
    """Another practitioner of the centre chairs from now on."""

    chair_id: UUID
    reason: Reason


class CasePresented(Event, name="consultation.case_presented"):
    """A point presented one of its patients, on the basis of a referral or of the patient's own request."""

    case_id: UUID
    patient_id: UUID
    facility_id: UUID
    summary: ClinicalText
    referral_id: UUID | None = None
    consent_id: UUID | None = None


class IssueRaised(Event, name="consultation.issue_raised"):
    """A point put a question about a case, to which the minutes will hold the conclusion."""

    issue_id: UUID
    case_id: UUID
    facility_id: UUID
    question: ClinicalText


class OpinionGiven(Event, name="consultation.opinion_given"):
    """A practitioner at a joined point gave an opinion on an issue, in a speciality of the own licence."""

    issue_id: UUID
    facility_id: UUID
    practitioner_id: UUID
    speciality: Code
    opinion: ClinicalText


class IssueConcluded(Event, name="consultation.issue_concluded"):
    """The chair stated the conclusion on an issue."""

    issue_id: UUID
    conclusion: ClinicalText


class ConsultationClosed(Event, name="consultation.closed"):
    """The session ended; its minutes are written and their digest waits for the signatures of both ends."""

    minutes_version: Count
    content_sha256: Sha256
    sides: tuple[UUID, ...]


class MinutesSigned(Event, name="consultation.minutes_signed"):
    """A practitioner signed this version of the minutes for a side."""

    facility_id: UUID
    practitioner_id: UUID
    minutes_version: Count
    content_sha256: Sha256


class MinutesCompleted(Event, name="consultation.minutes_completed"):
    """All sides have signed this version of the minutes."""

    minutes_version: Count
    content_sha256: Sha256
    referral_ids: tuple[UUID, ...]


class MinutesAmended(Event, name="consultation.minutes_amended"):
    """The minutes have a new version, with a reason; both ends sign anew and the former version stays."""

    minutes_version: Count
    case_id: UUID
    reason: Reason
    text: ClinicalText
    content_sha256: Sha256


class ConsultationCancelled(Event, name="consultation.cancelled"):
    """The consultation will not take place."""

    reason: Reason


# What follows from it ----------------------------------------------------------------------------------------


class Case(Value):
    """A patient who was presented, and by whom."""

    patient_id: UUID
    facility_id: UUID
    referral_id: UUID | None = None


class Issue(Value):
    """A question about a case; its conclusion is what answers the referral."""

    case_id: UUID
    question: str
    conclusion: str | None = None


class Consultation(State[Status]):
    kind_of_care: ConsultationKind = ConsultationKind.CONSULTATION
    speciality: str = ""
    teaching: bool = False
    period: Period | None = None
    centre_id: UUID | None = None
    responsible_id: UUID | None = None
    chair_id: UUID | None = None
    points: Mapping[UUID, Point] = {}
    floor: UUID | None = None
    cases: Mapping[UUID, Case] = {}
    issues: Mapping[UUID, Issue] = {}
    minutes_version: int = 1
    content_sha256: Sha256 = NOTHING_WRITTEN
    amendments: tuple[MinutesAmended, ...] = ()
    signed_by: frozenset[UUID] = frozenset()

    lifecycle: ClassVar[Lifecycle] = {
        None: {ConsultationPlanned: Status.PLANNED},
        Status.PLANNED: {
            **stays(Status.PLANNED, PointInvited, PointConfirmed, ChairHandedOver),
            ConsultationOpened: Status.OPEN,
            ConsultationCancelled: Status.CANCELLED,
        },
        Status.OPEN: {
            **stays(Status.OPEN, PointInvited, PointConfirmed, PointJoined, PointLeft, FloorGiven, ChairHandedOver),
            **stays(Status.OPEN, CasePresented, IssueRaised, OpinionGiven, IssueConcluded),
            ConsultationClosed: Status.CLOSED,
            ConsultationCancelled: Status.CANCELLED,
        },
        Status.CLOSED: {
            **stays(Status.CLOSED, MinutesSigned, MinutesAmended),
            MinutesCompleted: Status.SIGNED,
        },
        Status.SIGNED: {MinutesAmended: Status.CLOSED},
    }

    def on(self, event: Event) -> Self:
        match event:
            case PointInvited() | PointConfirmed() | PointJoined() | PointLeft() | FloorGiven():
                return self._on_the_line(event)
            case ConsultationPlanned() | CasePresented() | IssueRaised() | OpinionGiven() | IssueConcluded():
                return self._written(event).with_(content_sha256=linked(self.content_sha256, event))
            case ChairHandedOver():
                return self.with_(chair_id=event.chair_id)
            case MinutesSigned():
                return self.with_(signed_by=self.signed_by | {event.facility_id})
            case MinutesAmended():
                return self.with_(
                    minutes_version=event.minutes_version,
                    content_sha256=event.content_sha256,
                    amendments=(*self.amendments, event),
                    signed_by=frozenset(),
                )
            case _:
                return self

    def _on_the_line(self, event: Event) -> Self:
        match event:
            case PointInvited():
                presence = Presence.CONFIRMED if event.role is PointRole.CENTRE else Presence.INVITED
                point = Point(facility_id=event.facility_id, role=event.role, place=event.place, presence=presence)
                return self.with_(points={**self.points, event.facility_id: point})
            case PointConfirmed():
                return self._now(event.facility_id, Presence.CONFIRMED)
            case PointJoined():
                return self._now(event.facility_id, Presence.JOINED)
            case PointLeft():
                floor = None if self.floor == event.facility_id else self.floor
                return self._now(event.facility_id, Presence.LEFT).with_(floor=floor)
            case FloorGiven():
                return self.with_(floor=event.facility_id)
            case _:
                return self

    def _now(self, facility_id: UUID, presence: Presence) -> Self:
        return self.with_(points={**self.points, facility_id: self.points[facility_id].with_presence(presence)})

    def _written(self, event: Event) -> Self:
        match event:
            case ConsultationPlanned():
                return self.with_(
                    kind_of_care=event.kind,
                    speciality=event.speciality,
                    teaching=event.teaching,
                    period=event.period,
                    centre_id=event.centre_id,
                    responsible_id=event.responsible_id,
                    chair_id=event.chair_id,
                )
            case CasePresented():
                case_ = Case(patient_id=event.patient_id, facility_id=event.facility_id, referral_id=event.referral_id)
                return self.with_(cases={**self.cases, event.case_id: case_})
            case IssueRaised():
                issue = Issue(case_id=event.case_id, question=event.question)
                return self.with_(issues={**self.issues, event.issue_id: issue})
            case IssueConcluded():
                issue = self.issues[event.issue_id].model_copy(update={"conclusion": event.conclusion})
                return self.with_(issues={**self.issues, event.issue_id: issue})
            case _:
                return self

    def about(self, event: Event) -> UUID | None:
        match event:
            case CasePresented():
                return event.patient_id
            case IssueRaised() | MinutesAmended():
                return self.cases[event.case_id].patient_id
            case OpinionGiven() | IssueConcluded():
                return self.cases[self.issues[event.issue_id].case_id].patient_id
            case _:
                return None

    @property
    def next_place(self) -> int:
        return len(self.points) + 1

    def sides(self) -> tuple[UUID, ...]:
        """Who must sign: the centre, and each point that presented a case."""
        presented = {case.facility_id: None for case in self.cases.values()}
        return (*([self.centre_id] if self.centre_id else ()), *presented)

    def amended_sha256(self, reason: str, text: str) -> Sha256:
        """The digest of the minutes' next version."""
        amendment = Amendment(version=self.minutes_version + 1, reason=reason, text=text)
        return linked(self.content_sha256, amendment)

    def answer_to(self, referral_id: UUID) -> str:
        """The conclusions on the case that was presented on this referral, and the amendments to them."""
        cases = {case_id for case_id, case in self.cases.items() if case.referral_id == referral_id}
        issues = [issue for issue in self.issues.values() if issue.case_id in cases]
        concluded = [f"{issue.question}\n→ {issue.conclusion}" for issue in issues]
        amended = [f"{one.reason}\n→ {one.text}" for one in self.amendments if one.case_id in cases]
        return "\n\n".join([*concluded, *amended])

    def referrals_answered(self) -> tuple[UUID, ...]:
        """The referrals on which a case was presented and an issue of it raised."""
        presented = (self.cases[issue.case_id].referral_id for issue in self.issues.values())
        return tuple(dict.fromkeys(referral_id for referral_id in presented if referral_id is not None))
