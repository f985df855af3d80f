"""Who has to do with a case: the facilities and patients that the events of its stream name as taking part.

Access to what a case holds rests on this view, so a facility enters when something is shared with it, not when
somebody thinks of asking it: the receiving side of a referral is no party to the draft. Whoever once took part stays
a party, because what was shared with it stays in its own records too. A patient is no party to a consultation, whose
stream tells the cases of other patients as well.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from domain._kernel import Event, Recorded
from domain.agreement import AgreementSigned
from domain.consent import ConsentGiven, SharingRequested
from domain.consultation import ConsultationPlanned, PointInvited
from domain.examination import ExaminationOrdered
from domain.facility import FacilityAffiliated, FacilityRegistered
from domain.live_session import AdmissionChanged, LiveSessionOpened, ParticipantAdmitted
from domain.patient import PatientDied, PatientRegistered, PatientsMerged
from domain.practitioner import PractitionerAssigned, PractitionerRegistered
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
    LiveSessionOpened: ("facility_id", "partner_id"),
    ParticipantAdmitted: ("facility_id",),
    AdmissionChanged: ("facility_id",),
    PatientRegistered: ("facility_id",),
    PatientDied: ("facility_id",),
    ConsentGiven: ("facility_id",),
    SharingRequested: ("receiving_facility_id",),
    PractitionerRegistered: ("home_facility_id",),
    PractitionerAssigned: ("facility_id",),
    AgreementSigned: ("facility_id", "partner_id"),
    FacilityRegistered: ("parent_id",),
    FacilityAffiliated: ("parent_id",),
}
PATIENTS: Mapping[type[Event], tuple[str, ...]] = {
    ReferralDrafted: ("patient_id",),
    ExaminationOrdered: ("patient_id",),
    LiveSessionOpened: ("patient_id",),
    PatientRegistered: ("patient_id",),
    PatientsMerged: ("surviving_id",),
    ConsentGiven: ("patient_id",),
    SharingRequested: ("patient_id",),
}
# A facility has to do with its own entry in the register.
OF_ITSELF: frozenset[type[Event]] = frozenset({FacilityRegistered})
# Whoever took the patient's consent down keeps it, though it may be meant for another facility.
BY_THE_ACTOR: frozenset[type[Event]] = frozenset({ConsentGiven, SharingRequested})
KINDS = frozenset({*FACILITIES, *PATIENTS, *OF_ITSELF, *BY_THE_ACTOR})


def involved(event: Event, at: Recorded) -> list[Involvement]:
    """The parties that this event names."""
    kind = type(event)
    facilities = [getattr(event, field) for field in FACILITIES.get(kind, ())]
    facilities += [at.stream_id] if kind in OF_ITSELF else []
    facilities += [at.metadata.actor.facility_id] if kind in BY_THE_ACTOR else []
    patients = [getattr(event, field) for field in PATIENTS.get(kind, ())]
    named = [*((one, Party.FACILITY) for one in facilities), *((one, Party.PATIENT) for one in patients)]
    return [Involvement(stream_id=at.stream_id, party_id=one, party=party) for one, party in named if one is not None]


for _kind in sorted(KINDS, key=lambda kind: kind.name):
    involvements.inserts(_kind)(involved)
