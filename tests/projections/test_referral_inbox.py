"""The referral inbox and outbox, and the clocks that the timer reads."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import pytest

from domain._sharing import LegalGround, SharingBasis
from domain._values import ConsultationKind, Period, Urgency
from domain.referral import (
    OutcomeReported,
    PatientOutcome,
    ReferralAccepted,
    ReferralAnswered,
    ReferralAnswerOverdue,
    ReferralDrafted,
    ReferralReturned,
    ReferralRevised,
    ReferralScheduled,
    ReferralSubmitted,
    Request,
    Status,
    TransferApproved,
    TransferRequested,
)
from infra.postgres import Connection
from projections._page import EVERYTHING, NOTHING, BadCursor
from projections.referral_inbox import due, referral, referral_inbox, referral_outbox, view
from tests.history import LAUNCH_DAY, History, called
from tests.projections.conftest import TakeIn

SA_PA, BACH_MAI, VIET_DUC = called("Sa Pa"), called("Bach Mai"), called("Viet Duc")
A_MINUTE = timedelta(minutes=1)
DUE_AFTER = {Urgency.EMERGENCY: 15 * A_MINUTE, Urgency.URGENT: timedelta(hours=4), Urgency.ROUTINE: timedelta(days=3)}


def request(urgency: Urgency = Urgency.URGENT, to: UUID = BACH_MAI, question: str = "Có cần mổ không?") -> Request:
    return Request(receiving_facility_id=to, speciality="cardiology", urgency=urgency, question=question)


def submission(urgency: Urgency = Urgency.URGENT, number: int = 1, to: UUID = BACH_MAI) -> ReferralSubmitted:
    return ReferralSubmitted(
        submission=number,
        patient_id=called("a patient"),
        asking_facility_id=SA_PA,
        receiving_facility_id=to,
        service=ConsultationKind.CONSULTATION,
        speciality="cardiology",
        urgency=urgency,
        sharing=SharingBasis(ground=LegalGround.LIFE_OR_HEALTH_IN_DANGER, explanation="Shock."),
        agreement_id=called("agreement"),
        answer_due_at=LAUNCH_DAY + DUE_AFTER[urgency],
    )


def drafted(history: History, name: str, urgency: Urgency = Urgency.URGENT) -> UUID:
    stream = called(name)
    history.happened(
        stream,
        ReferralDrafted(patient_id=called("a patient"), asking_facility_id=SA_PA, request=request(urgency)),
    )
    return stream


def sent(history: History, name: str, urgency: Urgency = Urgency.URGENT) -> UUID:
    stream = drafted(history, name, urgency)
    history.happened(stream, submission(urgency))
    return stream


async def test_a_draft_is_in_the_outbox_and_in_no_inbox(db: Connection, history: History, take_in: TakeIn) -> None:
    draft = drafted(history, "draft")
    await take_in(history.events, view)
    outbox = await referral_outbox(db, EVERYTHING, SA_PA)
    assert [row.referral_id for row in outbox.rows] == [draft]
    assert (await referral_inbox(db, EVERYTHING, BACH_MAI)).rows == []


async def test_what_waits_for_an_answer_stands_first_and_the_most_urgent_before_all(
    db: Connection, history: History, take_in: TakeIn
) -> None:
    answered = sent(history, "answered", Urgency.EMERGENCY)
    history.happened(answered, ReferralAccepted())
    routine = sent(history, "routine", Urgency.ROUTINE)
    older = sent(history, "older", Urgency.URGENT)
    newer = sent(history, "newer", Urgency.URGENT)
    emergency = sent(history, "emergency", Urgency.EMERGENCY)
    await take_in(history.events, view)
    inbox = await referral_inbox(db, EVERYTHING, BACH_MAI)
    assert [row.referral_id for row in inbox.rows] == [emergency, older, newer, routine, answered]


async def test_the_inbox_is_read_page_by_page(db: Connection, history: History, take_in: TakeIn) -> None:
    for n in range(5):
        sent(history, f"number {n}")
    await take_in(history.events, view)
    seen, after = [], None
    for _ in range(3):
        part = await referral_inbox(db, EVERYTHING, BACH_MAI, size=2, after=after)
        seen += [row.referral_id for row in part.rows]
        after = part.cursors[-1]
    assert seen == [called(f"number {n}") for n in range(5)]
    assert not part.has_next
    with pytest.raises(BadCursor):
        await referral_inbox(db, EVERYTHING, BACH_MAI, after="bm90IGEgY3Vyc29y")


async def test_filters_narrow_the_inbox(db: Connection, history: History, take_in: TakeIn) -> None:
    accepted = sent(history, "accepted", Urgency.EMERGENCY)
    history.happened(accepted, ReferralAccepted())
    waiting = sent(history, "waiting", Urgency.ROUTINE)
    late = sent(history, "late", Urgency.URGENT)
    history.happened(
        late,
        ReferralAnswerOverdue(
            submission=1,
            answer_due_at=LAUNCH_DAY,
            asking_facility_id=SA_PA,
            receiving_facility_id=BACH_MAI,
            urgency=Urgency.URGENT,
        ),
    )
    await take_in(history.events, view)
    for wanted, found in (
        ({"status": [Status.ACCEPTED]}, {accepted}),
        ({"status": [Status.SUBMITTED, Status.ACCEPTED]}, {accepted, waiting, late}),
        ({"urgency": [Urgency.ROUTINE]}, {waiting}),
        ({"overdue": True}, {late}),
        ({"speciality": "neurology"}, set()),
    ):
        rows = (await referral_inbox(db, EVERYTHING, BACH_MAI, **wanted)).rows
        assert {row.referral_id for row in rows} == found, wanted


async def test_nobody_reads_what_is_not_visible_to_them(db: Connection, history: History, take_in: TakeIn) -> None:
    stream = sent(history, "hidden")
    await take_in(history.events, view)
    assert await referral(db, NOTHING, stream) is None
    assert (await referral_inbox(db, NOTHING, BACH_MAI)).rows == []
    assert (await referral_outbox(db, NOTHING, SA_PA)).rows == []


async def test_the_timer_gets_what_is_due_once(db: Connection, history: History, take_in: TakeIn) -> None:
    emergency = sent(history, "emergency", Urgency.EMERGENCY)
    sent(history, "routine", Urgency.ROUTINE)
    accepted = sent(history, "accepted", Urgency.EMERGENCY)
    history.happened(accepted, ReferralAccepted())
    drafted(history, "draft", Urgency.EMERGENCY)
    await take_in(history.events, view)
    assert await due(db, LAUNCH_DAY + 14 * A_MINUTE) == []
    (found,) = await due(db, LAUNCH_DAY + 15 * A_MINUTE)
    assert (found.referral_id, found.submission) == (emergency, 1)

    breach = ReferralAnswerOverdue(
        submission=1,
        answer_due_at=LAUNCH_DAY + 15 * A_MINUTE,
        asking_facility_id=SA_PA,
        receiving_facility_id=BACH_MAI,
        urgency=Urgency.EMERGENCY,
    )
    await take_in([history.happened(emergency, breach)], view)
    assert await due(db, LAUNCH_DAY + timedelta(hours=1)) == []
    row = await referral(db, EVERYTHING, emergency)
    assert row is not None
    assert row.overdue
    assert row.status is Status.SUBMITTED


async def test_a_resubmission_starts_a_new_clock(db: Connection, history: History, take_in: TakeIn) -> None:
    stream = sent(history, "returned")
    back = history.happened(stream, ReferralReturned(reason="Sai chuyên khoa", suggested_speciality="neurology"))
    await take_in(history.events, view)
    row = await referral(db, EVERYTHING, stream)
    assert row is not None
    assert (row.status, row.first_answer_at, row.alarm_at) == (Status.RETURNED, back.happened_at, None)
    assert (row.returned_reason, row.suggested_speciality) == ("Sai chuyên khoa", "neurology")

    again = [
        history.happened(stream, ReferralRevised(request=request(to=VIET_DUC, question="Một câu hỏi khác"))),
        history.happened(stream, submission(number=2, to=VIET_DUC)),
    ]
    await take_in(again[:1], view)
    row = await referral(db, EVERYTHING, stream)
    assert row is not None
    assert row.receiving_facility_id == BACH_MAI, "it leaves the inbox only when it is sent to another"
    await take_in(again[1:], view)
    row = await referral(db, EVERYTHING, stream)
    assert row is not None
    assert (row.receiving_facility_id, row.question) == (VIET_DUC, "Một câu hỏi khác")
    assert (row.status, row.submission, row.first_answer_at) == (Status.SUBMITTED, 2, None)
    assert row.alarm_at == row.answer_due_at == LAUNCH_DAY + DUE_AFTER[Urgency.URGENT]
    assert row.returned_reason is None


async def test_the_row_tells_the_whole_way_to_the_outcome(db: Connection, history: History, take_in: TakeIn) -> None:
    stream = sent(history, "the whole way")
    period = Period(start=LAUNCH_DAY, end=LAUNCH_DAY + timedelta(hours=2))
    for event in (
        ReferralAccepted(),
        ReferralScheduled(period=period, consultation_id=called("consultation")),
        ReferralAnswered(answer="Cần can thiệp.", advice="Chuyển viện.", answered_by=called("Dr Nga")),
        TransferRequested(reason="Không có phòng can thiệp."),
        TransferApproved(ward="C1"),
    ):
        history.happened(stream, event)
    await take_in(history.events, view)
    row = await referral(db, EVERYTHING, stream)
    assert row is not None
    assert row.status is Status.TRANSFER_APPROVED
    assert (row.scheduled_from, row.scheduled_until) == (period.start, period.end)
    assert (row.consultation_id, row.answer, row.ward) == (called("consultation"), "Cần can thiệp.", "C1")
    assert row.legal_ground is LegalGround.LIFE_OR_HEALTH_IN_DANGER

    closed = history.happened(
        stream, OutcomeReported(outcome=PatientOutcome.IMPROVED, advice_followed=True, report="Ổn định.")
    )
    await take_in([closed], view)
    row = await referral(db, EVERYTHING, stream)
    assert row is not None
    assert (row.status, row.outcome, row.closed_at) == (Status.CLOSED, PatientOutcome.IMPROVED, closed.happened_at)
    assert row.position == closed.position
