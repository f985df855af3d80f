"""How long do those who ask wait for a first answer: by month, province, tier and speciality?

Each submission of a referral waits for itself, from when it was sent to the first answer to it, be that a yes, a no, or
that it came to the wrong speciality. Waits are counted in whole minutes, from the minute of the one to the minute of
the other, so that the figure is the same wherever it is computed: here, from the log, or from the tables of analysts,
which hold no seconds. A wait belongs to the month in Viet Nam in which it began.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Any, TypedDict
from uuid import UUID

from domain._kernel import Recorded
from domain._values import Code, Count, Tier, Urgency, local_day
from domain.referral import (
    ReferralAccepted,
    ReferralAnswered,
    ReferralDeclined,
    ReferralDrafted,
    ReferralReturned,
    ReferralSubmitted,
)
from projections._page import Condition, matching
from projections._provinces import provinces_on
from projections._table import Row
from projections._view import Connection, Content, View


class FirstAnswer(StrEnum):
    """What the first answer to a submission was."""

    ACCEPTED = "accepted"
    RETURNED = "returned"
    DECLINED = "declined"
    ANSWERED = "answered"


class WaitDimension(StrEnum):
    """What waits are told by; `ASKING` is who asks."""

    MONTH = "month"
    SPECIALITY = "speciality"
    URGENCY = "urgency"
    ASKING_TIER = "asking_tier"
    ASKING_PROVINCE = "asking_province_code"


class Submission(TypedDict):
    """One time that a referral was sent, and the first answer to it."""

    submission: Count
    receiving_facility_id: UUID
    speciality: Code
    urgency: Urgency
    submitted_at: datetime
    answered_at: datetime | None
    answer: FirstAnswer | None


@dataclass(slots=True, kw_only=True)
class ReferralWaits(Row):
    """A referral with all its submissions, and the day of the last one."""

    referral_id: UUID
    asking_facility_id: UUID
    last_sent_on: date | None = None
    submissions: list[Submission] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class WaitFigures:
    """Minutes until the first answer: the half waited no longer than the median, nine of ten no longer than p90.

    Of `submissions` so many were `answered`; the figures are theirs, and those that still wait are not in them. The
    dimensions are filled that were asked for; `month` is its first day.
    """

    month: date | None = None
    speciality: str | None = None
    urgency: Urgency | None = None
    asking_tier: Tier | None = None
    asking_province_code: str | None = None
    submissions: int
    answered: int
    returned: int
    median_minutes: float | None
    p90_minutes: float | None


view = View("referral_waits", version=1, content=Content.FIGURES)
waits = view.table(ReferralWaits, "referral_id", indexes=["last_sent_on"])


@waits.inserts(ReferralDrafted)
def drafted(event: ReferralDrafted, at: Recorded) -> ReferralWaits:
    return ReferralWaits(referral_id=at.stream_id, asking_facility_id=event.asking_facility_id)


@waits.updates(ReferralSubmitted)
def submitted(row: ReferralWaits, event: ReferralSubmitted, at: Recorded) -> None:
    row.last_sent_on = local_day(at.happened_at)
    sent = Submission(
        submission=event.submission,
        receiving_facility_id=event.receiving_facility_id,
        speciality=event.speciality,
        urgency=event.urgency,
        submitted_at=at.happened_at,
        answered_at=None,
        answer=None,
    )
    row.submissions = [*row.submissions, sent]


@waits.updates(ReferralAccepted)
def accepted(row: ReferralWaits, event: ReferralAccepted, at: Recorded) -> None:
    _answered(row, FirstAnswer.ACCEPTED, at)


@waits.updates(ReferralReturned)
def returned(row: ReferralWaits, event: ReferralReturned, at: Recorded) -> None:
    _answered(row, FirstAnswer.RETURNED, at)


@waits.updates(ReferralDeclined)
def declined(row: ReferralWaits, event: ReferralDeclined, at: Recorded) -> None:
    _answered(row, FirstAnswer.DECLINED, at)


@waits.updates(ReferralAnswered)
def answered(row: ReferralWaits, event: ReferralAnswered, at: Recorded) -> None:
    _answered(row, FirstAnswer.ANSWERED, at)


def _answered(row: ReferralWaits, answer: FirstAnswer, at: Recorded) -> None:
    last = row.submissions[-1]
    if last["answered_at"] is None:
        row.submissions = [*row.submissions[:-1], {**last, "answered_at": at.happened_at, "answer": answer}]


# The month is Viet Nam's, which keeps UTC+7 all the year.
WAITS = f"""
    (select sent.*, asking.tier as asking_tier, lies.province_code as asking_province_code,
            (sent.submitted_at at time zone 'UTC' + interval '7 hours')::date as day,
            date_trunc('month', sent.submitted_at at time zone 'UTC' + interval '7 hours')::date as month,
            extract(epoch from date_trunc('minute', sent.answered_at) - date_trunc('minute', sent.submitted_at)) / 60
                as minutes
       from {waits.name} as referral
      cross join jsonb_to_recordset(referral.submissions)
         as sent (speciality text, urgency text, submitted_at timestamptz, answered_at timestamptz, answer text)
       left join facility_register asking on asking.facility_id = referral.asking_facility_id
       left join {{provinces}} as lies on lies.facility_id = referral.asking_facility_id
      where referral.last_sent_on >= $1) as waits
"""
FIGURES = """
    count(*) as submissions, count(minutes) as answered, count(*) filter (where answer = 'returned') as returned,
    percentile_cont(0.5) within group (order by minutes) as median_minutes,
    percentile_cont(0.9) within group (order by minutes) as p90_minutes
"""
TYPES: dict[WaitDimension, Any] = {WaitDimension.URGENCY: Urgency, WaitDimension.ASKING_TIER: Tier}


@view.query
async def referral_waits(
    db: Connection,
    visible: Condition,
    since: date,
    until: date,
    by: Sequence[WaitDimension] = (),
    speciality: list[str] | None = None,
    urgency: list[Urgency] | None = None,
    asking_tier: list[Tier] | None = None,
    asking_province_code: str | None = None,
    provinces_of: date | None = None,
) -> list[WaitFigures]:
    """The waits that began from the day `since` to the day `until`, both included, told by these dimensions.

    Provinces are those of the list of the day `until`, or of the day `provincesOf`.
    """
    wanted = Condition("day >= {} and day <= {}", (since, until)) & visible
    wanted &= matching(
        speciality=speciality, urgency=urgency, asking_tier=asking_tier, asking_province_code=asking_province_code
    )
    columns = list(dict.fromkeys(by))
    grouped = ", ".join(columns)
    rows = await db.fetch(
        f"select {''.join(f'{column}, ' for column in columns)} {FIGURES}"
        f" from {WAITS.format(provinces=provinces_on(provinces_of or until))}"
        f" where {wanted.numbered()} {f'group by {grouped} order by {grouped}' if columns else ''}",
        *wanted.arguments,
    )
    return [_figures(columns, dict(row)) for row in rows]


def _figures(columns: Sequence[WaitDimension], row: dict[str, Any]) -> WaitFigures:
    for column in columns:
        if column in TYPES and row[column] is not None:
            row[column] = TYPES[column](row[column])
    return WaitFigures(**row)
