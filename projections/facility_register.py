"""Which facilities are in the network, what do they offer, and are they connected?"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, TypedDict
from uuid import UUID

from domain._kernel import Recorded
from domain._leaving import Leaves
from domain._personal import Label
from domain._values import Code, ConsultationKind, Count, RemoteMode, Tier
from domain.facility import (
    DistrictCode,
    FacilityRegistered,
    LineMeasured,
    PointConnected,
    PointRestored,
    PointSuspended,
    ProvinceCode,
    ServicesDeclared,
    Status,
)
from projections._folded_text import contains, folded
from projections._page import Condition, Page, first, matching, page
from projections._table import Row
from projections._view import Connection, Content, View


class FacilityService(TypedDict):
    """A remote service: a kind of activity, in a legal mode, in a speciality."""

    kind: ConsultationKind
    mode: RemoteMode
    speciality: Code


class ServiceDeclaration(TypedDict):
    """All that a facility offers from a day on, until the first day of the next declaration."""

    first_day: Annotated[date, Leaves.AS_IT_IS]
    services: list[FacilityService]


@dataclass(slots=True, kw_only=True)
class Facility(Row):
    """A health facility of the network with its connection point. Line: kbit/s, ms one way, percent lost."""

    facility_id: UUID
    national_code: Annotated[Code, Leaves.DROPPED]
    name_vi: Label
    name_en: Label | None
    searched_by: str
    tier: Tier
    province_code: ProvinceCode
    province: Annotated[Label, Leaves.AS_IT_IS]
    district_code: DistrictCode | None
    district: Label | None
    latitude: Decimal | None
    longitude: Decimal | None
    status: Status
    declarations: list[ServiceDeclaration] = field(default_factory=list)
    bitrate_kbps: Count | None = None
    delay_ms: Count | None = None
    loss_percent: Annotated[Decimal | None, Leaves.AS_IT_IS] = None
    measured_at: datetime | None = None
    connected_since: datetime | None = None
    suspended_reason: str | None = None


view = View("facility_register", version=1, content=Content.NETWORK)
facilities_ = view.table(
    Facility, "facility_id", indexes=["searched_by", "province_code, searched_by", "national_code"]
)


@facilities_.inserts(FacilityRegistered)
def registered(event: FacilityRegistered, at: Recorded) -> Facility:
    names = (event.name_vi, event.name_en or "", event.national_code)
    return Facility(
        facility_id=at.stream_id,
        national_code=event.national_code,
        name_vi=event.name_vi,
        name_en=event.name_en,
        searched_by=folded(" ".join(names)),
        tier=event.tier,
        province_code=event.province_code,
        province=event.province,
        district_code=event.district_code,
        district=event.district,
        latitude=event.location.latitude if event.location else None,
        longitude=event.location.longitude if event.location else None,
        status=Status.REGISTERED,
    )


@facilities_.updates(ServicesDeclared)
def declared(row: Facility, event: ServicesDeclared, at: Recorded) -> None:
    services = [FacilityService(kind=one.kind, mode=one.mode, speciality=one.speciality) for one in event.services]
    # A declaration that begins earlier than one already made takes its place.
    earlier = [one for one in row.declarations if one["first_day"] < event.first_day]
    row.declarations = [*earlier, ServiceDeclaration(first_day=event.first_day, services=services)]


@facilities_.updates(LineMeasured)
def measured(row: Facility, event: LineMeasured, at: Recorded) -> None:
    row.bitrate_kbps, row.delay_ms = event.line.bitrate_kbps, event.line.delay_ms
    row.loss_percent, row.measured_at = event.line.loss_percent, at.happened_at


@facilities_.updates(PointConnected, PointRestored)
def connected(row: Facility, event: PointConnected | PointRestored, at: Recorded) -> None:
    row.status, row.connected_since, row.suspended_reason = Status.CONNECTED, at.happened_at, None


@facilities_.updates(PointSuspended)
def suspended(row: Facility, event: PointSuspended, at: Recorded) -> None:
    row.status, row.connected_since, row.suspended_reason = Status.SUSPENDED, None, event.reason


@view.on_demand(Facility)
async def services(db: Connection, row: Facility, day: date) -> list[FacilityService]:
    """What the facility offers on this day."""
    in_force = [one["services"] for one in row.declarations if one["first_day"] <= day]
    return in_force[-1] if in_force else []


@view.query
async def facility(db: Connection, visible: Condition, facility_id: UUID) -> Facility | None:
    """One facility."""
    return await first(db, facilities_, matching(facility_id=facility_id) & visible)


@view.query
async def facilities(
    db: Connection,
    visible: Condition,
    province_code: str | None = None,
    tier: list[Tier] | None = None,
    status: list[Status] | None = None,
    text: str | None = None,
    *,
    size: int = 50,
    after: str | None = None,
) -> Page[Facility]:
    """The facilities by name; `text` finds parts of names and codes, typed with or without marks."""
    wanted = matching(province_code=province_code, tier=tier, status=status)
    if text is not None:
        wanted &= Condition("searched_by like {}", (contains(text),))
    return await page(db, facilities_, wanted & visible, ("searched_by",), size=size, after=after)
