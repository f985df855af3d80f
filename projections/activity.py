"""How much was done: consultations held, examinations made and referrals sent, by whatever they are counted by?

Each of them is one row, so that nothing is counted twice however often its events come. What counts is when it
happened, in Viet Nam's months, and never when it was written down: a late entry counts in the month of its work.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
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


view = View("activity", version=1, content=Content.FIGURES)
acts = view.table(Act, "act_id", indexes=["day"])


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


IN_PROVINCES = f"""
    (select act.*, helping.province_code as helping_province_code, asking.province_code as asking_province_code
       from {acts.name} act
       left join {{provinces}} helping on helping.facility_id = act.helping_facility_id
       left join {{provinces}} asking on asking.facility_id = act.asking_facility_id) as act
"""
PROVINCES = {Dimension.HELPING_PROVINCE, Dimension.ASKING_PROVINCE}
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
    during = Condition("day >= {} and day <= {}", (since, until)) & visible
    wanted = during & matching(
        activity=activity,
        kind=kind,
        mode=mode,
        speciality=speciality,
        helping_facility_id=helping_facility_id,
        asking_facility_id=asking_facility_id,
        helping_province_code=helping_province_code,
        asking_province_code=asking_province_code,
    )
    by_province = helping_province_code or asking_province_code or PROVINCES.intersection(by)
    source = IN_PROVINCES.format(provinces=provinces_on(provinces_of or until)) if by_province else acts.name
    return await _counted(db, source, list(dict.fromkeys(by)), wanted)


async def _counted(db: Connection, source: str, columns: Sequence[Dimension], wanted: Condition) -> list[ActivityCount]:
    grouped = ", ".join(columns)
    rows = await db.fetch(
        f"select {''.join(f'{column}, ' for column in columns)} count(*) as count from {source}"
        f" where {wanted.numbered()} {f'group by {grouped} order by {grouped}' if columns else ''}",
        *wanted.arguments,
    )
    return [_count(columns, dict(row)) for row in rows]


def _count(columns: Sequence[Dimension], row: dict[str, Any]) -> ActivityCount:
    for column in columns:
        if column in TYPES and row[column] is not None:
            row[column] = TYPES[column](row[column])
    return ActivityCount(**row)
