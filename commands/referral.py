"""What the two sides ask of a referral while it is written, sent and taken on, and when the answer is no.

The asking side writes and withdraws; the receiving side returns, accepts, declines and schedules. What leads to the
end, the answer, the outcome and the transfer, stands in referral_answer.py and referral_transfer.py.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from uuid import UUID

from commands._authority import NotYourFacility, admit_at
from commands._command import Command, Context
from commands._conditions import (
    require_agreement,
    require_basis,
    require_connected,
    require_living,
    require_service,
    require_unmerged,
)
from domain._kernel import Role
from domain._personal import Reason
from domain._values import Code, Period
from domain.agreement import Agreement
from domain.consent import Consent
from domain.consultation import Consultation
from domain.consultation import Status as ConsultationStatus
from domain.facility import Facility, UnknownSpeciality
from domain.patient import Patient
from domain.referral import (
    AnotherSubmission,
    AnswerNotDue,
    ConsultationElsewhere,
    OutsideTheConsultation,
    OverdueAlreadyRecorded,
    Referral,
    ReferralAccepted,
    ReferralAnswerOverdue,
    ReferralCancelled,
    ReferralDeclined,
    ReferralDrafted,
    ReferralIncomplete,
    ReferralReturned,
    ReferralRevised,
    ReferralScheduled,
    ReferralSubmitted,
    ReferredToItself,
    Request,
)


class DraftReferral(Command, of=Referral, by={Role.DOCTOR, Role.NURSE}):
    """Begin to write a referral of a patient at your facility. Texts and sharing basis may follow later."""

    referral_id: UUID
    patient_id: UUID
    request: Request

    def decide(self, referral: Referral, context: Context, patient: Patient) -> Iterator[ReferralDrafted]:
        if context.actor.facility_id is None:
            raise NotYourFacility()
        _refuse_itself(context.actor.facility_id, self.request)
        require_unmerged(patient)
        yield ReferralDrafted(
            patient_id=self.patient_id, asking_facility_id=context.actor.facility_id, request=self.request
        )


class ReviseReferral(Command, of=Referral, by={Role.DOCTOR, Role.NURSE}):
    """Rewrite the request as a whole: a draft, or one that came back."""

    referral_id: UUID
    request: Request

    def decide(self, referral: Referral, context: Context) -> Iterator[ReferralRevised]:
        admit_at(context.actor, referral.asking_facility_id)
        _refuse_itself(referral.asking_facility_id, self.request)
        yield ReferralRevised(request=self.request)


class SubmitReferral(Command, of=Referral, by={Role.DOCTOR}):
    """Send the complete request. The clock of its urgency starts now, also when it is sent again."""

    referral_id: UUID

    def refers_to(self, state: Referral) -> Mapping[str, UUID | None]:
        asking, receiving = state.asking_facility_id, state.receiving_facility_id
        return {
            "agreement": Agreement.between(asking, receiving) if asking and receiving else None,
            "consent": state.sharing.consent_id if state.sharing else None,
        }

    def decide(
        self,
        referral: Referral,
        context: Context,
        patient: Patient,
        receiving_facility: Facility,
        agreement: Agreement | None,
        consent: Consent | None,
    ) -> Iterator[ReferralSubmitted]:
        admit_at(context.actor, referral.asking_facility_id)
        missing = ", ".join(referral.missing())
        patient_id, asking, receiving = referral.patient_id, referral.asking_facility_id, referral.receiving_facility_id
        if missing or not (referral.sharing and patient_id and asking and receiving):
            raise ReferralIncomplete(missing=missing)
        require_living(patient)
        require_connected(receiving_facility, "receiving_facility_id")
        require_service(
            receiving_facility, referral.service, referral.speciality, context, field="receiving_facility_id"
        )
        require_agreement(agreement, context)
        require_basis(referral.sharing, consent, patient_id, receiving, context)
        yield ReferralSubmitted(
            submission=referral.submission + 1,
            patient_id=patient_id,
            asking_facility_id=asking,
            receiving_facility_id=receiving,
            service=referral.service,
            speciality=referral.speciality,
            urgency=referral.urgency,
            sharing=referral.sharing,
            agreement_id=Agreement.between(asking, receiving),
            # The clock runs from when the receiving side can see the request, not from when it was written.
            answer_due_at=context.now + context.reference.first_answer_within(referral.urgency, context.day),
        )


class ReturnReferral(Command, of=Referral, by={Role.DOCTOR, Role.COORDINATOR}):
    """Send the request back with a reason, and name the right speciality where it is another one."""

    referral_id: UUID
    reason: Reason
    suggested_speciality: Code | None = None

    def decide(self, referral: Referral, context: Context) -> Iterator[ReferralReturned]:
        admit_at(context.actor, referral.receiving_facility_id)
        suggested = self.suggested_speciality
        if suggested is not None and not context.reference.knows_speciality(suggested, context.day):
            raise UnknownSpeciality(speciality=suggested, day=context.day, field="suggested_speciality")
        yield ReferralReturned(reason=self.reason, suggested_speciality=suggested)


class AcceptReferral(Command, of=Referral, by={Role.DOCTOR, Role.COORDINATOR}):
    """Take the request on for the receiving facility."""

    referral_id: UUID

    def decide(self, referral: Referral, context: Context) -> Iterator[ReferralAccepted]:
        admit_at(context.actor, referral.receiving_facility_id)
        yield ReferralAccepted()


class DeclineReferral(Command, of=Referral, by={Role.DOCTOR, Role.COORDINATOR}):
    """Say that the receiving facility cannot help, and why."""

    referral_id: UUID
    reason: Reason

    def decide(self, referral: Referral, context: Context) -> Iterator[ReferralDeclined]:
        admit_at(context.actor, referral.receiving_facility_id)
        yield ReferralDeclined(reason=self.reason)


class ScheduleReferral(Command, of=Referral, by={Role.DOCTOR, Role.COORDINATOR}):
    """Set a time for the help, or another one, alone or within a consultation of the receiving facility."""

    referral_id: UUID
    period: Period
    consultation_id: UUID | None = None

    def decide(
        self, referral: Referral, context: Context, consultation: Consultation | None
    ) -> Iterator[ReferralScheduled]:
        admit_at(context.actor, referral.receiving_facility_id)
        if self.consultation_id is not None:
            _refuse_other_session(consultation, referral, self.period)
        yield ReferralScheduled(period=self.period, consultation_id=self.consultation_id)


class CancelReferral(Command, of=Referral, by={Role.DOCTOR, Role.NURSE}):
    """Withdraw the referral, as the asking side."""

    referral_id: UUID
    reason: Reason

    def decide(self, referral: Referral, context: Context) -> Iterator[ReferralCancelled]:
        admit_at(context.actor, referral.asking_facility_id)
        yield ReferralCancelled(reason=self.reason)


class RecordAnswerOverdue(Command, of=Referral, by={Role.SYSTEM}):
    """Record, once for each submission, that its first answer did not come in time."""

    referral_id: UUID
    submission: int

    def decide(self, referral: Referral, context: Context) -> Iterator[ReferralAnswerOverdue]:
        due, asking, receiving = referral.answer_due_at, referral.asking_facility_id, referral.receiving_facility_id
        if self.submission != referral.submission or not (due and asking and receiving):
            raise AnotherSubmission(running=referral.submission)
        if referral.overdue_recorded:
            raise OverdueAlreadyRecorded(submission=self.submission)
        if context.now < due:
            raise AnswerNotDue(answer_due_at=due.isoformat())
        yield ReferralAnswerOverdue(
            submission=self.submission,
            answer_due_at=due,
            asking_facility_id=asking,
            receiving_facility_id=receiving,
            urgency=referral.urgency,
        )


def _refuse_itself(asking_facility_id: UUID | None, request: Request) -> None:
    if request.receiving_facility_id == asking_facility_id:
        raise ReferredToItself()


def _refuse_other_session(consultation: Consultation | None, referral: Referral, period: Period) -> None:
    ready = {ConsultationStatus.PLANNED, ConsultationStatus.OPEN}
    if consultation is None or consultation.period is None or consultation.status not in ready:
        raise ConsultationElsewhere()
    if consultation.centre_id != referral.receiving_facility_id:
        raise ConsultationElsewhere()
    if not consultation.period.covers(period):
        raise OutsideTheConsultation()
