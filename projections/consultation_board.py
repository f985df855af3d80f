"""What goes on in a consultation: who chairs, who has the floor, which cases and issues are on the table?

The row of a consultation stays small, however many points take part: the points are rows of their own, read on
demand. What was said in full stands in the minutes.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import TypedDict
from uuid import UUID

from domain._kernel import Recorded
from domain._points import LeaveReason, PointRole, Presence
from domain._values import Code, ConsultationKind, Count, RemoteMode
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
    MinutesAmended,
    MinutesCompleted,
    MinutesSigned,
    OpinionGiven,
    PointConfirmed,
    PointInvited,
    PointJoined,
    PointLeft,
    Status,
)
from projections._page import Condition, Page, first, matching, page, select
from projections._table import Row
from projections._view import Connection, Content, View
from projections.live_session import LiveSession, room_of


class BoardCase(TypedDict):
    """A patient who was presented, by which point, and on which referral."""

    case_id: UUID
    patient_id: UUID
    facility_id: UUID
    referral_id: UUID | None
    summary: str
    presented_at: datetime


class BoardIssue(TypedDict):
    """A question about a case, how many opinions were given on it, and the conclusion once there is one."""

    issue_id: UUID
    case_id: UUID
    facility_id: UUID
    question: str
    raised_at: datetime
    opinions: int
    conclusion: str | None
    concluded_at: datetime | None


@dataclass(slots=True, kw_only=True)
class ConsultationBoard(Row):
    """A consultation as it stands at this moment.

    Read `points` and `attendance` again when `pointsPosition` has grown.
    """

    consultation_id: UUID
    title: str
    kind: ConsultationKind
    mode: RemoteMode
    speciality: Code
    teaching: bool
    starts_at: datetime
    ends_at: datetime
    status: Status
    centre_id: UUID
    responsible_id: UUID
    chair_id: UUID
    floor_id: UUID | None = None
    opened_at: datetime | None = None
    closed_at: datetime | None = None
    cancelled_reason: str | None = None
    points_invited: Count = 0
    points_position: int = 0
    cases: list[BoardCase] = field(default_factory=list)
    issues: list[BoardIssue] = field(default_factory=list)


@dataclass(slots=True, kw_only=True)
class ConsultationPoint(Row):
    """A facility at its place in a consultation. The place is kept when the line drops and comes back."""

    consultation_id: UUID
    facility_id: UUID
    place: Count
    role: PointRole
    presence: Presence
    joined_at: datetime | None = None
    left_at: datetime | None = None
    left_reason: LeaveReason | None = None
    times_rejoined: Count = 0


@dataclass(frozen=True)
class Attendance:
    """How many points of a role are in this presence."""

    role: PointRole
    presence: Presence
    points: int


view = View("consultation_board", version=1, content=Content.CASE, stream="consultation_id")
boards = view.table(ConsultationBoard, "consultation_id", indexes=["starts_at, consultation_id", "status, starts_at"])
points_ = view.table(
    ConsultationPoint, ("consultation_id", "facility_id"), part="point", indexes=["facility_id, consultation_id"]
)
view.live("consultation_board", boards, by="consultation_id", field="consultation")


# The course of the session -----------------------------------------------------------------------------------


@boards.inserts(ConsultationPlanned)
def planned(event: ConsultationPlanned, at: Recorded) -> ConsultationBoard:
    return ConsultationBoard(
        consultation_id=at.stream_id,
        title=event.title,
        kind=event.kind,
        mode=event.mode,
        speciality=event.speciality,
        teaching=event.teaching,
        starts_at=event.period.start,
        ends_at=event.period.end,
        status=Status.PLANNED,
        centre_id=event.centre_id,
        responsible_id=event.responsible_id,
        chair_id=event.chair_id,
    )


@boards.updates(ConsultationOpened)
def opened(row: ConsultationBoard, event: ConsultationOpened, at: Recorded) -> None:
    row.status, row.opened_at = Status.OPEN, at.happened_at


@boards.updates(ConsultationClosed)
def closed(row: ConsultationBoard, event: ConsultationClosed, at: Recorded) -> None:
    row.status, row.closed_at, row.floor_id = Status.CLOSED, at.happened_at, None


@boards.updates(ConsultationCancelled)
def cancelled(row: ConsultationBoard, event: ConsultationCancelled, at: Recorded) -> None:
    row.status, row.cancelled_reason, row.floor_id = Status.CANCELLED, event.reason, None


@boards.updates(MinutesSigned, MinutesAmended)
def signatures_missing(row: ConsultationBoard, event: MinutesSigned | MinutesAmended, at: Recorded) -> None:
    row.status = Status.CLOSED


@boards.updates(MinutesCompleted)
def signed(row: ConsultationBoard, event: MinutesCompleted, at: Recorded) -> None:
    row.status = Status.SIGNED


@boards.updates(ChairHandedOver)
def chair_handed_over(row: ConsultationBoard, event: ChairHandedOver, at: Recorded) -> None:
    row.chair_id = event.chair_id


@boards.updates(FloorGiven)
def floor_given(row: ConsultationBoard, event: FloorGiven, at: Recorded) -> None:
    row.floor_id = event.facility_id


# Cases and issues --------------------------------------------------------------------------------------------


@boards.updates(CasePresented)
def case_presented(row: ConsultationBoard, event: CasePresented, at: Recorded) -> None:
    case = BoardCase(
        case_id=event.case_id,
        patient_id=event.patient_id,
        facility_id=event.facility_id,
        referral_id=event.referral_id,
        summary=event.summary,
        presented_at=at.happened_at,
    )
    row.cases = [*row.cases, case]


@boards.updates(IssueRaised)
def issue_raised(row: ConsultationBoard, event: IssueRaised, at: Recorded) -> None:
    issue = BoardIssue(
        issue_id=event.issue_id,
        case_id=event.case_id,
        facility_id=event.facility_id,
        question=event.question,
        raised_at=at.happened_at,
        opinions=0,
        conclusion=None,
        concluded_at=None,
    )
    row.issues = [*row.issues, issue]


def _issue(row: ConsultationBoard, issue_id: UUID) -> BoardIssue:
    return next(issue for issue in row.issues if issue["issue_id"] == issue_id)


@boards.updates(OpinionGiven)
def opinion_given(row: ConsultationBoard, event: OpinionGiven, at: Recorded) -> None:
    _issue(row, event.issue_id)["opinions"] += 1


@boards.updates(IssueConcluded)
def issue_concluded(row: ConsultationBoard, event: IssueConcluded, at: Recorded) -> None:
    issue = _issue(row, event.issue_id)
    issue["conclusion"], issue["concluded_at"] = event.conclusion, at.happened_at


# The points on the line --------------------------------------------------------------------------------------


@boards.updates(PointConfirmed, PointJoined)
def points_changed(row: ConsultationBoard, event: PointConfirmed | PointJoined, at: Recorded) -> None:
    row.points_position = at.position


@boards.updates(PointInvited)
def point_counted(row: ConsultationBoard, event: PointInvited, at: Recorded) -> None:
    row.points_invited += 1
    row.points_position = at.position


@boards.updates(PointLeft)
def floor_given_back(row: ConsultationBoard, event: PointLeft, at: Recorded) -> None:
    row.points_position = at.position
    if event.gave_back_floor:
        row.floor_id = None


def _point(event: PointConfirmed | PointJoined | PointLeft, at: Recorded) -> tuple[UUID, UUID]:
    return at.stream_id, event.facility_id


@points_.inserts(PointInvited)
def invited(event: PointInvited, at: Recorded) -> ConsultationPoint:
    return ConsultationPoint(
        consultation_id=at.stream_id,
        facility_id=event.facility_id,
        place=event.place,
        role=event.role,
        presence=Presence.CONFIRMED if event.role is PointRole.CENTRE else Presence.INVITED,
    )


@points_.updates(PointConfirmed, key=_point)
def confirmed(row: ConsultationPoint, event: PointConfirmed, at: Recorded) -> None:
    row.presence = Presence.CONFIRMED


@points_.updates(PointJoined, key=_point)
def joined(row: ConsultationPoint, event: PointJoined, at: Recorded) -> None:
    row.presence, row.joined_at = Presence.JOINED, at.happened_at
    row.left_at = row.left_reason = None
    row.times_rejoined += event.rejoined


@points_.updates(PointLeft, key=_point)
def left(row: ConsultationPoint, event: PointLeft, at: Recorded) -> None:
    row.presence, row.left_at, row.left_reason = Presence.LEFT, at.happened_at, event.reason


# Questions ---------------------------------------------------------------------------------------------------


@view.on_demand(ConsultationBoard)
async def points(
    db: Connection, row: ConsultationBoard, role: list[PointRole] | None = None, presence: list[Presence] | None = None
) -> list[ConsultationPoint]:
    """The facilities that take part, by their places."""
    wanted = matching(consultation_id=row.consultation_id, role=role, presence=presence)
    return await select(db, points_, wanted, ("place",))


@view.on_demand(ConsultationBoard)
async def attendance(db: Connection, row: ConsultationBoard) -> list[Attendance]:
    """How many points are on the line, and how many not, by role."""
    rows = await db.fetch(
        f"select role, presence, count(*) from {points_.name} where consultation_id = $1 group by 1, 2 order by 1, 2",
        row.consultation_id,
    )
    return [Attendance(PointRole(one["role"]), Presence(one["presence"]), one["count"]) for one in rows]


@view.on_demand(ConsultationBoard)
async def live_session(db: Connection, row: ConsultationBoard) -> LiveSession | None:
    """The room of this consultation, once somebody was let in."""
    return await room_of(db, consultation_id=row.consultation_id)


@view.query
async def consultation_board(db: Connection, visible: Condition, consultation_id: UUID) -> ConsultationBoard | None:
    """One consultation as it stands."""
    return await first(db, boards, matching(consultation_id=consultation_id) & visible)


@view.query
async def consultations(
    db: Connection,
    visible: Condition,
    facility_id: UUID | None = None,
    status: list[Status] | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    *,
    size: int = 50,
    after: str | None = None,
) -> Page[ConsultationBoard]:
    """Consultations that start from `since` on and before `until`, the latest first; `facilityId`: with its point."""
    wanted = matching(status=status) & visible
    if facility_id is not None:
        mine = f"consultation_id in (select consultation_id from {points_.name} where facility_id = {{}})"
        wanted &= Condition(mine, (facility_id,))
    if since is not None:
        wanted &= Condition("starts_at >= {}", (since,))
    if until is not None:
        wanted &= Condition("starts_at < {}", (until,))
    return await page(db, boards, wanted, ("starts_at",), size=size, after=after, descending=True)
