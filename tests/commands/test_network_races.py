"""Two wishes of the network that exclude each other: whichever comes second is refused, however close they are.

Each side has a bus of its own, as two API processes have, and both have loaded before either appends.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from uuid import UUID, uuid4

import pytest

from commands._bus import Accepted, Append, Appended, Bus, Rejected
from commands._command import Command
from commands.agreement import EndAgreement, SignAgreement
from commands.facility import RegisterFacility
from commands.patient import MergePatients, RegisterPatient
from commands.practitioner import AssignPractitioner, RegisterPractitioner, SuspendPractitioner
from domain._values import Tier
from domain.patient import Sex
from infra.memory import MemoryEventStore
from tests.domain.register import AN, BACH_MAI, BINH, DR_LAN, LAUNCH_DAY, REGISTRAR, SA_PA, YEAR_2020, hours


class Meeting(MemoryEventStore):
    """Holds the first two appends of a race back until both are there: both were decided on the same past."""

    def __init__(self) -> None:
        super().__init__()
        self.racing: asyncio.Barrier | None = None
        self.met = 0

    async def append(self, wish: Append) -> Appended:
        if self.racing is not None and self.met < 2:
            self.met += 1
            await self.racing.wait()
        return await super().append(wish)


class Careless(Meeting):
    """Forgets what else a decision rested on."""

    async def append(self, wish: Append) -> Appended:
        return await super().append(replace(wish, guards={}))


async def past(store: Meeting) -> None:
    bus = Bus(store)
    for facility_id, name in ((BACH_MAI, "Bệnh viện Bạch Mai"), (SA_PA, "Bệnh viện đa khoa thị xã Sa Pa")):
        await accepted(
            bus,
            RegisterFacility(
                facility_id=facility_id,
                national_code=str(facility_id.int),
                name_vi=name,
                tier=Tier.DISTRICT,
                province_code="01",
                province="Hà Nội",
            ),
        )
    await accepted(
        bus,
        RegisterPractitioner(
            practitioner_id=DR_LAN,
            full_name="Nguyễn Thị Lan",
            licence_number="000123/BYT-CCHN",
            licence=YEAR_2020,
            scope=("cardiology",),
            home_facility_id=BACH_MAI,
        ),
    )
    for patient_id, name in ((AN, "Trần Thị An"), (BINH, "Lê Thị Bình")):
        await accepted(
            bus,
            RegisterPatient(patient_id=patient_id, facility_id=SA_PA, full_name=name, sex=Sex.FEMALE, born_in=1956),
        )
    await accepted(bus, SIGN)


async def accepted(bus: Bus, command: Command) -> None:
    answer = await bus.handle(command, REGISTRAR, uuid4())
    assert isinstance(answer, Accepted), answer


async def race(store: Meeting, *commands: Command) -> list[str]:
    """Both commands at once, each on a bus of its own, the last one first in the log; the codes of those refused."""
    store.racing = asyncio.Barrier(2)
    answers = await asyncio.gather(*(Bus(store).handle(command, REGISTRAR, uuid4()) for command in commands))
    return [answer.code for answer in answers if isinstance(answer, Rejected)]


def assign(at: UUID) -> AssignPractitioner:
    return AssignPractitioner(practitioner_id=DR_LAN, assignment_id=uuid4(), facility_id=at, hours=hours(8, 12))


def merge(patient_id: UUID, into: UUID) -> MergePatients:
    return MergePatients(patient_id=patient_id, surviving_id=into, reason="Same person, registered twice")


SIGN = SignAgreement(
    facility_id=BACH_MAI,
    partner_id=SA_PA,
    term=YEAR_2020,
    signed_for_facility="Nguyễn Văn Giám",
    signed_for_partner="Lý Thị Đốc",
)
END = EndAgreement(facility_id=SA_PA, partner_id=BACH_MAI, last_day=LAUNCH_DAY, reason="Sa Pa joins another centre")
SUSPEND = SuspendPractitioner(practitioner_id=DR_LAN, reason="The licence is under review")


@pytest.fixture
async def store() -> Meeting:
    store = Meeting()
    await past(store)
    return store


async def test_two_facilities_that_race_for_one_hour_of_a_practitioner_do_not_both_win(store: Meeting) -> None:
    assert await race(store, assign(BACH_MAI), assign(SA_PA)) == ["PRACTITIONER_ELSEWHERE"]


async def test_a_practitioner_suspended_meanwhile_is_not_put_on_duty(store: Meeting) -> None:
    assert await race(store, assign(SA_PA), SUSPEND) == ["NOT_IN_THIS_STATUS"]


async def test_two_records_are_not_merged_into_each_other(store: Meeting) -> None:
    assert await race(store, merge(AN, BINH), merge(BINH, AN)) == ["SURVIVOR_MERGED"]


async def test_without_guards_two_records_would_be_merged_into_each_other() -> None:
    store = Careless()
    await past(store)
    assert await race(store, merge(AN, BINH), merge(BINH, AN)) == []


async def test_both_sides_end_their_agreement_once(store: Meeting) -> None:
    assert await race(store, END, END) == ["NOT_IN_THIS_STATUS"]
