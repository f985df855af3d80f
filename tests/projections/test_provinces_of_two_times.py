"""A report of 2020 keeps its 63 provinces, and one of today counts the same places in 34."""

from __future__ import annotations

from datetime import UTC, date, datetime
from uuid import UUID

from domain._values import Tier
from domain.facility import FacilityRegistered, FacilityRelocated, PointConnected
from infra.postgres import Connection
from projections._page import EVERYTHING
from projections._provinces import province_of
from projections.activity import Dimension, activity
from projections.activity import view as activity_view
from projections.deployment_progress import deployment_progress
from projections.deployment_progress import view as progress_view
from projections.facility_register import facilities, facility
from projections.facility_register import view as register_view
from tests.history import History, called
from tests.projections.conftest import TakeIn
from tests.projections.test_referral_inbox import sent

DAY_2020, DAY_2026 = date(2020, 8, 27), date(2026, 1, 15)
IN_2020, IN_2026 = datetime(2020, 8, 1, tzinfo=UTC), datetime(2026, 1, 10, tzinfo=UTC)


def registered(
    history: History, name: str, code: str, province: str, *, listed_on: date = DAY_2020, commune: str | None = None
) -> UUID:
    at = IN_2020 if listed_on == DAY_2020 else IN_2026
    event = FacilityRegistered(
        national_code=name, name_vi=name, tier=Tier.COMMUNE, province_code=code, province=province,
        commune_code=commune, listed_on=listed_on,
    )  # fmt: skip
    history.happened(called(name), event, at=at)
    history.happened(called(name), PointConnected(), at=at)
    return called(name)


async def test_the_network_of_a_day_is_counted_by_the_provinces_of_any_day(
    db: Connection, history: History, take_in: TakeIn
) -> None:
    registered(history, "Sa Pa", "10", "Lào Cai")
    registered(history, "Nghĩa Lộ", "15", "Yên Bái")
    registered(history, "Bạch Mai", "01", "Hà Nội")
    registered(history, "Tả Van", "15", "Lào Cai", listed_on=DAY_2026, commune="03004")
    await take_in(history.events, register_view, progress_view)

    async def connected(day: date, of: date | None = None) -> dict[tuple[str | None, str | None], int]:
        found = await deployment_progress(db, EVERYTHING, day, of)
        return {(one.province_code, one.province): one.connected for one in found.by_province if one.connected}

    by_63 = {("10", "Lào Cai"): 1, ("15", "Yên Bái"): 1, ("01", "Hà Nội"): 1}
    assert await connected(DAY_2020) == by_63
    assert await connected(DAY_2026) == {("15", "Lào Cai"): 3, ("01", "Hà Nội"): 1}
    assert await connected(DAY_2026, DAY_2020) == {**by_63, ("10", "Lào Cai"): 2}
    assert await connected(DAY_2020, DAY_2026) == {("15", "Lào Cai"): 2, ("01", "Hà Nội"): 1}


async def test_a_place_of_which_only_the_new_province_is_known_is_counted_without_a_former_one(
    db: Connection, history: History, take_in: TakeIn
) -> None:
    tells_nothing = registered(history, "Tả Van", "15", "Lào Cai", listed_on=DAY_2026)
    was_never_merged = registered(history, "Bạch Mai", "01", "Hà Nội", listed_on=DAY_2026)
    await take_in(history.events, register_view, progress_view)
    assert await province_of(db, tells_nothing, DAY_2020) is None
    hanoi = await province_of(db, was_never_merged, DAY_2020)
    assert hanoi is not None
    assert hanoi.name == "Hà Nội"
    found = await deployment_progress(db, EVERYTHING, DAY_2026, DAY_2020)
    assert [(one.province, one.connected) for one in found.by_province] == [("Hà Nội", 1), (None, 1)]
    assert (found.connected, found.provinces_connected) == (2, 1)


async def test_a_facility_that_moved_is_where_it_was_on_each_day(
    db: Connection, history: History, take_in: TakeIn
) -> None:
    moved = registered(history, "Đoàn khám lưu động", "10", "Lào Cai")
    history.happened(moved, FacilityRelocated(province_code="01", province="Hà Nội", listed_on=DAY_2026), at=IN_2026)
    await take_in(history.events, register_view)
    provinces = [await province_of(db, moved, day) for day in (date(2019, 1, 1), DAY_2020, date(2025, 8, 1), DAY_2026)]
    assert [(one.code, one.name) for one in provinces if one] == [
        ("10", "Lào Cai"), ("10", "Lào Cai"), ("15", "Lào Cai"), ("01", "Hà Nội"),
    ]  # fmt: skip
    row = await facility(db, EVERYTHING, moved)
    assert row is not None
    assert (row.province_code, row.listed_on) == ("01", DAY_2026)


async def test_activity_is_counted_by_the_provinces_of_its_last_day_or_of_a_day_that_is_asked_for(
    db: Connection, history: History, take_in: TakeIn
) -> None:
    registered(history, "Bach Mai", "01", "Hà Nội")
    registered(history, "Sa Pa", "10", "Lào Cai")
    sent(history, "a referral")
    await take_in(history.events, register_view, activity_view)

    async def asked_from(until: date, of: date | None = None) -> list[str | None]:
        by = [Dimension.ASKING_PROVINCE]
        return [
            one.asking_province_code for one in await activity(db, EVERYTHING, DAY_2020, until, by, provinces_of=of)
        ]

    assert await asked_from(DAY_2020) == ["10"]
    assert await asked_from(DAY_2020, DAY_2026) == ["15"]
    assert await asked_from(DAY_2026) == ["15"]
    assert await asked_from(DAY_2026, DAY_2020) == ["10"]


async def test_facilities_are_found_by_the_province_of_a_day(db: Connection, history: History, take_in: TakeIn) -> None:
    sa_pa = registered(history, "Sa Pa", "10", "Lào Cai")
    nghia_lo = registered(history, "Nghĩa Lộ", "15", "Yên Bái")
    await take_in(history.events, register_view)

    async def found(code: str, of: date | None = None) -> set[UUID]:
        return {row.facility_id for row in (await facilities(db, EVERYTHING, code, provinces_of=of)).rows}

    assert await found("15") == await found("15", DAY_2020) == {nghia_lo}
    assert await found("15", DAY_2026) == {sa_pa, nghia_lo}
    assert await found("10", DAY_2026) == set()
