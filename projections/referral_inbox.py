"""Which referrals wait for us, which did we send, and how far are they?

The rows hold when things are due; whoever shows them counts down. A referral enters the inbox of the receiving side
with its submission, and moves to another inbox only with the next one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from domain._kernel import Recorded
from domain._sharing import LegalGround
from domain._values import Code, ConsultationKind, Count, Urgency
from domain.referral import (
    OutcomeReported,
    PatientDeparted,
    PatientOutcome,
    PatientReceived,
    ReferralAccepted,
    ReferralAnswered,
    ReferralAnswerOverdue,
    ReferralCancelled,
    ReferralDeclined,
    ReferralDrafted,
    ReferralReturned,
    ReferralRevised,
    ReferralScheduled,
    ReferralSubmitted,
    Request,
    Status,
    TransferApproved,
    TransferAvoided,
    TransferRequested,
)
from projections._page import Condition, Page, first, matching, page, select
from projections._table import Row
from projections._view import Connection, Content, View

# Where a referral stands in the work of the receiving side: what waits for a first answer comes first.
WAITING = {Urgency.EMERGENCY: 1, Urgency.URGENT: 2, Urgency.ROUTINE: 3}
IN_WORK, OVER = 4, 5


@dataclass(slots=True, kw_only=True)
class Referral(Row):
    """A request of one facility to another for help with one patient, as it stands now.

    Count down to `answerDueAt` while `firstAnswerAt` is null. Lists are in the order of `attention`: 1, 2, 3 for
    emergency, urgent and routine requests that wait for their first answer, 4 for those in work, 5 for those that
    are over or back at the asking side.
    """

    referral_id: UUID
    patient_id: UUID
    asking_facility_id: UUID
    receiving_facility_id: UUID
    service: ConsultationKind
    speciality: Code
    urgency: Urgency
    status: Status
    attention: int
    question: str | None = None
    history: str | None = None
    findings: str | None = None
    drafted_at: datetime
    waiting_since: datetime
    submission: Count = 0
    submitted_at: datetime | None = None
    answer_due_at: datetime | None = None
    first_answer_at: datetime | None = None
    alarm_at: datetime | None = None
    overdue: bool = False
    consent_id: UUID | None = None
    legal_ground: LegalGround | None = None
    returned_reason: str | None = None
    suggested_speciality: Code | None = None
    declined_reason: str | None = None
    cancelled_reason: str | None = None
    scheduled_from: datetime | None = None
    scheduled_until: datetime | None = None
    consultation_id: UUID | None = None
    examination_id: UUID | None = None
    answered_at: datetime | None = None
    answered_by: UUID | None = None
    answer: str | None = None
    advice: str | None = None
    transfer_reason: str | None = None
    ward: str | None = None
    departed_at: datetime | None = None
    received_at: datetime | None = None
    transfer_avoided_reason: str | None = None
    outcome: PatientOutcome | None = None
    advice_followed: bool | None = None
    outcome_report: str | None = None
    closed_at: datetime | None = None


view = View("referral_inbox", version=1, content=Content.CASE, stream="referral_id")
referrals = view.table(
    Referral,
    "referral_id",
    indexes=[
        "receiving_facility_id, attention, waiting_since, referral_id",
        "asking_facility_id, drafted_at, referral_id",
        "patient_id",
        "alarm_at",
    ],
)
view.live("referral_inbox", referrals, by="receiving_facility_id", field="referrals", many=True)


# From draft to submission ------------------------------------------------------------------------------------


@referrals.inserts(ReferralDrafted)
def drafted(event: ReferralDrafted, at: Recorded) -> Referral:
    request = event.request
    row = Referral(
        referral_id=at.stream_id,
        patient_id=event.patient_id,
        asking_facility_id=event.asking_facility_id,
        receiving_facility_id=request.receiving_facility_id,
        service=request.service,
        speciality=request.speciality,
        urgency=request.urgency,
        status=Status.DRAFT,
        attention=OVER,
        drafted_at=at.happened_at,
        waiting_since=at.happened_at,
    )
    _write(row, request)
    return row


@referrals.updates(ReferralRevised)
def revised(row: Referral, event: ReferralRevised, at: Recorded) -> None:
    _write(row, event.request)
    if row.status == Status.DRAFT:
        _address(row, event.request)


def _write(row: Referral, request: Request) -> None:
    row.question, row.history, row.findings = request.question, request.history, request.findings


def _address(row: Referral, asked: Request | ReferralSubmitted) -> None:
    row.receiving_facility_id = asked.receiving_facility_id
    row.service, row.speciality, row.urgency = asked.service, asked.speciality, asked.urgency


@referrals.updates(ReferralSubmitted)
def submitted(row: Referral, event: ReferralSubmitted, at: Recorded) -> None:
    _address(row, event)
    row.status, row.attention = Status.SUBMITTED, WAITING[event.urgency]
    row.submission = event.submission
    row.submitted_at = row.waiting_since = at.happened_at
    row.answer_due_at = row.alarm_at = event.answer_due_at
    row.first_answer_at, row.overdue = None, False
    row.consent_id, row.legal_ground = event.sharing.consent_id, event.sharing.ground
    row.returned_reason = row.suggested_speciality = None


# The first answer stops the clock ----------------------------------------------------------------------------


def _answered_first(row: Referral, at: Recorded) -> None:
    row.alarm_at = None
    if row.first_answer_at is None:
        row.first_answer_at = at.happened_at


@referrals.updates(ReferralAnswerOverdue)
def overdue(row: Referral, event: ReferralAnswerOverdue, at: Recorded) -> None:
    row.overdue, row.alarm_at = True, None


@referrals.updates(ReferralReturned)
def returned(row: Referral, event: ReferralReturned, at: Recorded) -> None:
    _answered_first(row, at)
    row.status, row.attention = Status.RETURNED, OVER
    row.returned_reason, row.suggested_speciality = event.reason, event.suggested_speciality


@referrals.updates(ReferralAccepted)
def accepted(row: Referral, event: ReferralAccepted, at: Recorded) -> None:
    _answered_first(row, at)
    row.status, row.attention = Status.ACCEPTED, IN_WORK


@referrals.updates(ReferralDeclined)
def declined(row: Referral, event: ReferralDeclined, at: Recorded) -> None:
    _answered_first(row, at)
    row.status, row.attention, row.declined_reason = Status.DECLINED, OVER, event.reason


@referrals.updates(ReferralAnswered)
def answered(row: Referral, event: ReferralAnswered, at: Recorded) -> None:
    _answered_first(row, at)
    row.status, row.attention = Status.ANSWERED, OVER
    row.answered_at, row.answered_by = at.happened_at, event.answered_by
    row.answer, row.advice = event.answer, event.advice
    row.examination_id = event.examination_id or row.examination_id
    row.consultation_id = event.consultation_id or row.consultation_id


@referrals.updates(ReferralScheduled)
def scheduled(row: Referral, event: ReferralScheduled, at: Recorded) -> None:
    row.status, row.attention = Status.SCHEDULED, IN_WORK
    row.scheduled_from, row.scheduled_until = event.period.start, event.period.end
    row.consultation_id = event.consultation_id


# The end, and the way of a transfer --------------------------------------------------------------------------


@referrals.updates(ReferralCancelled)
def cancelled(row: Referral, event: ReferralCancelled, at: Recorded) -> None:
    row.status, row.attention, row.alarm_at = Status.CANCELLED, OVER, None
    row.cancelled_reason = event.reason


@referrals.updates(OutcomeReported)
def outcome_reported(row: Referral, event: OutcomeReported, at: Recorded) -> None:
    row.status, row.attention, row.closed_at = Status.CLOSED, OVER, at.happened_at
    row.outcome, row.advice_followed, row.outcome_report = event.outcome, event.advice_followed, event.report


@referrals.updates(TransferRequested)
def transfer_requested(row: Referral, event: TransferRequested, at: Recorded) -> None:
    row.status, row.attention, row.transfer_reason = Status.TRANSFER_REQUESTED, IN_WORK, event.reason


@referrals.updates(TransferApproved)
def transfer_approved(row: Referral, event: TransferApproved, at: Recorded) -> None:
    row.status, row.ward = Status.TRANSFER_APPROVED, event.ward


@referrals.updates(PatientDeparted)
def departed(row: Referral, event: PatientDeparted, at: Recorded) -> None:
    row.status, row.departed_at = Status.IN_TRANSIT, at.happened_at


@referrals.updates(PatientReceived)
def received(row: Referral, event: PatientReceived, at: Recorded) -> None:
    row.status, row.received_at = Status.RECEIVED, at.happened_at


@referrals.updates(TransferAvoided)
def transfer_avoided(row: Referral, event: TransferAvoided, at: Recorded) -> None:
    row.status, row.attention, row.transfer_avoided_reason = Status.ANSWERED, OVER, event.reason


# Questions ---------------------------------------------------------------------------------------------------


@view.query
async def referral(db: Connection, visible: Condition, referral_id: UUID) -> Referral | None:
    """One referral as it stands now."""
    return await first(db, referrals, matching(referral_id=referral_id) & visible)


@view.query
async def referral_inbox(
    db: Connection,
    visible: Condition,
    facility_id: UUID,
    status: list[Status] | None = None,
    urgency: list[Urgency] | None = None,
    speciality: str | None = None,
    overdue: bool | None = None,
    *,
    size: int = 50,
    after: str | None = None,
) -> Page[Referral]:
    """What was referred to this facility: first what waits for an answer, the most urgent and oldest before all."""
    wanted = matching(
        receiving_facility_id=facility_id, status=status, urgency=urgency, speciality=speciality, overdue=overdue
    )
    sent = Condition("submission > 0")
    order = ("attention", "waiting_since")
    return await page(db, referrals, wanted & sent & visible, order, size=size, after=after)


@view.query
async def referral_outbox(
    db: Connection,
    visible: Condition,
    facility_id: UUID,
    status: list[Status] | None = None,
    urgency: list[Urgency] | None = None,
    patient_id: UUID | None = None,
    *,
    size: int = 50,
    after: str | None = None,
) -> Page[Referral]:
    """What this facility referred to others, drafts included, the newest first."""
    wanted = matching(asking_facility_id=facility_id, status=status, urgency=urgency, patient_id=patient_id)
    return await page(db, referrals, wanted & visible, ("drafted_at",), size=size, after=after, descending=True)


async def due(db: Connection, now: datetime, limit: int = 100) -> Sequence[Referral]:
    """For the timer: submissions whose first answer is due and not there, and whose breach is not recorded yet."""
    return await select(db, referrals, Condition("alarm_at <= {}", (now,)), ("alarm_at",), limit)
