"""The people and places of the care specs, and a world in which nothing stands in the way of care.

Each spec changes the one thing that it is about: `given(*history, others=world(PATIENT, dead_patient()))`.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from commands._command import Context
from domain._kernel import Actor, Role, State
from domain._reference import CodeSystem, QualityGate, ReferenceData, RemoteDisease, Speciality, UrgencyClock
from domain._values import Coding, ConsultationKind, LinkQuality, Period, RemoteMode, Tier, Urgency, Validity
from domain.agreement import Agreement, AgreementSigned
from domain.consent import Consent, SharingRequested
from domain.facility import (
    Facility,
    FacilityRegistered,
    PointConnected,
    PointSuspended,
    Service,
    ServicesDeclared,
)
from domain.patient import Patient, PatientDied, PatientRegistered, PatientsMerged, Sex
from domain.practitioner import (
    Practitioner,
    PractitionerAssigned,
    PractitionerRegistered,
    PractitionerSuspended,
)

BACH_MAI, THAI_NGUYEN, SA_PA, HA_GIANG = (UUID(int=n) for n in range(1, 5))
PATIENT, OTHER_PATIENT, CONSENT = (UUID(int=n) for n in range(11, 14))
DR_LAN, DR_MINH, DR_HOA, DR_PAO, NURSE_MAI, CLERK = (UUID(int=n) for n in range(21, 27))
REFERRAL, CONSULTATION, EXAMINATION = (UUID(int=n) for n in range(31, 34))

NOON = datetime(2020, 8, 27, 5, tzinfo=UTC)
AUGUST_27 = Period(start=datetime(2020, 8, 27, 1, tzinfo=UTC), end=datetime(2020, 8, 27, 10, tzinfo=UTC))
CARDIOLOGY, DERMATOLOGY = "cardiology", "dermatology"

ALWAYS = Validity(first=date(2019, 1, 1))
OURS = "for the specs"
REFERENCE = ReferenceData(
    urgency_clocks=tuple(
        UrgencyClock(valid=ALWAYS, source=OURS, urgency=urgency, first_answer_within_s=seconds)
        for urgency, seconds in ((Urgency.EMERGENCY, 900), (Urgency.URGENT, 14_400), (Urgency.ROUTINE, 259_200))
    ),
    code_systems=(
        CodeSystem(valid=ALWAYS, source=OURS, system="icd-10", version="2019", pattern=r"[A-Z][0-9]{2}(\.[0-9]{1,2})?"),
        CodeSystem(valid=ALWAYS, source=OURS, system="loinc", version="2.68", pattern=r"[0-9]{1,5}-[0-9]"),
    ),
    remote_diseases=(RemoteDisease(valid=ALWAYS, source=OURS, code="I10", name_vi="Tăng huyết áp"),),
    specialities=tuple(
        Speciality(valid=ALWAYS, source=OURS, code=code, name_vi=code, name_en=code)
        for code in (CARDIOLOGY, DERMATOLOGY)
    ),
    quality_gates=(
        QualityGate(
            valid=ALWAYS,
            source=OURS,
            min_width=1280,
            min_height=720,
            min_frames_per_second=25,
            min_bitrate_kbps=2000,
            max_delay_ms=200,
            max_loss_percent=1,
        ),
    ),
)

HYPERTENSION = Coding(system="icd-10", version="2019", code="I10", display="Tăng huyết áp vô căn")
AORTIC_STENOSIS = Coding(system="icd-10", version="2019", code="I35.0", display="Hẹp van động mạch chủ")
HEART_RATE = Coding(system="loinc", version="2.68", code="8867-4", display="Heart rate")
GOOD_LINE = LinkQuality(
    bitrate_kbps=4200, delay_ms=80, loss_percent=Decimal("0.1"), width=1280, height=720, frames_per_second=Decimal(30)
)
POOR_LINE = GOOD_LINE.model_copy(update={"bitrate_kbps": 700})


def acting(person: UUID, role: Role, facility: UUID | None, now: datetime = NOON) -> Context:
    actor = Actor(id=person, roles=frozenset({role}), facility_id=facility)
    return Context(actor=actor, now=now, correlation_id=UUID(int=99), reference=REFERENCE)


LAN_AT_BACH_MAI = acting(DR_LAN, Role.DOCTOR, BACH_MAI)
MINH_AT_BACH_MAI = acting(DR_MINH, Role.DOCTOR, BACH_MAI)
HOA_AT_THAI_NGUYEN = acting(DR_HOA, Role.DOCTOR, THAI_NGUYEN)
PAO_AT_SA_PA = acting(DR_PAO, Role.DOCTOR, SA_PA)
MAI_AT_THAI_NGUYEN = acting(NURSE_MAI, Role.NURSE, THAI_NGUYEN)
THE_SYSTEM = acting(UUID(int=98), Role.SYSTEM, None)


def facility(*, connected: bool = True, kinds: tuple[ConsultationKind, ...] = tuple(ConsultationKind)) -> Facility:
    services = tuple(
        Service(kind=kind, mode=mode, speciality=speciality)
        for kind in kinds
        for mode in RemoteMode
        for speciality in (CARDIOLOGY, DERMATOLOGY)
    )
    history = [
        FacilityRegistered(
            national_code="01901", name_vi="Bệnh viện", tier=Tier.CENTRAL, province_code="01", province="Hà Nội"
        ),
        ServicesDeclared(first_day=date(2020, 1, 1), services=services),
        PointConnected(),
        *([] if connected else [PointSuspended(reason="The line is down")]),
    ]
    return Facility().after(history)


def agreement(one: UUID, other: UUID, term: Validity = ALWAYS) -> Agreement:
    signed = AgreementSigned(
        facility_id=one, partner_id=other, term=term, signed_for_facility="Giám đốc A", signed_for_partner="Giám đốc B"
    )
    return Agreement().after([signed])


def world(*changed: Any) -> dict[UUID, State[Any]]:
    """All that care rests on, with the given streams (id, state, id, state …) in place of those here."""
    points = (THAI_NGUYEN, SA_PA)
    return {
        **dict.fromkeys((BACH_MAI, *points, HA_GIANG), facility()),
        **{Agreement.between(BACH_MAI, point): agreement(BACH_MAI, point) for point in points},
        PATIENT: patient(),
        OTHER_PATIENT: patient(OTHER_PATIENT),
        CONSENT: sharing_request(),
        DR_LAN: practitioner(),
        DR_MINH: practitioner(),
        DR_HOA: practitioner(at=THAI_NGUYEN),
        DR_PAO: practitioner(at=SA_PA),
        **dict(zip(changed[::2], changed[1::2], strict=True)),
    }


def practitioner(
    *, at: UUID = BACH_MAI, scope: tuple[str, ...] = (CARDIOLOGY,), suspended: bool = False
) -> Practitioner:
    history = [
        PractitionerRegistered(
            full_name="Bác sĩ", licence_number="000001/HNO-CCHN", licence=ALWAYS, scope=scope, home_facility_id=at
        ),
        PractitionerAssigned(assignment_id=UUID(int=61), facility_id=at, hours=AUGUST_27),
        *([PractitionerSuspended(reason="Under inquiry")] if suspended else []),
    ]
    return Practitioner().after(history)


def patient(id_: UUID = PATIENT, *, died: bool = False, merged_into: UUID | None = None) -> Patient:
    history = [
        PatientRegistered(
            patient_id=id_, facility_id=THAI_NGUYEN, full_name="Nguyễn Văn A", sex=Sex.MALE, born_in=1958
        ),
        *([PatientDied(died_at=NOON)] if died else []),
        *([PatientsMerged(surviving_id=merged_into, reason="The same person")] if merged_into else []),
    ]
    return Patient().after(history)


def sharing_request(*, with_facility: UUID = BACH_MAI, expires_at: datetime = AUGUST_27.end) -> Consent:
    asked = SharingRequested(
        patient_id=PATIENT,
        receiving_facility_id=with_facility,
        document_sha256="cd" * 32,
        requested_at=AUGUST_27.start,
        expires_at=expires_at,
    )
    return Consent().after([asked])


def later(minutes: float) -> datetime:
    return NOON + timedelta(minutes=minutes)
