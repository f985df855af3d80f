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
from domain._provinces import CommuneCode, DistrictCode, ProvinceCode
from domain._text import folded
from domain._values import Code, ConsultationKind, Count, RemoteMode, Tier, local_day
from domain.facility import (
    FacilityAffiliated,
    FacilityLocated,
    FacilityReclassified,
    FacilityRecoded,
    FacilityRegistered,
    FacilityRelocated,
    FacilityRenamed,
    LineMeasured,
    PointConnected,
    PointRestored,
    PointSuspended,
    ServicesDeclared,
    Status,
)
from projections._folded_text import contains
from projections._page import Condition, Page, first, matching, page
from projections._provinces import ProvinceOfDay, province_of, provinces_on
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
    """A health facility of the network with its connection point. Line: kbit/s, ms one way, percent lost.

    Its place is told as it was entered last, with codes of the list of administrative units of the day `listedOn`.
    """

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
    commune_code: CommuneCode | None
    listed_on: Annotated[date, Leaves.AS_IT_IS]
    parent_id: UUID | None
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


@dataclass(slots=True, kw_only=True)
class FacilityPlace(Row):
    """Where a facility was from a day on, with codes of the list of the day `listedOn`."""

    facility_id: UUID
    version: Count
    first_day: Annotated[date, Leaves.AS_IT_IS]
    province_code: ProvinceCode
    commune_code: CommuneCode | None
    listed_on: Annotated[date, Leaves.AS_IT_IS]


view = View("facility_register", version=2, content=Content.NETWORK)
facilities_ = view.table(
    Facility, "facility_id", indexes=["searched_by", "province_code, searched_by", "national_code"]
)
places = view.table(FacilityPlace, ("facility_id", "version"), part="place")


@places.inserts(FacilityRegistered)
def placed(event: FacilityRegistered, at: Recorded) -> FacilityPlace:
    return _place(event, at)


@places.inserts(FacilityRelocated)
def placed_anew(event: FacilityRelocated, at: Recorded) -> FacilityPlace:
    return _place(event, at)


def _place(event: FacilityRegistered | FacilityRelocated, at: Recorded) -> FacilityPlace:
    return FacilityPlace(
        facility_id=at.stream_id,
        version=at.version,
        first_day=local_day(at.happened_at),
        province_code=event.province_code,
        commune_code=event.commune_code,
        listed_on=event.listed_on,
    )


@facilities_.inserts(FacilityRegistered)
def registered(event: FacilityRegistered, at: Recorded) -> Facility:
    return Facility(
        facility_id=at.stream_id,
        national_code=event.national_code,
        name_vi=event.name_vi,
        name_en=event.name_en,
        searched_by=_searched_by(event.name_vi, event.name_en, event.national_code),
        tier=event.tier,
        province_code=event.province_code,
        province=event.province,
        district_code=event.district_code,
        district=event.district,
        commune_code=event.commune_code,
        listed_on=event.listed_on,
        parent_id=event.parent_id,
        latitude=event.location.latitude if event.location else None,
        longitude=event.location.longitude if event.location else None,
        status=Status.REGISTERED,
    )


def _searched_by(name_vi: str, name_en: str | None, national_code: str) -> str:
    return folded(" ".join((name_vi, name_en or "", national_code)))


@facilities_.updates(FacilityRenamed)
def renamed(row: Facility, event: FacilityRenamed, at: Recorded) -> None:
    row.name_vi, row.name_en = event.name_vi, event.name_en
    row.searched_by = _searched_by(row.name_vi, row.name_en, row.national_code)


@facilities_.updates(FacilityRecoded)
def recoded(row: Facility, event: FacilityRecoded, at: Recorded) -> None:
    row.national_code = event.national_code
    row.searched_by = _searched_by(row.name_vi, row.name_en, row.national_code)


@facilities_.updates(FacilityReclassified)
def reclassified(row: Facility, event: FacilityReclassified, at: Recorded) -> None:
    row.tier = event.tier


@facilities_.updates(FacilityRelocated)
def relocated(row: Facility, event: FacilityRelocated, at: Recorded) -> None:
    row.province_code, row.province, row.listed_on = event.province_code, event.province, event.listed_on
    row.district_code, row.district, row.commune_code = event.district_code, event.district, event.commune_code


@facilities_.updates(FacilityLocated)
def located(row: Facility, event: FacilityLocated, at: Recorded) -> None:
    row.latitude, row.longitude = event.location.latitude, event.location.longitude


@facilities_.updates(FacilityAffiliated)
def affiliated(row: Facility, event: FacilityAffiliated, at: Recorded) -> None:
    row.parent_id = event.parent_id


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


@view.on_demand(Facility)
async def province_on(db: Connection, row: Facility, day: date) -> ProvinceOfDay | None:
    """The province of the facility in the list of this day: of 63 until 30 June 2025, of 34 since."""
    return await province_of(db, row.facility_id, day)


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
    provinces_of: date | None = None,
    *,
    size: int = 50,
    after: str | None = None,
) -> Page[Facility]:
    """The facilities by name; `text` finds parts of names and codes, typed with or without marks.

    `provinceCode` is compared with the code of each entry or, when `provincesOf` is given, by the list of that day.
    """
    wanted = matching(tier=tier, status=status)
    if provinces_of is None or province_code is None:
        wanted &= matching(province_code=province_code)
    else:
        of_day = f"select facility_id from {provinces_on(provinces_of)} as lies where province_code = {{}}"
        wanted &= Condition(f"facility_id in ({of_day})", (province_code,))
    if text is not None:
        wanted &= Condition("searched_by like {}", (contains(text),))
    return await page(db, facilities_, wanted & visible, ("searched_by",), size=size, after=after)
