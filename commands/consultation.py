"""What people ask of a consultation's session: to plan it, to take part, and to be heard.

The centre plans, invites, opens and chairs; each point acts for itself. What is said about the cases, and the minutes
of it, stand in consultation_minutes.py.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from uuid import UUID

from commands._authority import admit_at
from commands._command import Command, Context
from commands._conditions import (
    require_agreement,
    require_connected,
    require_duty,
    require_licence,
    require_service,
)
from domain._consultation_refusals import (
    CasesWerePresented,
    NotResponsible,
    NotTheChair,
    ObserversAreSilent,
    ObserversNeedTeaching,
    OutsideOpeningHours,
    PeriodIsPast,
    PointAlreadyConfirmed,
    PointAlreadyInvited,
    PointAlreadyJoined,
    PointNotConfirmed,
    PointNotInvited,
    PointNotJoined,
)
from domain._kernel import Role
from domain._personal import Label, Reason
from domain._points import GuestRole, LeaveReason, Point, PointRole, Presence
from domain._values import Code, ConsultationKind, Period, RemoteMode
from domain.agreement import Agreement
from domain.consultation import (
    OPENS_BEFORE_START,
    ChairHandedOver,
    Consultation,
    ConsultationCancelled,
    ConsultationOpened,
    ConsultationPlanned,
    FloorGiven,
    PointConfirmed,
    PointInvited,
    PointJoined,
    PointLeft,
)
from domain.facility import Facility
from domain.practitioner import Practitioner

STAFF = {Role.DOCTOR, Role.NURSE, Role.COORDINATOR}


class PlanConsultation(Command, of=Consultation, by={Role.DOCTOR, Role.COORDINATOR}):
    """Plan a consultation at your facility as its centre, with who answers for it and who chairs it."""

    consultation_id: UUID
    kind: ConsultationKind
    mode: RemoteMode
    title: Label
    speciality: Code
    period: Period
    centre_id: UUID
    responsible_id: UUID
    chair_id: UUID
    teaching: bool = False

    def decide(
        self,
        consultation: Consultation,
        context: Context,
        centre: Facility,
        responsible: Practitioner,
        chair: Practitioner,
    ) -> Iterator[ConsultationPlanned | PointInvited]:
        admit_at(context.actor, self.centre_id)
        if self.period.end <= context.now:
            raise PeriodIsPast()
        require_connected(centre, "centre_id")
        require_service(centre, self.kind, self.speciality, context, mode=self.mode, field="centre_id")
        for field, practitioner in (("responsible_id", responsible), ("chair_id", chair)):
            require_licence(practitioner, self.speciality, self.period.start, field)
            require_duty(practitioner, self.centre_id, self.period, field)
        yield ConsultationPlanned(**self.model_dump(exclude={"consultation_id", "period"}), period=self.period)
        yield PointInvited(facility_id=self.centre_id, role=PointRole.CENTRE, place=1)


class InvitePoint(Command, of=Consultation, by={Role.DOCTOR, Role.COORDINATOR}):
    """Invite a facility as the centre: to present and discuss, or to observe where the consultation teaches."""

    consultation_id: UUID
    facility_id: UUID
    role: GuestRole

    def refers_to(self, state: Consultation) -> Mapping[str, UUID | None]:
        return {"agreement": Agreement.between(state.centre_id, self.facility_id) if state.centre_id else None}

    def decide(
        self, consultation: Consultation, context: Context, facility: Facility, agreement: Agreement | None
    ) -> Iterator[PointInvited]:
        admit_at(context.actor, consultation.centre_id)
        if self.facility_id in consultation.points:
            raise PointAlreadyInvited(place=consultation.points[self.facility_id].place)
        require_connected(facility)
        if self.role is GuestRole.BRIDGE_POINT:
            require_agreement(agreement, context)
        elif not consultation.teaching:
            raise ObserversNeedTeaching()
        yield PointInvited(facility_id=self.facility_id, role=PointRole(self.role), place=consultation.next_place)


class ConfirmPoint(Command, of=Consultation, by=STAFF):
    """Confirm that your facility takes part."""

    consultation_id: UUID
    facility_id: UUID

    def decide(self, consultation: Consultation, context: Context) -> Iterator[PointConfirmed]:
        admit_at(context.actor, self.facility_id)
        if invited(consultation, self.facility_id).presence is not Presence.INVITED:
            raise PointAlreadyConfirmed()
        yield PointConfirmed(facility_id=self.facility_id)


class OpenConsultation(Command, of=Consultation, by={Role.DOCTOR, Role.COORDINATOR}):
    """Open the session as the centre, which is then on the line."""

    consultation_id: UUID

    def decide(self, consultation: Consultation, context: Context) -> Iterator[ConsultationOpened | PointJoined]:
        admit_at(context.actor, consultation.centre_id)
        assert consultation.period is not None
        assert consultation.centre_id is not None
        earliest, latest = consultation.period.start - OPENS_BEFORE_START, consultation.period.end
        if not earliest <= context.now < latest:
            raise OutsideOpeningHours(earliest=earliest.isoformat(), latest=latest.isoformat())
        yield ConsultationOpened()
        yield PointJoined(facility_id=consultation.centre_id, role=PointRole.CENTRE, place=1, rejoined=False)


class JoinPoint(Command, of=Consultation, by=STAFF):
    """Come on the line with your facility, or come back to its place."""

    consultation_id: UUID
    facility_id: UUID

    def decide(self, consultation: Consultation, context: Context) -> Iterator[PointJoined]:
        admit_at(context.actor, self.facility_id)
        point = invited(consultation, self.facility_id)
        if point.presence is Presence.INVITED:
            raise PointNotConfirmed()
        if point.presence is Presence.JOINED:
            raise PointAlreadyJoined()
        yield PointJoined(
            facility_id=self.facility_id,
            role=point.role,
            place=point.place,
            rejoined=point.presence is Presence.LEFT,
        )


class LeavePoint(Command, of=Consultation, by={*STAFF, Role.SYSTEM}):
    """Record that a point went off the line: by itself, by the chair, or by the system that saw the line drop."""

    consultation_id: UUID
    facility_id: UUID
    reason: LeaveReason

    def decide(self, consultation: Consultation, context: Context) -> Iterator[PointLeft]:
        if Role.SYSTEM not in context.actor.roles and context.actor.id != consultation.chair_id:
            admit_at(context.actor, self.facility_id)
        if invited(consultation, self.facility_id).presence is not Presence.JOINED:
            raise PointNotJoined()
        yield PointLeft(
            facility_id=self.facility_id,
            reason=self.reason,
            gave_back_floor=consultation.floor == self.facility_id,
        )


class GiveFloor(Command, of=Consultation, by={Role.DOCTOR}):
    """Give a joined point the floor, as the chair."""

    consultation_id: UUID
    facility_id: UUID

    def decide(self, consultation: Consultation, context: Context) -> Iterator[FloorGiven]:
        require_chair(consultation, context)
        require_voice(invited(consultation, self.facility_id))
        yield FloorGiven(facility_id=self.facility_id)


class TransferChair(Command, of=Consultation, by={Role.DOCTOR, Role.COORDINATOR}):
    """Let another practitioner of the centre chair; the centre can do so when the chair is not there to do it."""

    consultation_id: UUID
    chair_id: UUID
    reason: Reason

    def decide(self, consultation: Consultation, context: Context, chair: Practitioner) -> Iterator[ChairHandedOver]:
        admit_at(context.actor, consultation.centre_id)
        if Role.COORDINATOR not in context.actor.roles:
            require_responsible(consultation, context)
        require_licence(chair, consultation.speciality, context.happened_at, "chair_id")
        require_duty(chair, consultation.centre_id, context.happened_at, "chair_id")
        yield ChairHandedOver(chair_id=self.chair_id, reason=self.reason)


class CancelConsultation(Command, of=Consultation, by={Role.DOCTOR, Role.COORDINATOR}):
    """Call the consultation off, as the centre, as long as nothing was presented."""

    consultation_id: UUID
    reason: Reason

    def decide(self, consultation: Consultation, context: Context) -> Iterator[ConsultationCancelled]:
        admit_at(context.actor, consultation.centre_id)
        if consultation.cases:
            raise CasesWerePresented()
        yield ConsultationCancelled(reason=self.reason)


# Who is here, and who may speak ------------------------------------------------------------------------------


def invited(consultation: Consultation, facility_id: UUID | None) -> Point:
    """The point of this facility."""
    point = consultation.points.get(facility_id) if facility_id is not None else None
    if point is None:
        raise PointNotInvited()
    return point


def require_voice(point: Point) -> None:
    """Refuse whoever is not on the line, and whoever only observes."""
    if point.presence is not Presence.JOINED:
        raise PointNotJoined()
    if point.role is PointRole.OBSERVER:
        raise ObserversAreSilent()


def speaking_point(consultation: Consultation, context: Context) -> Point:
    """The point of the person who speaks."""
    point = invited(consultation, context.actor.facility_id)
    require_voice(point)
    return point


def require_chair(consultation: Consultation, context: Context) -> None:
    """Refuse everybody but the chair, who has to be on the line like everybody who speaks."""
    if context.actor.id != consultation.chair_id:
        raise NotTheChair()
    speaking_point(consultation, context)


def require_responsible(consultation: Consultation, context: Context) -> None:
    if context.actor.id not in (consultation.chair_id, consultation.responsible_id):
        raise NotResponsible()
