"""What care at a distance rests on, whatever its form: asked here once, and refused with one code each.

Rules: the patient lives and is known by this record; both facilities are connected, and an agreement of the two is in
force on the day (Decree 96/2023, Art 87 and 88); the helping facility declared the service; practitioners act in the
scope of their licence and at one place at a time (Law 15/2023, Art 7, 36 and 80); data is shared on a basis (Law
91/2025, Art 26(2)); codes are those of the day.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from commands._command import Context
from domain._kernel import DomainError
from domain._sharing import SharingBasis
from domain._values import Coding, ConsultationKind, Period, RemoteMode, Sha256
from domain.agreement import Agreement
from domain.consent import Consent, Purpose
from domain.facility import Facility, UnknownSpeciality
from domain.patient import Patient
from domain.practitioner import Practitioner


class PatientHasDied(DomainError, code="PATIENT_HAS_DIED", field="patient_id"):
    """The death of this patient is recorded."""


class RecordWasMerged(DomainError, code="RECORD_WAS_MERGED", field="patient_id"):
    """This record was merged into that of the same patient with the id {into}."""


class FacilityNotConnected(DomainError, code="FACILITY_NOT_CONNECTED", field="facility_id"):
    """The facility has no connection point in use."""


class ServiceNotDeclared(DomainError, code="SERVICE_NOT_DECLARED", field="facility_id"):
    """The facility has not declared {kind} in {speciality} for {day}."""


class NoAgreementInForce(DomainError, code="NO_AGREEMENT_IN_FORCE"):
    """No agreement of the two facilities is in force on {day}."""


class LicenceDoesNotCover(DomainError, code="LICENCE_DOES_NOT_COVER", field="practitioner_id"):
    """The licence of the practitioner does not cover {speciality} at this time, or is suspended."""


class NoLicenceInForce(DomainError, code="NO_LICENCE_IN_FORCE"):
    """Whoever decides or signs holds a licence that is in force and not suspended."""


class NotOnDuty(DomainError, code="NOT_ON_DUTY", field="practitioner_id"):
    """The practitioner is not on duty at this facility for the whole time."""


class NoSharingBasis(DomainError, code="NO_SHARING_BASIS", field="sharing"):
    """Neither a request of the patient nor a legal ground covers the sharing with this facility."""


class CodeNotAccepted(DomainError, code="CODE_NOT_ACCEPTED", field="code"):
    """{system} {version} {coding} is not a code for new entries on {day}."""


class SignedContentDiffers(DomainError, code="SIGNED_CONTENT_DIFFERS", field="content_sha256"):
    """This is not the content as it stands: read it again before you sign."""


def require_living(patient: Patient) -> None:
    require_unmerged(patient)
    if not patient.living:
        raise PatientHasDied()


def require_unmerged(patient: Patient) -> None:
    if patient.merged_into is not None:
        raise RecordWasMerged(into=patient.merged_into)


def require_connected(facility: Facility, field: str = "facility_id") -> None:
    if not facility.connected:
        raise FacilityNotConnected(field=field)


def require_service(
    facility: Facility,
    kind: ConsultationKind,
    speciality: str,
    context: Context,
    *,
    mode: RemoteMode | None = None,
    field: str = "facility_id",
) -> None:
    if not context.reference.knows_speciality(speciality, context.day):
        raise UnknownSpeciality(speciality=speciality, day=context.day)
    if not facility.offers(kind, context.day, mode=mode, speciality=speciality):
        raise ServiceNotDeclared(kind=kind, speciality=speciality, day=context.day, field=field)


def require_agreement(agreement: Agreement | None, context: Context) -> None:
    if agreement is None or not agreement.in_force(context.day):
        raise NoAgreementInForce(day=context.day)


def require_licence(
    practitioner: Practitioner, speciality: str, moment: datetime, field: str = "practitioner_id"
) -> None:
    if not practitioner.may_practise(speciality, moment):
        raise LicenceDoesNotCover(speciality=speciality, field=field)


def require_any_licence(practitioner: Practitioner, moment: datetime) -> None:
    """Whatever its scope: who decides or signs at the bedside is not always of the speciality that was asked."""
    if not any(practitioner.may_practise(speciality, moment) for speciality in practitioner.scope):
        raise NoLicenceInForce()


def require_duty(
    practitioner: Practitioner,
    facility_id: UUID | None,
    when: datetime | Period,
    field: str = "practitioner_id",
) -> None:
    if facility_id is None or not practitioner.on_duty_at(facility_id, when):
        raise NotOnDuty(field=field)


def require_consent(consent: Consent | None, patient_id: UUID, facility_id: UUID, context: Context) -> None:
    if consent is None or not consent.covers(Purpose.TREATMENT_SHARING, patient_id, facility_id, context.happened_at):
        raise NoSharingBasis()


def require_basis(
    basis: SharingBasis | None, consent: Consent | None, patient_id: UUID, facility_id: UUID, context: Context
) -> None:
    """A legal ground stands by itself; a consent has to cover this patient, this facility, and this moment."""
    if basis is None:
        raise NoSharingBasis()
    if basis.ground is None:
        require_consent(consent, patient_id, facility_id, context)


def require_codes(codings: Iterable[Coding], context: Context, field: str = "code") -> None:
    for coding in codings:
        if not context.reference.accepts(coding, context.day):
            raise CodeNotAccepted(
                system=coding.system, version=coding.version, coding=coding.code, day=context.day, field=field
            )


def require_same_content(given: Sha256, standing: Sha256) -> None:
    if given != standing:
        raise SignedContentDiffers()
