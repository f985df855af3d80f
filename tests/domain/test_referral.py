"""The referral's rules, as the two sides tell them."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any
from uuid import UUID

import pytest
from pydantic import ValidationError

from commands._command import Command, Context
from commands.referral import (
    AcceptReferral,
    CancelReferral,
    DeclineReferral,
    DraftReferral,
    RecordAnswerOverdue,
    ReturnReferral,
    ReviseReferral,
    ScheduleReferral,
    SubmitReferral,
)
from domain._kernel import Event, Role
from domain._sharing import LegalGround, SharingBasis
from domain._values import ConsultationKind, Period, Urgency, Validity
from domain.agreement import Agreement
from domain.consultation import Consultation
from domain.consultation import Status as ConsultationStatus
from domain.referral import (
    Referral,
    ReferralAccepted,
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
)
from tests.domain.cast import (
    AUGUST_27,
    BACH_MAI,
    CARDIOLOGY,
    CONSENT,
    CONSULTATION,
    DERMATOLOGY,
    DR_HOA,
    HA_GIANG,
    HOA_AT_THAI_NGUYEN,
    LAN_AT_BACH_MAI,
    MAI_AT_THAI_NGUYEN,
    NOON,
    OTHER_PATIENT,
    PAO_AT_SA_PA,
    PATIENT,
    REFERRAL,
    SA_PA,
    THAI_NGUYEN,
    THE_SYSTEM,
    acting,
    agreement,
    facility,
    later,
    patient,
    sharing_request,
    world,
)
from tests.spec import given

ASKED_BY_THE_PATIENT = SharingBasis(consent_id=CONSENT)
COMPLETE = Request(
    receiving_facility_id=BACH_MAI,
    speciality=CARDIOLOGY,
    urgency=Urgency.URGENT,
    question="Có chỉ định can thiệp mạch vành trong hôm nay không?",
    history="Nam 62 tuổi, đau ngực ba ngày, tăng huyết áp mười năm, đang uống amlodipine",
    findings="ST chênh lên ở V1 đến V4, troponin dương tính",
    sharing=ASKED_BY_THE_PATIENT,
)


def request(**changes: Any) -> Request:
    return COMPLETE.model_copy(update=changes)


def drafted(what: Request = COMPLETE) -> ReferralDrafted:
    return ReferralDrafted(patient_id=PATIENT, asking_facility_id=THAI_NGUYEN, request=what)


def submitted(submission: int = 1, minutes: float = 0, what: Request = COMPLETE) -> ReferralSubmitted:
    clock = {Urgency.EMERGENCY: 15, Urgency.URGENT: 240, Urgency.ROUTINE: 4320}[what.urgency]
    assert what.sharing is not None
    return ReferralSubmitted(
        submission=submission,
        patient_id=PATIENT,
        asking_facility_id=THAI_NGUYEN,
        receiving_facility_id=BACH_MAI,
        service=what.service,
        speciality=what.speciality,
        urgency=what.urgency,
        sharing=what.sharing,
        agreement_id=Agreement.between(THAI_NGUYEN, BACH_MAI),
        answer_due_at=later(minutes + clock),
    )


DRAFT = (drafted(),)
SENT = (*DRAFT, submitted())
WRONG_SPECIALITY = ReferralReturned(reason="This is a rash: please ask dermatology", suggested_speciality=DERMATOLOGY)
RETURNED = (*SENT, WRONG_SPECIALITY)
ACCEPTED = (*SENT, ReferralAccepted())
SUBMIT = SubmitReferral(referral_id=REFERRAL)


# Writing -----------------------------------------------------------------------------------------------------


def test_a_doctor_drafts_a_referral_of_a_patient_with_the_texts_still_to_write() -> None:
    empty = request(question=None, history=None, findings=None, sharing=None)
    draft = DraftReferral(referral_id=REFERRAL, patient_id=PATIENT, request=empty)
    given(others=world()).when(draft, HOA_AT_THAI_NGUYEN).then(drafted(empty))


def test_nobody_without_a_facility_drafts_a_referral() -> None:
    draft = DraftReferral(referral_id=REFERRAL, patient_id=PATIENT, request=COMPLETE)
    given(others=world()).when(draft, acting(DR_HOA, Role.DOCTOR, None)).then_refused("NOT_YOUR_FACILITY")


def test_a_facility_does_not_refer_to_itself() -> None:
    draft = DraftReferral(referral_id=REFERRAL, patient_id=PATIENT, request=request(receiving_facility_id=THAI_NGUYEN))
    given(others=world()).when(draft, HOA_AT_THAI_NGUYEN).then_refused("REFERRED_TO_ITSELF", "request")


def test_nobody_is_referred_under_a_record_that_was_merged() -> None:
    draft = DraftReferral(referral_id=REFERRAL, patient_id=PATIENT, request=COMPLETE)
    merged = world(PATIENT, patient(merged_into=OTHER_PATIENT))
    given(others=merged).when(draft, HOA_AT_THAI_NGUYEN).then_refused("RECORD_WAS_MERGED", "patient_id")


def test_nobody_is_referred_who_is_not_registered() -> None:
    draft = DraftReferral(referral_id=REFERRAL, patient_id=UUID(int=404), request=COMPLETE)
    given(others=world()).when(draft, HOA_AT_THAI_NGUYEN).then_refused("UNKNOWN_REFERENCE", "patient_id")


def test_a_draft_is_revised_as_a_whole() -> None:
    revised = request(urgency=Urgency.EMERGENCY)
    revise = ReviseReferral(referral_id=REFERRAL, request=revised)
    given(*DRAFT).when(revise, MAI_AT_THAI_NGUYEN).then(ReferralRevised(request=revised))


def test_a_revision_does_not_turn_a_referral_to_the_asking_facility() -> None:
    revise = ReviseReferral(referral_id=REFERRAL, request=request(receiving_facility_id=THAI_NGUYEN))
    given(*DRAFT).when(revise, HOA_AT_THAI_NGUYEN).then_refused("REFERRED_TO_ITSELF")


def test_another_facility_does_not_revise_a_draft() -> None:
    revise = ReviseReferral(referral_id=REFERRAL, request=COMPLETE)
    given(*DRAFT).when(revise, PAO_AT_SA_PA).then_refused("NOT_YOUR_FACILITY")


def test_what_was_submitted_is_not_revised() -> None:
    revise = ReviseReferral(referral_id=REFERRAL, request=COMPLETE)
    given(*SENT).when(revise, HOA_AT_THAI_NGUYEN).then_refused("NOT_IN_THIS_STATUS")


def test_there_is_nothing_to_submit_before_a_draft() -> None:
    given(others=world()).when(SUBMIT, HOA_AT_THAI_NGUYEN).then_refused("NOT_FOUND")


# Sending -----------------------------------------------------------------------------------------------------


def test_a_complete_referral_is_submitted_and_its_urgency_sets_the_clock() -> None:
    given(*DRAFT, others=world()).when(SUBMIT, HOA_AT_THAI_NGUYEN).then(submitted())


@pytest.mark.parametrize(
    ("urgency", "within"),
    [
        (Urgency.EMERGENCY, timedelta(minutes=15)),
        (Urgency.URGENT, timedelta(hours=4)),
        (Urgency.ROUTINE, timedelta(days=3)),
    ],
)
def test_the_first_answer_is_due_within_the_time_of_the_urgency(urgency: Urgency, within: timedelta) -> None:
    outcome = given(drafted(request(urgency=urgency)), others=world()).when(SUBMIT, HOA_AT_THAI_NGUYEN).of
    assert isinstance(outcome, list)
    (sent,) = outcome
    assert isinstance(sent, ReferralSubmitted)
    assert sent.answer_due_at == NOON + within


def test_a_late_entry_does_not_shorten_the_clock_of_the_receiving_side() -> None:
    context = HOA_AT_THAI_NGUYEN.model_copy(update={"clinical_time": later(-120)})
    given(*DRAFT, others=world()).when(SUBMIT, context).then(submitted())


@pytest.mark.parametrize(
    ("part", "too_little"),
    [("question", None), ("question", "xin hội chẩn"), ("history", "đau ngực"), ("findings", None), ("sharing", None)],
)
def test_a_referral_is_not_submitted_while_a_part_is_missing_or_only_a_few_words(part: str, too_little: Any) -> None:
    outcome = given(drafted(request(**{part: too_little})), others=world()).when(SUBMIT, HOA_AT_THAI_NGUYEN)
    outcome.then_refused("REFERRAL_INCOMPLETE")
    assert getattr(outcome.of, "details", {})["missing"] == part


def test_all_missing_parts_are_named_at_once() -> None:
    empty = request(question=None, history=None, findings=None, sharing=None)
    outcome = given(drafted(empty), others=world()).when(SUBMIT, HOA_AT_THAI_NGUYEN)
    outcome.then_refused("REFERRAL_INCOMPLETE")
    assert getattr(outcome.of, "details", {})["missing"] == "question, history, findings, sharing"


def test_a_receiving_facility_that_lost_its_connection_is_not_asked() -> None:
    suspended = world(BACH_MAI, facility(connected=False))
    given(*DRAFT, others=suspended).when(SUBMIT, HOA_AT_THAI_NGUYEN).then_refused(
        "FACILITY_NOT_CONNECTED", "receiving_facility_id"
    )


def test_a_facility_is_asked_only_for_what_it_declared() -> None:
    imaging_only = world(BACH_MAI, facility(kinds=(ConsultationKind.TELE_IMAGING,)))
    given(*DRAFT, others=imaging_only).when(SUBMIT, HOA_AT_THAI_NGUYEN).then_refused("SERVICE_NOT_DECLARED")


def test_a_speciality_that_nobody_knows_is_not_asked_for() -> None:
    palmistry = drafted(request(speciality="palmistry"))
    given(palmistry, others=world()).when(SUBMIT, HOA_AT_THAI_NGUYEN).then_refused("UNKNOWN_SPECIALITY")


def test_two_facilities_without_an_agreement_in_force_do_not_help_each_other() -> None:
    ended = Validity(first=date(2019, 1, 1), last=date(2020, 8, 26))
    between = Agreement.between(THAI_NGUYEN, BACH_MAI)
    for others in (
        world(between, agreement(THAI_NGUYEN, BACH_MAI, ended)),
        {id_: state for id_, state in world().items() if id_ != between},
    ):
        given(*DRAFT, others=others).when(SUBMIT, HOA_AT_THAI_NGUYEN).then_refused("NO_AGREEMENT_IN_FORCE")


def test_a_referral_of_a_dead_patient_is_not_submitted() -> None:
    died = world(PATIENT, patient(died=True))
    given(*DRAFT, others=died).when(SUBMIT, HOA_AT_THAI_NGUYEN).then_refused("PATIENT_HAS_DIED")


def test_a_request_to_share_with_another_hospital_does_not_cover_this_one() -> None:
    elsewhere = world(CONSENT, sharing_request(with_facility=HA_GIANG))
    given(*DRAFT, others=elsewhere).when(SUBMIT, HOA_AT_THAI_NGUYEN).then_refused("NO_SHARING_BASIS", "sharing")


def test_a_legal_ground_with_its_explanation_stands_without_a_request_of_the_patient() -> None:
    ground = SharingBasis(ground=LegalGround.LIFE_OR_HEALTH_IN_DANGER, explanation="Unconscious on arrival")
    unconscious = request(sharing=ground, urgency=Urgency.EMERGENCY)
    outcome = given(drafted(unconscious), others=world()).when(SUBMIT, HOA_AT_THAI_NGUYEN)
    outcome.then(submitted(what=unconscious))


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"ground": LegalGround.REQUIRED_BY_LAW},
        {"consent_id": CONSENT, "ground": LegalGround.REQUIRED_BY_LAW, "explanation": "Both"},
    ],
)
def test_a_sharing_basis_is_a_request_or_an_explained_ground_and_not_both(fields: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        SharingBasis(**fields)


# The receiving side ------------------------------------------------------------------------------------------


def test_a_wrong_speciality_is_returned_with_a_reason_and_the_right_one() -> None:
    back = ReturnReferral(referral_id=REFERRAL, reason=WRONG_SPECIALITY.reason, suggested_speciality=DERMATOLOGY)
    given(*SENT).when(back, LAN_AT_BACH_MAI).then(WRONG_SPECIALITY)


def test_no_speciality_is_suggested_that_nobody_knows() -> None:
    back = ReturnReferral(referral_id=REFERRAL, reason="Elsewhere", suggested_speciality="palmistry")
    given(*SENT).when(back, LAN_AT_BACH_MAI).then_refused("UNKNOWN_SPECIALITY", "suggested_speciality")


def test_a_returned_referral_is_revised_and_sent_again_with_a_new_clock() -> None:
    dermatology = request(speciality=DERMATOLOGY)
    history = (*RETURNED, ReferralRevised(request=dermatology))
    now = acting(DR_HOA, Role.DOCTOR, THAI_NGUYEN, later(60))
    given(*history, others=world()).when(SUBMIT, now).then(submitted(2, minutes=60, what=dermatology))


def test_the_receiving_side_accepts() -> None:
    given(*SENT).when(AcceptReferral(referral_id=REFERRAL), LAN_AT_BACH_MAI).then(ReferralAccepted())


def test_the_receiving_side_declines_with_a_reason() -> None:
    decline = DeclineReferral(referral_id=REFERRAL, reason="No catheter laboratory today")
    given(*SENT).when(decline, LAN_AT_BACH_MAI).then(ReferralDeclined(reason="No catheter laboratory today"))


AUGUST_MORNING = Period(start=AUGUST_27.start, end=NOON)
SCHEDULE = ScheduleReferral(referral_id=REFERRAL, period=AUGUST_MORNING, consultation_id=CONSULTATION)
PLANNED = Consultation(status=ConsultationStatus.PLANNED, centre_id=BACH_MAI, period=AUGUST_27)
SCHEDULED = ReferralScheduled(period=AUGUST_MORNING, consultation_id=CONSULTATION)


def test_an_accepted_referral_is_scheduled_within_a_consultation() -> None:
    given(*ACCEPTED, others=world(CONSULTATION, PLANNED)).when(SCHEDULE, LAN_AT_BACH_MAI).then(SCHEDULED)


def test_a_referral_whose_consultation_was_cancelled_gets_a_new_time() -> None:
    alone = ScheduleReferral(referral_id=REFERRAL, period=AUGUST_MORNING)
    given(*ACCEPTED, SCHEDULED).when(alone, LAN_AT_BACH_MAI).then(ReferralScheduled(period=AUGUST_MORNING))


@pytest.mark.parametrize(
    "session",
    [
        Consultation(),
        PLANNED.with_(centre_id=SA_PA),
        PLANNED.with_(status=ConsultationStatus.CANCELLED),
    ],
)
def test_a_referral_is_not_scheduled_within_a_consultation_of_others_or_one_that_is_over(session: Consultation) -> None:
    given(*ACCEPTED, others=world(CONSULTATION, session)).when(SCHEDULE, LAN_AT_BACH_MAI).then_refused(
        "CONSULTATION_ELSEWHERE", "consultation_id"
    )


def test_a_referral_is_scheduled_at_a_time_within_the_consultation() -> None:
    short = PLANNED.with_(period=Period(start=AUGUST_27.start, end=later(-30)))
    given(*ACCEPTED, others=world(CONSULTATION, short)).when(SCHEDULE, LAN_AT_BACH_MAI).then_refused(
        "OUTSIDE_THE_CONSULTATION", "period"
    )


def test_nothing_is_scheduled_that_was_not_accepted() -> None:
    given(*SENT, others=world(CONSULTATION, PLANNED)).when(SCHEDULE, LAN_AT_BACH_MAI).then_refused("NOT_IN_THIS_STATUS")


@pytest.mark.parametrize(
    ("history", "command"),
    [
        (SENT, AcceptReferral(referral_id=REFERRAL)),
        (SENT, ReturnReferral(referral_id=REFERRAL, reason="Not ours")),
        (SENT, DeclineReferral(referral_id=REFERRAL, reason="Not ours")),
        (ACCEPTED, SCHEDULE),
    ],
)
def test_only_the_receiving_side_answers(history: tuple[Event, ...], command: Command) -> None:
    given(*history, others=world(CONSULTATION, PLANNED)).when(command, HOA_AT_THAI_NGUYEN).then_refused(
        "NOT_YOUR_FACILITY"
    )


@pytest.mark.parametrize(
    ("history", "command"),
    [(DRAFT, SUBMIT), (SENT, CancelReferral(referral_id=REFERRAL, reason="Not needed"))],
)
def test_only_the_asking_side_sends_and_withdraws(history: tuple[Event, ...], command: Command) -> None:
    given(*history, others=world()).when(command, LAN_AT_BACH_MAI).then_refused("NOT_YOUR_FACILITY")


def test_the_asking_side_withdraws_what_it_no_longer_needs() -> None:
    cancel = CancelReferral(referral_id=REFERRAL, reason="The patient recovered")
    given(*ACCEPTED).when(cancel, HOA_AT_THAI_NGUYEN).then(ReferralCancelled(reason="The patient recovered"))


# The clock ---------------------------------------------------------------------------------------------------

OVERDUE = RecordAnswerOverdue(referral_id=REFERRAL, submission=1)
RAN_OUT = ReferralAnswerOverdue(
    submission=1,
    answer_due_at=later(240),
    asking_facility_id=THAI_NGUYEN,
    receiving_facility_id=BACH_MAI,
    urgency=Urgency.URGENT,
)


def system_at(minutes: float) -> Context:
    return THE_SYSTEM.model_copy(update={"now": later(minutes)})


def test_an_answer_that_does_not_come_in_time_is_recorded() -> None:
    given(*SENT).when(OVERDUE, system_at(240)).then(RAN_OUT)


def test_no_answer_is_overdue_before_its_time() -> None:
    given(*SENT).when(OVERDUE, system_at(239)).then_refused("ANSWER_NOT_DUE")


def test_a_missed_answer_is_recorded_once_for_each_submission() -> None:
    given(*SENT, RAN_OUT).when(OVERDUE, system_at(300)).then_refused("OVERDUE_ALREADY_RECORDED")


def test_the_timer_of_an_earlier_submission_says_nothing_of_the_new_one() -> None:
    again = (*SENT, RAN_OUT, WRONG_SPECIALITY, submitted(2, minutes=300))
    given(*again).when(OVERDUE, system_at(600)).then_refused("ANOTHER_SUBMISSION", "submission")
    second = RecordAnswerOverdue(referral_id=REFERRAL, submission=2)
    given(*again).when(second, system_at(600)).then(
        RAN_OUT.model_copy(update={"submission": 2, "answer_due_at": later(540)})
    )


@pytest.mark.parametrize("answer", [WRONG_SPECIALITY, ReferralAccepted(), ReferralDeclined(reason="No bed")])
def test_a_first_answer_stops_the_clock(answer: Event) -> None:
    given(*SENT, answer).when(OVERDUE, system_at(600)).then_refused("NOT_IN_THIS_STATUS")


def test_nobody_but_the_system_records_a_missed_answer() -> None:
    given(*SENT).when(OVERDUE, HOA_AT_THAI_NGUYEN).then_refused("ROLE_NOT_ALLOWED")


def test_every_event_of_a_referral_is_about_its_patient() -> None:
    state = Referral().after(RETURNED)
    assert state.status is Status.RETURNED
    assert state.about(WRONG_SPECIALITY) == PATIENT
