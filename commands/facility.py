"""What is asked of a facility of the network, and when the answer is no."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import TypeAlias
from uuid import UUID

from commands._authority import admit_for_network
from commands._command import Command, Context, UnknownReference
from domain._kernel import Role
from domain._personal import Label, Reason
from domain._provinces import CommuneCode, DistrictCode, Province, ProvinceCode
from domain._values import Code, LinkQuality, Location, Tier
from domain.facility import (
    AnotherProvince,
    Facility,
    FacilityAffiliated,
    FacilityLocated,
    FacilityReclassified,
    FacilityRecoded,
    FacilityRegistered,
    FacilityRelocated,
    FacilityRenamed,
    LineMeasured,
    LineNotMeasured,
    LineTooSlow,
    ListDay,
    OwnParent,
    PointConnected,
    PointRestored,
    PointSuspended,
    ServiceNotLegal,
    Services,
    ServicesDeclared,
    UnknownProvince,
    UnknownSpeciality,
)

Entry: TypeAlias = (
    FacilityRenamed | FacilityRecoded | FacilityReclassified | FacilityRelocated | FacilityLocated | FacilityAffiliated
)
# What says where a facility is; names of units are spelled in many ways.
CODES = ("province_code", "district_code", "commune_code")
STAFF = {Role.REGISTRAR, Role.COORDINATOR, Role.OPERATOR}


class RegisterFacility(Command, of=Facility, by=STAFF):
    """Enter a facility in the national register.

    Codes are of the list of administrative units of the day `listedOn`, or of the day on which it happened.
    """

    facility_id: UUID
    national_code: Code
    name_vi: Label
    name_en: Label | None = None
    tier: Tier
    province_code: ProvinceCode
    province: Label
    district_code: DistrictCode | None = None
    district: Label | None = None
    location: Location | None = None
    commune_code: CommuneCode | None = None
    listed_on: ListDay | None = None
    parent_id: UUID | None = None

    def decide(self, facility: Facility, context: Context, parent: Facility | None) -> Iterator[FacilityRegistered]:
        admit_for_network(context.actor, self.facility_id)
        _admit_province(self.province_code, self.province, self.listed_on or context.day, context)
        _admit_parent(self.facility_id, self.parent_id, parent)
        yield FacilityRegistered(
            national_code=self.national_code,
            name_vi=self.name_vi,
            name_en=self.name_en,
            tier=self.tier,
            province_code=self.province_code,
            province=self.province,
            district_code=self.district_code,
            district=self.district,
            location=self.location,
            commune_code=self.commune_code,
            listed_on=self.listed_on or context.day,
            parent_id=self.parent_id,
        )


class ReviseFacility(Command, of=Facility, by=STAFF):
    """Bring the entry of a facility to what is given; what is left out stays as it is.

    With another province or district, also of another list of units, what is below it is what is given here or nothing.
    """

    facility_id: UUID
    national_code: Code | None = None
    name_vi: Label | None = None
    name_en: Label | None = None
    tier: Tier | None = None
    province_code: ProvinceCode | None = None
    province: Label | None = None
    district_code: DistrictCode | None = None
    district: Label | None = None
    commune_code: CommuneCode | None = None
    listed_on: ListDay | None = None
    location: Location | None = None
    parent_id: UUID | None = None

    def decide(self, facility: Facility, context: Context, parent: Facility | None) -> Iterator[Entry]:
        admit_for_network(context.actor, self.facility_id)
        _admit_parent(self.facility_id, self.parent_id, parent)
        name_vi, name_en = self.name_vi or facility.name, self.name_en or facility.name_en
        if (name_vi, name_en) != (facility.name, facility.name_en):
            yield FacilityRenamed(name_vi=name_vi, name_en=name_en)
        if self.national_code not in (None, facility.national_code):
            yield FacilityRecoded(national_code=self.national_code)
        if self.tier not in (None, facility.tier):
            yield FacilityReclassified(tier=self.tier)
        if self.province_code is not None:
            yield from self._placed(self.province_code, facility, context)
        if self.location not in (None, facility.location):
            yield FacilityLocated(location=self.location)
        if self.parent_id not in (None, facility.parent_id):
            yield FacilityAffiliated(parent_id=self.parent_id)

    def _placed(self, code: ProvinceCode, facility: Facility, context: Context) -> Iterator[FacilityRelocated]:
        listed_on = self.listed_on or context.day
        province = _admit_province(code, self.province, listed_on, context)
        before = facility.place
        # The same code means the same place only while the list knows the same province by it.
        if before is not None and context.reference.province(before.province_code, before.listed_on) != province:
            before = None
        kept = before if before is not None and self.district_code in (None, before.district_code) else None
        now = FacilityRelocated(
            province_code=code,
            province=self.province or province.name_vi,
            district_code=self.district_code or (kept and kept.district_code),
            district=self.district or (kept and kept.district),
            commune_code=self.commune_code or (kept and kept.commune_code),
            listed_on=listed_on,
        )
        if before is None or any(getattr(before, name) != getattr(now, name) for name in CODES):
            yield now


class DeclareServices(Command, of=Facility, by=STAFF):
    """Declare all remote services of the facility from a day on. An empty list ends them."""

    facility_id: UUID
    first_day: date
    services: Services

    def decide(self, facility: Facility, context: Context) -> Iterator[ServicesDeclared]:
        admit_for_network(context.actor, self.facility_id)
        for service in self.services:
            if not context.reference.allows_service(service.kind, service.mode, self.first_day):
                raise ServiceNotLegal(kind=service.kind, mode=service.mode, day=self.first_day)
            if not context.reference.knows_speciality(service.speciality, self.first_day):
                raise UnknownSpeciality(speciality=service.speciality, day=self.first_day, field="services")
        yield ServicesDeclared(first_day=self.first_day, services=self.services)


class MeasureLine(Command, of=Facility, by=STAFF):
    """Record what was measured on the line of the facility."""

    facility_id: UUID
    line: LinkQuality
    instrument: Label

    def decide(self, facility: Facility, context: Context) -> Iterator[LineMeasured]:
        admit_for_network(context.actor, self.facility_id)
        yield LineMeasured(line=self.line, instrument=self.instrument)


class ConnectPoint(Command, of=Facility, by=STAFF):
    """Make the facility a connection point of the network."""

    facility_id: UUID

    def decide(self, facility: Facility, context: Context) -> Iterator[PointConnected]:
        admit_for_network(context.actor, self.facility_id)
        _admit_line(facility, context)
        yield PointConnected()


class SuspendPoint(Command, of=Facility, by=STAFF):
    """Take the connection point out of use, for a reason."""

    facility_id: UUID
    reason: Reason

    def decide(self, facility: Facility, context: Context) -> Iterator[PointSuspended]:
        admit_for_network(context.actor, self.facility_id)
        yield PointSuspended(reason=self.reason)


class RestorePoint(Command, of=Facility, by=STAFF):
    """Take the suspended connection point into use again; the last measurement of its line counts."""

    facility_id: UUID

    def decide(self, facility: Facility, context: Context) -> Iterator[PointRestored]:
        admit_for_network(context.actor, self.facility_id)
        _admit_line(facility, context)
        yield PointRestored()


def _admit_province(code: ProvinceCode, name: str | None, listed_on: date, context: Context) -> Province:
    """A code of another list would put the facility into another province, so its name is looked at too."""
    province = context.reference.province(code, listed_on)
    if province is None:
        raise UnknownProvince(code=code, day=listed_on)
    if name is not None and not province.is_called(name):
        raise AnotherProvince(code=code, day=listed_on, name=province.name_vi)
    return province


def _admit_parent(facility_id: UUID, parent_id: UUID | None, parent: Facility | None) -> None:
    require_registered(parent, parent_id, field="parent_id")
    if parent_id == facility_id:
        raise OwnParent()


def _admit_line(facility: Facility, context: Context) -> None:
    if facility.bitrate_kbps is None:
        raise LineNotMeasured()
    needed = context.reference.line_needed(facility.tier, context.day)
    if facility.bitrate_kbps < needed:
        raise LineTooSlow(measured=facility.bitrate_kbps, needed=needed)


def require_registered(facility: Facility | None, facility_id: UUID | None, field: str) -> None:
    """Refuse an id that may be left out, but was given and names no facility."""
    if facility_id is not None and facility is None:
        raise UnknownReference(aggregate=Facility.kind, id=facility_id, field=field)
