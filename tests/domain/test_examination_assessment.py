"""What the remote doctor assesses and signs, and what the local doctor decides."""

from __future__ import annotations

import pytest

from commands._command import Command
from commands.examination import AbortExamination, CaptureImage
from commands.examination_assessment import (
    AmendExamination,
    MakeDiagnosis,
    OrderTreatment,
    RecordAssessment,
    SignExamination,
    TakeDecision,
)
from domain._kernel import Event
from domain.examination import (
    AssessmentRecorded,
    DecisionTaken,
    DiagnosisMade,
    Examination,
    ExaminationAmended,
    ExaminationSigned,
    TreatmentOrdered,
)
from tests.domain.cast import (
    AORTIC_STENOSIS,
    DERMATOLOGY,
    DR_HOA,
    DR_LAN,
    EXAMINATION,
    HEART_RATE,
    HOA_AT_THAI_NGUYEN,
    HYPERTENSION,
    LAN_AT_BACH_MAI,
    MAI_AT_THAI_NGUYEN,
    MINH_AT_BACH_MAI,
    POOR_LINE,
    REFERRAL,
    THAI_NGUYEN,
    practitioner,
    world,
)
from tests.domain.test_examination import CAPTURE, CAPTURED, IMAGE, OBSERVED, STARTED, WITH_PROBE
from tests.spec import given

ASSESS = RecordAssessment(examination_id=EXAMINATION, findings="Van động mạch chủ vôi hóa", advice="Siêu âm lại")
ASSESSED = AssessmentRecorded(
    practitioner_id=DR_LAN, findings=ASSESS.findings, advice=ASSESS.advice, images=(IMAGE,), images_not_for_diagnosis=()
)
SEEN = (*WITH_PROBE, CAPTURED)
WITH_ASSESSMENT = (*SEEN, ASSESSED)
DIAGNOSE = MakeDiagnosis(examination_id=EXAMINATION, coding=HYPERTENSION)
LISTED = DiagnosisMade(practitioner_id=DR_LAN, coding=HYPERTENSION, treatable_remotely=True)
UNLISTED = DiagnosisMade(practitioner_id=DR_LAN, coding=AORTIC_STENOSIS, treatable_remotely=False)
DECIDE = TakeDecision(examination_id=EXAMINATION, follows_assessment=True, decision="Điều trị theo tư vấn")
DECIDED = DecisionTaken(practitioner_id=DR_HOA, follows_assessment=True, treats_locally=False, decision=DECIDE.decision)
TREAT = OrderTreatment(examination_id=EXAMINATION, treatment="Amlodipine 5 mg mỗi sáng")
TREATED = TreatmentOrdered(practitioner_id=DR_HOA, treatment=TREAT.treatment)
AMEND = AmendExamination(examination_id=EXAMINATION, reason="Nhầm số đo", text="Diện tích van 0,8 cm²")


def digest_after(*history: Event) -> str:
    return Examination().after(history).content_sha256


DIAGNOSED = (*WITH_ASSESSMENT, LISTED)
CONTENT = digest_after(*DIAGNOSED)
SIGN = SignExamination(examination_id=EXAMINATION, content_sha256=CONTENT)
SIGNED = ExaminationSigned(practitioner_id=DR_LAN, content_sha256=CONTENT, referral_id=REFERRAL)


# The remote doctor -------------------------------------------------------------------------------------------


def test_the_remote_doctor_assesses_what_the_images_show() -> None:
    given(*SEEN, others=world()).when(ASSESS, LAN_AT_BACH_MAI).then(ASSESSED)


def test_an_observation_alone_can_be_assessed() -> None:
    given(*STARTED, OBSERVED, others=world()).when(ASSESS, LAN_AT_BACH_MAI).then(
        ASSESSED.model_copy(update={"images": ()})
    )


def test_nothing_is_assessed_before_there_is_an_observation_or_an_image() -> None:
    given(*WITH_PROBE, others=world()).when(ASSESS, LAN_AT_BACH_MAI).then_refused("NOTHING_TO_ASSESS")


def test_images_below_diagnostic_quality_are_named_with_the_assessment() -> None:
    poor = CAPTURED.model_copy(update={"measured": POOR_LINE, "diagnostic": False})
    given(*WITH_PROBE, poor, others=world()).when(ASSESS, LAN_AT_BACH_MAI).then(
        ASSESSED.model_copy(update={"images_not_for_diagnosis": (IMAGE,)})
    )


@pytest.mark.parametrize(
    ("history", "command"),
    [(SEEN, ASSESS), (WITH_ASSESSMENT, DIAGNOSE), (DIAGNOSED, SIGN), ((*DIAGNOSED, SIGNED), AMEND)],
)
def test_only_the_remote_doctor_with_a_licence_in_force_assesses_diagnoses_signs_and_amends(
    history: tuple[Event, ...], command: Command
) -> None:
    for other in (MINH_AT_BACH_MAI, HOA_AT_THAI_NGUYEN):
        given(*history, others=world()).when(command, other).then_refused("NOT_THE_REMOTE_DOCTOR")
    for doctor in (practitioner(suspended=True), practitioner(scope=(DERMATOLOGY,))):
        given(*history, others=world(DR_LAN, doctor)).when(command, LAN_AT_BACH_MAI).then_refused(
            "LICENCE_DOES_NOT_COVER"
        )


def test_a_diagnosis_says_whether_it_may_be_treated_remotely() -> None:
    given(*WITH_ASSESSMENT, others=world()).when(DIAGNOSE, LAN_AT_BACH_MAI).then(LISTED)
    stenosis = MakeDiagnosis(examination_id=EXAMINATION, coding=AORTIC_STENOSIS)
    given(*WITH_ASSESSMENT, others=world()).when(stenosis, LAN_AT_BACH_MAI).then(UNLISTED)


def test_a_diagnosis_is_coded_in_a_version_that_is_in_force() -> None:
    old = DIAGNOSE.model_copy(update={"coding": HYPERTENSION.model_copy(update={"version": "1994"})})
    given(*WITH_ASSESSMENT, others=world()).when(old, LAN_AT_BACH_MAI).then_refused("CODE_NOT_ACCEPTED", "coding")


def test_a_diagnosis_is_a_disease_and_not_a_measurement() -> None:
    pulse = DIAGNOSE.model_copy(update={"coding": HEART_RATE})
    given(*WITH_ASSESSMENT, others=world()).when(pulse, LAN_AT_BACH_MAI).then_refused("NOT_A_DISEASE_CODE", "coding")


def test_there_is_no_diagnosis_before_an_assessment() -> None:
    given(*SEEN, others=world()).when(DIAGNOSE, LAN_AT_BACH_MAI).then_refused("NOT_IN_THIS_STATUS")


def test_the_remote_doctor_signs_what_was_seen_assessed_and_diagnosed() -> None:
    given(*DIAGNOSED, others=world()).when(SIGN, LAN_AT_BACH_MAI).then(SIGNED)


def test_nobody_signs_content_that_has_moved_on() -> None:
    moved = (*DIAGNOSED, UNLISTED)
    given(*moved, others=world()).when(SIGN, LAN_AT_BACH_MAI).then_refused("SIGNED_CONTENT_DIFFERS", "content_sha256")


def test_the_local_decision_does_not_change_what_the_remote_doctor_signs() -> None:
    assert digest_after(*DIAGNOSED, DECIDED, TREATED) == CONTENT


def test_signed_content_is_amended_with_a_reason_and_never_changed() -> None:
    history = (*DIAGNOSED, SIGNED)
    state = Examination().after(history)
    amended = ExaminationAmended(
        practitioner_id=DR_LAN,
        amendment_version=1,
        reason=AMEND.reason,
        text=AMEND.text,
        content_sha256=state.amended_sha256(AMEND.reason, AMEND.text),
    )
    given(*history, others=world()).when(AMEND, LAN_AT_BACH_MAI).then(amended)
    for command in (ASSESS, DIAGNOSE, SIGN):
        given(*history, others=world()).when(command, LAN_AT_BACH_MAI).then_refused("NOT_IN_THIS_STATUS")
    again = given(*history, amended, others=world()).when(AMEND, LAN_AT_BACH_MAI).of
    assert isinstance(again, list)
    (second,) = again
    assert isinstance(second, ExaminationAmended)
    assert (second.amendment_version, second.content_sha256 != amended.content_sha256) == (2, True)


def test_what_is_not_signed_is_not_amended() -> None:
    given(*DIAGNOSED, others=world()).when(AMEND, LAN_AT_BACH_MAI).then_refused("NOT_IN_THIS_STATUS")


def test_no_image_is_added_to_signed_content() -> None:
    later = CaptureImage.model_validate({**CAPTURE.model_dump(), "image_id": DR_HOA})
    given(*DIAGNOSED, SIGNED).when(later, MAI_AT_THAI_NGUYEN).then_refused("NOT_IN_THIS_STATUS")


def test_an_assessed_examination_is_not_given_up() -> None:
    abort = AbortExamination(examination_id=EXAMINATION, reason="Hết giờ")
    given(*WITH_ASSESSMENT).when(abort, HOA_AT_THAI_NGUYEN).then_refused("NOT_IN_THIS_STATUS")


# The local doctor --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("history", [DIAGNOSED, (*DIAGNOSED, SIGNED)])
def test_the_local_doctor_decides_before_or_after_the_signature(history: tuple[Event, ...]) -> None:
    given(*history, others=world()).when(DECIDE, HOA_AT_THAI_NGUYEN).then(DECIDED)


def test_the_remote_doctors_assessment_is_not_a_decision() -> None:
    given(*DIAGNOSED, others=world()).when(DECIDE, LAN_AT_BACH_MAI).then_refused("NOT_YOUR_FACILITY")
    given(*DIAGNOSED, DECIDED, others=world()).when(TREAT, LAN_AT_BACH_MAI).then_refused("NOT_YOUR_FACILITY")


def test_a_decision_that_differs_from_the_assessment_says_why() -> None:
    differs = DECIDE.model_copy(update={"follows_assessment": False})
    given(*DIAGNOSED, others=world()).when(differs, HOA_AT_THAI_NGUYEN).then_refused(
        "DIFFERENCE_NEEDS_REASON", "reason"
    )
    explained = differs.model_copy(update={"reason": "Bệnh nhân dị ứng"})
    given(*DIAGNOSED, others=world()).when(explained, HOA_AT_THAI_NGUYEN).then(
        DECIDED.model_copy(update={"follows_assessment": False, "reason": "Bệnh nhân dị ứng"})
    )


def test_a_treatment_of_an_allowed_disease_rests_on_the_local_decision() -> None:
    given(*DIAGNOSED, DECIDED, others=world()).when(TREAT, HOA_AT_THAI_NGUYEN).then(TREATED)


def test_nothing_is_treated_without_a_local_decision() -> None:
    given(*DIAGNOSED, others=world()).when(TREAT, HOA_AT_THAI_NGUYEN).then_refused("NO_DECISION")


def test_nothing_is_treated_remotely_without_a_diagnosis() -> None:
    given(*WITH_ASSESSMENT, DECIDED, others=world()).when(TREAT, HOA_AT_THAI_NGUYEN).then_refused("NOT_DIAGNOSED")


def test_one_disease_outside_the_allowed_list_makes_the_diagnosis_advice_only() -> None:
    outcome = given(*DIAGNOSED, UNLISTED, DECIDED, others=world()).when(TREAT, HOA_AT_THAI_NGUYEN)
    outcome.then_refused("DISEASE_NOT_ALLOWED_REMOTELY")
    assert getattr(outcome.of, "details", {})["codes"] == "I35.0"


def test_the_local_doctor_who_treats_in_person_is_not_bound_by_the_list() -> None:
    in_person = DECIDED.model_copy(update={"treats_locally": True})
    given(*DIAGNOSED, UNLISTED, in_person, others=world()).when(TREAT, HOA_AT_THAI_NGUYEN).then(TREATED)


def test_nobody_decides_or_treats_with_a_suspended_licence() -> None:
    suspended = world(DR_HOA, practitioner(at=THAI_NGUYEN, suspended=True))
    for command in (DECIDE, TREAT):
        given(*DIAGNOSED, DECIDED, others=suspended).when(command, HOA_AT_THAI_NGUYEN).then_refused(
            "NO_LICENCE_IN_FORCE"
        )


def test_the_local_doctor_need_not_be_of_the_speciality_that_was_asked() -> None:
    generalist = world(DR_HOA, practitioner(at=THAI_NGUYEN, scope=(DERMATOLOGY,)))
    given(*DIAGNOSED, others=generalist).when(DECIDE, HOA_AT_THAI_NGUYEN).then(DECIDED)
