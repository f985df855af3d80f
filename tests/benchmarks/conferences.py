"""Consultations that are going on, in which the floor is given to and fro, and who watches them."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID, uuid4

from commands._bus import Accepted, Bus
from commands._command import Context
from commands.consultation import GiveFloor
from domain._kernel import Actor, Role
from infra.mapper import Stored
from infra.reference import load
from tests.benchmarks.histories import Chapter, clone_of, told
from tests.history import LAUNCH_DAY
from tests.story import the_consultation_opens, the_patients_are_referred
from tests.story_network import BACH_MAI, CONSULTATION, NGA, SA_PA, THAI_NGUYEN, the_network_is_built

CHAPTERS: tuple[Chapter, ...] = (the_network_is_built, the_patients_are_referred, the_consultation_opens)
REFERENCE = load()

BOARD = """subscription ($id: UUID!) { consultationBoard(consultationId: $id) {
    position events { position name }
    consultation { title status chairId floorId pointsInvited cases { caseId } issues { issueId conclusion } } } }"""
GIVE_FLOOR = """mutation ($input: GiveFloorInput!, $id: UUID!) { giveFloor(input: $input, commandId: $id) {
    __typename ... on CommandAccepted { position } ... on CommandRejected { code message } } }"""
MEASURE_LINE = """mutation ($input: MeasureLineInput!, $id: UUID!) { measureLine(input: $input, commandId: $id) {
    __typename ... on CommandAccepted { position version } ... on CommandRejected { code message } } }"""
FACILITY = """query ($id: UUID!) { facility(facilityId: $id) {
    facilityId nationalCode nameVi tier provinceCode province status position } }"""


async def opened() -> list[Stored]:
    return list(await told(CHAPTERS))


def consultation(n: int) -> UUID:
    return clone_of(CONSULTATION, n)


def chair(n: int) -> tuple[UUID, UUID]:
    """Who chairs, and at which facility."""
    return clone_of(NGA, n), clone_of(BACH_MAI, n)


def speaker(n: int, turn: int) -> UUID:
    return clone_of((THAI_NGUYEN, SA_PA)[turn % 2], n)


async def give_floor(bus: Bus, n: int, turn: int) -> Accepted:
    """By the bus, without an API in between."""
    who, where = chair(n)
    actor = Actor(id=who, roles=frozenset({Role.DOCTOR}), facility_id=where)
    now = LAUNCH_DAY + timedelta(hours=3)
    context = Context(actor=actor, now=now, correlation_id=uuid4(), reference=REFERENCE)
    answer = await bus.handle(
        GiveFloor(consultation_id=consultation(n), facility_id=speaker(n, turn)), context, uuid4()
    )
    assert isinstance(answer, Accepted), answer
    return answer


def line_of(facility_id: UUID, n: int) -> dict[str, object]:
    line = {"bitrateKbps": 50_000 + n, "delayMs": 20, "lossPercent": "0.1"}
    return {"input": {"facilityId": str(facility_id), "line": line, "instrument": "iperf3"}, "id": str(uuid4())}


FACILITIES = (BACH_MAI, THAI_NGUYEN, SA_PA)
