"""Hợp đồng hợp tác: the agreement under which two facilities support each other remotely.

Rules: there is one stream for each pair of facilities, whichever of the two is named first, and it keeps all terms
of their cooperation; a session of the two needs a term that holds on its day (Decree 96/2023, Art 87(11) and 88).
"""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from typing import Any, ClassVar, Self
from uuid import UUID, uuid5

from domain._kernel import DomainError, Event, Lifecycle, State
from domain._personal import Name, Reason
from domain._values import Blob, Validity

PAIRS = UUID("6f1c2f0e-8d0b-5b53-9c36-0b7f7c4c3a11")


class Status(StrEnum):
    SIGNED = "signed"
    ENDED = "ended"


# What can happen ---------------------------------------------------------------------------------------------


class AgreementSigned(Event, name="agreement.signed"):
    """Both facilities signed a term of cooperation."""

    facility_id: UUID
    partner_id: UUID
    term: Validity
    signed_for_facility: Name
    signed_for_partner: Name
    document: Blob | None = None


class AgreementEnded(Event, name="agreement.ended"):
    """The two facilities end their cooperation after a last day, before its term is over."""

    last_day: date
    reason: Reason


# What follows from it ----------------------------------------------------------------------------------------


class Agreement(State[Status]):
    terms: tuple[Validity, ...] = ()

    lifecycle: ClassVar[Lifecycle] = {
        None: {AgreementSigned: Status.SIGNED},
        Status.SIGNED: {AgreementSigned: Status.SIGNED, AgreementEnded: Status.ENDED},
        Status.ENDED: {AgreementSigned: Status.SIGNED},
    }

    @staticmethod
    def between(one: UUID, other: UUID) -> UUID:
        """The stream of these two facilities, in whichever order they are named."""
        first, second = sorted((one, other))
        return uuid5(PAIRS, f"{first}:{second}")

    def in_force(self, day: date) -> bool:
        return any(term.holds(day) for term in self.terms)

    def on(self, event: Any) -> Self:
        match event:
            case AgreementSigned():
                return self.with_(terms=(*self.terms, event.term))
            case AgreementEnded():
                return self.with_(terms=tuple(_until(event.last_day, self.terms)))
            case _:
                return self


def _until(last_day: date, terms: tuple[Validity, ...]) -> list[Validity]:
    begun = [term for term in terms if term.first <= last_day]
    return [term.model_copy(update={"last": last_day}) if term.holds(last_day) else term for term in begun]


# What the rules refuse ---------------------------------------------------------------------------------------


class SameFacility(DomainError, code="SAME_FACILITY", field="partner_id"):
    """An agreement is between two facilities, not of one with itself."""


class TermsOverlap(DomainError, code="TERMS_OVERLAP", field="term"):
    """The two facilities have already agreed on a term from {first} to {last}."""


class LastDayOutsideTerm(DomainError, code="LAST_DAY_OUTSIDE_TERM", field="last_day"):
    """No term of this agreement holds on {last_day}, so it cannot end with that day."""


class LastDayIsPast(DomainError, code="LAST_DAY_IS_PAST", field="last_day"):
    """{last_day} is over, and what was done under the agreement until now stays covered."""
