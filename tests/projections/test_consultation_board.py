"""The board of a consultation: the points on the line, the floor, cases and issues."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID, uuid4

from domain._kernel import Event
from domain._points import LeaveReason, PointRole, Presence
from domain._values import ConsultationKind, Period, RemoteMode
from domain.consultation import (
    CasePresented,
    ChairHandedOver,
    ConsultationCancelled,
    ConsultationClosed,
    ConsultationOpened,
    ConsultationPlanned,
    FloorGiven,
    IssueConcluded,
    IssueRaised,
    OpinionGiven,
    PointConfirmed,
    PointInvited,
    PointJoined,
    PointLeft,
    Status,
)
from infra.postgres import Connection
from projections._page import EVERYTHING, NOTHING
from projections.consultation_board import (
    Attendance,
    ConsultationBoard,
    attendance,
    consultation_board,
    consultations,
    points,
    view,
)
from tests.history import LAUNCH_DAY, History, called
from tests.projections.conftest import TakeIn

BACH_MAI, SA_PA, HAI_PHONG = called("Bach Mai"), called("Sa Pa"), called("Hai Phong")
CONSULTATION = called("consultation")


def planned(title: str = "Hội chẩn", hour: int = 0) -> ConsultationPlanned:
    start = LAUNCH_DAY.replace(hour=hour)
    return ConsultationPlanned(
        kind=ConsultationKind.CONSULTATION,
        mode=RemoteMode.REMOTE_CONSULTATION,
        title=title,
        speciality="cardiology",
        period=Period(start=start, end=start.replace(hour=hour + 2)),
        centre_id=BACH_MAI,
        responsible_id=called("Dr Hieu"),
        chair_id=called("Dr Nga"),
        teaching=True,
    )


def session() -> Sequence[Event]:
    """The centre and Sa Pa are on the line, Hai Phong observes but has not come yet."""
    roles = {BACH_MAI: PointRole.CENTRE, SA_PA: PointRole.BRIDGE_POINT, HAI_PHONG: PointRole.OBSERVER}
    invitations = [PointInvited(facility_id=id_, role=role, place=n) for n, (id_, role) in enumerate(roles.items(), 1)]
    return [
        planned(),
        *invitations,
        PointConfirmed(facility_id=SA_PA),
        ConsultationOpened(),
        PointJoined(facility_id=BACH_MAI, role=PointRole.CENTRE, place=1, rejoined=False),
        PointJoined(facility_id=SA_PA, role=PointRole.BRIDGE_POINT, place=2, rejoined=False),
    ]


async def board(
    db: Connection, history: History, take_in: TakeIn, *events: Event, stream: UUID = CONSULTATION
) -> ConsultationBoard:
    """Takes each event in by a batch of its own, so that each meets what the one before stored."""
    for event in events:
        await take_in([history.happened(stream, event)], view)
    found = await consultation_board(db, EVERYTHING, stream)
    assert found is not None
    return found


async def test_a_point_whose_line_drops_gives_the_floor_back_and_keeps_its_place(
    db: Connection, history: History, take_in: TakeIn
) -> None:
    row = await board(db, history, take_in, *session(), FloorGiven(facility_id=SA_PA))
    assert (row.status, row.floor_id) == (Status.OPEN, SA_PA)
    lost = PointLeft(facility_id=SA_PA, reason=LeaveReason.LINE_LOST, gave_back_floor=True)
    row = await board(db, history, take_in, lost)
    assert row.floor_id is None
    (sa_pa,) = await points(db, row, role=[PointRole.BRIDGE_POINT])
    assert (sa_pa.presence, sa_pa.left_reason, sa_pa.place) == (Presence.LEFT, LeaveReason.LINE_LOST, 2)
    back = PointJoined(facility_id=SA_PA, role=PointRole.BRIDGE_POINT, place=2, rejoined=True)
    row = await board(db, history, take_in, back)
    (sa_pa,) = await points(db, row, role=[PointRole.BRIDGE_POINT])
    assert (sa_pa.presence, sa_pa.left_reason, sa_pa.place) == (Presence.JOINED, None, 2)
    assert sa_pa.times_rejoined == 1
    assert row.points_position == row.position


async def test_the_points_on_the_line_are_counted_by_role(db: Connection, history: History, take_in: TakeIn) -> None:
    row = await board(db, history, take_in, *session())
    assert row.points_invited == 3
    assert await attendance(db, row) == [
        Attendance(PointRole.BRIDGE_POINT, Presence.JOINED, 1),
        Attendance(PointRole.CENTRE, Presence.JOINED, 1),
        Attendance(PointRole.OBSERVER, Presence.INVITED, 1),
    ]
    assert [one.facility_id for one in await points(db, row, presence=[Presence.JOINED])] == [BACH_MAI, SA_PA]


async def test_opinions_are_counted_until_the_chair_concludes(
    db: Connection, history: History, take_in: TakeIn
) -> None:
    case_id, issue_id, other_id = uuid4(), uuid4(), uuid4()
    opinion = OpinionGiven(
        issue_id=issue_id,
        facility_id=BACH_MAI,
        practitioner_id=called("Dr Hieu"),
        speciality="cardiology",
        opinion="Nên chụp mạch.",
    )
    row = await board(
        db,
        history,
        take_in,
        *session(),
        CasePresented(case_id=case_id, patient_id=called("a patient"), facility_id=SA_PA, summary="Đau ngực."),
        IssueRaised(issue_id=issue_id, case_id=case_id, facility_id=SA_PA, question="Can thiệp?"),
        IssueRaised(issue_id=other_id, case_id=case_id, facility_id=SA_PA, question="Chuyển viện?"),
        opinion,
        opinion,
        IssueConcluded(issue_id=issue_id, conclusion="Can thiệp ngay."),
    )
    first, second = row.issues
    assert (first["issue_id"], first["opinions"], first["conclusion"]) == (issue_id, 2, "Can thiệp ngay.")
    assert (second["issue_id"], second["opinions"], second["conclusion"]) == (other_id, 0, None)
    assert first["concluded_at"] == history.events[-1].happened_at
    assert [case["case_id"] for case in row.cases] == [case_id]


async def test_the_row_of_a_board_does_not_grow_with_its_points(
    db: Connection, history: History, take_in: TakeIn
) -> None:
    size = "select pg_column_size(b.*) from consultation_board b"
    await board(db, history, take_in, *session())
    before = await db.fetchval(size)
    invitations = [PointInvited(facility_id=uuid4(), role=PointRole.OBSERVER, place=place) for place in range(4, 207)]
    row = await board(db, history, take_in, *invitations)
    assert row.points_invited == 206
    assert await db.fetchval(size) == before
    assert [one.place for one in await points(db, row)] == list(range(1, 207))


async def test_a_closed_session_has_no_floor_and_a_new_chair_is_shown(
    db: Connection, history: History, take_in: TakeIn
) -> None:
    handed_over = ChairHandedOver(chair_id=called("Dr Hieu"), reason="Có ca mổ")
    closed = ConsultationClosed(minutes_version=1, content_sha256="0" * 64, sides=(BACH_MAI,))
    row = await board(db, history, take_in, *session(), FloorGiven(facility_id=SA_PA), handed_over, closed)
    assert (row.status, row.floor_id, row.chair_id) == (Status.CLOSED, None, called("Dr Hieu"))
    assert row.closed_at == history.events[-1].happened_at


async def test_a_facility_finds_the_consultations_in_which_it_has_a_place(
    db: Connection, history: History, take_in: TakeIn
) -> None:
    await board(db, history, take_in, *session())
    morning, evening = called("morning"), called("evening")
    await board(db, history, take_in, planned("Sáng", 1), ConsultationCancelled(reason="Bão"), stream=morning)
    await board(db, history, take_in, planned("Chiều", 9), stream=evening)

    async def found(**wanted: object) -> list[UUID]:
        return [row.consultation_id for row in (await consultations(db, EVERYTHING, **wanted)).rows]  # type: ignore[arg-type]

    assert await found() == [evening, morning, CONSULTATION]
    assert await found(facility_id=SA_PA) == [CONSULTATION]
    assert await found(status=[Status.CANCELLED]) == [morning]
    assert await found(since=LAUNCH_DAY.replace(hour=1), until=LAUNCH_DAY.replace(hour=9)) == [morning]
    assert (await consultations(db, NOTHING)).rows == []
