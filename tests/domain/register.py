"""The facilities, people and days of the specs of the network, and the rules in force: those of the files."""

from __future__ import annotations

from datetime import UTC, date, datetime
from uuid import UUID

from commands._command import Context
from domain._kernel import Actor, Role
from domain._values import ConsultationKind, LinkQuality, Period, RemoteMode, Tier, Validity
from domain.facility import FacilityRegistered, LineMeasured, PointConnected, Service, ServicesDeclared
from domain.patient import PatientRegistered, Sex
from domain.practitioner import PractitionerRegistered
from infra.reference import load

BACH_MAI, THAI_NGUYEN, SA_PA, NOWHERE = (UUID(int=n) for n in range(1, 5))
DR_LAN, DR_MINH = (UUID(int=n) for n in range(21, 23))
AN, BINH = (UUID(int=n) for n in range(31, 33))

NINE = datetime(2020, 8, 27, 2, tzinfo=UTC)
LAUNCH_DAY = date(2020, 8, 27)
YEAR_2020 = Validity(first=date(2020, 1, 1), last=date(2020, 12, 31))
REFERENCE = load()


def acting(
    *roles: Role,
    at: UUID | None = None,
    patient: UUID | None = None,
    now: datetime = NINE,
    clinical_time: datetime | None = None,
) -> Context:
    actor = Actor(id=UUID(int=99), roles=frozenset(roles), facility_id=at, patient_id=patient)
    return Context(actor=actor, now=now, correlation_id=UUID(int=98), clinical_time=clinical_time, reference=REFERENCE)


REGISTRAR = acting(Role.REGISTRAR)
NATIONAL_COORDINATOR = acting(Role.COORDINATOR)
COORDINATOR_OF_BACH_MAI = acting(Role.COORDINATOR, at=BACH_MAI)
COORDINATOR_OF_SA_PA = acting(Role.COORDINATOR, at=SA_PA)
DOCTOR_OF_SA_PA = acting(Role.DOCTOR, at=SA_PA)
NURSE_OF_SA_PA = acting(Role.NURSE, at=SA_PA)
DOCTOR_OF_BACH_MAI = acting(Role.DOCTOR, at=BACH_MAI)
AN_HERSELF = acting(Role.PATIENT, patient=AN)
BINH_HIMSELF = acting(Role.PATIENT, patient=BINH)

BACH_MAI_REGISTERED = FacilityRegistered(
    national_code="01901", name_vi="Bệnh viện Bạch Mai", tier=Tier.CENTRAL, province_code="01", province="Hà Nội"
)
SA_PA_REGISTERED = FacilityRegistered(
    national_code="10088",
    name_vi="Bệnh viện đa khoa thị xã Sa Pa",
    name_en="Sapa Town General Hospital",
    tier=Tier.DISTRICT,
    province_code="10",
    province="Lào Cai",
    district_code="088",
    district="Sa Pa",
)
CARDIOLOGY_CONSULTATION = Service(
    kind=ConsultationKind.CONSULTATION, mode=RemoteMode.REMOTE_CONSULTATION, speciality="cardiology"
)
DECLARED = ServicesDeclared(first_day=date(2020, 8, 1), services=(CARDIOLOGY_CONSULTATION,))
CONNECTED = PointConnected()
LAN_REGISTERED = PractitionerRegistered(
    full_name="Nguyễn Thị Lan",
    licence_number="000123/BYT-CCHN",
    licence=YEAR_2020,
    scope=("cardiology", "internal_medicine"),
    home_facility_id=BACH_MAI,
)
AN_REGISTERED = PatientRegistered(
    patient_id=AN, facility_id=SA_PA, full_name="Trần Thị An", sex=Sex.FEMALE, born_on=date(1956, 3, 2)
)
BINH_REGISTERED = PatientRegistered(
    patient_id=BINH, facility_id=SA_PA, full_name="Lê Văn Bình", sex=Sex.MALE, born_in=1948
)


def measured(bitrate_kbps: int) -> LineMeasured:
    line = LinkQuality(bitrate_kbps=bitrate_kbps, delay_ms=40, loss_percent="0.1")
    return LineMeasured(line=line, instrument="iperf3 to the centre, 60 s")


def hours(first: int, last: int, day: int = 27) -> Period:
    """From the first to the last hour of a day of August 2020, by the clock of Viet Nam."""
    at = datetime.fromisoformat(f"2020-08-{day:02}T00:00:00+07:00")
    return Period(start=at.replace(hour=first), end=at.replace(hour=last))
