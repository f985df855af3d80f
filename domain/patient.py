"""Người bệnh: a person in care, the identities by which it is known, and the relatives who may act for it.

Rules: the twelve-digit personal id may be missing and may change, so identities have a history and none is unique
(Decree 102/2025); two records of one person are merged, never deleted; a merged record takes nothing more.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, ClassVar, Self
from uuid import UUID

from pydantic import AwareDatetime, Field

from domain._kernel import DomainError, Event, Lifecycle, State, Value, stays
from domain._leaving import Leaves
from domain._personal import BirthDate, Contact, DataClass, IdentityNumber, Label, Name, Personal, Reason
from domain._values import Code, Validity

BirthYear = Annotated[int, Field(ge=1870, le=2200), Personal(DataClass.IDENTITY), Leaves.BIRTH_BAND]


class Status(StrEnum):
    LIVING = "living"
    DECEASED = "deceased"
    MERGED = "merged"


class Sex(StrEnum):
    """As in FHIR's AdministrativeGender."""

    MALE = "male"
    FEMALE = "female"
    OTHER = "other"
    UNKNOWN = "unknown"


class Identity(Value):
    """A number by which an issuer knows the person, for as long as it holds."""

    id: UUID
    system: Code
    number: IdentityNumber
    valid: Annotated[Validity, Leaves.DROPPED]


class RelativeScope(StrEnum):
    """What an authorised relative may do for the patient."""

    APPOINTMENTS = "appointments"
    CONVERSATION = "conversation"
    INSTRUCTIONS = "instructions"
    RECORD = "record"


Identities = Annotated[tuple[Identity, ...], Field(max_length=20)]
RelativeScopes = Annotated[tuple[RelativeScope, ...], Field(min_length=1, max_length=len(RelativeScope))]


# What can happen ---------------------------------------------------------------------------------------------


class PatientRegistered(Event, name="patient.registered"):
    """A person became a patient of the facility. The id stands here too, as every later event is about it."""

    patient_id: UUID
    facility_id: UUID
    full_name: Name
    sex: Sex
    born_on: BirthDate | None = None
    born_in: BirthYear | None = None
    identities: Identities = ()
    phone: Contact | None = None
    address: Contact | None = None


class IdentityAdded(Event, name="patient.identity_added"):
    """The patient is also known by this number."""

    identity: Identity


class IdentityWithdrawn(Event, name="patient.identity_withdrawn"):
    """A number does not stand for this patient, or does so no longer."""

    identity_id: UUID
    reason: Reason


class PatientsMerged(Event, name="patient.merged"):
    """This record and the surviving one are of the same person; care goes on in the surviving one."""

    surviving_id: UUID
    reason: Reason


class RelativeAuthorised(Event, name="patient.relative_authorised"):
    """The patient lets a relative act within this scope until the authorisation ends."""

    relative_id: UUID
    full_name: Name
    relation: Label
    scope: RelativeScopes
    expires_at: AwareDatetime


class RelativeRevoked(Event, name="patient.relative_revoked"):
    """The relative may act for the patient no longer."""

    relative_id: UUID
    reason: Reason


class PatientDied(Event, name="patient.died"):
    """The patient's death was recorded at a facility."""

    died_at: Annotated[AwareDatetime, Leaves.TO_THE_MONTH]
    facility_id: UUID | None = None


# What follows from it ----------------------------------------------------------------------------------------


class Authorisation(Value):
    """What a relative may do, and until when."""

    relative_id: UUID
    scope: frozenset[RelativeScope]
    expires_at: datetime


class Patient(State[Status]):
    facility_id: UUID | None = None
    identities: frozenset[UUID] = frozenset()
    known_identities: frozenset[UUID] = frozenset()
    relatives: tuple[Authorisation, ...] = ()
    merged_into: UUID | None = None

    lifecycle: ClassVar[Lifecycle] = {
        None: {PatientRegistered: Status.LIVING},
        Status.LIVING: {
            **stays(Status.LIVING, IdentityAdded, IdentityWithdrawn, RelativeAuthorised, RelativeRevoked),
            PatientsMerged: Status.MERGED,
            PatientDied: Status.DECEASED,
        },
        Status.DECEASED: {
            **stays(Status.DECEASED, IdentityAdded, IdentityWithdrawn, RelativeRevoked),
            PatientsMerged: Status.MERGED,
        },
    }

    @property
    def living(self) -> bool:
        return self.status is Status.LIVING

    def lets(self, relative_id: UUID, scope: RelativeScope, moment: datetime) -> bool:
        """Whether this relative may do this for the patient at the moment."""
        found = self.authorisation(relative_id)
        return found is not None and scope in found.scope and moment < found.expires_at

    def authorisation(self, relative_id: UUID) -> Authorisation | None:
        return next((one for one in self.relatives if one.relative_id == relative_id), None)

    def on(self, event: Any) -> Self:
        match event:
            case PatientRegistered():
                known = frozenset(identity.id for identity in event.identities)
                return self.with_(
                    patient_id=event.patient_id,
                    facility_id=event.facility_id,
                    identities=known,
                    known_identities=known,
                )
            case IdentityAdded():
                new = {event.identity.id}
                return self.with_(identities=self.identities | new, known_identities=self.known_identities | new)
            case IdentityWithdrawn():
                return self.with_(identities=self.identities - {event.identity_id})
            case RelativeAuthorised():
                new_one = Authorisation(
                    relative_id=event.relative_id, scope=frozenset(event.scope), expires_at=event.expires_at
                )
                return self.with_(relatives=(*self._others(event.relative_id), new_one))
            case RelativeRevoked():
                return self.with_(relatives=self._others(event.relative_id))
            case PatientsMerged():
                return self.with_(merged_into=event.surviving_id)
            case _:
                return self

    def _others(self, relative_id: UUID) -> tuple[Authorisation, ...]:
        return tuple(one for one in self.relatives if one.relative_id != relative_id)


# What the rules refuse ---------------------------------------------------------------------------------------


class BirthNotStated(DomainError, code="BIRTH_NOT_STATED", field="born_on"):
    """State either the day of birth or, where it is not known, the year alone."""


class BornInFuture(DomainError, code="BORN_IN_FUTURE", field="born_on"):
    """A patient was born before it is registered."""


class PersonalIdMalformed(DomainError, code="PERSONAL_ID_MALFORMED", field="number"):
    """A personal id has twelve digits."""


class IdentityExists(DomainError, code="IDENTITY_EXISTS", field="identity_id"):
    """The patient's history has this identity already."""


class NoSuchIdentity(DomainError, code="NO_SUCH_IDENTITY", field="identity_id"):
    """The patient has no identity {identity} that could be withdrawn."""


class SamePatient(DomainError, code="SAME_PATIENT", field="surviving_id"):
    """A record cannot be merged into itself."""


class SurvivorMerged(DomainError, code="SURVIVOR_MERGED", field="surviving_id"):
    """That record was itself merged into {into}."""


class DeathWouldBeLost(DomainError, code="DEATH_WOULD_BE_LOST", field="surviving_id"):
    """This patient's death is recorded, the surviving record has none: record it there first."""


class AuthorisationExpired(DomainError, code="AUTHORISATION_EXPIRED", field="expires_at"):
    """An authorisation ends in the future."""


class NoSuchRelative(DomainError, code="NO_SUCH_RELATIVE", field="relative_id"):
    """The patient has authorised no relative {relative}."""


class DiedInFuture(DomainError, code="DIED_IN_FUTURE", field="died_at"):
    """A death is recorded after it happened."""
