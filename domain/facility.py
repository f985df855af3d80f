"""Điểm cầu: a health facility of the network, the services it declared, and its connection point.

Rules: a facility does remotely only what it has declared, and a change is a new declaration (Decree 96/2023,
Art 87(1)); a point is connected on a measured line, never on a promised one (Circular 49/2017, Art 8 and 9).
"""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from typing import Annotated, Any, ClassVar, Self

from pydantic import Field, StringConstraints

from domain._kernel import DomainError, Event, Lifecycle, State, Value, stays
from domain._leaving import Leaves
from domain._personal import Label, Reason
from domain._values import Code, ConsultationKind, LinkQuality, Location, RemoteMode, Tier

ProvinceCode = Annotated[str, StringConstraints(pattern=r"^[0-9]{2}$"), Leaves.AS_IT_IS]
DistrictCode = Annotated[str, StringConstraints(pattern=r"^[0-9]{3}$"), Leaves.DROPPED]


class Status(StrEnum):
    REGISTERED = "registered"
    CONNECTED = "connected"
    SUSPENDED = "suspended"


class Service(Value):
    """One remote service of a facility: a kind of activity, the legal mode, and the speciality."""

    kind: ConsultationKind
    mode: RemoteMode
    speciality: Code


Services = Annotated[tuple[Service, ...], Field(max_length=500)]


# What can happen ---------------------------------------------------------------------------------------------


class FacilityRegistered(Event, name="facility.registered"):
    """A facility entered the national register, under its national code and at its place."""

    national_code: Annotated[Code, Leaves.DROPPED]
    name_vi: Label
    name_en: Label | None = None
    tier: Tier
    province_code: ProvinceCode
    province: Annotated[Label, Leaves.AS_IT_IS]
    district_code: DistrictCode | None = None
    district: Label | None = None
    location: Location | None = None


class ServicesDeclared(Event, name="facility.services_declared"):
    """The facility declared all its remote services from a day on; what it declared before ends there."""

    first_day: date
    services: Services


class LineMeasured(Event, name="facility.line_measured"):
    """The line of the facility was measured, with this instrument."""

    line: LinkQuality
    instrument: Annotated[Label, Leaves.AS_IT_IS]


class PointConnected(Event, name="facility.point_connected"):
    """The facility became a connection point of the network."""


class PointSuspended(Event, name="facility.point_suspended"):
    """The connection point was taken out of use."""

    reason: Reason


class PointRestored(Event, name="facility.point_restored"):
    """The suspended connection point is in use again."""


# What follows from it ----------------------------------------------------------------------------------------


class Declaration(Value):
    """What a facility offers from a day on, until the next declaration."""

    first_day: date
    services: tuple[Service, ...]


class Facility(State[Status]):
    name: str = ""
    tier: Tier = Tier.COMMUNE
    province_code: str = ""
    bitrate_kbps: int | None = None
    declarations: tuple[Declaration, ...] = ()

    lifecycle: ClassVar[Lifecycle] = {
        None: {FacilityRegistered: Status.REGISTERED},
        Status.REGISTERED: {
            **stays(Status.REGISTERED, ServicesDeclared, LineMeasured),
            PointConnected: Status.CONNECTED,
        },
        Status.CONNECTED: {
            **stays(Status.CONNECTED, ServicesDeclared, LineMeasured),
            PointSuspended: Status.SUSPENDED,
        },
        Status.SUSPENDED: {
            **stays(Status.SUSPENDED, ServicesDeclared, LineMeasured),
            PointRestored: Status.CONNECTED,
        },
    }

    @property
    def connected(self) -> bool:
        return self.status is Status.CONNECTED

    def offers(
        self, kind: ConsultationKind, day: date, *, mode: RemoteMode | None = None, speciality: str | None = None
    ) -> bool:
        """Whether the declaration in force on this day holds such a service: of those begun, the one made last."""
        in_force = next((one for one in reversed(self.declarations) if one.first_day <= day), None)
        return in_force is not None and any(
            service.kind == kind and mode in (None, service.mode) and speciality in (None, service.speciality)
            for service in in_force.services
        )

    def on(self, event: Any) -> Self:
        match event:
            case FacilityRegistered():
                return self.with_(name=event.name_vi, tier=event.tier, province_code=event.province_code)
            case ServicesDeclared():
                declared = Declaration(first_day=event.first_day, services=event.services)
                return self.with_(declarations=(*self.declarations, declared))
            case LineMeasured():
                return self.with_(bitrate_kbps=event.line.bitrate_kbps)
            case _:
                return self


# What the rules refuse ---------------------------------------------------------------------------------------


class UnknownSpeciality(DomainError, code="UNKNOWN_SPECIALITY", field="speciality"):
    """The reference data holds no speciality {speciality} on {day}."""


class ServiceNotLegal(DomainError, code="SERVICE_NOT_LEGAL", field="services"):
    """{kind} in the mode {mode} is no telehealth service that may be declared from {day}."""


class LineNotMeasured(DomainError, code="LINE_NOT_MEASURED"):
    """A point is connected only after its line was measured."""


class LineTooSlow(DomainError, code="LINE_TOO_SLOW"):
    """The line carries {measured} kbit/s, a point of this tier needs {needed}."""
