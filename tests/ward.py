"""A small world for tests of the machinery: beds that are taken under a licence. Not part of the product."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from enum import StrEnum
from typing import ClassVar
from uuid import UUID

from commands._bus import Append, NewEvent
from commands._command import Command, Context
from domain._kernel import Actor, DomainError, Event, Lifecycle, Role, State, stays
from domain._reference import ReferenceData


class LicenceGranted(Event, name="licence.granted"):
    """Somebody may work here."""


class LicenceSuspended(Event, name="licence.suspended"):
    """Somebody may not work here any more."""


class LicenceStatus(StrEnum):
    VALID = "valid"
    SUSPENDED = "suspended"


class Licence(State[LicenceStatus]):
    lifecycle: ClassVar[Lifecycle] = {
        None: {LicenceGranted: LicenceStatus.VALID},
        LicenceStatus.VALID: {LicenceSuspended: LicenceStatus.SUSPENDED},
    }


class BedOpened(Event, name="bed.opened"):
    """A bed was put up."""


class BedTaken(Event, name="bed.taken"):
    """A patient lies in the bed; `at` is what the clock said when it was decided."""

    licence_id: UUID
    at: datetime


class BedFreed(Event, name="bed.freed"):
    """The bed is empty again."""


class BedNoted(Event, name="bed.noted"):
    """A note hangs at the bed, instead of the one before."""

    note: str


class BedStatus(StrEnum):
    FREE = "free"
    TAKEN = "taken"


class Bed(State[BedStatus]):
    lifecycle: ClassVar[Lifecycle] = {
        None: {BedOpened: BedStatus.FREE},
        BedStatus.FREE: {BedTaken: BedStatus.TAKEN, **stays(BedStatus.FREE, BedNoted)},
        BedStatus.TAKEN: {BedFreed: BedStatus.FREE, **stays(BedStatus.TAKEN, BedNoted)},
    }
    taken_at: datetime | None = None
    note: str = ""

    def on(self, event: Event) -> Bed:
        match event:
            case BedTaken(at=at):
                return self.with_(taken_at=at)
            case BedNoted(note=note):
                return self.with_(note=note)
        return self


class BedLicenceMissing(DomainError, code="BED_LICENCE_MISSING"):
    """The licence is suspended."""


class GrantLicence(Command, of=Licence, by={Role.OPERATOR}):
    licence_id: UUID

    def decide(self, licence: Licence, context: Context) -> Iterator[LicenceGranted]:
        yield LicenceGranted()


class SuspendLicence(Command, of=Licence, by={Role.OPERATOR}):
    licence_id: UUID

    def decide(self, licence: Licence, context: Context) -> Iterator[LicenceSuspended]:
        yield LicenceSuspended()


class OpenBed(Command, of=Bed, by={Role.OPERATOR}):
    bed_id: UUID

    def decide(self, bed: Bed, context: Context) -> Iterator[BedOpened]:
        yield BedOpened()


class TakeBed(Command, of=Bed, by={Role.OPERATOR}):
    bed_id: UUID
    licence_id: UUID

    def decide(self, bed: Bed, context: Context, licence: Licence) -> Iterator[BedTaken]:
        if licence.status is LicenceStatus.SUSPENDED:
            raise BedLicenceMissing()
        yield BedTaken(licence_id=self.licence_id, at=context.now)


class FreeBed(Command, of=Bed, by={Role.OPERATOR}):
    bed_id: UUID

    def decide(self, bed: Bed, context: Context) -> Iterator[BedFreed]:
        yield BedFreed()


class NoteBed(Command, of=Bed, by={Role.OPERATOR}):
    """Without an event when the note hangs there already."""

    bed_id: UUID
    note: str

    def decide(self, bed: Bed, context: Context) -> Iterator[BedNoted]:
        if bed.note != self.note:
            yield BedNoted(note=self.note)


def context(*roles: Role, now: datetime | None = None, clinical_time: datetime | None = None) -> Context:
    return Context(
        actor=Actor(id=UUID(int=1), roles=frozenset(roles or {Role.OPERATOR})),
        now=now or datetime.now(UTC),
        correlation_id=uuid.uuid4(),
        clinical_time=clinical_time,
        reference=ReferenceData(),
    )


def wish(
    stream_id: UUID,
    expected: int,
    *events: Event,
    command_id: UUID | None = None,
    fingerprint: bytes = b"f",
    guards: Mapping[UUID, int] | None = None,
) -> Append:
    """One append, without the bus; a note when no event is told."""
    command_id = command_id or uuid.uuid4()
    metadata = context().metadata(command_id, patient_id=UUID(int=7))
    told = events or (BedNoted(note=f"nhịp tim {expected}"),)
    new = [NewEvent(event, metadata) for event in told]
    return Append(command_id, fingerprint, stream_id, expected, new, guards or {})
