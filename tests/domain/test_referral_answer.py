"""How a referral is answered, closed, or becomes a transfer."""

from __future__ import annotations

import pytest

from commands._command import Command, Context
from commands.referral_answer import AnswerByExamination, AnswerByMinutes, AnswerReferral, ReportOutcome
from commands.referral_transfer import ApproveTransfer, AvoidTransfer, RecordArrival, RecordDeparture, RequestTransfer
from domain._kernel import Event
from domain.consultation import Case, Consultation, Issue
from domain.consultation import Status as ConsultationStatus
from domain.examination import AssessmentRecorded, DiagnosisMade, Examination
from domain.examination import Status as ExaminationStatus
from domain.referral import (
    OutcomeReported,
    PatientDeparted,
    PatientOutcome,
    PatientReceived,
    ReferralAnswered,
    TransferApproved,
    TransferAvoided,
    TransferRequested,
)
from tests.domain.cast import (
    AORTIC_STENOSIS,
    CONSULTATION,
    DR_LAN,
    EXAMINATION,
    HOA_AT_THAI_NGUYEN,
    HYPERTENSION,
    LAN_AT_BACH_MAI,
    MAI_AT_THAI_NGUYEN,
    PAO_AT_SA_PA,
    PATIENT,
    REFERRAL,
    SA_PA,
    THAI_NGUYEN,
    THE_SYSTEM,
    practitioner,
    world,
)
from tests.domain.test_referral import ACCEPTED, SENT
from tests.spec import given

ANSWER = AnswerReferral(
    referral_id=REFERRAL, answer="Nên can thiệp trong hôm nay", advice="Aspirin 300 mg", codings=(HYPERTENSION,)
)
ANSWERED = ReferralAnswered(answer=ANSWER.answer, advice=ANSWER.advice, codings=ANSWER.codings, answered_by=DR_LAN)
WITH_ANSWER = (*ACCEPTED, ANSWERED)
REPORT = ReportOutcome(
    referral_id=REFERRAL, outcome=PatientOutcome.RECOVERED, advice_followed=True, report="Ra viện sau 5 ngày"
)
CLOSED = OutcomeReported(outcome=PatientOutcome.RECOVERED, advice_followed=True, report="Ra viện sau 5 ngày")


def test_a_doctor_of_the_receiving_side_answers() -> None:
    given(*ACCEPTED, others=world()).when(ANSWER, LAN_AT_BACH_MAI).then(ANSWERED)


def test_a_submitted_referral_may_be_answered_at_once() -> None:
    given(*SENT, others=world()).when(ANSWER, LAN_AT_BACH_MAI).then(ANSWERED)


def test_the_asking_side_does_not_answer_itself() -> None:
    given(*ACCEPTED, others=world()).when(ANSWER, HOA_AT_THAI_NGUYEN).then_refused("NOT_YOUR_FACILITY")


def test_nobody_answers_outside_the_own_licence() -> None:
    for doctor in (practitioner(scope=("dermatology",)), practitioner(suspended=True)):
        given(*ACCEPTED, others=world(DR_LAN, doctor)).when(ANSWER, LAN_AT_BACH_MAI).then_refused(
            "LICENCE_DOES_NOT_COVER", "practitioner_id"
        )


def test_an_answer_is_coded_in_a_version_that_is_in_force() -> None:
    old = HYPERTENSION.model_copy(update={"version": "1994"})
    answer = ANSWER.model_copy(update={"codings": (old,)})
    given(*ACCEPTED, others=world()).when(answer, LAN_AT_BACH_MAI).then_refused("CODE_NOT_ACCEPTED", "codings")


# Answers that were signed elsewhere --------------------------------------------------------------------------

ASSESSMENT = AssessmentRecorded(
    practitioner_id=DR_LAN,
    findings="Hẹp van động mạch chủ nặng",
    advice="Chuyển tuyến",
    images=(),
    images_not_for_diagnosis=(),
)
SIGNED_EXAMINATION = Examination(
    status=ExaminationStatus.SIGNED,
    patient_id=PATIENT,
    referral_id=REFERRAL,
    assessment=ASSESSMENT,
    diagnoses=(DiagnosisMade(practitioner_id=DR_LAN, coding=AORTIC_STENOSIS, treatable_remotely=False),),
)
BY_EXAMINATION = AnswerByExamination(referral_id=REFERRAL, examination_id=EXAMINATION)


def test_a_signed_examination_answers_the_referral_in_the_words_of_its_doctor() -> None:
    given(*ACCEPTED, others=world(EXAMINATION, SIGNED_EXAMINATION)).when(BY_EXAMINATION, THE_SYSTEM).then(
        ReferralAnswered(
            answer="Hẹp van động mạch chủ nặng",
            advice="Chuyển tuyến",
            codings=(AORTIC_STENOSIS,),
            answered_by=DR_LAN,
            examination_id=EXAMINATION,
        )
    )


@pytest.mark.parametrize(
    "examination",
    [
        SIGNED_EXAMINATION.with_(status=ExaminationStatus.ASSESSED),
        SIGNED_EXAMINATION.with_(referral_id=EXAMINATION),
        SIGNED_EXAMINATION.with_(assessment=None),
    ],
)
def test_only_a_signed_examination_of_this_referral_answers_it(examination: Examination) -> None:
    given(*ACCEPTED, others=world(EXAMINATION, examination)).when(BY_EXAMINATION, THE_SYSTEM).then_refused(
        "NOT_OF_THIS_REFERRAL"
    )


SIGNED_MINUTES = Consultation(
    status=ConsultationStatus.SIGNED,
    responsible_id=DR_LAN,
    cases={
        CONSULTATION: Case(patient_id=PATIENT, facility_id=THAI_NGUYEN, referral_id=REFERRAL),
        EXAMINATION: Case(patient_id=PATIENT, facility_id=SA_PA),
    },
    issues={
        CONSULTATION: Issue(case_id=CONSULTATION, question="Can thiệp ngay?", conclusion="Có, trong hôm nay"),
        EXAMINATION: Issue(case_id=EXAMINATION, question="Ca khác?", conclusion="Của Sa Pa"),
    },
)
BY_MINUTES = AnswerByMinutes(referral_id=REFERRAL, consultation_id=CONSULTATION)


def test_signed_minutes_answer_the_referral_with_the_conclusions_on_its_own_case() -> None:
    given(*ACCEPTED, others=world(CONSULTATION, SIGNED_MINUTES)).when(BY_MINUTES, THE_SYSTEM).then(
        ReferralAnswered(
            answer="Can thiệp ngay?\n→ Có, trong hôm nay", answered_by=DR_LAN, consultation_id=CONSULTATION
        )
    )


@pytest.mark.parametrize(
    "minutes",
    [SIGNED_MINUTES.with_(status=ConsultationStatus.CLOSED), SIGNED_MINUTES.with_(cases={}, issues={})],
)
def test_only_signed_minutes_with_a_conclusion_answer_the_referral(minutes: Consultation) -> None:
    given(*ACCEPTED, others=world(CONSULTATION, minutes)).when(BY_MINUTES, THE_SYSTEM).then_refused(
        "NOT_OF_THIS_REFERRAL"
    )


def test_nobody_passes_on_an_answer_but_the_system() -> None:
    for command in (BY_EXAMINATION, BY_MINUTES):
        given(*ACCEPTED, others=world()).when(command, LAN_AT_BACH_MAI).then_refused("ROLE_NOT_ALLOWED")


# The end -----------------------------------------------------------------------------------------------------


def test_the_outcome_that_the_asking_side_reports_closes_the_referral() -> None:
    given(*WITH_ANSWER).when(REPORT, HOA_AT_THAI_NGUYEN).then(CLOSED)


def test_the_receiving_side_does_not_close_a_referral() -> None:
    given(*WITH_ANSWER).when(REPORT, LAN_AT_BACH_MAI).then_refused("NOT_YOUR_FACILITY")


def test_there_is_no_outcome_before_an_answer() -> None:
    given(*ACCEPTED).when(REPORT, HOA_AT_THAI_NGUYEN).then_refused("NOT_IN_THIS_STATUS")


def test_what_is_closed_stays_closed() -> None:
    given(*WITH_ANSWER, CLOSED, others=world()).when(ANSWER, LAN_AT_BACH_MAI).then_refused("NOT_IN_THIS_STATUS")


# Transfer ----------------------------------------------------------------------------------------------------

WANTED = TransferRequested(reason="Cần thay van")
APPROVED = TransferApproved(ward="Viện Tim mạch, C3")
DEPARTED = PatientDeparted(means="Xe cứu thương", condition="Ổn định")
RECEIVED = PatientReceived(condition="Tỉnh, huyết áp 130/80")
AVOIDED = TransferAvoided(reason="Đáp ứng điều trị tại chỗ")
REQUEST = RequestTransfer(referral_id=REFERRAL, reason=WANTED.reason)
APPROVE = ApproveTransfer(referral_id=REFERRAL, ward=APPROVED.ward)
DEPART = RecordDeparture(referral_id=REFERRAL, means=DEPARTED.means, condition=DEPARTED.condition)
ARRIVE = RecordArrival(referral_id=REFERRAL, condition=RECEIVED.condition)
AVOID = AvoidTransfer(referral_id=REFERRAL, reason=AVOIDED.reason)
REQUESTED = (*WITH_ANSWER, WANTED)
ON_THE_WAY = (*REQUESTED, APPROVED, DEPARTED)

STEPS = [
    (WITH_ANSWER, REQUEST, HOA_AT_THAI_NGUYEN, WANTED),
    (REQUESTED, APPROVE, LAN_AT_BACH_MAI, APPROVED),
    ((*REQUESTED, APPROVED), DEPART, MAI_AT_THAI_NGUYEN, DEPARTED),
    (ON_THE_WAY, ARRIVE, LAN_AT_BACH_MAI, RECEIVED),
    (REQUESTED, AVOID, HOA_AT_THAI_NGUYEN, AVOIDED),
    (WITH_ANSWER, AVOID, LAN_AT_BACH_MAI, AVOIDED),
    ((*ON_THE_WAY, RECEIVED), REPORT, HOA_AT_THAI_NGUYEN, CLOSED),
    ((*REQUESTED, AVOIDED), REPORT, HOA_AT_THAI_NGUYEN, CLOSED),
]


@pytest.mark.parametrize(("history", "command", "context", "event"), STEPS)
def test_each_step_of_a_transfer_is_recorded_by_the_side_that_takes_it(
    history: tuple[Event, ...], command: Command, context: Context, event: Event
) -> None:
    given(*history).when(command, context).then(event)


@pytest.mark.parametrize(
    ("history", "command", "context"),
    [
        (WITH_ANSWER, REQUEST, LAN_AT_BACH_MAI),
        (REQUESTED, APPROVE, HOA_AT_THAI_NGUYEN),
        ((*REQUESTED, APPROVED), DEPART, LAN_AT_BACH_MAI),
        (ON_THE_WAY, ARRIVE, HOA_AT_THAI_NGUYEN),
        (REQUESTED, AVOID, PAO_AT_SA_PA),
    ],
)
def test_no_side_records_the_step_of_the_other(history: tuple[Event, ...], command: Command, context: Context) -> None:
    given(*history).when(command, context).then_refused("NOT_YOUR_FACILITY")


@pytest.mark.parametrize(
    ("history", "command", "context"),
    [
        (SENT, REQUEST, HOA_AT_THAI_NGUYEN),
        (REQUESTED, DEPART, HOA_AT_THAI_NGUYEN),
        ((*REQUESTED, APPROVED), ARRIVE, LAN_AT_BACH_MAI),
        (ON_THE_WAY, AVOID, HOA_AT_THAI_NGUYEN),
    ],
)
def test_no_step_of_a_transfer_is_skipped(history: tuple[Event, ...], command: Command, context: Context) -> None:
    given(*history).when(command, context).then_refused("NOT_IN_THIS_STATUS")


def test_minutes_that_are_signed_while_the_patient_is_on_the_way_still_answer() -> None:
    minutes = world(CONSULTATION, SIGNED_MINUTES)
    outcome = given(*ON_THE_WAY, others=minutes).when(BY_MINUTES, THE_SYSTEM)
    assert isinstance(outcome.of, list)
    assert [type(event) for event in outcome.of] == [ReferralAnswered]
