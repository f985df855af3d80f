"""What is said in a consultation, by whom, and how the minutes of it are signed and amended."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

from commands._command import Command
from commands.consultation_minutes import (
    AmendMinutes,
    CloseConsultation,
    ConcludeIssue,
    GiveOpinion,
    PresentCase,
    RaiseIssue,
    SignMinutes,
)
from domain._kernel import Event, Role
from domain._values import ConsultationKind
from domain.consultation import (
    CasePresented,
    Consultation,
    ConsultationClosed,
    ConsultationPlanned,
    IssueConcluded,
    IssueRaised,
    MinutesAmended,
    MinutesCompleted,
    MinutesSigned,
    OpinionGiven,
)
from domain.referral import Referral
from domain.referral import Status as ReferralStatus
from tests.domain.cast import (
    BACH_MAI,
    CARDIOLOGY,
    CLERK,
    CONSENT,
    CONSULTATION,
    DERMATOLOGY,
    DR_HOA,
    DR_LAN,
    HA_GIANG,
    HOA_AT_THAI_NGUYEN,
    LAN_AT_BACH_MAI,
    MINH_AT_BACH_MAI,
    OTHER_PATIENT,
    PAO_AT_SA_PA,
    PATIENT,
    REFERRAL,
    SA_PA,
    THAI_NGUYEN,
    acting,
    patient,
    practitioner,
    sharing_request,
    world,
)
from tests.domain.test_consultation import LINE_LOST, LIVE, OPEN, joined
from tests.spec import given

CASE, SECOND_CASE, ISSUE, SECOND_ISSUE = (UUID(int=n) for n in range(41, 45))
OPEN_REFERRAL = Referral(
    status=ReferralStatus.ACCEPTED,
    patient_id=PATIENT,
    asking_facility_id=THAI_NGUYEN,
    receiving_facility_id=BACH_MAI,
)
WORLD = world(REFERRAL, OPEN_REFERRAL)
SIGNERS = world(CLERK, practitioner())
PRESENT = PresentCase(
    consultation_id=CONSULTATION,
    case_id=CASE,
    patient_id=PATIENT,
    summary="Nam 62 tuổi, đau ngực",
    referral_id=REFERRAL,
)
PRESENTED = CasePresented(
    case_id=CASE, patient_id=PATIENT, facility_id=THAI_NGUYEN, summary=PRESENT.summary, referral_id=REFERRAL
)
RAISE = RaiseIssue(consultation_id=CONSULTATION, issue_id=ISSUE, case_id=CASE, question="Can thiệp ngay?")
RAISED = IssueRaised(issue_id=ISSUE, case_id=CASE, facility_id=THAI_NGUYEN, question="Can thiệp ngay?")
OPINE = GiveOpinion(consultation_id=CONSULTATION, issue_id=ISSUE, speciality=CARDIOLOGY, opinion="Nên can thiệp")
OPINION = OpinionGiven(
    issue_id=ISSUE, facility_id=BACH_MAI, practitioner_id=DR_LAN, speciality=CARDIOLOGY, opinion="Nên can thiệp"
)
CONCLUDE = ConcludeIssue(consultation_id=CONSULTATION, issue_id=ISSUE, conclusion="Can thiệp trong hôm nay")
CONCLUDED = IssueConcluded(issue_id=ISSUE, conclusion="Can thiệp trong hôm nay")
CLOSE = CloseConsultation(consultation_id=CONSULTATION)
DISCUSSED = (*LIVE, PRESENTED, RAISED, OPINION, CONCLUDED)
DOCTOR_AT_HA_GIANG = acting(CLERK, Role.DOCTOR, HA_GIANG)


def digest_after(*history: Event) -> str:
    return Consultation().after(history).content_sha256


WRITTEN = digest_after(*DISCUSSED)
CLOSED = ConsultationClosed(minutes_version=1, content_sha256=WRITTEN, sides=(BACH_MAI, THAI_NGUYEN))
TO_SIGN = (*DISCUSSED, CLOSED)


def signing(side: UUID, content: str = WRITTEN) -> SignMinutes:
    return SignMinutes(consultation_id=CONSULTATION, facility_id=side, content_sha256=content)


def signature(side: UUID, doctor: UUID, version: int = 1, content: str = WRITTEN) -> MinutesSigned:
    return MinutesSigned(facility_id=side, practitioner_id=doctor, minutes_version=version, content_sha256=content)


COMPLETED = MinutesCompleted(minutes_version=1, content_sha256=WRITTEN, referral_ids=(REFERRAL,))
SIGNED = (*TO_SIGN, signature(THAI_NGUYEN, DR_HOA), signature(BACH_MAI, DR_LAN), COMPLETED)


# Cases -------------------------------------------------------------------------------------------------------


def test_a_joined_point_presents_its_patient_on_its_referral() -> None:
    given(*LIVE, others=WORLD).when(PRESENT, HOA_AT_THAI_NGUYEN).then(PRESENTED)


def test_a_case_is_presented_on_the_patients_own_request() -> None:
    own = PRESENT.model_copy(update={"referral_id": None, "consent_id": CONSENT})
    given(*LIVE, others=WORLD).when(own, HOA_AT_THAI_NGUYEN).then(
        PRESENTED.model_copy(update={"referral_id": None, "consent_id": CONSENT})
    )


@pytest.mark.parametrize("consent_id", [None, CONSENT])
def test_no_case_is_presented_without_a_basis_that_covers_the_centre(consent_id: UUID | None) -> None:
    own = PRESENT.model_copy(update={"referral_id": None, "consent_id": consent_id})
    elsewhere = world(CONSENT, sharing_request(with_facility=HA_GIANG))
    given(*LIVE, others=elsewhere).when(own, HOA_AT_THAI_NGUYEN).then_refused("NO_SHARING_BASIS")


@pytest.mark.parametrize(
    "changes",
    [
        {"status": ReferralStatus.DRAFT},
        {"status": ReferralStatus.CANCELLED},
        {"status": None},
        {"patient_id": OTHER_PATIENT},
        {"asking_facility_id": SA_PA},
        {"receiving_facility_id": HA_GIANG},
    ],
)
def test_a_referral_carries_only_its_own_patient_between_its_own_two_sides_while_it_is_open(changes: Any) -> None:
    others = world(REFERRAL, OPEN_REFERRAL.with_(**changes))
    given(*LIVE, others=others).when(PRESENT, HOA_AT_THAI_NGUYEN).then_refused("NO_SHARING_BASIS", "referral_id")


def test_a_point_that_is_not_on_the_line_presents_nothing() -> None:
    given(*LIVE, LINE_LOST, others=WORLD).when(PRESENT, HOA_AT_THAI_NGUYEN).then_refused("POINT_NOT_JOINED")


def test_the_centre_presents_no_case_of_its_own() -> None:
    given(*LIVE, others=WORLD).when(PRESENT, LAN_AT_BACH_MAI).then_refused("NOT_A_BRIDGE_POINT")


def test_a_case_is_presented_once() -> None:
    given(*LIVE, PRESENTED, others=WORLD).when(PRESENT, HOA_AT_THAI_NGUYEN).then_refused("CASE_ALREADY_PRESENTED")


def test_a_dead_patient_is_discussed_in_training_only() -> None:
    died = world(REFERRAL, OPEN_REFERRAL, PATIENT, patient(died=True))
    given(*LIVE, others=died).when(PRESENT, HOA_AT_THAI_NGUYEN).then_refused("PATIENT_HAS_DIED")
    planned = LIVE[0]
    assert isinstance(planned, ConsultationPlanned)
    training = (planned.model_copy(update={"kind": ConsultationKind.TRAINING}), *LIVE[1:])
    given(*training, others=died).when(PRESENT, HOA_AT_THAI_NGUYEN).then(PRESENTED)


# Issues and opinions -----------------------------------------------------------------------------------------


def test_a_point_raises_an_issue_about_a_case() -> None:
    given(*LIVE, PRESENTED).when(RAISE, HOA_AT_THAI_NGUYEN).then(RAISED)


def test_no_issue_is_raised_about_a_case_that_was_not_presented() -> None:
    given(*LIVE).when(RAISE, HOA_AT_THAI_NGUYEN).then_refused("CASE_NOT_PRESENTED", "case_id")


def test_an_issue_is_raised_once() -> None:
    given(*LIVE, PRESENTED, RAISED).when(RAISE, HOA_AT_THAI_NGUYEN).then_refused("ISSUE_ALREADY_RAISED")


def test_a_practitioner_of_a_joined_point_gives_an_opinion() -> None:
    given(*LIVE, PRESENTED, RAISED, others=WORLD).when(OPINE, LAN_AT_BACH_MAI).then(OPINION)


@pytest.mark.parametrize("command", [OPINE, RAISE, PRESENT])
def test_an_observer_says_nothing(command: Command) -> None:
    others = world(REFERRAL, OPEN_REFERRAL, CLERK, practitioner(at=HA_GIANG))
    given(*LIVE, PRESENTED, RAISED, others=others).when(command, DOCTOR_AT_HA_GIANG).then_refused(
        "OBSERVERS_ARE_SILENT"
    )


@pytest.mark.parametrize("command", [OPINE, RAISE, PRESENT])
def test_a_point_that_has_not_joined_says_nothing(command: Command) -> None:
    given(*LIVE, PRESENTED, RAISED, others=WORLD).when(command, PAO_AT_SA_PA).then_refused("POINT_NOT_JOINED")


def test_an_opinion_is_given_in_a_speciality_of_the_licence() -> None:
    skin = OPINE.model_copy(update={"speciality": DERMATOLOGY})
    given(*LIVE, PRESENTED, RAISED, others=WORLD).when(skin, LAN_AT_BACH_MAI).then_refused(
        "LICENCE_DOES_NOT_COVER", "speciality"
    )


def test_nobody_gives_an_opinion_or_concludes_on_an_issue_that_nobody_raised() -> None:
    for command in (OPINE, CONCLUDE):
        given(*LIVE, PRESENTED, others=WORLD).when(command, LAN_AT_BACH_MAI).then_refused("ISSUE_NOT_RAISED")


def test_after_the_conclusion_the_issue_is_closed() -> None:
    for command in (OPINE, CONCLUDE):
        given(*DISCUSSED, others=WORLD).when(command, LAN_AT_BACH_MAI).then_refused("ISSUE_ALREADY_CONCLUDED")


def test_the_chair_concludes() -> None:
    given(*LIVE, PRESENTED, RAISED).when(CONCLUDE, LAN_AT_BACH_MAI).then(CONCLUDED)
    given(*LIVE, PRESENTED, RAISED).when(CONCLUDE, HOA_AT_THAI_NGUYEN).then_refused("NOT_THE_CHAIR")


def test_what_is_said_about_a_case_is_about_its_patient() -> None:
    consultation = Consultation().after(DISCUSSED)
    for event in (PRESENTED, RAISED, OPINION, CONCLUDED):
        assert consultation.about(event) == PATIENT
    assert consultation.about(CLOSED) is None


# Closing -----------------------------------------------------------------------------------------------------


def test_the_centre_closes_when_every_issue_has_its_conclusion() -> None:
    given(*DISCUSSED).when(CLOSE, LAN_AT_BACH_MAI).then(CLOSED)


def test_an_issue_without_a_conclusion_keeps_the_consultation_open() -> None:
    second = RAISED.model_copy(update={"issue_id": SECOND_ISSUE})
    outcome = given(*DISCUSSED, second).when(CLOSE, LAN_AT_BACH_MAI)
    outcome.then_refused("ISSUES_WITHOUT_CONCLUSION")
    assert getattr(outcome.of, "details", {})["issues"] == str(SECOND_ISSUE)


def test_a_consultation_to_which_no_point_came_is_not_closed() -> None:
    given(*OPEN, joined(HA_GIANG, 4)).when(CLOSE, LAN_AT_BACH_MAI).then_refused("NO_POINT_JOINED")


def test_a_point_that_came_and_went_was_there() -> None:
    closed = ConsultationClosed(minutes_version=1, content_sha256=digest_after(*LIVE), sides=(BACH_MAI,))
    given(*LIVE, LINE_LOST).when(CLOSE, MINH_AT_BACH_MAI).then(closed)


def test_only_the_chair_or_the_responsible_practitioner_closes() -> None:
    given(*DISCUSSED).when(CLOSE, HOA_AT_THAI_NGUYEN).then_refused("NOT_RESPONSIBLE")


# Minutes -----------------------------------------------------------------------------------------------------


def test_each_side_signs_and_the_last_signature_completes_the_minutes() -> None:
    given(*TO_SIGN, others=SIGNERS).when(signing(THAI_NGUYEN), HOA_AT_THAI_NGUYEN).then(signature(THAI_NGUYEN, DR_HOA))
    half = (*TO_SIGN, signature(THAI_NGUYEN, DR_HOA))
    given(*half, others=SIGNERS).when(signing(BACH_MAI), LAN_AT_BACH_MAI).then(signature(BACH_MAI, DR_LAN), COMPLETED)


def test_nobody_signs_what_is_not_closed() -> None:
    given(*DISCUSSED, others=SIGNERS).when(signing(THAI_NGUYEN), HOA_AT_THAI_NGUYEN).then_refused("NOT_IN_THIS_STATUS")


def test_nobody_signs_for_another_side() -> None:
    given(*TO_SIGN, others=SIGNERS).when(signing(THAI_NGUYEN), LAN_AT_BACH_MAI).then_refused("NOT_YOUR_FACILITY")


def test_a_point_that_presented_no_case_does_not_sign() -> None:
    given(*TO_SIGN, others=SIGNERS).when(signing(SA_PA), PAO_AT_SA_PA).then_refused("NOT_A_SIDE_OF_THE_MINUTES")


def test_for_the_centre_the_chair_or_the_responsible_practitioner_signs() -> None:
    passer_by = acting(CLERK, Role.DOCTOR, BACH_MAI)
    given(*TO_SIGN, others=SIGNERS).when(signing(BACH_MAI), passer_by).then_refused("NOT_RESPONSIBLE")


def test_a_side_signs_a_version_once() -> None:
    half = (*TO_SIGN, signature(THAI_NGUYEN, DR_HOA))
    given(*half, others=SIGNERS).when(signing(THAI_NGUYEN), HOA_AT_THAI_NGUYEN).then_refused("ALREADY_SIGNED")


def test_both_sides_sign_the_same_content() -> None:
    other = digest_after(*LIVE, PRESENTED, RAISED, CONCLUDED)
    given(*TO_SIGN, others=SIGNERS).when(signing(THAI_NGUYEN, other), HOA_AT_THAI_NGUYEN).then_refused(
        "SIGNED_CONTENT_DIFFERS"
    )


def test_the_digest_changes_with_every_word_and_with_their_order() -> None:
    reworded = CONCLUDED.model_copy(update={"conclusion": "Can thiệp ngày mai"})
    swapped = (*LIVE, PRESENTED, RAISED, CONCLUDED, OPINION)
    histories: tuple[tuple[Event, ...], ...] = (DISCUSSED, (*DISCUSSED[:-1], reworded), swapped, DISCUSSED[:-1])
    assert len({digest_after(*history) for history in histories}) == 4


def test_nobody_signs_minutes_with_a_suspended_licence() -> None:
    suspended = world(DR_HOA, practitioner(at=THAI_NGUYEN, suspended=True))
    given(*TO_SIGN, others=suspended).when(signing(THAI_NGUYEN), HOA_AT_THAI_NGUYEN).then_refused("NO_LICENCE_IN_FORCE")


# Amendments --------------------------------------------------------------------------------------------------

AMEND = AmendMinutes(consultation_id=CONSULTATION, case_id=CASE, reason="Nhầm bên", text="Động mạch vành phải")
NEXT = Consultation().after(SIGNED).amended_sha256(AMEND.reason, AMEND.text)
AMENDED = MinutesAmended(minutes_version=2, case_id=CASE, reason=AMEND.reason, text=AMEND.text, content_sha256=NEXT)


def test_signed_minutes_are_amended_by_a_new_version_with_a_reason() -> None:
    assert NEXT != WRITTEN
    given(*SIGNED).when(AMEND, HOA_AT_THAI_NGUYEN).then(AMENDED)
    given(*SIGNED).when(AMEND, LAN_AT_BACH_MAI).then(AMENDED)


def test_amended_minutes_are_signed_anew_at_both_ends() -> None:
    history = (*SIGNED, AMENDED)
    given(*history, others=SIGNERS).when(signing(BACH_MAI, WRITTEN), LAN_AT_BACH_MAI).then_refused(
        "SIGNED_CONTENT_DIFFERS"
    )
    by_centre = signature(BACH_MAI, DR_LAN, 2, NEXT)
    given(*history, others=SIGNERS).when(signing(BACH_MAI, NEXT), LAN_AT_BACH_MAI).then(by_centre)
    given(*history, by_centre, others=SIGNERS).when(signing(THAI_NGUYEN, NEXT), HOA_AT_THAI_NGUYEN).then(
        signature(THAI_NGUYEN, DR_HOA, 2, NEXT),
        MinutesCompleted(minutes_version=2, content_sha256=NEXT, referral_ids=(REFERRAL,)),
    )


def test_only_the_sides_of_a_case_amend_the_minutes_about_it() -> None:
    given(*SIGNED).when(AMEND, PAO_AT_SA_PA).then_refused("NOT_YOUR_FACILITY")
    given(*SIGNED).when(AMEND, acting(CLERK, Role.DOCTOR, BACH_MAI)).then_refused("NOT_RESPONSIBLE")


def test_nothing_is_amended_about_a_case_that_was_not_presented() -> None:
    other = AMEND.model_copy(update={"case_id": SECOND_CASE})
    given(*SIGNED).when(other, LAN_AT_BACH_MAI).then_refused("CASE_NOT_PRESENTED")


def test_the_amendment_is_part_of_what_answers_the_referral() -> None:
    answer = Consultation().after((*SIGNED, AMENDED)).answer_to(REFERRAL)
    assert answer == "Can thiệp ngay?\n→ Can thiệp trong hôm nay\n\nNhầm bên\n→ Động mạch vành phải"
