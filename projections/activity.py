"""How much was done: consultations held, examinations made and referrals sent, by whatever they are counted by?

Each of them is one row, so that nothing is counted twice however often its events come. What counts is when it
happened, in Viet Nam's months, and never when it was written down: a late entry counts in the month of its work. What
is asked most is read from tallies, whose size is that of the network and of the calendar, not that of the log.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from typing import Annotated, Any
from uuid import UUID

from domain._kernel import Recorded
from domain._leaving import Leaves
from domain._values import Code, ConsultationKind, RemoteMode, local_day
from domain.consultation import ConsultationCancelled, ConsultationOpened, ConsultationPlanned
from domain.examination import ExaminationAborted, ExaminationOrdered, ExaminationStarted
from domain.referral import ReferralDrafted, ReferralSubmitted
from projections._page import Condition, matching
from projections._provinces import provinces_on
from projections._table import Row
from projections._view import Connection, Content, View


class ActivityKind(StrEnum):
    """A consultation counts once it was opened, an examination once it was started, a referral once it was sent."""

    CONSULTATION = "consultation"
    EXAMINATION = "examination"
    REFERRAL = "referral"


class Dimension(StrEnum):
    """What activity is counted by. Helping: centre, remote or receiving facility; asking: the point of the patient."""

    ACTIVITY = "activity"
    KIND = "kind"
    MODE = "mode"
    SPECIALITY = "speciality"
    HELPING_FACILITY = "helping_facility_id"
    HELPING_PROVINCE = "helping_province_code"
    ASKING_FACILITY = "asking_facility_id"
    ASKING_PROVINCE = "asking_province_code"
    MONTH = "month"


@dataclass(slots=True, kw_only=True)
class Act(Row):
    """One consultation, examination or referral. It counts when `day` is known; its month begins at `month`."""

    act_id: UUID
    activity: ActivityKind
    kind: ConsultationKind
    mode: RemoteMode | None = None
    speciality: Code
    helping_facility_id: UUID
    asking_facility_id: UUID | None = None
    day: Annotated[date | None, Leaves.AS_IT_IS] = None
    month: Annotated[date | None, Leaves.AS_IT_IS] = None


@dataclass(frozen=True, kw_only=True)
class ActivityCount:
    """How often; those dimensions are filled by which was counted. `month` is the first day of the month.

    A consultation has a mode but no single asking facility; examinations and referrals have no mode.
    """

    activity: ActivityKind | None = None
    kind: ConsultationKind | None = None
    mode: RemoteMode | None = None
    speciality: str | None = None
    helping_facility_id: UUID | None = None
    helping_province_code: str | None = None
    asking_facility_id: UUID | None = None
    asking_province_code: str | None = None
    month: date | None = None
    count: int


view = View("activity", version=3, content=Content.FIGURES)
acts = view.table(Act, "act_id", indexes=["day", "helping_facility_id, day", "asking_facility_id, day"])

COUNTS = "day is not null"
HELPING, ASKING = "helping_facility_id", "asking_facility_id"
# The smallest first: the first one that knows all that is asked answers. Those without a day know whole months only.
# Who asks of one facility or of one province reads its rows alone, for which the month is no beginning.
TALLIES = (
    view.tally(acts, "by_kind", ("day", "month", "activity", "kind", "mode", "speciality"), COUNTS),
    view.tally(acts, "helped_in_month", ("month", "activity", HELPING), COUNTS, [f"{HELPING}, month"]),
    view.tally(acts, "asked_in_month", ("month", "activity", ASKING), COUNTS, [f"{ASKING}, month"]),
    view.tally(acts, "asked_for_in_month", ("month", "activity", "speciality", ASKING), COUNTS, [f"{ASKING}, month"]),
    view.tally(acts, "helped", ("day", "month", "activity", HELPING), COUNTS, [f"{HELPING}, day"]),
    view.tally(acts, "asked", ("day", "month", "activity", ASKING), COUNTS, [f"{ASKING}, day"]),
)


def _counts(row: Act, at: Recorded) -> None:
    row.day = local_day(at.happened_at)
    row.month = row.day.replace(day=1)


def _does_not_count(row: Act) -> None:
    row.day = row.month = None


@acts.inserts(ConsultationPlanned)
def consultation_planned(event: ConsultationPlanned, at: Recorded) -> Act:
    return Act(
        act_id=at.stream_id,
        activity=ActivityKind.CONSULTATION,
        kind=event.kind,
        mode=event.mode,
        speciality=event.speciality,
        helping_facility_id=event.centre_id,
    )


@acts.updates(ConsultationOpened)
def consultation_held(row: Act, event: ConsultationOpened, at: Recorded) -> None:
    _counts(row, at)


@acts.updates(ConsultationCancelled)
def consultation_not_held(row: Act, event: ConsultationCancelled, at: Recorded) -> None:
    _does_not_count(row)


@acts.inserts(ExaminationOrdered)
def examination_ordered(event: ExaminationOrdered, at: Recorded) -> Act:
    return Act(
        act_id=at.stream_id,
        activity=ActivityKind.EXAMINATION,
        kind=event.kind,
        speciality=event.speciality,
        helping_facility_id=event.remote_facility_id,
        asking_facility_id=event.point_id,
    )


@acts.updates(ExaminationStarted)
def examination_made(row: Act, event: ExaminationStarted, at: Recorded) -> None:
    _counts(row, at)


@acts.updates(ExaminationAborted)
def examination_not_made(row: Act, event: ExaminationAborted, at: Recorded) -> None:
    _does_not_count(row)


@acts.inserts(ReferralDrafted)
def referral_drafted(event: ReferralDrafted, at: Recorded) -> Act:
    return Act(
        act_id=at.stream_id,
        activity=ActivityKind.REFERRAL,
        kind=event.request.service,
        speciality=event.request.speciality,
        helping_facility_id=event.request.receiving_facility_id,
        asking_facility_id=event.asking_facility_id,
    )


@acts.updates(ReferralSubmitted)
def referral_sent(row: Act, event: ReferralSubmitted, at: Recorded) -> None:
    # A referral that came back and was sent again is the same referral, as it was sent last, of the first day.
    row.kind, row.speciality = event.service, event.speciality
    row.helping_facility_id = event.receiving_facility_id
    if row.day is None:
        _counts(row, at)


PROVINCES = {Dimension.HELPING_PROVINCE: "helping", Dimension.ASKING_PROVINCE: "asking"}
DAY, MONTH = "day", "month"
TYPES: dict[Dimension, Any] = {
    Dimension.ACTIVITY: ActivityKind,
    Dimension.KIND: ConsultationKind,
    Dimension.MODE: RemoteMode,
}


@view.query
async def activity(
    db: Connection,
    visible: Condition,
    since: date,
    until: date,
    by: Sequence[Dimension] = (),
    activity: list[ActivityKind] | None = None,
    kind: list[ConsultationKind] | None = None,
    mode: list[RemoteMode] | None = None,
    speciality: str | None = None,
    helping_facility_id: UUID | None = None,
    asking_facility_id: UUID | None = None,
    helping_province_code: str | None = None,
    asking_province_code: str | None = None,
    provinces_of: date | None = None,
) -> list[ActivityCount]:
    """What was done from the day `since` to the day `until`, both included, counted by these dimensions.

    Provinces are those of the list of the day `until`, or of the day `provincesOf`.
    """
    filters: dict[Dimension, Any] = {
        Dimension.ACTIVITY: activity,
        Dimension.KIND: kind,
        Dimension.MODE: mode,
        Dimension.SPECIALITY: speciality,
        Dimension.HELPING_FACILITY: helping_facility_id,
        Dimension.ASKING_FACILITY: asking_facility_id,
        Dimension.HELPING_PROVINCE: helping_province_code,
        Dimension.ASKING_PROVINCE: asking_province_code,
    }
    return await _counted(db, list(dict.fromkeys(by)), filters, since, until, provinces_of or until, visible)


async def _counted(
    db: Connection,
    columns: Sequence[Dimension],
    filters: Mapping[Dimension, Any],
    since: date,
    until: date,
    provinces_of: date,
    visible: Condition,
) -> list[ActivityCount]:
    asked = [*columns, *(column for column, value in filters.items() if value is not None)]
    sides = list(dict.fromkeys(PROVINCES[one] for one in asked if one in PROVINCES))
    within = {side for dimension, side in PROVINCES.items() if filters[dimension] is not None}
    source, clock = _source(asked, since, until)
    for side in sides:
        # The few rows of the network are joined to what is left, after the days that are asked about are picked; or the
        # other way round, since only an inner join lets the database begin with the facilities of one province.
        source = (
            f"select rows.*, {side}.province_code as {side}_province_code from ({source}) as rows"
            f" {'join' if side in within else 'left join'} {provinces_on(provinces_of)} as {side}"
            f" on {side}.facility_id = rows.{side}_facility_id"
        )
    wanted = Condition(f"{clock} >= {{}} and {clock} <= {{}}", (since, until)) & visible
    wanted &= matching(**{str(column): value for column, value in filters.items()})
    grouped = ", ".join(columns)
    rows = await db.fetch(
        f"select {''.join(f'{column}, ' for column in columns)} sum(count)::bigint as count from ({source}) as act"
        f" where {wanted.numbered()} {f'group by {grouped} order by {grouped}' if columns else ''}",
        *wanted.arguments,
    )
    found = [_count(columns, dict(row)) for row in rows if row["count"]]
    return found if found or columns else [ActivityCount(count=0)]


def _source(asked: Sequence[Dimension], since: date, until: date) -> tuple[str, str]:
    """Where it is read from, as SQL with what is counted or joined by, and the column of its time."""
    needed = {f"{PROVINCES[one]}_facility_id" if one in PROVINCES else str(one) for one in asked}
    clocks = {DAY, MONTH} if _whole_months(since, until) else {DAY}
    tally = next((one for one in TALLIES if needed <= {*one.columns} and clocks & {*one.columns}), None)
    if tally is None:
        return f"select {', '.join(acts.columns)}, 1 as count from {acts.name}", DAY
    return f"select * from {tally.name}", DAY if DAY in tally.columns else MONTH


def _whole_months(since: date, until: date) -> bool:
    return since.day == 1 and (until + timedelta(days=1)).day == 1


def _count(columns: Sequence[Dimension], row: dict[str, Any]) -> ActivityCount:
    for column in columns:
        if column in TYPES and row[column] is not None:
            row[column] = TYPES[column](row[column])
    return ActivityCount(**row)
