"""Who has to do with a case: the facilities and patients that the events of its stream name as taking part.

Access to what a case holds rests on this view, so a facility enters when something is shared with it, not when
somebody thinks of asking it: the receiving side of a referral is no party to the draft. Whoever once took part stays
a party, because what was shared with it stays in its own records too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from uuid import UUID

from domain._kernel import Event, Recorded
from domain.consultation import CasePresented, ConsultationPlanned, PointInvited
from domain.examination import ExaminationOrdered
from domain.referral import ReferralDrafted, ReferralSubmitted
from projections._table import Row
from projections._view import Content, View


class Party(StrEnum):
    FACILITY = "facility"
    PATIENT = "patient"


@dataclass(slots=True, kw_only=True)
class Involvement(Row):
    """A facility or patient has to do with the case that this stream tells."""

    stream_id: UUID
    party_id: UUID
    party: Party


view = View("audience", version=1, content=Content.INTERNAL)
involvements = view.table(Involvement, ("stream_id", "party_id"), indexes=["party_id, stream_id"])

# The fields of each event that name its facilities, and those that name its patients.
FACILITIES: Mapping[type[Event], tuple[str, ...]] = {
    ReferralDrafted: ("asking_facility_id",),
    ReferralSubmitted: ("asking_facility_id", "receiving_facility_id"),
    ConsultationPlanned: ("centre_id",),
    PointInvited: ("facility_id",),
    ExaminationOrdered: ("point_id", "remote_facility_id"),
}
PATIENTS: Mapping[type[Event], tuple[str, ...]] = {
    ReferralDrafted: ("patient_id",),
    CasePresented: ("patient_id",),
    ExaminationOrdered: ("patient_id",),
}


def _named_by(kind: type[Event]) -> Callable[[Any, Recorded], list[Involvement]]:
    fields = [(field, Party.FACILITY) for field in FACILITIES.get(kind, ())]
    fields += [(field, Party.PATIENT) for field in PATIENTS.get(kind, ())]

    def involved(event: Any, at: Recorded) -> list[Involvement]:
        named: Iterable[tuple[UUID | None, Party]] = ((getattr(event, field), party) for field, party in fields)
        return [
            Involvement(stream_id=at.stream_id, party_id=party_id, party=party)
            for party_id, party in named
            if party_id is not None
        ]

    return involved


for _kind in sorted({*FACILITIES, *PATIENTS}, key=lambda kind: kind.name):
    involvements.inserts(_kind)(_named_by(_kind))
