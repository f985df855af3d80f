"""Two wishes of the network that exclude each other: whichever comes second is refused, however close they are.

Each side has a bus of its own, as two API processes have, and both have loaded before either appends.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from uuid import UUID, uuid4

import pytest

from commands._bus import Accepted, Append, Appended, Bus, EventStore, Rejected
from commands._command import Command, Context
from commands.agreement import EndAgreement, SignAgreement
from commands.consultation import PlanConsultation
from commands.facility import RegisterFacility
from commands.patient import MergePatients, RegisterPatient
from commands.practitioner import AssignPractitioner, RegisterPractitioner, SuspendPractitioner
from domain._kernel import Recorded
from domain._values import ConsultationKind, Period, RemoteMode, Tier
from domain.patient import Sex
from infra.event_store import PostgresEventStore
from infra.memory import MemoryEventStore
from tests.domain.register import AN, BACH_MAI, BINH, DR_LAN, LAUNCH_DAY, REGISTRAR, SA_PA, YEAR_2020, hours
from tests.history import LAUNCH_DAY as MORNING
from tests.story_network import AT, HIEU, NGA, SPECIALITY, the_network_is_built
from tests.story_network import BACH_MAI as THE_CENTRE
from tests.story_network import REGISTRAR as STORY_REGISTRAR
from tests.storyteller import Story


class Meeting:
    """Holds the first two appends of a race back until both are there: both were decided on the same past.

    `careless` forgets what else a decision rested on.
    """

    def __init__(self, store: EventStore, careless: bool = False) -> None:
        self._store, self._careless = store, careless
        self.racing: asyncio.Barrier | None = None
        self.met = 0

    async def load(self, after: Mapping[UUID, int]) -> Mapping[UUID, Sequence[Recorded]]:
        return await self._store.load(after)

    async def append(self, wish: Append) -> Appended:
        if self.racing is not None and self.met < 2:
            self.met += 1
            await self.racing.wait()
        return await self._store.append(replace(wish, guards={}) if self._careless else wish)

    async def answer_to(self, command_id: UUID) -> Appended | None:
        return await self._store.answer_to(command_id)


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
    """Both commands at once, each on a bus of its own; the codes of those refused."""
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


PLAN = PlanConsultation(
    consultation_id=uuid4(),
    kind=ConsultationKind.CONSULTATION,
    mode=RemoteMode.REMOTE_CONSULTATION,
    title="Hội chẩn tim mạch",
    speciality=SPECIALITY,
    period=Period(start=MORNING + timedelta(hours=1), end=MORNING + timedelta(hours=3)),
    centre_id=THE_CENTRE,
    responsible_id=HIEU,
    chair_id=NGA,
    teaching=False,
)


@pytest.fixture(params=["in memory", "on PostgreSQL"])
async def log(request: pytest.FixtureRequest, log_database: str) -> AsyncIterator[EventStore]:
    if request.param == "in memory":
        yield MemoryEventStore()
        return
    store = PostgresEventStore(log_database)
    yield store
    await store.close()


@pytest.fixture
async def store(log: EventStore) -> Meeting:
    store = Meeting(log)
    await past(store)
    return store


async def test_two_facilities_that_race_for_one_hour_of_a_practitioner_do_not_both_win(store: Meeting) -> None:
    assert await race(store, assign(BACH_MAI), assign(SA_PA)) == ["PRACTITIONER_ELSEWHERE"]


async def test_two_records_are_not_merged_into_each_other(store: Meeting) -> None:
    assert await race(store, merge(AN, BINH), merge(BINH, AN)) == ["SURVIVOR_MERGED"]


async def test_without_guards_two_records_would_be_merged_into_each_other(log: EventStore) -> None:
    store = Meeting(log, careless=True)
    await past(store)
    assert await race(store, merge(AN, BINH), merge(BINH, AN)) == []


async def test_both_sides_end_their_agreement_once(store: Meeting) -> None:
    assert await race(store, END, END) == ["NOT_IN_THIS_STATUS"]


class Overtaken(Meeting):
    """Lets something happen between a decision and its append, once."""

    meanwhile: Callable[[], Awaitable[None]] | None = None

    async def append(self, wish: Append) -> Appended:
        first, self.meanwhile = self.meanwhile, None
        if first is not None:
            await first()
        return await super().append(wish)


async def test_a_practitioner_suspended_meanwhile_is_not_put_on_duty(log: EventStore) -> None:
    overtaken = Overtaken(log)
    await past(overtaken)

    async def suspended() -> None:
        await accepted(Bus(log), SUSPEND)

    overtaken.meanwhile = suspended
    answer = await Bus(overtaken).handle(assign(SA_PA), REGISTRAR, uuid4())
    assert isinstance(answer, Rejected)
    assert answer.code == "NOT_IN_THIS_STATUS"


@pytest.mark.parametrize(("careless", "refused"), [(False, "LICENCE_DOES_NOT_COVER"), (True, None)])
async def test_a_licence_suspended_between_load_and_append_does_not_carry_a_consultation(
    log: EventStore, careless: bool, refused: str | None
) -> None:
    story, overtaken = Story(log), Overtaken(log, careless)
    await the_network_is_built(story)

    async def suspended() -> None:
        await story.tell(STORY_REGISTRAR, SuspendPractitioner(practitioner_id=HIEU, reason="Under review"))

    overtaken.meanwhile = suspended
    context = Context(actor=AT[NGA], now=story.now, correlation_id=uuid4(), reference=story.reference)
    answer = await Bus(overtaken).handle(PLAN, context, uuid4())
    assert (answer.code if isinstance(answer, Rejected) else None) == refused
