"""How a referral gets its answer and its end.

A doctor of the receiving side answers in writing; or the system passes on what was signed elsewhere, an examination
or the minutes of a consultation, without a word of its own. The asking side reports the outcome, which closes.
"""

from __future__ import annotations

from collections.abc import Iterator
from uuid import UUID

from commands._authority import admit_at
from commands._command import Command, Context
from commands._conditions import require_codes, require_licence
from domain._clinical import ClinicalCoding
from domain._kernel import Role
from domain._personal import ClinicalText
from domain.consultation import Consultation
from domain.consultation import Status as ConsultationStatus
from domain.examination import Examination
from domain.examination import Status as ExaminationStatus
from domain.practitioner import Practitioner
from domain.referral import (
    NotOfThisReferral,
    OutcomeReported,
    PatientOutcome,
    Referral,
    ReferralAnswered,
)


class AnswerReferral(Command, of=Referral, by={Role.DOCTOR}):
    """Answer the question of the asking side, with advice and codes where they help."""

    referral_id: UUID
    answer: ClinicalText
    advice: ClinicalText | None = None
    codings: tuple[ClinicalCoding, ...] = ()

    def decide(self, referral: Referral, context: Context, actor: Practitioner) -> Iterator[ReferralAnswered]:
        admit_at(context.actor, referral.receiving_facility_id)
        require_licence(actor, referral.speciality, context.happened_at)
        require_codes(self.codings, context, "codings")
        yield ReferralAnswered(
            answer=self.answer, advice=self.advice, codings=self.codings, answered_by=context.actor.id
        )


class AnswerByExamination(Command, of=Referral, by={Role.SYSTEM}):
    """Pass on the signed assessment of an examination that was ordered for this referral."""

    referral_id: UUID
    examination_id: UUID

    def decide(self, referral: Referral, context: Context, examination: Examination) -> Iterator[ReferralAnswered]:
        assessment = examination.assessment
        signed = examination.status is ExaminationStatus.SIGNED
        if examination.referral_id != self.referral_id or assessment is None or not signed:
            raise NotOfThisReferral(aggregate="examination")
        yield ReferralAnswered(
            answer=assessment.findings,
            advice=assessment.advice,
            codings=tuple(diagnosis.coding for diagnosis in examination.diagnoses),
            answered_by=assessment.practitioner_id,
            examination_id=self.examination_id,
        )


class AnswerByMinutes(Command, of=Referral, by={Role.SYSTEM}):
    """Pass on the conclusions, signed at both ends, on the case that was presented on this referral."""

    referral_id: UUID
    consultation_id: UUID

    def decide(self, referral: Referral, context: Context, consultation: Consultation) -> Iterator[ReferralAnswered]:
        answer = consultation.answer_to(self.referral_id)
        responsible = consultation.responsible_id
        if consultation.status is not ConsultationStatus.SIGNED or not answer or responsible is None:
            raise NotOfThisReferral(aggregate="consultation")
        yield ReferralAnswered(
            answer=answer,
            answered_by=responsible,
            consultation_id=self.consultation_id,
        )


class ReportOutcome(Command, of=Referral, by={Role.DOCTOR}):
    """Report how it went for the patient, as the asking side. This closes the referral."""

    referral_id: UUID
    outcome: PatientOutcome
    advice_followed: bool
    report: ClinicalText

    def decide(self, referral: Referral, context: Context) -> Iterator[OutcomeReported]:
        admit_at(context.actor, referral.asking_facility_id)
        yield OutcomeReported(outcome=self.outcome, advice_followed=self.advice_followed, report=self.report)
