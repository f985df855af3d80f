"""Điểm cầu: a health facility of the network, the services it declared, and its connection point.

Rules: a facility does remotely only what it has declared, and a change is a new declaration (Decree 96/2023,
Art 87(1)); a point is connected on a measured line, never on a promised one (Circular 49/2017, Art 8 and 9).
"""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from typing import Annotated, Any, ClassVar, Self
from uuid import UUID

from pydantic import Field

from domain._kernel import DomainError, Event, Lifecycle, State, Value, stays
from domain._leaving import Leaves
from domain._personal import Label, Reason
from domain._provinces import CommuneCode, DistrictCode, ProvinceCode
from domain._values import Code, ConsultationKind, LinkQuality, Location, RemoteMode, Tier

# A day of the law, and nothing of a person.
ListDay = Annotated[date, Leaves.AS_IT_IS]

# What was registered before entries named their list was of the one of 63 provinces.
LIST_OF_63 = date(2020, 8, 27)


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


class FacilityRegistered(Event, name="facility.registered", schema_version=2):
    """A facility entered the national register, under its national code and at its place.

    The codes of its place are of the list of administrative units of the day `listed_on`.
    """

    national_code: Annotated[Code, Leaves.DROPPED]
    name_vi: Label
    name_en: Label | None = None
    tier: Tier
    province_code: ProvinceCode
    province: Annotated[Label, Leaves.AS_IT_IS]
    district_code: DistrictCode | None = None
    district: Label | None = None
    location: Location | None = None
    commune_code: CommuneCode | None = None
    listed_on: ListDay = LIST_OF_63
    parent_id: UUID | None = None


class FacilityRenamed(Event, name="facility.renamed"):
    """The facility has another name from now on, and stays the same facility."""

    name_vi: Label
    name_en: Label | None = None


class FacilityRecoded(Event, name="facility.recoded"):
    """The facility has another national code from now on, and stays the same facility."""

    national_code: Annotated[Code, Leaves.DROPPED]


class FacilityReclassified(Event, name="facility.reclassified"):
    """The facility is of another tier from now on."""

    tier: Tier


class FacilityRelocated(Event, name="facility.relocated"):
    """The place of the facility was entered anew: it moved, or the list of administrative units has changed."""

    province_code: ProvinceCode
    province: Annotated[Label, Leaves.AS_IT_IS]
    district_code: DistrictCode | None = None
    district: Label | None = None
    commune_code: CommuneCode | None = None
    listed_on: ListDay


class FacilityLocated(Event, name="facility.located"):
    """The facility's place on the map was measured, or corrected."""

    location: Location


class FacilityAffiliated(Event, name="facility.affiliated"):
    """The facility belongs to another one from now on, which answers for it."""

    parent_id: UUID


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


# What the register says of a facility may change at any time.
ENTRIES = (
    FacilityRenamed,
    FacilityRecoded,
    FacilityReclassified,
    FacilityRelocated,
    FacilityLocated,
    FacilityAffiliated,
)


class Declaration(Value):
    """What a facility offers from a day on, until the next declaration."""

    first_day: date
    services: tuple[Service, ...]


class Place(Value):
    """Where a facility is, in the administrative units of a list."""

    province_code: ProvinceCode
    province: str
    district_code: DistrictCode | None = None
    district: str | None = None
    commune_code: CommuneCode | None = None
    listed_on: date


class Facility(State[Status]):
    national_code: str = ""
    name: str = ""
    name_en: str | None = None
    tier: Tier = Tier.COMMUNE
    place: Place | None = None
    location: Location | None = None
    parent_id: UUID | None = None
    bitrate_kbps: int | None = None
    declarations: tuple[Declaration, ...] = ()

    lifecycle: ClassVar[Lifecycle] = {
        None: {FacilityRegistered: Status.REGISTERED},
        Status.REGISTERED: {
            **stays(Status.REGISTERED, *ENTRIES, ServicesDeclared, LineMeasured),
            PointConnected: Status.CONNECTED,
        },
        Status.CONNECTED: {
            **stays(Status.CONNECTED, *ENTRIES, ServicesDeclared, LineMeasured),
            PointSuspended: Status.SUSPENDED,
        },
        Status.SUSPENDED: {
            **stays(Status.SUSPENDED, *ENTRIES, ServicesDeclared, LineMeasured),
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
                return self.with_(
                    national_code=event.national_code,
                    name=event.name_vi,
                    name_en=event.name_en,
                    tier=event.tier,
                    place=_place(event),
                    location=event.location,
                    parent_id=event.parent_id,
                )
            case FacilityRenamed():
                return self.with_(name=event.name_vi, name_en=event.name_en)
            case FacilityRecoded():
                return self.with_(national_code=event.national_code)
            case FacilityReclassified():
                return self.with_(tier=event.tier)
            case FacilityRelocated():
                return self.with_(place=_place(event))
            case FacilityLocated():
                return self.with_(location=event.location)
            case FacilityAffiliated():
                return self.with_(parent_id=event.parent_id)
            case ServicesDeclared():
                declared = Declaration(first_day=event.first_day, services=event.services)
                return self.with_(declarations=(*self.declarations, declared))
            case LineMeasured():
                return self.with_(bitrate_kbps=event.line.bitrate_kbps)
            case _:
                return self


def _place(event: FacilityRegistered | FacilityRelocated) -> Place:
    return Place(**{name: getattr(event, name) for name in Place.model_fields})


# What the rules refuse ---------------------------------------------------------------------------------------


class UnknownSpeciality(DomainError, code="UNKNOWN_SPECIALITY", field="speciality"):
    """The reference data holds no speciality {speciality} on {day}."""


class UnknownProvince(DomainError, code="UNKNOWN_PROVINCE", field="province_code"):
    """The list of administrative units of {day} holds no province {code}."""


class AnotherProvince(DomainError, code="ANOTHER_PROVINCE", field="province"):
    """The list of administrative units of {day} knows {code} as {name}: perhaps the code is of another list."""


class OwnParent(DomainError, code="OWN_PARENT", field="parent_id"):
    """A facility does not belong to itself."""


class ServiceNotLegal(DomainError, code="SERVICE_NOT_LEGAL", field="services"):
    """{kind} in the mode {mode} is no telehealth service that may be declared from {day}."""


class LineNotMeasured(DomainError, code="LINE_NOT_MEASURED"):
    """A point is connected only after its line was measured."""


class LineTooSlow(DomainError, code="LINE_TOO_SLOW"):
    """The line carries {measured} kbit/s, a point of this tier needs {needed}."""
