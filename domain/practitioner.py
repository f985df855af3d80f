"""Người hành nghề: a practitioner with a licence, its scope, and the hours at which facility.

Rules: a practitioner acts within the validity and the scope of the licence, and at one facility at a time (Law
15/2023, Art 7, 36 and 80). Hours that were worked stay in the roster: a release ends them, it never undoes them.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, ClassVar, Self
from uuid import UUID

from pydantic import AwareDatetime

from domain._kernel import DomainError, Event, Lifecycle, State, Value, stays
from domain._personal import IdentityNumber, Name, Reason
from domain._values import Codes, Period, Validity, local_day

INSTANT = timedelta(microseconds=1)


class Status(StrEnum):
    LICENSED = "licensed"
    SUSPENDED = "suspended"


# What can happen ---------------------------------------------------------------------------------------------


class PractitionerRegistered(Event, name="practitioner.registered"):
    """A practitioner entered the register, with licence, scope and home facility."""

    full_name: Name
    licence_number: IdentityNumber
    licence: Validity
    scope: Codes
    home_facility_id: UUID


class LicenceRenewed(Event, name="practitioner.licence_renewed"):
    """The practitioner's licence was issued anew: its validity and scope take the place of the former ones."""

    licence_number: IdentityNumber
    licence: Validity
    scope: Codes


class PractitionerAssigned(Event, name="practitioner.assigned"):
    """The practitioner is on duty at the facility in these hours."""

    assignment_id: UUID
    facility_id: UUID
    hours: Period


class PractitionerReleased(Event, name="practitioner.released"):
    """An assignment was withdrawn, from this moment on if it had begun."""

    assignment_id: UUID
    released_at: AwareDatetime
    reason: Reason


class PractitionerSuspended(Event, name="practitioner.suspended"):
    """The practitioner may not practise until reinstated."""

    reason: Reason


class PractitionerReinstated(Event, name="practitioner.reinstated"):
    """The suspended practitioner may practise again."""

    reason: Reason


# What follows from it ----------------------------------------------------------------------------------------


class Assignment(Value):
    """Hours at a facility."""

    id: UUID
    facility_id: UUID
    hours: Period


class Practitioner(State[Status]):
    licence: Validity | None = None
    scope: frozenset[str] = frozenset()
    home_facility_id: UUID | None = None
    roster: tuple[Assignment, ...] = ()

    lifecycle: ClassVar[Lifecycle] = {
        None: {PractitionerRegistered: Status.LICENSED},
        Status.LICENSED: {
            **stays(Status.LICENSED, LicenceRenewed, PractitionerAssigned, PractitionerReleased),
            PractitionerSuspended: Status.SUSPENDED,
        },
        Status.SUSPENDED: {
            **stays(Status.SUSPENDED, LicenceRenewed, PractitionerReleased),
            PractitionerReinstated: Status.LICENSED,
        },
    }

    def may_practise(self, speciality: str, moment: datetime) -> bool:
        """Whether licence and scope cover this speciality then, and no suspension stands against it."""
        return self.status is Status.LICENSED and speciality in self.scope and self._licensed(moment)

    def on_duty_at(self, facility_id: UUID, when: Period | datetime) -> bool:
        """Whether the roster has the practitioner there, at the moment or for the whole period."""
        if isinstance(when, datetime):
            return any(one.facility_id == facility_id and one.hours.holds(when) for one in self.roster)
        reached = when.start
        # Shifts that follow each other cover a period together.
        for one in sorted(self.roster, key=lambda one: one.hours.start):
            if one.facility_id == facility_id and one.hours.holds(reached):
                reached = one.hours.end
        return reached >= when.end

    def licensed_through(self, hours: Period) -> bool:
        return self._licensed(hours.start) and self._licensed(hours.end - INSTANT)

    def elsewhere(self, facility_id: UUID, hours: Period) -> Assignment | None:
        """An assignment at another facility whose hours overlap these."""
        return next((one for one in self.roster if one.facility_id != facility_id and one.hours.overlaps(hours)), None)

    def assignment(self, assignment_id: UUID) -> Assignment | None:
        return next((one for one in self.roster if one.id == assignment_id), None)

    def _licensed(self, moment: datetime) -> bool:
        return self.licence is not None and self.licence.holds(local_day(moment))

    def on(self, event: Any) -> Self:
        match event:
            case PractitionerRegistered():
                return self.with_(
                    licence=event.licence, scope=frozenset(event.scope), home_facility_id=event.home_facility_id
                )
            case LicenceRenewed():
                return self.with_(licence=event.licence, scope=frozenset(event.scope))
            case PractitionerAssigned():
                new = Assignment(id=event.assignment_id, facility_id=event.facility_id, hours=event.hours)
                return self.with_(roster=(*self.roster, new))
            case PractitionerReleased():
                return self.with_(roster=tuple(_after_release(event, self.roster)))
            case _:
                return self


def _after_release(event: PractitionerReleased, roster: tuple[Assignment, ...]) -> list[Assignment]:
    kept = [one for one in roster if one.id != event.assignment_id or one.hours.start < event.released_at]
    return [_ended(one, event.released_at) if one.id == event.assignment_id else one for one in kept]


def _ended(one: Assignment, moment: datetime) -> Assignment:
    hours = one.hours.model_copy(update={"end": min(one.hours.end, moment)})
    return one.model_copy(update={"hours": hours})


# What the rules refuse ---------------------------------------------------------------------------------------


class PractitionerElsewhere(DomainError, code="PRACTITIONER_ELSEWHERE", field="hours"):
    """The practitioner is on duty at the facility {facility} from {start} to {end}."""


class LicenceNotValid(DomainError, code="LICENCE_NOT_VALID", field="hours"):
    """The practitioner's licence does not hold in all of these hours."""


class AssignmentExists(DomainError, code="ASSIGNMENT_EXISTS", field="assignment_id"):
    """This assignment is in the roster already."""


class NoSuchAssignment(DomainError, code="NO_SUCH_ASSIGNMENT", field="assignment_id"):
    """The practitioner has no assignment {assignment}."""


class HoursAreOver(DomainError, code="HOURS_ARE_OVER", field="assignment_id"):
    """The hours of this assignment were worked until {end}."""
