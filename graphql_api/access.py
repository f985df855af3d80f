"""Who may read what. This file decides it for queries, subscriptions and the event feed alike; nothing else does.

Denied by default. What is about patients is open to those who have to do with the case: the facilities that take
part in it and the patient (the view `audience` knows them). Network views are for those who work in the network,
figures for those who steer it. Auditors see that something happened and who asked for what, never clinical content.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from domain._kernel import Actor, DomainError, Role
from projections._page import EVERYTHING, Condition
from projections._view import Content, View

WORKS_WITH_CASES = frozenset({Role.DOCTOR, Role.NURSE, Role.COORDINATOR})
WORKS_IN_THE_NETWORK = WORKS_WITH_CASES | {Role.REGISTRAR, Role.AUDITOR, Role.ANALYST, Role.OPERATOR}
# Not analysts: theirs is the open form on Kafka, and an id seen here beside its pseudonym there would undo that.
READS_THE_WHOLE_LOG = frozenset({Role.AUDITOR})
OVERSEES = frozenset({Role.AUDITOR, Role.OPERATOR})


class AccessDenied(DomainError, code="ACCESS_DENIED"):
    """Your roles do not open this to you."""


@dataclass(frozen=True)
class Viewer:
    actor: Actor
    expires_at: datetime

    def is_one_of(self, roles: frozenset[Role]) -> bool:
        return not self.actor.roles.isdisjoint(roles)


@dataclass(frozen=True)
class Scope:
    """What of something the viewer may read. `parties` None means all of it.

    A patient is no party to a consultation, whose stream tells the cases of others too; what is about `patient_id`
    in it is the patient's own all the same. `clinical` says whether the content of events is shown, or only that
    they happened.
    """

    parties: frozenset[UUID] | None
    patient_id: UUID | None = None
    clinical: bool = True

    def admits(self, parties: frozenset[UUID], about: UUID | None = None) -> bool:
        if self.parties is None or not self.parties.isdisjoint(parties):
            return True
        return about is not None and about == self.patient_id

    def condition(self, stream_column: str, patient_column: str | None = None) -> Condition:
        if self.parties is None:
            return EVERYTHING
        takes_part = Condition(
            f"{stream_column} in (select stream_id from audience where party_id = any({{}}::uuid[]))",
            (sorted(self.parties),),
        )
        if patient_column is None or self.patient_id is None:
            return takes_part
        return takes_part | Condition(f"{patient_column} = {{}}", (self.patient_id,))


def scope_of_cases(viewer: Viewer) -> Scope:
    """The cases of one's own facility, those it takes part in, and a patient's own."""
    actor, parties = viewer.actor, set()
    patient_id = actor.patient_id if viewer.is_one_of(frozenset({Role.PATIENT})) else None
    if viewer.is_one_of(WORKS_WITH_CASES) and actor.facility_id is not None:
        parties.add(actor.facility_id)
    if patient_id is not None:
        parties.add(patient_id)
    if not parties:
        raise AccessDenied()
    return Scope(frozenset(parties), patient_id)


def scope_of_log(viewer: Viewer) -> Scope:
    """The events of one's own cases; for auditors all events, without what is clinical or personal."""
    try:
        return scope_of_cases(viewer)
    except AccessDenied:
        if viewer.is_one_of(READS_THE_WHOLE_LOG):
            return Scope(None, clinical=False)
        raise


def scope_of_whole_log(viewer: Viewer) -> Scope:
    """All events, without what is clinical or personal."""
    if viewer.is_one_of(READS_THE_WHOLE_LOG):
        return Scope(None, clinical=False)
    raise AccessDenied()


def admit_to_figures(viewer: Viewer) -> None:
    """Figures in which nobody can be recognised are for everybody who works in the network. Raises AccessDenied."""
    if not viewer.is_one_of(WORKS_IN_THE_NETWORK):
        raise AccessDenied()


def scope_of_live(viewer: Viewer, view: View) -> Scope:
    """What of a live view a subscriber may follow."""
    if view.content is not Content.OVERSIGHT:
        return scope_of_cases(viewer)
    if viewer.is_one_of(OVERSEES):
        return Scope(None, clinical=False)
    raise AccessDenied()


def visible(viewer: Viewer, view: View) -> Condition:
    """What of the view's rows the viewer may read. Raises AccessDenied where that is nothing at all."""
    match view.content:
        case Content.CASE:
            return scope_of_cases(viewer).condition(view.stream or "", view.patient)
        case Content.OVERSIGHT if viewer.is_one_of(OVERSEES):
            return EVERYTHING
        case Content.OVERSIGHT if viewer.is_one_of(WORKS_IN_THE_NETWORK):
            return Condition(f"{view.owner} = {{}}", (viewer.actor.id,))
        case Content.NETWORK | Content.FIGURES if viewer.is_one_of(WORKS_IN_THE_NETWORK):
            return EVERYTHING
        case _:
            raise AccessDenied()
