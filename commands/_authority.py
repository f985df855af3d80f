"""At which facility somebody may do what the role allows.

Rules: registrars and operators act for the whole network. A coordinator who belongs to a facility acts for that one
only, a coordinator of the network for all. Doctors and nurses act for people at their own facility. A patient acts
for itself.
"""

from __future__ import annotations

from uuid import UUID

from domain._kernel import Actor, DomainError, Role

NETWORK_WIDE = frozenset({Role.REGISTRAR, Role.OPERATOR})


class NotYourFacility(DomainError, code="NOT_YOUR_FACILITY"):
    """This can be done by the facility concerned, which is not yours."""


class NotYourself(DomainError, code="NOT_YOURSELF"):
    """A patient can do this for itself only."""


def admit_for_network(actor: Actor, *facility_ids: UUID | None) -> None:
    """Refuse a coordinator whose own facility is none of these."""
    if actor.roles & NETWORK_WIDE:
        return
    if Role.COORDINATOR in actor.roles and actor.facility_id is None:
        return
    admit_at(actor, *facility_ids)


def admit_at(actor: Actor, *facility_ids: UUID | None) -> None:
    """Refuse whoever does not work at one of these facilities."""
    if actor.facility_id is None or actor.facility_id not in facility_ids:
        raise NotYourFacility()


def admit_for_person(actor: Actor, patient_id: UUID, facility_id: UUID | None) -> None:
    """Refuse whoever is neither the patient, nor a registrar, nor treats people where this one is known."""
    if Role.PATIENT in actor.roles and actor.patient_id == patient_id:
        return
    if Role.REGISTRAR in actor.roles:
        return
    if actor.roles.isdisjoint({Role.DOCTOR, Role.NURSE}):
        raise NotYourself()
    admit_at(actor, facility_id)
