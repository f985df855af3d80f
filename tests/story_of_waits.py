"""Three months in which commune stations of Lào Cai and of Hà Nội wait for the cardiologists of Bạch Mai.

Told with real commands. How long each submission waits follows from its number, so that the figures can be checked by
hand: every fifth one comes back first and is sent again, every seventh is for another speciality, and the last of each
station still waits when the story ends.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID

from commands.agreement import SignAgreement
from commands.facility import ConnectPoint, DeclareServices, MeasureLine, RegisterFacility
from commands.practitioner import RegisterPractitioner
from commands.referral import (
    AcceptReferral,
    DeclineReferral,
    DraftReferral,
    ReturnReferral,
    ReviseReferral,
    SubmitReferral,
)
from domain._kernel import Actor
from domain._sharing import LegalGround, SharingBasis
from domain._values import ConsultationKind, RemoteMode, Tier, Urgency, Validity
from domain.facility import Service
from domain.referral import Request
from tests.history import LAUNCH_DAY, called
from tests.story_network import AT, BACH_MAI, GOOD_LINE, HIEU, REGISTRAR, SPECIALITY, doctor, register_patient
from tests.storyteller import Story

OTHER_SPECIALITY = "dermatology"
TEXTS = {
    "question": "Người bệnh có cần can thiệp mạch vành ngay không?",
    "history": "Tăng huyết áp mười năm, đau ngực trái lan lên vai từ hai giờ sáng nay.",
    "findings": "Huyết áp 90/60, mạch 110, men tim tăng cao.",
}
GROUND = SharingBasis(ground=LegalGround.LIFE_OR_HEALTH_IN_DANGER, explanation="Sốc tim, cần hội chẩn ngay.")


@dataclass(frozen=True)
class Station:
    """A commune station, with its doctor and the months in which it refers."""

    name: str
    province_code: str
    province: str
    referrals: int

    @property
    def id(self) -> UUID:
        return called(f"trạm y tế {self.name}")

    @property
    def doctor(self) -> Actor:
        return doctor(called(f"bác sĩ của {self.name}"), self.id)

    @property
    def patient(self) -> UUID:
        return called(f"người bệnh của {self.name}")


STATIONS = (
    Station("Tả Van", "10", "Lào Cai", 14),
    Station("Bản Hồ", "10", "Lào Cai", 9),
    Station("Ba Vì", "01", "Hà Nội", 8),
)


async def communes_wait(story: Story) -> None:
    """The stations enter the network, and refer in September, October and November."""
    await _bach_mai_helps_communes(story)
    for station in STATIONS:
        await _enters(story, station)
    for station, number, at in _sent():
        story.now = at
        await _refers(story, station, number)


def _sent() -> Iterator[tuple[Station, int, datetime]]:
    """Who sends which referral when, in the order of time."""
    sent = [
        (station, number, LAUNCH_DAY + timedelta(days=6 + number * 90 // station.referrals, hours=place, seconds=31))
        for place, station in enumerate(STATIONS)
        for number in range(station.referrals)
    ]
    yield from sorted(sent, key=lambda one: one[2])


async def _bach_mai_helps_communes(story: Story) -> None:
    services = tuple(
        Service(kind=ConsultationKind.CONSULTATION, mode=RemoteMode.REMOTE_CONSULTATION, speciality=one)
        for one in (SPECIALITY, OTHER_SPECIALITY)
    )
    await story.tell(REGISTRAR, DeclareServices(facility_id=BACH_MAI, first_day=date(2020, 8, 28), services=services))


async def _enters(story: Story, station: Station) -> None:
    await story.tell(
        REGISTRAR,
        RegisterFacility(
            facility_id=station.id,
            national_code=f"TYT-{station.name}",
            name_vi=f"Trạm y tế xã {station.name}",
            tier=Tier.COMMUNE,
            province_code=station.province_code,
            province=station.province,
        ),
        MeasureLine(facility_id=station.id, line=GOOD_LINE, instrument="iperf3"),
        ConnectPoint(facility_id=station.id),
        SignAgreement(
            facility_id=BACH_MAI,
            partner_id=station.id,
            term=Validity(first=date(2020, 8, 1), last=date(2025, 7, 31)),
            signed_for_facility="Giám đốc bệnh viện trung tâm",
            signed_for_partner="Trưởng trạm",
        ),
        RegisterPractitioner(
            practitioner_id=station.doctor.id,
            full_name="Bác sĩ hư cấu",
            licence_number=f"TYT-{str(station.doctor.id)[:6]}",
            licence=Validity(first=date(2015, 1, 1)),
            scope=(SPECIALITY,),
            home_facility_id=station.id,
        ),
    )
    await register_patient(story, station.patient, station.id, f"Người bệnh hư cấu của {station.name}")


async def _refers(story: Story, station: Station, number: int) -> None:
    referral_id = called(f"referral {number} of {station.name}")
    request = Request(
        receiving_facility_id=BACH_MAI,
        speciality=OTHER_SPECIALITY if number % 7 == 6 else SPECIALITY,
        urgency=Urgency.URGENT if number % 2 else Urgency.ROUTINE,
        sharing=GROUND,
        **TEXTS,
    )
    await story.tell(
        station.doctor,
        DraftReferral(referral_id=referral_id, patient_id=station.patient, request=request),
        SubmitReferral(referral_id=referral_id),
    )
    if number == station.referrals - 1:
        return
    if number % 5 == 4:
        story.now += timedelta(minutes=20 + number)
        back = ReturnReferral(referral_id=referral_id, reason="Chuyển da liễu.", suggested_speciality=OTHER_SPECIALITY)
        await story.tell(AT[HIEU], back)
        story.now += timedelta(minutes=45)
        await story.tell(
            station.doctor,
            ReviseReferral(referral_id=referral_id, request=request),
            SubmitReferral(referral_id=referral_id),
        )
    story.now += timedelta(minutes=30 + 17 * number, seconds=13 * number)
    answer = (
        DeclineReferral(referral_id=referral_id, reason="Hết giường.")
        if number % 6 == 5
        else AcceptReferral(referral_id=referral_id)
    )
    await story.tell(AT[HIEU], answer)
