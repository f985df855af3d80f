"""What two facilities ask of their agreement, and when the answer is no."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from uuid import UUID

from commands._authority import admit_for_network
from commands._command import Command, Context
from domain._kernel import Role
from domain._personal import Name, Reason
from domain._values import Blob, Validity
from domain.agreement import (
    Agreement,
    AgreementEnded,
    AgreementSigned,
    LastDayIsPast,
    LastDayOutsideTerm,
    SameFacility,
    TermsOverlap,
)
from domain.facility import Facility

STAFF = {Role.REGISTRAR, Role.COORDINATOR, Role.OPERATOR}


class SignAgreement(Command, of=Agreement, by=STAFF):
    """Record that both facilities signed a term of cooperation, the first or a further one."""

    facility_id: UUID
    partner_id: UUID
    term: Validity
    signed_for_facility: Name
    signed_for_partner: Name
    document: Blob | None = None

    @property
    def stream_id(self) -> UUID:
        return Agreement.between(self.facility_id, self.partner_id)

    def decide(
        self, agreement: Agreement, context: Context, facility: Facility, partner: Facility
    ) -> Iterator[AgreementSigned]:
        if self.facility_id == self.partner_id:
            raise SameFacility()
        admit_for_network(context.actor, self.facility_id, self.partner_id)
        for term in agreement.terms:
            if term.overlaps(self.term):
                raise TermsOverlap(first=term.first, last=term.last or "an open end")
        yield AgreementSigned(
            facility_id=self.facility_id,
            partner_id=self.partner_id,
            term=self.term,
            signed_for_facility=self.signed_for_facility,
            signed_for_partner=self.signed_for_partner,
            document=self.document,
        )


class EndAgreement(Command, of=Agreement, by=STAFF):
    """End the cooperation of two facilities after a last day, for a reason."""

    facility_id: UUID
    partner_id: UUID
    last_day: date
    reason: Reason

    @property
    def stream_id(self) -> UUID:
        return Agreement.between(self.facility_id, self.partner_id)

    def decide(self, agreement: Agreement, context: Context) -> Iterator[AgreementEnded]:
        admit_for_network(context.actor, self.facility_id, self.partner_id)
        if self.last_day < context.day:
            raise LastDayIsPast(last_day=self.last_day)
        if not agreement.in_force(self.last_day):
            raise LastDayOutsideTerm(last_day=self.last_day)
        yield AgreementEnded(last_day=self.last_day, reason=self.reason)
