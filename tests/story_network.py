"""Who and where the stories are about: three hospitals of the network, their doctors, and two patients."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from uuid import UUID

from commands.agreement import SignAgreement
from commands.facility import ConnectPoint, DeclareServices, MeasureLine, RegisterFacility
from commands.patient import RegisterPatient
from commands.practitioner import AssignPractitioner, RegisterPractitioner
from domain._kernel import Actor, Role
from domain._values import (
    ConsultationKind,
    LinkQuality,
    Period,
    RemoteMode,
    Tier,
    Validity,
)
from domain.facility import Service
from domain.patient import Sex
from tests.history import LAUNCH_DAY, called
from tests.storyteller import Story

BACH_MAI, THAI_NGUYEN, SA_PA = called("Bạch Mai"), called("Thái Nguyên C"), called("Sa Pa")
NGA, HIEU = called("bác sĩ Nga, Bạch Mai"), called("bác sĩ Hiếu, Bạch Mai")
DUNG, MAY = called("bác sĩ Dũng, Thái Nguyên C"), called("bác sĩ Mây, Sa Pa")
PATIENT_OF_THAI_NGUYEN, PATIENT_OF_SA_PA = called("patient of Thái Nguyên C"), called("patient of Sa Pa")
REFERRAL_OF_THAI_NGUYEN, REFERRAL_OF_SA_PA = called("referral of Thái Nguyên C"), called("referral of Sa Pa")
CONSULTATION, EXAMINATION = called("the first consultation"), called("the first examination")
SHARING_REQUEST = called("sharing request of the patient of Sa Pa")

REGISTRAR = Actor(id=called("a registrar"), roles=frozenset({Role.REGISTRAR}))
SPECIALITY = "cardiology"
GOOD_LINE = LinkQuality(
    bitrate_kbps=60_000,
    delay_ms=25,
    loss_percent=Decimal("0.1"),
    width=1920,
    height=1080,
    frames_per_second=Decimal(30),
)
WEAK_LINE = GOOD_LINE.model_copy(update={"bitrate_kbps": 700, "width": 640, "height": 480})


def doctor(id_: UUID, facility_id: UUID) -> Actor:
    return Actor(id=id_, roles=frozenset({Role.DOCTOR}), facility_id=facility_id)


AT = {
    NGA: doctor(NGA, BACH_MAI),
    HIEU: doctor(HIEU, BACH_MAI),
    DUNG: doctor(DUNG, THAI_NGUYEN),
    MAY: doctor(MAY, SA_PA),
}


THE_DAY = Period(start=LAUNCH_DAY - timedelta(hours=2), end=LAUNCH_DAY + timedelta(hours=10))


async def the_network_is_built(story: Story) -> None:
    """Three connected points, agreements of the two with the centre, four doctors on duty, two patients."""
    story.now = LAUNCH_DAY - timedelta(days=2)
    places = (
        (BACH_MAI, "Bệnh viện Bạch Mai", "01001", Tier.CENTRAL, "01", "Hà Nội"),
        (THAI_NGUYEN, "Bệnh viện C Thái Nguyên", "19002", Tier.PROVINCIAL, "19", "Thái Nguyên"),
        (SA_PA, "Bệnh viện đa khoa Sa Pa", "10003", Tier.DISTRICT, "10", "Lào Cai"),
    )
    for id_, name, code, tier, province_code, province in places:
        await _connect(story, RegisterFacility(
            facility_id=id_, name_vi=name, national_code=code, tier=tier, province_code=province_code,
            province=province,
        ))  # fmt: skip
    for point in (THAI_NGUYEN, SA_PA):
        await _agree(story, point)
    for id_, actor in AT.items():
        await _employ(story, id_, actor)
    await register_patient(story, PATIENT_OF_THAI_NGUYEN, THAI_NGUYEN, "Người bệnh thứ nhất")
    await register_patient(story, PATIENT_OF_SA_PA, SA_PA, "Người bệnh thứ hai")
    story.now = LAUNCH_DAY


async def _connect(story: Story, register: RegisterFacility) -> None:
    kinds = (ConsultationKind.CONSULTATION, ConsultationKind.TELE_IMAGING)
    services = tuple(Service(kind=one, mode=RemoteMode.REMOTE_CONSULTATION, speciality=SPECIALITY) for one in kinds)
    await story.tell(
        REGISTRAR,
        register,
        DeclareServices(facility_id=register.facility_id, first_day=date(2020, 8, 1), services=services),
        MeasureLine(facility_id=register.facility_id, line=GOOD_LINE, instrument="iperf3"),
        ConnectPoint(facility_id=register.facility_id),
    )


async def _agree(story: Story, point: UUID) -> None:
    await story.tell(
        REGISTRAR,
        SignAgreement(
            facility_id=BACH_MAI,
            partner_id=point,
            term=Validity(first=date(2020, 8, 1), last=date(2025, 7, 31)),
            signed_for_facility="Giám đốc bệnh viện trung tâm",
            signed_for_partner="Giám đốc bệnh viện",
        ),
    )


async def _employ(story: Story, id_: UUID, actor: Actor) -> None:
    assert actor.facility_id is not None
    await story.tell(
        REGISTRAR,
        RegisterPractitioner(
            practitioner_id=id_,
            full_name="Bác sĩ hư cấu",
            licence_number=f"HN-{str(id_)[:6]}",
            licence=Validity(first=date(2015, 1, 1)),
            scope=(SPECIALITY,),
            home_facility_id=actor.facility_id,
        ),
        AssignPractitioner(
            practitioner_id=id_,
            assignment_id=called(f"launch day of {id_}"),
            facility_id=actor.facility_id,
            hours=THE_DAY,
        ),
    )


async def register_patient(story: Story, patient_id: UUID, facility_id: UUID, name: str) -> None:
    await story.tell(
        REGISTRAR,
        RegisterPatient(patient_id=patient_id, facility_id=facility_id, full_name=name, sex=Sex.UNKNOWN, born_in=1951),
    )
