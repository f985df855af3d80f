"""What the two doctors conclude from an examination: the remote one assesses, the local one decides.

The assessment, its diagnoses and the signature are the remote doctor's; the decision and the treatment are those of a
doctor at the point, who answers for the patient (Circular 49/2017/TT-BYT, Art 3; Law 15/2023, Art 64).
"""

from __future__ import annotations

from collections.abc import Iterator
from uuid import UUID

from commands._authority import admit_at
from commands._command import Command, Context
from commands._conditions import require_any_licence, require_codes, require_licence, require_same_content
from domain._clinical import ClinicalCoding
from domain._kernel import Role
from domain._personal import ClinicalText, Reason
from domain._values import Sha256
from domain.examination import (
    AssessmentRecorded,
    DecisionTaken,
    DiagnosisMade,
    DifferenceNeedsReason,
    DiseaseNotAllowedRemotely,
    Examination,
    ExaminationAmended,
    ExaminationSigned,
    NoDecision,
    NotADiseaseCode,
    NotDiagnosed,
    NothingToAssess,
    NotTheRemoteDoctor,
    TreatmentOrdered,
)
from domain.practitioner import Practitioner


class RecordAssessment(Command, of=Examination, by={Role.DOCTOR}):
    """Record what the examination shows, as its remote doctor. Images below diagnostic quality are named with it."""

    examination_id: UUID
    findings: ClinicalText
    advice: ClinicalText | None = None

    def decide(self, examination: Examination, context: Context, actor: Practitioner) -> Iterator[AssessmentRecorded]:
        _require_remote_doctor(examination, context, actor)
        if not examination.images and not examination.observations:
            raise NothingToAssess()
        yield AssessmentRecorded(
            practitioner_id=context.actor.id,
            findings=self.findings,
            advice=self.advice,
            images=examination.images,
            images_not_for_diagnosis=examination.images_not_for_diagnosis,
        )


class MakeDiagnosis(Command, of=Examination, by={Role.DOCTOR}):
    """Make a diagnosis, coded in a version that is in force, as the remote doctor."""

    examination_id: UUID
    coding: ClinicalCoding

    def decide(self, examination: Examination, context: Context, actor: Practitioner) -> Iterator[DiagnosisMade]:
        _require_remote_doctor(examination, context, actor)
        if not self.coding.system.lower().startswith("icd-"):
            raise NotADiseaseCode(system=self.coding.system)
        require_codes([self.coding], context, "coding")
        yield DiagnosisMade(
            practitioner_id=context.actor.id,
            coding=self.coding,
            treatable_remotely=context.reference.treatable_remotely(self.coding, context.day),
        )


class TakeDecision(Command, of=Examination, by={Role.DOCTOR}):
    """Decide as a doctor at the point: follow the assessment, or differ from it and say why."""

    examination_id: UUID
    follows_assessment: bool
    treats_locally: bool = False
    decision: ClinicalText
    reason: ClinicalText | None = None

    def decide(self, examination: Examination, context: Context, actor: Practitioner) -> Iterator[DecisionTaken]:
        admit_at(context.actor, examination.point_id)
        require_any_licence(actor, context.happened_at)
        if not self.follows_assessment and self.reason is None:
            raise DifferenceNeedsReason()
        yield DecisionTaken(
            practitioner_id=context.actor.id,
            follows_assessment=self.follows_assessment,
            treats_locally=self.treats_locally,
            decision=self.decision,
            reason=self.reason,
        )


class OrderTreatment(Command, of=Examination, by={Role.DOCTOR}):
    """Order a treatment as a doctor at the point, resting on the decision that was taken there."""

    examination_id: UUID
    treatment: ClinicalText

    def decide(self, examination: Examination, context: Context, actor: Practitioner) -> Iterator[TreatmentOrdered]:
        admit_at(context.actor, examination.point_id)
        require_any_licence(actor, context.happened_at)
        if examination.decision is None:
            raise NoDecision()
        if not examination.decision.treats_locally:
            _require_remote_treatment(examination)
        yield TreatmentOrdered(practitioner_id=context.actor.id, treatment=self.treatment)


class SignExamination(Command, of=Examination, by={Role.DOCTOR}):
    """Sign evidence, assessment and diagnoses as the remote doctor, naming the digest of what you read."""

    examination_id: UUID
    content_sha256: Sha256

    def decide(self, examination: Examination, context: Context, actor: Practitioner) -> Iterator[ExaminationSigned]:
        _require_remote_doctor(examination, context, actor)
        require_same_content(self.content_sha256, examination.content_sha256)
        yield ExaminationSigned(
            practitioner_id=context.actor.id,
            content_sha256=examination.content_sha256,
            referral_id=examination.referral_id,
        )


class AmendExamination(Command, of=Examination, by={Role.DOCTOR}):
    """Correct what you signed by a new version, with a reason; the signed text stays as it is."""

    examination_id: UUID
    reason: Reason
    text: ClinicalText

    def decide(self, examination: Examination, context: Context, actor: Practitioner) -> Iterator[ExaminationAmended]:
        _require_remote_doctor(examination, context, actor)
        yield ExaminationAmended(
            practitioner_id=context.actor.id,
            amendment_version=examination.amendments + 1,
            reason=self.reason,
            text=self.text,
            content_sha256=examination.amended_sha256(self.reason, self.text),
        )


def _require_remote_doctor(examination: Examination, context: Context, actor: Practitioner) -> None:
    """The remote doctor, with a licence that still covers the speciality."""
    if context.actor.id != examination.remote_doctor_id:
        raise NotTheRemoteDoctor()
    require_licence(actor, examination.speciality, context.happened_at)


def _require_remote_treatment(examination: Examination) -> None:
    """Only what Circular 30/2023 lists is treated remotely; all else is advice that the local doctor takes on."""
    if not examination.diagnoses:
        raise NotDiagnosed()
    beyond = [diagnosis.coding.code for diagnosis in examination.diagnoses if not diagnosis.treatable_remotely]
    if beyond:
        raise DiseaseNotAllowedRemotely(codes=", ".join(beyond))
