"""What is asked of a facility of the network, and when the answer is no."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from uuid import UUID

from commands._authority import admit_for_network
from commands._command import Command, Context, UnknownReference
from domain._kernel import Role
from domain._personal import Label, Reason
from domain._values import Code, LinkQuality, Location, Tier
from domain.facility import (
    DistrictCode,
    Facility,
    FacilityRegistered,
    LineMeasured,
    LineNotMeasured,
    LineTooSlow,
    PointConnected,
    PointRestored,
    PointSuspended,
    ProvinceCode,
    ServiceNotLegal,
    Services,
    ServicesDeclared,
    UnknownSpeciality,
)

STAFF = {Role.REGISTRAR, Role.COORDINATOR, Role.OPERATOR}


class RegisterFacility(Command, of=Facility, by=STAFF):
    """Enter a facility in the national register."""

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

    def decide(self, facility: Facility, context: Context) -> Iterator[FacilityRegistered]:
        admit_for_network(context.actor, self.facility_id)
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
        )


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
