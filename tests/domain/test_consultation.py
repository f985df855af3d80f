"""The session of a consultation: who plans it, who comes, and who is heard."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

from commands._command import Context
from commands.consultation import (
    CancelConsultation,
    ConfirmPoint,
    GiveFloor,
    InvitePoint,
    JoinPoint,
    LeavePoint,
    OpenConsultation,
    PlanConsultation,
    TransferChair,
)
from domain._kernel import Role
from domain._points import GuestRole, LeaveReason, PointRole
from domain._values import ConsultationKind, Period, RemoteMode
from domain.agreement import Agreement
from domain.consultation import (
    CasePresented,
    ChairHandedOver,
    ConsultationCancelled,
    ConsultationOpened,
    ConsultationPlanned,
    FloorGiven,
    PointConfirmed,
    PointInvited,
    PointJoined,
    PointLeft,
)
from tests.domain.cast import (
    AUGUST_27,
    BACH_MAI,
    CARDIOLOGY,
    CLERK,
    CONSULTATION,
    DERMATOLOGY,
    DR_LAN,
    DR_MINH,
    HA_GIANG,
    HOA_AT_THAI_NGUYEN,
    LAN_AT_BACH_MAI,
    MINH_AT_BACH_MAI,
    NOON,
    PAO_AT_SA_PA,
    PATIENT,
    REFERRAL,
    SA_PA,
    THAI_NGUYEN,
    THE_SYSTEM,
    acting,
    facility,
    later,
    practitioner,
    world,
)
from tests.spec import given

AFTERNOON = Period(start=NOON, end=AUGUST_27.end)
PLAN = PlanConsultation(
    consultation_id=CONSULTATION,
    kind=ConsultationKind.CONSULTATION,
    mode=RemoteMode.REMOTE_CONSULTATION,
    title="Hội chẩn tim mạch",
    speciality=CARDIOLOGY,
    period=AFTERNOON,
    centre_id=BACH_MAI,
    responsible_id=DR_MINH,
    chair_id=DR_LAN,
    teaching=True,
)
PLANNED = (
    ConsultationPlanned(
        kind=PLAN.kind,
        mode=PLAN.mode,
        title=PLAN.title,
        speciality=CARDIOLOGY,
        period=AFTERNOON,
        centre_id=BACH_MAI,
        responsible_id=DR_MINH,
        chair_id=DR_LAN,
        teaching=True,
    ),
    PointInvited(facility_id=BACH_MAI, role=PointRole.CENTRE, place=1),
)
INVITED = (
    *PLANNED,
    PointInvited(facility_id=THAI_NGUYEN, role=PointRole.BRIDGE_POINT, place=2),
    PointInvited(facility_id=SA_PA, role=PointRole.BRIDGE_POINT, place=3),
    PointInvited(facility_id=HA_GIANG, role=PointRole.OBSERVER, place=4),
)
OPENED = (ConsultationOpened(), PointJoined(facility_id=BACH_MAI, role=PointRole.CENTRE, place=1, rejoined=False))
CONFIRMED = tuple(PointConfirmed(facility_id=one) for one in (THAI_NGUYEN, SA_PA, HA_GIANG))
OPEN = (*INVITED, *CONFIRMED, *OPENED)


def joined(facility_id: UUID, place: int, *, rejoined: bool = False) -> PointJoined:
    role = PointRole.OBSERVER if facility_id == HA_GIANG else PointRole.BRIDGE_POINT
    return PointJoined(facility_id=facility_id, role=role, place=place, rejoined=rejoined)


LIVE = (*OPEN, joined(THAI_NGUYEN, 2), joined(HA_GIANG, 4))
LINE_LOST = PointLeft(facility_id=THAI_NGUYEN, reason=LeaveReason.LINE_LOST, gave_back_floor=False)
CLERK_AT_BACH_MAI = acting(CLERK, Role.COORDINATOR, BACH_MAI)
CLERK_AT_HA_GIANG = acting(CLERK, Role.COORDINATOR, HA_GIANG)
INVITE_SA_PA = InvitePoint(consultation_id=CONSULTATION, facility_id=SA_PA, role=GuestRole.BRIDGE_POINT)
INVITE_HA_GIANG = InvitePoint(consultation_id=CONSULTATION, facility_id=HA_GIANG, role=GuestRole.OBSERVER)
JOIN_THAI_NGUYEN = JoinPoint(consultation_id=CONSULTATION, facility_id=THAI_NGUYEN)
CONFIRM_SA_PA = ConfirmPoint(consultation_id=CONSULTATION, facility_id=SA_PA)
OPEN_IT = OpenConsultation(consultation_id=CONSULTATION)
CANCEL = CancelConsultation(consultation_id=CONSULTATION, reason="Bão số 5")


def leave(facility_id: UUID, reason: LeaveReason = LeaveReason.LEFT) -> LeavePoint:
    return LeavePoint(consultation_id=CONSULTATION, facility_id=facility_id, reason=reason)


def floor_to(facility_id: UUID) -> GiveFloor:
    return GiveFloor(consultation_id=CONSULTATION, facility_id=facility_id)


# Planning ----------------------------------------------------------------------------------------------------


def test_the_centre_plans_a_consultation_and_takes_the_first_place() -> None:
    given(others=world()).when(PLAN, CLERK_AT_BACH_MAI).then(*PLANNED)


def test_nobody_plans_at_another_centre() -> None:
    given(others=world()).when(PLAN, HOA_AT_THAI_NGUYEN).then_refused("NOT_YOUR_FACILITY")


def test_nothing_is_planned_for_a_time_that_is_over() -> None:
    late = CLERK_AT_BACH_MAI.model_copy(update={"now": AFTERNOON.end})
    given(others=world()).when(PLAN, late).then_refused("PERIOD_IS_PAST", "period")


def test_a_centre_consults_only_as_it_declared() -> None:
    training_only = world(BACH_MAI, facility(kinds=(ConsultationKind.TRAINING,)))
    given(others=training_only).when(PLAN, CLERK_AT_BACH_MAI).then_refused("SERVICE_NOT_DECLARED", "centre_id")


def test_a_centre_without_a_connection_plans_nothing() -> None:
    suspended = world(BACH_MAI, facility(connected=False))
    given(others=suspended).when(PLAN, CLERK_AT_BACH_MAI).then_refused("FACILITY_NOT_CONNECTED", "centre_id")


@pytest.mark.parametrize(("who", "field"), [(DR_MINH, "responsible_id"), (DR_LAN, "chair_id")])
def test_the_responsible_practitioner_and_the_chair_hold_a_licence_in_scope(who: UUID, field: str) -> None:
    for doctor in (practitioner(scope=(DERMATOLOGY,)), practitioner(suspended=True)):
        given(others=world(who, doctor)).when(PLAN, CLERK_AT_BACH_MAI).then_refused("LICENCE_DOES_NOT_COVER", field)


@pytest.mark.parametrize(("who", "field"), [(DR_MINH, "responsible_id"), (DR_LAN, "chair_id")])
def test_the_responsible_practitioner_and_the_chair_are_on_duty_at_the_centre(who: UUID, field: str) -> None:
    elsewhere = world(who, practitioner(at=SA_PA))
    given(others=elsewhere).when(PLAN, CLERK_AT_BACH_MAI).then_refused("NOT_ON_DUTY", field)


def test_they_are_on_duty_for_the_whole_time() -> None:
    long = PLAN.model_copy(update={"period": Period(start=NOON, end=later(600))})
    given(others=world()).when(long, CLERK_AT_BACH_MAI).then_refused("NOT_ON_DUTY")


# Inviting ----------------------------------------------------------------------------------------------------


def test_each_invited_point_gets_the_next_place() -> None:
    given(*PLANNED, others=world()).when(INVITE_SA_PA, LAN_AT_BACH_MAI).then(
        PointInvited(facility_id=SA_PA, role=PointRole.BRIDGE_POINT, place=2)
    )


def test_only_the_centre_invites() -> None:
    given(*PLANNED, others=world()).when(INVITE_SA_PA, PAO_AT_SA_PA).then_refused("NOT_YOUR_FACILITY")


def test_no_point_is_invited_twice() -> None:
    given(*INVITED, others=world()).when(INVITE_SA_PA, LAN_AT_BACH_MAI).then_refused("POINT_ALREADY_INVITED")


def test_a_point_without_a_connection_is_not_invited() -> None:
    for invite in (INVITE_SA_PA, INVITE_HA_GIANG):
        others = world(invite.facility_id, facility(connected=False))
        given(*PLANNED, others=others).when(invite, LAN_AT_BACH_MAI).then_refused("FACILITY_NOT_CONNECTED")


def test_a_bridge_point_has_an_agreement_with_the_centre() -> None:
    others = {id_: state for id_, state in world().items() if id_ != Agreement.between(BACH_MAI, SA_PA)}
    given(*PLANNED, others=others).when(INVITE_SA_PA, LAN_AT_BACH_MAI).then_refused("NO_AGREEMENT_IN_FORCE")


def test_an_observer_needs_no_agreement() -> None:
    given(*PLANNED, others=world()).when(INVITE_HA_GIANG, LAN_AT_BACH_MAI).then(
        PointInvited(facility_id=HA_GIANG, role=PointRole.OBSERVER, place=2)
    )


def test_nobody_observes_a_consultation_that_does_not_teach() -> None:
    silent = PLANNED[0].model_copy(update={"teaching": False})
    given(silent, PLANNED[1], others=world()).when(INVITE_HA_GIANG, LAN_AT_BACH_MAI).then_refused(
        "OBSERVERS_NEED_TEACHING", "role"
    )


def test_a_point_confirms_for_itself() -> None:
    given(*INVITED).when(CONFIRM_SA_PA, PAO_AT_SA_PA).then(PointConfirmed(facility_id=SA_PA))
    given(*INVITED).when(CONFIRM_SA_PA, LAN_AT_BACH_MAI).then_refused("NOT_YOUR_FACILITY")


def test_a_point_confirms_once() -> None:
    given(*INVITED, *CONFIRMED).when(CONFIRM_SA_PA, PAO_AT_SA_PA).then_refused("POINT_ALREADY_CONFIRMED")


def test_who_was_not_invited_neither_confirms_nor_joins() -> None:
    given(*PLANNED).when(CONFIRM_SA_PA, PAO_AT_SA_PA).then_refused("POINT_NOT_INVITED")
    given(*PLANNED, *OPENED).when(JOIN_THAI_NGUYEN, HOA_AT_THAI_NGUYEN).then_refused("POINT_NOT_INVITED")


# The session -------------------------------------------------------------------------------------------------


def test_the_centre_opens_and_is_on_the_line() -> None:
    given(*INVITED).when(OPEN_IT, LAN_AT_BACH_MAI).then(*OPENED)


def test_a_point_does_not_open() -> None:
    given(*INVITED).when(OPEN_IT, HOA_AT_THAI_NGUYEN).then_refused("NOT_YOUR_FACILITY")


@pytest.mark.parametrize("minutes", [-31, 300])
def test_a_consultation_is_opened_neither_long_before_its_start_nor_after_its_end(minutes: float) -> None:
    given(*INVITED).when(OPEN_IT, LAN_AT_BACH_MAI.model_copy(update={"now": later(minutes)})).then_refused(
        "OUTSIDE_OPENING_HOURS"
    )


def test_a_consultation_opens_half_an_hour_early_for_those_who_test_their_lines() -> None:
    given(*INVITED).when(OPEN_IT, LAN_AT_BACH_MAI.model_copy(update={"now": later(-30)})).then(*OPENED)


def test_a_confirmed_point_joins_at_its_place() -> None:
    given(*OPEN).when(JOIN_THAI_NGUYEN, HOA_AT_THAI_NGUYEN).then(joined(THAI_NGUYEN, 2))


def test_nobody_joins_for_another_point() -> None:
    given(*OPEN).when(JOIN_THAI_NGUYEN, PAO_AT_SA_PA).then_refused("NOT_YOUR_FACILITY")


def test_nobody_joins_before_the_centre_opened() -> None:
    given(*INVITED, *CONFIRMED).when(JOIN_THAI_NGUYEN, HOA_AT_THAI_NGUYEN).then_refused("NOT_IN_THIS_STATUS")


def test_a_point_confirms_before_it_joins() -> None:
    given(*INVITED, *OPENED).when(JOIN_THAI_NGUYEN, HOA_AT_THAI_NGUYEN).then_refused("POINT_NOT_CONFIRMED")


def test_a_point_joins_once() -> None:
    given(*LIVE).when(JOIN_THAI_NGUYEN, HOA_AT_THAI_NGUYEN).then_refused("POINT_ALREADY_JOINED")


def test_a_point_that_lost_its_line_returns_to_its_place() -> None:
    given(*LIVE, LINE_LOST).when(JOIN_THAI_NGUYEN, HOA_AT_THAI_NGUYEN).then(joined(THAI_NGUYEN, 2, rejoined=True))


@pytest.mark.parametrize("who", [HOA_AT_THAI_NGUYEN, LAN_AT_BACH_MAI, THE_SYSTEM])
def test_the_point_the_chair_or_the_system_records_that_a_line_was_lost(who: Context) -> None:
    given(*LIVE).when(leave(THAI_NGUYEN, LeaveReason.LINE_LOST), who).then(LINE_LOST)


def test_nobody_else_sends_a_point_off_the_line() -> None:
    given(*LIVE).when(leave(THAI_NGUYEN), PAO_AT_SA_PA).then_refused("NOT_YOUR_FACILITY")


def test_who_is_not_on_the_line_cannot_leave_it() -> None:
    given(*LIVE, LINE_LOST).when(leave(THAI_NGUYEN), HOA_AT_THAI_NGUYEN).then_refused("POINT_NOT_JOINED")


def test_the_chair_gives_the_floor_to_a_joined_point() -> None:
    given(*LIVE).when(floor_to(THAI_NGUYEN), LAN_AT_BACH_MAI).then(FloorGiven(facility_id=THAI_NGUYEN))


def test_only_the_chair_gives_the_floor() -> None:
    for other in (HOA_AT_THAI_NGUYEN, MINH_AT_BACH_MAI):
        given(*LIVE).when(floor_to(THAI_NGUYEN), other).then_refused("NOT_THE_CHAIR")


def test_the_floor_is_not_given_to_a_point_that_is_not_on_the_line() -> None:
    given(*LIVE).when(floor_to(SA_PA), LAN_AT_BACH_MAI).then_refused("POINT_NOT_JOINED")


def test_the_floor_is_never_given_to_an_observer() -> None:
    given(*LIVE).when(floor_to(HA_GIANG), LAN_AT_BACH_MAI).then_refused("OBSERVERS_ARE_SILENT")


def test_the_chair_cannot_speak_while_the_centre_is_off_the_line() -> None:
    off = PointLeft(facility_id=BACH_MAI, reason=LeaveReason.LINE_LOST, gave_back_floor=False)
    given(*LIVE, off).when(floor_to(THAI_NGUYEN), LAN_AT_BACH_MAI).then_refused("POINT_NOT_JOINED")


def test_a_point_that_leaves_gives_the_floor_back() -> None:
    given(*LIVE, FloorGiven(facility_id=THAI_NGUYEN)).when(leave(THAI_NGUYEN), HOA_AT_THAI_NGUYEN).then(
        PointLeft(facility_id=THAI_NGUYEN, reason=LeaveReason.LEFT, gave_back_floor=True)
    )


def hand_over(to: UUID) -> TransferChair:
    return TransferChair(consultation_id=CONSULTATION, chair_id=to, reason="Cấp cứu tại viện")


@pytest.mark.parametrize("who", [LAN_AT_BACH_MAI, MINH_AT_BACH_MAI, CLERK_AT_BACH_MAI])
def test_the_centre_lets_another_of_its_doctors_chair(who: Context) -> None:
    given(*LIVE, others=world()).when(hand_over(DR_MINH), who).then(
        ChairHandedOver(chair_id=DR_MINH, reason="Cấp cứu tại viện")
    )


def test_from_then_on_the_new_chair_gives_the_floor() -> None:
    history = (*LIVE, ChairHandedOver(chair_id=DR_MINH, reason="Cấp cứu tại viện"))
    given(*history).when(floor_to(THAI_NGUYEN), MINH_AT_BACH_MAI).then(FloorGiven(facility_id=THAI_NGUYEN))
    given(*history).when(floor_to(THAI_NGUYEN), LAN_AT_BACH_MAI).then_refused("NOT_THE_CHAIR")


@pytest.mark.parametrize(
    ("changes", "who", "code"),
    [
        ((), HOA_AT_THAI_NGUYEN, "NOT_YOUR_FACILITY"),
        ((), acting(CLERK, Role.DOCTOR, BACH_MAI), "NOT_RESPONSIBLE"),
        ((DR_MINH, practitioner(suspended=True)), LAN_AT_BACH_MAI, "LICENCE_DOES_NOT_COVER"),
        ((DR_MINH, practitioner(at=SA_PA)), LAN_AT_BACH_MAI, "NOT_ON_DUTY"),
    ],
)
def test_the_chair_goes_only_to_a_licensed_doctor_on_duty_and_by_the_centre(
    changes: tuple[Any, ...], who: Context, code: str
) -> None:
    given(*LIVE, others=world(*changes)).when(hand_over(DR_MINH), who).then_refused(code)


# Calling it off ----------------------------------------------------------------------------------------------


def test_the_centre_calls_a_consultation_off() -> None:
    given(*INVITED).when(CANCEL, CLERK_AT_BACH_MAI).then(ConsultationCancelled(reason="Bão số 5"))


def test_a_point_does_not_call_it_off() -> None:
    given(*INVITED).when(CANCEL, CLERK_AT_HA_GIANG).then_refused("NOT_YOUR_FACILITY")


def test_what_was_presented_is_not_lost_by_calling_it_off() -> None:
    presented = CasePresented(
        case_id=REFERRAL, patient_id=PATIENT, facility_id=THAI_NGUYEN, summary="Đau ngực", referral_id=REFERRAL
    )
    given(*LIVE, presented).when(CANCEL, CLERK_AT_BACH_MAI).then_refused("CASES_WERE_PRESENTED")
