"""Counts of what was done: by what, in which month, and never twice."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from domain._values import ConsultationKind, RemoteMode, Tier
from domain.consultation import ConsultationCancelled, ConsultationOpened
from domain.examination import ExaminationAborted, ExaminationOrdered, ExaminationStarted
from domain.facility import FacilityRegistered
from domain.referral import ReferralReturned
from infra.postgres import Connection
from projections import activity as figures
from projections import facility_register
from projections._page import EVERYTHING
from projections.activity import ActivityCount, ActivityKind, Dimension, activity
from tests.history import LAUNCH_DAY, History, called
from tests.projections.conftest import TakeIn
from tests.projections.test_consultation_board import planned
from tests.projections.test_referral_inbox import sent, submission

FIRST, LAST = date(2020, 1, 1), date(2020, 12, 31)
BACH_MAI, SA_PA = called("Bach Mai"), called("Sa Pa")


def examined(history: History, name: str, at: datetime, recorded: datetime | None = None) -> None:
    ordered = ExaminationOrdered(
        patient_id=called("a patient"),
        point_id=SA_PA,
        remote_facility_id=BACH_MAI,
        remote_doctor_id=called("Dr Nga"),
        kind=ConsultationKind.TELE_IMAGING,
        speciality="cardiology",
    )
    history.happened(called(name), ordered, at=at - timedelta(days=40), recorded=recorded)
    history.happened(called(name), ExaminationStarted(), at=at, recorded=recorded)


async def test_a_late_entry_counts_in_the_month_of_its_work_in_viet_nam(
    db: Connection, history: History, take_in: TakeIn
) -> None:
    late = datetime(2020, 8, 31, 16, 59, tzinfo=UTC)  # A minute before midnight in Viet Nam.
    examined(history, "august", late, recorded=datetime(2020, 11, 1, tzinfo=UTC))
    examined(history, "september", late + timedelta(minutes=1))
    await take_in(history.events, figures.view)
    assert await activity(db, EVERYTHING, FIRST, LAST, [Dimension.MONTH]) == [
        ActivityCount(month=date(2020, 8, 1), count=1),
        ActivityCount(month=date(2020, 9, 1), count=1),
    ]
    assert await activity(db, EVERYTHING, date(2020, 8, 31), date(2020, 8, 31)) == [ActivityCount(count=1)]


async def test_only_what_took_place_counts(db: Connection, history: History, take_in: TakeIn) -> None:
    examined(history, "aborted", LAUNCH_DAY)
    history.happened(called("aborted"), ExaminationAborted(reason="Máy hỏng"))
    history.happened(called("only planned"), planned())
    for name in ("held", "opened and cancelled"):
        history.happened(called(name), planned())
        history.happened(called(name), ConsultationOpened())
    history.happened(called("opened and cancelled"), ConsultationCancelled(reason="Mất điện"))
    await take_in(history.events, figures.view)
    assert await activity(db, EVERYTHING, FIRST, LAST, [Dimension.ACTIVITY, Dimension.MODE]) == [
        ActivityCount(activity=ActivityKind.CONSULTATION, mode=RemoteMode.REMOTE_CONSULTATION, count=1)
    ]


async def test_a_referral_that_was_sent_twice_counts_once(db: Connection, history: History, take_in: TakeIn) -> None:
    stream = sent(history, "sent twice")
    history.happened(stream, ReferralReturned(reason="Sai chuyên khoa"))
    history.happened(stream, submission(number=2), at=LAUNCH_DAY + timedelta(days=40))
    for event in history.events:
        await take_in([event], figures.view)
    assert await activity(db, EVERYTHING, FIRST, LAST, [Dimension.MONTH]) == [
        ActivityCount(month=date(2020, 8, 1), count=1)
    ]


async def test_activity_is_counted_by_province_and_facility(db: Connection, history: History, take_in: TakeIn) -> None:
    for name, code, province in (("Bach Mai", "01", "Hà Nội"), ("Sa Pa", "10", "Lào Cai")):
        registered = FacilityRegistered(
            national_code=code, name_vi=name, tier=Tier.DISTRICT, province_code=code, province=province
        )
        history.happened(called(name), registered)
    sent(history, "a referral")
    examined(history, "one", LAUNCH_DAY)
    examined(history, "other", LAUNCH_DAY)
    await take_in(history.events, figures.view, facility_register.view)
    by = [Dimension.HELPING_PROVINCE, Dimension.ASKING_PROVINCE, Dimension.ACTIVITY]
    found = await activity(db, EVERYTHING, FIRST, LAST, by)
    assert [(one.helping_province_code, one.asking_province_code, one.activity, one.count) for one in found] == [
        ("01", "10", ActivityKind.EXAMINATION, 2),
        ("01", "10", ActivityKind.REFERRAL, 1),
    ]
    only = await activity(db, EVERYTHING, FIRST, LAST, asking_facility_id=SA_PA, activity=[ActivityKind.REFERRAL])
    assert only == [ActivityCount(count=1)]
    assert await activity(db, EVERYTHING, FIRST, LAST, asking_province_code="01") == [ActivityCount(count=0)]


@pytest.mark.parametrize("dimension", Dimension)
async def test_every_dimension_can_be_asked_for(
    db: Connection, history: History, take_in: TakeIn, dimension: Dimension
) -> None:
    sent(history, "a referral")
    await take_in(history.events, figures.view)
    assert [one.count for one in await activity(db, EVERYTHING, FIRST, LAST, [dimension, dimension])] == [1]
