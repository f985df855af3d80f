"""What a patient, or who records it for the patient, asks of a consent, and when the answer is no."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from uuid import UUID

from pydantic import AwareDatetime

from commands._authority import admit_for_person
from commands._command import Command, Context
from commands.facility import require_registered
from domain._kernel import Role
from domain._personal import Reason
from domain._values import Sha256
from domain.consent import (
    IN_WRITING,
    Consent,
    ConsentExpired,
    ConsentGiven,
    ConsentReliedOn,
    ConsentWithdrawn,
    Manner,
    NobodyToConsent,
    Purpose,
    SharingNeedsWriting,
    SharingRequested,
)
from domain.facility import Facility
from domain.patient import Patient

WHO = {Role.PATIENT, Role.DOCTOR, Role.NURSE, Role.REGISTRAR}


class GiveConsent(Command, of=Consent, by=WHO):
    """Record the patient's consent to one purpose, for one facility or for all."""

    consent_id: UUID
    patient_id: UUID
    purpose: Purpose
    template_sha256: Sha256
    manner: Manner
    facility_id: UUID | None = None
    expires_at: AwareDatetime | None = None

    def decide(
        self, consent: Consent, context: Context, patient: Patient, facility: Facility | None
    ) -> Iterator[ConsentGiven]:
        _admit_patient(patient, self.patient_id, context)
        require_registered(facility, self.facility_id, "facility_id")
        if self.purpose is Purpose.TREATMENT_SHARING and self.manner not in IN_WRITING:
            raise SharingNeedsWriting()
        _admit_end(self.expires_at, context)
        yield ConsentGiven(
            patient_id=self.patient_id,
            purpose=self.purpose,
            template_sha256=self.template_sha256,
            manner=self.manner,
            facility_id=self.facility_id,
            given_at=context.happened_at,
            expires_at=self.expires_at,
        )


class RequestSharing(Command, of=Consent, by=WHO):
    """Record the patient's written request to share its data with a facility, or with whichever treats it."""

    consent_id: UUID
    patient_id: UUID
    receiving_facility_id: UUID | None = None
    document_sha256: Sha256
    expires_at: AwareDatetime

    def decide(
        self, consent: Consent, context: Context, patient: Patient, receiving_facility: Facility | None
    ) -> Iterator[SharingRequested]:
        _admit_patient(patient, self.patient_id, context)
        require_registered(receiving_facility, self.receiving_facility_id, "receiving_facility_id")
        _admit_end(self.expires_at, context)
        yield SharingRequested(
            patient_id=self.patient_id,
            receiving_facility_id=self.receiving_facility_id,
            document_sha256=self.document_sha256,
            requested_at=context.happened_at,
            expires_at=self.expires_at,
        )


class WithdrawConsent(Command, of=Consent, by=WHO):
    """Record that the patient withdrew a consent or a request to share."""

    consent_id: UUID
    reason: Reason

    def decide(self, consent: Consent, context: Context, patient: Patient) -> Iterator[ConsentWithdrawn]:
        assert consent.patient_id is not None
        admit_for_person(context.actor, consent.patient_id, patient.facility_id)
        yield ConsentWithdrawn(reason=self.reason, live_session_ids=tuple(sorted(consent.live_session_ids)))


class RecordConsentReliedOn(Command, of=Consent, by={Role.SYSTEM}):
    """Record that a live session relies on a consent, so that its withdrawal finds the way there."""

    consent_id: UUID
    live_session_id: UUID

    def decide(self, consent: Consent, context: Context) -> Iterator[ConsentReliedOn]:
        if self.live_session_id not in consent.live_session_ids:
            yield ConsentReliedOn(live_session_id=self.live_session_id)


def _admit_patient(patient: Patient, patient_id: UUID, context: Context) -> None:
    admit_for_person(context.actor, patient_id, patient.facility_id)
    if not patient.living:
        raise NobodyToConsent()


def _admit_end(expires_at: datetime | None, context: Context) -> None:
    if expires_at is not None and expires_at <= context.happened_at:
        raise ConsentExpired()
