"""How long is waited for a first answer: each submission for itself, in whole minutes, in the month of its sending."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import pytest

from domain._kernel import Event
from domain._values import Tier, Urgency
from domain.facility import FacilityRegistered
from domain.referral import ReferralAccepted, ReferralAnswered, ReferralCancelled, ReferralDeclined, ReferralReturned
from infra.postgres import Connection
from projections._page import EVERYTHING, NOTHING
from projections.facility_register import view as register_view
from projections.referral_waits import WaitDimension, WaitFigures, referral_waits, view
from tests.history import History, called
from tests.projections.conftest import TakeIn
from tests.projections.test_referral_inbox import SA_PA, drafted, submission

SENT = datetime(2020, 9, 30, 16, 59, 31, tzinfo=UTC)  # One minute before October in Viet Nam.
YEAR = (date(2020, 1, 1), date(2020, 12, 31))
ACCEPTED = ReferralAccepted()
RETURNED = ReferralReturned(reason="Wrong speciality.")
DECLINED = ReferralDeclined(reason="No bed.")
ANSWERED = ReferralAnswered(answer="Operate.", answered_by=called("a doctor"))


def waited(history: History, name: str, minutes: float, answer: Event | None = ACCEPTED, sent: datetime = SENT) -> UUID:
    stream = drafted(history, name)
    history.happened(stream, submission(), at=sent)
    if answer is not None:
        history.happened(stream, answer, at=sent + timedelta(minutes=minutes))
    return stream


@pytest.mark.parametrize("answer", [ACCEPTED, RETURNED, DECLINED, ANSWERED])
async def test_every_first_answer_ends_the_wait(
    db: Connection, history: History, take_in: TakeIn, answer: Event
) -> None:
    waited(history, "one", 45, answer)
    await take_in(history.events, view)
    (found,) = await referral_waits(db, EVERYTHING, *YEAR)
    assert found == WaitFigures(
        submissions=1, answered=1, returned=int(answer is RETURNED), median_minutes=45, p90_minutes=45
    )


async def test_what_comes_after_the_first_answer_is_no_wait(db: Connection, history: History, take_in: TakeIn) -> None:
    stream = waited(history, "one", 45)
    history.happened(stream, ANSWERED, at=SENT + timedelta(days=2))
    await take_in(history.events, view)
    (found,) = await referral_waits(db, EVERYTHING, *YEAR)
    assert found.median_minutes == 45


async def test_who_still_waits_or_has_given_up_is_counted_and_in_no_figure(
    db: Connection, history: History, take_in: TakeIn
) -> None:
    waited(history, "one", 0, None)
    waited(history, "two", 5, ReferralCancelled(reason="Discharged."))
    drafted(history, "three")
    await take_in(history.events, view)
    assert await referral_waits(db, EVERYTHING, *YEAR) == [
        WaitFigures(submissions=2, answered=0, returned=0, median_minutes=None, p90_minutes=None)
    ]
    assert await referral_waits(db, NOTHING, *YEAR) == [
        WaitFigures(submissions=0, answered=0, returned=0, median_minutes=None, p90_minutes=None)
    ]


async def test_each_submission_waits_for_itself(db: Connection, history: History, take_in: TakeIn) -> None:
    stream = waited(history, "one", 10, RETURNED)
    again = SENT + timedelta(days=1)
    history.happened(stream, submission(number=2), at=again)
    history.happened(stream, ACCEPTED, at=again + timedelta(minutes=30))
    await take_in(history.events, view)
    (found,) = await referral_waits(db, EVERYTHING, *YEAR)
    assert (found.submissions, found.answered, found.returned, found.median_minutes) == (2, 2, 1, 20)


async def test_waits_are_whole_minutes_between_two_minutes_of_the_clock(
    db: Connection, history: History, take_in: TakeIn
) -> None:
    waited(history, "from 59:31 to 00:01", 0.5)
    await take_in(history.events, view)
    (found,) = await referral_waits(db, EVERYTHING, *YEAR)
    assert found.median_minutes == 1


async def test_a_wait_is_of_the_month_in_viet_nam_in_which_it_began(
    db: Connection, history: History, take_in: TakeIn
) -> None:
    waited(history, "september", 60)
    waited(history, "october", 5, sent=SENT + timedelta(minutes=1))
    await take_in(history.events, view)
    found = await referral_waits(db, EVERYTHING, *YEAR, [WaitDimension.MONTH])
    assert [(one.month, one.median_minutes) for one in found] == [(date(2020, 9, 1), 60), (date(2020, 10, 1), 5)]
    (found_,) = await referral_waits(db, EVERYTHING, date(2020, 10, 1), date(2020, 10, 1))
    assert found_.median_minutes == 5


async def test_waits_are_told_by_who_asks_and_for_what(db: Connection, history: History, take_in: TakeIn) -> None:
    waited(history, "one", 10)
    waited(history, "two", 20)
    registered = FacilityRegistered(
        national_code="x", name_vi="Sa Pa", tier=Tier.COMMUNE, province_code="10", province="Lào Cai"
    )
    history.happened(SA_PA, registered)
    await take_in(history.events, view, register_view)
    by = [WaitDimension.ASKING_PROVINCE, WaitDimension.ASKING_TIER, WaitDimension.SPECIALITY, WaitDimension.URGENCY]
    (found,) = await referral_waits(db, EVERYTHING, *YEAR, by)
    assert (found.asking_province_code, found.asking_tier) == ("10", Tier.COMMUNE)
    assert (found.speciality, found.urgency, found.median_minutes) == ("cardiology", Urgency.URGENT, 15)

    async def counted(**wanted: object) -> int:
        (found,) = await referral_waits(db, EVERYTHING, *YEAR, **wanted)  # type: ignore[arg-type]
        return found.submissions

    assert await counted(asking_province_code="10", asking_tier=[Tier.COMMUNE], speciality=["cardiology"]) == 2
    assert await counted(asking_province_code="15") == await counted(asking_tier=[Tier.DISTRICT]) == 0
    assert await counted(asking_province_code="15", provinces_of=date(2026, 1, 1)) == 2
    assert await counted(urgency=[Urgency.ROUTINE]) == await counted(speciality=["dermatology"]) == 0
