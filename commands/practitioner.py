"""What is asked of a practitioner's licence and roster, and when the answer is no."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import UUID

from commands._authority import admit_for_network
from commands._command import Command, Context
from domain._kernel import Role
from domain._personal import IdentityNumber, Name, Reason
from domain._values import Codes, Period, Validity
from domain.facility import Facility, UnknownSpeciality
from domain.practitioner import (
    Assignment,
    AssignmentExists,
    HoursAreOver,
    LicenceNotValid,
    LicenceRenewed,
    NoSuchAssignment,
    Practitioner,
    PractitionerAssigned,
    PractitionerElsewhere,
    PractitionerRegistered,
    PractitionerReinstated,
    PractitionerReleased,
    PractitionerSuspended,
)

STAFF = {Role.REGISTRAR, Role.COORDINATOR, Role.OPERATOR}
AUTHORITY = {Role.REGISTRAR, Role.OPERATOR}


class RegisterPractitioner(Command, of=Practitioner, by=STAFF):
    """Enter a practitioner in the register, with licence, scope and home facility."""

    practitioner_id: UUID
    full_name: Name
    licence_number: IdentityNumber
    licence: Validity
    scope: Codes
    home_facility_id: UUID

    def decide(
        self, practitioner: Practitioner, context: Context, home_facility: Facility
    ) -> Iterator[PractitionerRegistered]:
        admit_for_network(context.actor, self.home_facility_id)
        _admit_scope(self.scope, context)
        yield PractitionerRegistered(
            full_name=self.full_name,
            licence_number=self.licence_number,
            licence=self.licence,
            scope=self.scope,
            home_facility_id=self.home_facility_id,
        )


class RenewLicence(Command, of=Practitioner, by=AUTHORITY):
    """Record that the practitioner's licence was issued anew."""

    practitioner_id: UUID
    licence_number: IdentityNumber
    licence: Validity
    scope: Codes

    def decide(self, practitioner: Practitioner, context: Context) -> Iterator[LicenceRenewed]:
        _admit_scope(self.scope, context)
        yield LicenceRenewed(licence_number=self.licence_number, licence=self.licence, scope=self.scope)


class AssignPractitioner(Command, of=Practitioner, by=STAFF):
    """Put the practitioner on duty at a facility for some hours."""

    practitioner_id: UUID
    assignment_id: UUID
    facility_id: UUID
    hours: Period

    def decide(
        self, practitioner: Practitioner, context: Context, facility: Facility
    ) -> Iterator[PractitionerAssigned]:
        admit_for_network(context.actor, self.facility_id)
        if practitioner.assignment(self.assignment_id) is not None:
            raise AssignmentExists()
        if not practitioner.licensed_through(self.hours):
            raise LicenceNotValid()
        other = practitioner.elsewhere(self.facility_id, self.hours)
        if other is not None:
            start, end = other.hours.start.isoformat(), other.hours.end.isoformat()
            raise PractitionerElsewhere(facility=other.facility_id, start=start, end=end)
        yield PractitionerAssigned(assignment_id=self.assignment_id, facility_id=self.facility_id, hours=self.hours)


class ReleasePractitioner(Command, of=Practitioner, by=STAFF):
    """Withdraw an assignment, or what is left of it."""

    practitioner_id: UUID
    assignment_id: UUID
    reason: Reason

    def decide(self, practitioner: Practitioner, context: Context) -> Iterator[PractitionerReleased]:
        assignment = self._assignment(practitioner)
        admit_for_network(context.actor, assignment.facility_id)
        # Judged by the server's clock, so that hours already worked cannot be freed by a backdated entry.
        if assignment.hours.end <= context.now:
            raise HoursAreOver(end=assignment.hours.end.isoformat())
        yield PractitionerReleased(assignment_id=self.assignment_id, released_at=context.now, reason=self.reason)

    def _assignment(self, practitioner: Practitioner) -> Assignment:
        found = practitioner.assignment(self.assignment_id)
        if found is None:
            raise NoSuchAssignment(assignment=self.assignment_id)
        return found


class SuspendPractitioner(Command, of=Practitioner, by=AUTHORITY):
    """Forbid the practitioner to practise, for a reason."""

    practitioner_id: UUID
    reason: Reason

    def decide(self, practitioner: Practitioner, context: Context) -> Iterator[PractitionerSuspended]:
        yield PractitionerSuspended(reason=self.reason)


class ReinstatePractitioner(Command, of=Practitioner, by=AUTHORITY):
    """Allow the suspended practitioner to practise again, for a reason."""

    practitioner_id: UUID
    reason: Reason

    def decide(self, practitioner: Practitioner, context: Context) -> Iterator[PractitionerReinstated]:
        yield PractitionerReinstated(reason=self.reason)


def _admit_scope(scope: tuple[str, ...], context: Context) -> None:
    day = context.day
    for speciality in scope:
        if not context.reference.knows_speciality(speciality, day):
            raise UnknownSpeciality(speciality=speciality, day=day, field="scope")
