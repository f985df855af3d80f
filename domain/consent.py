"""Sự đồng ý: one consent of one patient to one purpose, or the patient's written request to share.

Rules: consent is per purpose, explicit, provable and can be withdrawn (Law 91/2025, Art 9); another provider gets the
patient's data only on the patient's written request or on a legal ground (Art 26(2)), so what covers sharing was
given in writing. A withdrawn consent covers nothing more, whatever moment is asked about.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar, Self
from uuid import UUID

from pydantic import AwareDatetime

from domain._kernel import DomainError, Event, Lifecycle, State
from domain._personal import Reason
from domain._values import Sha256


class Status(StrEnum):
    GIVEN = "given"
    WITHDRAWN = "withdrawn"


class Purpose(StrEnum):
    """What the data may be used for; each needs its own consent."""

    TREATMENT_SHARING = "treatment_sharing"
    RECORDING = "recording"
    TRAINING = "training"
    RESEARCH = "research"


class Manner(StrEnum):
    """How the consent was expressed."""

    WRITTEN = "written"
    ELECTRONIC = "electronic"
    ORAL_RECORDED = "oral_recorded"


IN_WRITING = frozenset({Manner.WRITTEN, Manner.ELECTRONIC})


# What can happen ---------------------------------------------------------------------------------------------


class ConsentGiven(Event, name="consent.given"):
    """The patient consented to this purpose, as the template with this hash words it; to one facility or to all."""

    patient_id: UUID
    purpose: Purpose
    template_sha256: Sha256
    manner: Manner
    facility_id: UUID | None = None
    given_at: AwareDatetime
    expires_at: AwareDatetime | None = None


class SharingRequested(Event, name="consent.sharing_requested"):
    """The patient asked in writing that its data be shared with a facility, or with whichever treats it."""

    patient_id: UUID
    receiving_facility_id: UUID | None = None
    document_sha256: Sha256
    requested_at: AwareDatetime
    expires_at: AwareDatetime


class ConsentReliedOn(Event, name="consent.relied_on"):
    """In this live session the patient is recorded on the strength of the consent."""

    live_session_id: UUID


class ConsentWithdrawn(Event, name="consent.withdrawn", schema_version=2):
    """The patient withdrew the consent or the request; what relied on it in these live sessions ends."""

    reason: Reason
    live_session_ids: tuple[UUID, ...] = ()


# What follows from it ----------------------------------------------------------------------------------------


class Consent(State[Status]):
    purpose: Purpose | None = None
    facility_id: UUID | None = None
    given_at: datetime | None = None
    expires_at: datetime | None = None
    live_session_ids: frozenset[UUID] = frozenset()

    lifecycle: ClassVar[Lifecycle] = {
        None: {ConsentGiven: Status.GIVEN, SharingRequested: Status.GIVEN},
        Status.GIVEN: {ConsentReliedOn: Status.GIVEN, ConsentWithdrawn: Status.WITHDRAWN},
    }

    def covers(self, purpose: Purpose, patient_id: UUID, facility_id: UUID, moment: datetime) -> bool:
        """Whether the patient's data may be used so by this facility at the moment."""
        return (
            self.status is Status.GIVEN
            and self.purpose is purpose
            and self.patient_id == patient_id
            and self.facility_id in (None, facility_id)
            and self.given_at is not None
            and self.given_at <= moment
            and (self.expires_at is None or moment < self.expires_at)
        )

    def on(self, event: Any) -> Self:
        match event:
            case ConsentGiven():
                return self.with_(
                    patient_id=event.patient_id,
                    purpose=event.purpose,
                    facility_id=event.facility_id,
                    given_at=event.given_at,
                    expires_at=event.expires_at,
                )
            case SharingRequested():
                return self.with_(
                    patient_id=event.patient_id,
                    purpose=Purpose.TREATMENT_SHARING,
                    facility_id=event.receiving_facility_id,
                    given_at=event.requested_at,
                    expires_at=event.expires_at,
                )
            case ConsentReliedOn():
                return self.with_(live_session_ids=self.live_session_ids | {event.live_session_id})
            case _:
                return self


# What the rules refuse ---------------------------------------------------------------------------------------


class NobodyToConsent(DomainError, code="NOBODY_TO_CONSENT", field="patient_id"):
    """A person who died, or whose record was merged into another, cannot consent by this record."""


class ConsentExpired(DomainError, code="CONSENT_EXPIRED", field="expires_at"):
    """A consent ends after it was given."""


class SharingNeedsWriting(DomainError, code="SHARING_NEEDS_WRITING", field="manner"):
    """Sharing with another provider rests on what the patient stated in writing, not on an oral consent."""
