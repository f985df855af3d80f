"""Giấy chuyển tuyến / yêu cầu hội chẩn: one facility asks another for help with one patient.

A request is complete before it is submitted; the clock of its urgency runs from each submission to the first answer,
and what comes to the wrong speciality goes back with a reason. The asking side answers for the patient throughout,
so that only the outcome that it reports closes the referral (Circular 49/2017/TT-BYT, Art 3; Law 15/2023, Art 64).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from enum import StrEnum
from typing import ClassVar, Self
from uuid import UUID

from pydantic import AwareDatetime

from domain._clinical import ClinicalCoding
from domain._kernel import DomainError, Event, Lifecycle, State, Value, stays
from domain._personal import ClinicalText, Label, Reason
from domain._sharing import SharingBasis
from domain._values import Code, ConsultationKind, Count, Period, Urgency

# Nine of ten requests to the world's largest system were a few words, and one of five was fit for its purpose. These
# lengths, in words (Vietnamese: syllables), are below what a colleague would write and above "xin hội chẩn".
MINIMUM_WORDS = {"question": 5, "history": 10, "findings": 5}


class Status(StrEnum):
    DRAFT = "draft"
    SUBMITTED = "submitted"
    RETURNED = "returned"
    ACCEPTED = "accepted"
    DECLINED = "declined"
    SCHEDULED = "scheduled"
    ANSWERED = "answered"
    CLOSED = "closed"
    CANCELLED = "cancelled"
    TRANSFER_REQUESTED = "transfer_requested"
    TRANSFER_APPROVED = "transfer_approved"
    IN_TRANSIT = "in_transit"
    RECEIVED = "received"


class Request(Value):
    """What is asked, of whom, and how soon. Texts and basis may be missing in a draft."""

    receiving_facility_id: UUID
    service: ConsultationKind = ConsultationKind.CONSULTATION
    speciality: Code
    urgency: Urgency
    question: ClinicalText | None = None
    history: ClinicalText | None = None
    findings: ClinicalText | None = None
    sharing: SharingBasis | None = None


class PatientOutcome(StrEnum):
    """How it went for the patient in the end."""

    RECOVERED = "recovered"
    IMPROVED = "improved"
    UNCHANGED = "unchanged"
    WORSENED = "worsened"
    DIED = "died"
    LEFT_CARE = "left_care"


# What can happen ---------------------------------------------------------------------------------------------


class ReferralDrafted(Event, name="referral.drafted"):
    """A facility began to write a referral of one of its patients."""

    patient_id: UUID
    asking_facility_id: UUID
    request: Request


class ReferralRevised(Event, name="referral.revised"):
    """The asking side rewrote the request before it was submitted, or after it came back."""

    request: Request


class ReferralSubmitted(Event, name="referral.submitted"):
    """The complete request was sent; the first answer is due at `answer_due_at`."""

    submission: Count
    patient_id: UUID
    asking_facility_id: UUID
    receiving_facility_id: UUID
    service: ConsultationKind
    speciality: Code
    urgency: Urgency
    sharing: SharingBasis
    agreement_id: UUID
    answer_due_at: AwareDatetime


class ReferralReturned(Event, name="referral.returned"):
    """The receiving side sent the request back with a reason, for instance because of the wrong speciality."""

    reason: Reason
    suggested_speciality: Code | None = None


class ReferralAccepted(Event, name="referral.accepted"):
    """The receiving side took the request on."""


class ReferralDeclined(Event, name="referral.declined"):
    """The receiving side cannot help, and says why."""

    reason: Reason


class ReferralScheduled(Event, name="referral.scheduled"):
    """The receiving side set a time, alone or within a consultation."""

    period: Period
    consultation_id: UUID | None = None


class ReferralAnswered(Event, name="referral.answered"):
    """A doctor of the receiving side answered: written, by a signed examination, or by signed minutes."""

    answer: ClinicalText
    advice: ClinicalText | None = None
    codings: tuple[ClinicalCoding, ...] = ()
    answered_by: UUID
    examination_id: UUID | None = None
    consultation_id: UUID | None = None


class OutcomeReported(Event, name="referral.outcome_reported"):
    """The asking side reported how it went for the patient, which closes the referral."""

    outcome: PatientOutcome
    advice_followed: bool
    report: ClinicalText


class ReferralCancelled(Event, name="referral.cancelled"):
    """The asking side withdrew the referral."""

    reason: Reason


class ReferralAnswerOverdue(Event, name="referral.answer_overdue"):
    """The time for the first answer to this submission ran out."""

    submission: Count
    answer_due_at: AwareDatetime
    asking_facility_id: UUID
    receiving_facility_id: UUID
    urgency: Urgency


class TransferRequested(Event, name="referral.transfer_requested"):
    """The asking side asked to bring the patient to the receiving facility."""

    reason: ClinicalText


class TransferApproved(Event, name="referral.transfer_approved"):
    """The receiving facility will take the patient in."""

    ward: Label


class PatientDeparted(Event, name="referral.patient_departed"):
    """The patient left the asking facility."""

    means: Label
    condition: ClinicalText


class PatientReceived(Event, name="referral.patient_received"):
    """The patient arrived at the receiving facility."""

    condition: ClinicalText


class TransferAvoided(Event, name="referral.transfer_avoided"):
    """With the help that was given, the patient could stay where the patient is."""

    reason: ClinicalText


# What follows from it ----------------------------------------------------------------------------------------


class Referral(State[Status]):
    asking_facility_id: UUID | None = None
    receiving_facility_id: UUID | None = None
    service: ConsultationKind = ConsultationKind.CONSULTATION
    speciality: str = ""
    urgency: Urgency = Urgency.ROUTINE
    words: Mapping[str, int] = {}
    sharing: SharingBasis | None = None
    submission: int = 0
    answer_due_at: datetime | None = None
    overdue_recorded: bool = False

    lifecycle: ClassVar[Lifecycle] = {
        None: {ReferralDrafted: Status.DRAFT},
        Status.DRAFT: {
            **stays(Status.DRAFT, ReferralRevised),
            ReferralSubmitted: Status.SUBMITTED,
            ReferralCancelled: Status.CANCELLED,
        },
        Status.SUBMITTED: {
            **stays(Status.SUBMITTED, ReferralAnswerOverdue),
            ReferralReturned: Status.RETURNED,
            ReferralAccepted: Status.ACCEPTED,
            ReferralDeclined: Status.DECLINED,
            ReferralAnswered: Status.ANSWERED,
            ReferralCancelled: Status.CANCELLED,
        },
        Status.RETURNED: {
            **stays(Status.RETURNED, ReferralRevised),
            ReferralSubmitted: Status.SUBMITTED,
            ReferralCancelled: Status.CANCELLED,
        },
        Status.ACCEPTED: {
            ReferralScheduled: Status.SCHEDULED,
            ReferralAnswered: Status.ANSWERED,
            TransferRequested: Status.TRANSFER_REQUESTED,
            ReferralCancelled: Status.CANCELLED,
        },
        # A consultation can be cancelled, so that a new time is set: the referral is never lost with it.
        Status.SCHEDULED: {
            **stays(Status.SCHEDULED, ReferralScheduled),
            ReferralAnswered: Status.ANSWERED,
            TransferRequested: Status.TRANSFER_REQUESTED,
            ReferralCancelled: Status.CANCELLED,
        },
        Status.ANSWERED: {
            **stays(Status.ANSWERED, ReferralAnswered, TransferAvoided),
            OutcomeReported: Status.CLOSED,
            TransferRequested: Status.TRANSFER_REQUESTED,
        },
        # The patient went elsewhere or was treated without help: how it went is known to the asking side all the same.
        Status.DECLINED: {OutcomeReported: Status.CLOSED},
        # Minutes may be signed while the patient is on the way; the answer is for the doctors at both ends.
        Status.TRANSFER_REQUESTED: {
            **stays(Status.TRANSFER_REQUESTED, ReferralAnswered),
            TransferApproved: Status.TRANSFER_APPROVED,
            TransferAvoided: Status.ANSWERED,
        },
        Status.TRANSFER_APPROVED: {
            **stays(Status.TRANSFER_APPROVED, ReferralAnswered),
            PatientDeparted: Status.IN_TRANSIT,
            TransferAvoided: Status.ANSWERED,
        },
        Status.IN_TRANSIT: {
            **stays(Status.IN_TRANSIT, ReferralAnswered),
            PatientReceived: Status.RECEIVED,
        },
        Status.RECEIVED: {
            **stays(Status.RECEIVED, ReferralAnswered),
            OutcomeReported: Status.CLOSED,
        },
    }

    def on(self, event: Event) -> Self:
        match event:
            case ReferralDrafted():
                drafted = self.with_(patient_id=event.patient_id, asking_facility_id=event.asking_facility_id)
                return drafted._asks(event.request)
            case ReferralRevised():
                return self._asks(event.request)
            case ReferralSubmitted():
                return self.with_(
                    submission=event.submission, answer_due_at=event.answer_due_at, overdue_recorded=False
                )
            case ReferralAnswerOverdue():
                return self.with_(overdue_recorded=True)
            case _:
                return self

    def _asks(self, request: Request) -> Self:
        return self.with_(
            receiving_facility_id=request.receiving_facility_id,
            service=request.service,
            speciality=request.speciality,
            urgency=request.urgency,
            words={part: len((getattr(request, part) or "").split()) for part in MINIMUM_WORDS},
            sharing=request.sharing,
        )

    def missing(self) -> Iterator[str]:
        """The parts without which the receiving side could not answer well, or may not be told at all."""
        yield from (part for part, words in self.words.items() if words < MINIMUM_WORDS[part])
        if self.sharing is None:
            yield "sharing"

    @property
    def shares(self) -> bool:
        """Whether the data of the patient may be shared on the strength of this referral."""
        return self.status in {Status.SUBMITTED, Status.ACCEPTED, Status.SCHEDULED}


# What the rules refuse ---------------------------------------------------------------------------------------


class ReferralIncomplete(DomainError, code="REFERRAL_INCOMPLETE", field="request"):
    """The request is not complete: {missing} missing or only a few words."""


class ReferredToItself(DomainError, code="REFERRED_TO_ITSELF", field="request"):
    """A facility refers to another facility, not to itself."""


class AnswerNotDue(DomainError, code="ANSWER_NOT_DUE"):
    """The first answer is due at {answer_due_at}, so it is not overdue."""


class OverdueAlreadyRecorded(DomainError, code="OVERDUE_ALREADY_RECORDED"):
    """That submission {submission} was not answered in time is recorded already."""


class AnotherSubmission(DomainError, code="ANOTHER_SUBMISSION", field="submission"):
    """The running clock is that of submission {running}."""


class ConsultationElsewhere(DomainError, code="CONSULTATION_ELSEWHERE", field="consultation_id"):
    """The consultation is not one that the receiving facility holds, or it is over."""


class OutsideTheConsultation(DomainError, code="OUTSIDE_THE_CONSULTATION", field="period"):
    """The time is not within the consultation's."""


class NotOfThisReferral(DomainError, code="NOT_OF_THIS_REFERRAL"):
    """The {aggregate} holds no signed answer to this referral."""
