"""What is asked of a patient's record, and when the answer is no."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from uuid import UUID

from pydantic import AwareDatetime

from commands._authority import admit_at, admit_for_person
from commands._command import Command, Context
from commands.facility import require_registered
from domain._kernel import Role
from domain._personal import BirthDate, Contact, Label, Name, Reason
from domain.facility import Facility
from domain.patient import (
    AuthorisationExpired,
    BirthNotStated,
    BirthYear,
    BornInFuture,
    DeathWouldBeLost,
    DiedInFuture,
    Identities,
    Identity,
    IdentityAdded,
    IdentityExists,
    IdentityWithdrawn,
    NoSuchIdentity,
    NoSuchRelative,
    Patient,
    PatientDied,
    PatientRegistered,
    PatientsMerged,
    PersonalIdMalformed,
    RelativeAuthorised,
    RelativeRevoked,
    RelativeScopes,
    SamePatient,
    Sex,
    SurvivorMerged,
)

STAFF = {Role.REGISTRAR, Role.DOCTOR, Role.NURSE}
PERSONAL_ID = "vn-personal-id"


class RegisterPatient(Command, of=Patient, by=STAFF):
    """Register a person as a patient of the facility."""

    patient_id: UUID
    facility_id: UUID
    full_name: Name
    sex: Sex
    born_on: BirthDate | None = None
    born_in: BirthYear | None = None
    identities: Identities = ()
    phone: Contact | None = None
    address: Contact | None = None

    def decide(self, patient: Patient, context: Context, facility: Facility) -> Iterator[PatientRegistered]:
        if Role.REGISTRAR not in context.actor.roles:
            admit_at(context.actor, self.facility_id)
        self._admit_birth(context)
        known: set[UUID] = set()
        for identity in self.identities:
            _admit_identity(identity, known)
            known.add(identity.id)
        yield PatientRegistered(
            patient_id=self.patient_id,
            facility_id=self.facility_id,
            full_name=self.full_name,
            sex=self.sex,
            born_on=self.born_on,
            born_in=self.born_in,
            identities=self.identities,
            phone=self.phone,
            address=self.address,
        )

    def _admit_birth(self, context: Context) -> None:
        if (self.born_on is None) == (self.born_in is None):
            raise BirthNotStated()
        if self.born_on is not None and self.born_on > context.day:
            raise BornInFuture()
        if self.born_in is not None and self.born_in > context.day.year:
            raise BornInFuture(field="born_in")


class AddIdentity(Command, of=Patient, by=STAFF):
    """Add a number by which the patient is known; former ones stay in the history."""

    patient_id: UUID
    identity: Identity

    def decide(self, patient: Patient, context: Context) -> Iterator[IdentityAdded]:
        admit_for_person(context.actor, self.patient_id, patient.facility_id)
        _admit_identity(self.identity, patient.known_identities)
        yield IdentityAdded(identity=self.identity)


class WithdrawIdentity(Command, of=Patient, by=STAFF):
    """Take back a number that does not stand for the patient, or does so no longer."""

    patient_id: UUID
    identity_id: UUID
    reason: Reason

    def decide(self, patient: Patient, context: Context) -> Iterator[IdentityWithdrawn]:
        admit_for_person(context.actor, self.patient_id, patient.facility_id)
        if self.identity_id not in patient.identities:
            raise NoSuchIdentity(identity=self.identity_id)
        yield IdentityWithdrawn(identity_id=self.identity_id, reason=self.reason)


class MergePatients(Command, of=Patient, by={Role.REGISTRAR}):
    """Merge this record into the surviving record of the same person."""

    patient_id: UUID
    surviving_id: UUID
    reason: Reason

    def decide(self, patient: Patient, context: Context, surviving: Patient) -> Iterator[PatientsMerged]:
        if self.surviving_id == self.patient_id:
            raise SamePatient()
        # A survivor is never a merged record, so no chain of merges can come back to where it began.
        if surviving.merged_into is not None:
            raise SurvivorMerged(into=surviving.merged_into)
        if surviving.living and not patient.living:
            raise DeathWouldBeLost()
        yield PatientsMerged(surviving_id=self.surviving_id, reason=self.reason)


class AuthoriseRelative(Command, of=Patient, by=STAFF | {Role.PATIENT}):
    """Let a relative act for the patient within a scope; a new authorisation takes the place of the former."""

    patient_id: UUID
    relative_id: UUID
    full_name: Name
    relation: Label
    scope: RelativeScopes
    expires_at: AwareDatetime

    def decide(self, patient: Patient, context: Context) -> Iterator[RelativeAuthorised]:
        admit_for_person(context.actor, self.patient_id, patient.facility_id)
        if self.expires_at <= context.now:
            raise AuthorisationExpired()
        yield RelativeAuthorised(
            relative_id=self.relative_id,
            full_name=self.full_name,
            relation=self.relation,
            scope=tuple(sorted(set(self.scope))),
            expires_at=self.expires_at,
        )


class RevokeRelative(Command, of=Patient, by=STAFF | {Role.PATIENT}):
    """End what a relative may do for the patient."""

    patient_id: UUID
    relative_id: UUID
    reason: Reason

    def decide(self, patient: Patient, context: Context) -> Iterator[RelativeRevoked]:
        admit_for_person(context.actor, self.patient_id, patient.facility_id)
        if patient.authorisation(self.relative_id) is None:
            raise NoSuchRelative(relative=self.relative_id)
        yield RelativeRevoked(relative_id=self.relative_id, reason=self.reason)


class RecordDeath(Command, of=Patient, by={Role.REGISTRAR, Role.DOCTOR}):
    """Record that the patient died, at a facility or elsewhere."""

    patient_id: UUID
    died_at: AwareDatetime
    facility_id: UUID | None = None

    def decide(self, patient: Patient, context: Context, facility: Facility | None) -> Iterator[PatientDied]:
        # A patient may die where it was brought: the doctor of that facility records it.
        if Role.REGISTRAR not in context.actor.roles:
            admit_at(context.actor, self.facility_id or patient.facility_id)
        require_registered(facility, self.facility_id, "facility_id")
        if self.died_at > context.now:
            raise DiedInFuture()
        yield PatientDied(died_at=self.died_at, facility_id=self.facility_id)


def _admit_identity(identity: Identity, known: Iterable[UUID]) -> None:
    if identity.system == PERSONAL_ID and not re.fullmatch(r"[0-9]{12}", identity.number):
        raise PersonalIdMalformed()
    if identity.id in known:
        raise IdentityExists()
