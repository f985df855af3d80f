"""Whatever the points do, in whatever order: nobody speaks who is not on the line, and no place ever changes."""

from __future__ import annotations

from uuid import UUID

from hypothesis import given as for_all
from hypothesis import strategies as st

from commands._command import Command, Context, decide
from commands.consultation import GiveFloor, JoinPoint, LeavePoint
from commands.consultation_minutes import GiveOpinion
from domain._kernel import DomainError, Event, Role
from domain._points import LeaveReason
from domain.consultation import Consultation, FloorGiven, OpinionGiven, PointJoined, PointLeft
from tests.domain.cast import (
    BACH_MAI,
    CARDIOLOGY,
    CONSULTATION,
    DR_HOA,
    DR_LAN,
    DR_PAO,
    HA_GIANG,
    SA_PA,
    THAI_NGUYEN,
    acting,
    practitioner,
)
from tests.domain.test_consultation import LIVE
from tests.domain.test_consultation_minutes import ISSUE, PRESENTED, RAISED

DOCTORS = {BACH_MAI: DR_LAN, THAI_NGUYEN: DR_HOA, SA_PA: DR_PAO, HA_GIANG: UUID(int=29)}
PLACES = {BACH_MAI: 1, THAI_NGUYEN: 2, SA_PA: 3, HA_GIANG: 4}
BEFORE = (*LIVE, PRESENTED, RAISED)

points = st.sampled_from(list(PLACES))
steps = st.one_of(
    points.map(lambda point: JoinPoint(consultation_id=CONSULTATION, facility_id=point)),
    st.builds(
        LeavePoint, consultation_id=st.just(CONSULTATION), facility_id=points, reason=st.sampled_from(LeaveReason)
    ),
    points.map(lambda point: GiveFloor(consultation_id=CONSULTATION, facility_id=point)),
    st.just(GiveOpinion(consultation_id=CONSULTATION, issue_id=ISSUE, speciality=CARDIOLOGY, opinion="Nên mổ")),
)


def attempt(consultation: Consultation, command: Command, context: Context) -> list[Event]:
    try:
        return decide(command, consultation, context, {"actor": {context.actor.id: practitioner()}})
    except DomainError:
        return []


@for_all(st.lists(st.tuples(points, steps), max_size=60))
def test_nobody_speaks_who_is_not_on_the_line_and_every_point_keeps_its_place(
    session: list[tuple[UUID, Command]],
) -> None:
    consultation, on_the_line = Consultation().after(BEFORE), {BACH_MAI, THAI_NGUYEN, HA_GIANG}
    for speaker, command in session:
        events = attempt(consultation, command, acting(DOCTORS[speaker], Role.DOCTOR, speaker))
        for event in events:
            match event:
                case PointJoined():
                    assert event.place == PLACES[event.facility_id]
                    assert event.facility_id not in on_the_line
                    on_the_line.add(event.facility_id)
                case PointLeft():
                    on_the_line.remove(event.facility_id)
                case FloorGiven() | OpinionGiven():
                    assert event.facility_id in on_the_line - {HA_GIANG}
                case _:
                    raise AssertionError(event)
        consultation = consultation.after(events)
        assert {point.facility_id: point.place for point in consultation.points.values()} == PLACES
        assert consultation.floor is None or consultation.floor in on_the_line
