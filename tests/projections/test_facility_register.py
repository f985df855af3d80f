"""The register of facilities, and the progress of connecting them."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from uuid import UUID

import pytest

from domain._text import folded
from domain._values import ConsultationKind, LinkQuality, RemoteMode, Tier
from domain.facility import (
    FacilityRegistered,
    LineMeasured,
    PointConnected,
    PointRestored,
    PointSuspended,
    Service,
    ServicesDeclared,
    Status,
)
from infra.postgres import Connection
from projections import deployment_progress as progress
from projections import facility_register as register
from projections._page import EVERYTHING
from projections.deployment_progress import deployment_progress
from projections.facility_register import facilities, facility, services
from tests.history import LAUNCH_DAY, History, called
from tests.projections.conftest import TakeIn

LINE = LinkQuality(bitrate_kbps=50_000, delay_ms=20, loss_percent=Decimal("0.1"))


def registered(history: History, name: str, province: str = "10", tier: Tier = Tier.DISTRICT) -> UUID:
    stream = called(name)
    event = FacilityRegistered(
        national_code=f"{province}{len(history.events):03}",
        name_vi=name,
        tier=tier,
        province_code=province,
        province={"10": "Lào Cai", "01": "Hà Nội"}[province],
    )
    history.happened(stream, event)
    return stream


@pytest.mark.parametrize(
    ("written", "typed"),
    [("Bệnh viện Đà Nẵng", "benh vien da nang"), ("HỮU NGHỊ", "huu nghi"), ("  Sa   Pa ", "sa pa"), ("ƯỚC ở", "uoc o")],
)
def test_names_are_found_without_their_marks(written: str, typed: str) -> None:
    assert folded(written) == typed
    assert folded(unmarked := typed) == unmarked


async def test_facilities_are_found_by_what_people_type(db: Connection, history: History, take_in: TakeIn) -> None:
    sa_pa = registered(history, "Trung tâm y tế Sa Pa")
    bach_mai = registered(history, "Bệnh viện Bạch Mai", "01", Tier.CENTRAL)
    odd = registered(history, "Trạm 100% _ mới", "01", Tier.COMMUNE)
    history.happened(bach_mai, PointConnected())
    await take_in(history.events, register.view)
    for wanted, found in (
        ({"text": "bach mai"}, [bach_mai]),
        ({"text": "Bạch"}, [bach_mai]),
        ({"text": "100%"}, [odd]),
        ({"text": "%"}, [odd]),
        ({"province_code": "10"}, [sa_pa]),
        ({"tier": [Tier.CENTRAL, Tier.COMMUNE]}, [bach_mai, odd]),
        ({"status": [Status.REGISTERED]}, [odd, sa_pa]),
        ({}, [bach_mai, odd, sa_pa]),
    ):
        rows = (await facilities(db, EVERYTHING, **wanted)).rows
        assert [row.facility_id for row in rows] == found, wanted


async def test_a_facility_offers_what_its_declaration_of_that_day_says(
    db: Connection, history: History, take_in: TakeIn
) -> None:
    stream = registered(history, "Sa Pa")
    one = Service(kind=ConsultationKind.CONSULTATION, mode=RemoteMode.REMOTE_CONSULTATION, speciality="cardiology")
    other = Service(kind=ConsultationKind.TELE_IMAGING, mode=RemoteMode.INTER_FACILITY_SUPPORT, speciality="imaging")
    history.happened(stream, ServicesDeclared(first_day=date(2020, 8, 1), services=(one,)))
    history.happened(stream, ServicesDeclared(first_day=date(2020, 10, 1), services=()))
    # Each in a batch of its own, so that the second meets what the first one stored.
    for event in history.events:
        await take_in([event], register.view)
    await take_in(
        [history.happened(stream, ServicesDeclared(first_day=date(2020, 9, 1), services=(one, other)))], register.view
    )
    row = await facility(db, EVERYTHING, stream)
    assert row is not None
    assert [len(await services(db, row, day)) for day in (date(2020, 7, 31), date(2020, 8, 1))] == [0, 1]
    assert [offer["kind"] for offer in await services(db, row, date(2020, 10, 2))] == [one.kind, other.kind]


async def test_a_suspended_point_is_not_connected_until_it_is_restored(
    db: Connection, history: History, take_in: TakeIn
) -> None:
    stream = registered(history, "Sa Pa")
    history.happened(stream, LineMeasured(line=LINE, instrument="iperf3"))
    since = history.happened(stream, PointConnected()).happened_at
    await take_in(history.events, register.view)
    row = await facility(db, EVERYTHING, stream)
    assert row is not None
    assert (row.status, row.connected_since, row.bitrate_kbps) == (Status.CONNECTED, since, 50_000)
    await take_in([history.happened(stream, PointSuspended(reason="Sửa đường truyền"))], register.view)
    row = await facility(db, EVERYTHING, stream)
    assert row is not None
    assert (row.status, row.connected_since, row.suspended_reason) == (Status.SUSPENDED, None, "Sửa đường truyền")


async def test_the_points_connected_on_a_past_day_are_counted_by_province(
    db: Connection, history: History, take_in: TakeIn
) -> None:
    day = timedelta(days=1)
    sa_pa, hanoi, late = (
        registered(history, "Sa Pa"),
        registered(history, "Bạch Mai", "01"),
        registered(history, "Đống Đa", "01"),
    )
    history.happened(sa_pa, PointConnected(), at=LAUNCH_DAY - day)
    history.happened(hanoi, PointConnected(), at=LAUNCH_DAY)
    history.happened(sa_pa, PointSuspended(reason="Bão"), at=LAUNCH_DAY + day)
    history.happened(sa_pa, PointRestored(), at=LAUNCH_DAY + 3 * day)
    # Written down a week later, but connected on the launch day.
    history.happened(late, PointConnected(), at=LAUNCH_DAY, recorded=LAUNCH_DAY + 7 * day)
    await take_in(history.events, register.view, progress.view)

    async def connected(on: date) -> tuple[int, dict[str | None, int]]:
        found = await deployment_progress(db, EVERYTHING, on)
        return found.connected, {one.province_code: one.connected for one in found.by_province}

    assert await connected(date(2020, 8, 25)) == (0, {"10": 0, "01": 0})
    assert await connected(date(2020, 8, 26)) == (1, {"10": 1, "01": 0})
    assert await connected(date(2020, 8, 27)) == (3, {"10": 1, "01": 2})
    assert await connected(date(2020, 8, 28)) == (2, {"10": 0, "01": 2})
    assert await connected(date(2020, 8, 30)) == (3, {"10": 1, "01": 2})
    found = await deployment_progress(db, EVERYTHING, date(2020, 8, 27))
    assert [(one.points, one.percent, one.reached) for one in found.targets] == [
        (600, 0.5, False),
        (1_000, 0.3, False),
        (14_000, 0.0, False),
    ]
    assert found.provinces_connected == 2


async def test_a_day_is_a_day_in_viet_nam(db: Connection, history: History, take_in: TakeIn) -> None:
    stream = registered(history, "Sa Pa")
    history.happened(stream, PointConnected(), at=datetime(2020, 8, 26, 17, 30, tzinfo=UTC))
    await take_in(history.events, register.view, progress.view)
    assert (await deployment_progress(db, EVERYTHING, date(2020, 8, 26))).connected == 0
    assert (await deployment_progress(db, EVERYTHING, date(2020, 8, 27))).connected == 1
