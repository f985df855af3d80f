"""Rules of a practitioner's licence, and of being at one place at a time."""

from __future__ import annotations

from datetime import UTC, date, datetime
from uuid import UUID

import pytest
from hypothesis import given as any_of
from hypothesis import strategies as st

from commands._command import Command, Context
from commands.practitioner import (
    AssignPractitioner,
    RegisterPractitioner,
    ReinstatePractitioner,
    ReleasePractitioner,
    RenewLicence,
    SuspendPractitioner,
)
from domain._kernel import DomainError, Event, Role
from domain._values import Period, Validity
from domain.facility import Facility
from domain.practitioner import (
    LicenceRenewed,
    Practitioner,
    PractitionerAssigned,
    PractitionerReinstated,
    PractitionerReleased,
    PractitionerSuspended,
)
from tests.domain.register import (
    BACH_MAI,
    BACH_MAI_REGISTERED,
    COORDINATOR_OF_BACH_MAI,
    COORDINATOR_OF_SA_PA,
    DOCTOR_OF_BACH_MAI,
    DR_LAN,
    LAN_REGISTERED,
    NINE,
    REGISTRAR,
    SA_PA,
    SA_PA_REGISTERED,
    YEAR_2020,
    acting,
    hours,
)
from tests.spec import given

REGISTER_LAN = RegisterPractitioner(
    practitioner_id=DR_LAN,
    full_name="Nguyễn Thị Lan",
    licence_number="000123/BYT-CCHN",
    licence=YEAR_2020,
    scope=("internal_medicine", "cardiology", "cardiology"),
    home_facility_id=BACH_MAI,
)
MORNING, SHIFT, NIGHT = (UUID(int=n) for n in range(41, 44))
SUSPENDED = PractitionerSuspended(reason="The licence is under review")


def assign(at: UUID, when: Period, assignment_id: UUID = SHIFT) -> AssignPractitioner:
    return AssignPractitioner(practitioner_id=DR_LAN, assignment_id=assignment_id, facility_id=at, hours=when)


def assigned(at: UUID, when: Period, assignment_id: UUID = MORNING) -> PractitionerAssigned:
    return PractitionerAssigned(assignment_id=assignment_id, facility_id=at, hours=when)


def release(assignment_id: UUID = MORNING) -> ReleasePractitioner:
    return ReleasePractitioner(practitioner_id=DR_LAN, assignment_id=assignment_id, reason="Called to the theatre")


def of_lan(*history: Event) -> given:
    past = given(*history).and_also(BACH_MAI, Facility, BACH_MAI_REGISTERED)
    return past.and_also(SA_PA, Facility, SA_PA_REGISTERED)


def lan(*history: Event) -> Practitioner:
    return Practitioner().after([LAN_REGISTERED, *history])


def test_a_practitioner_enters_the_register_with_a_scope_in_one_order() -> None:
    of_lan().when(REGISTER_LAN, COORDINATOR_OF_BACH_MAI).then(LAN_REGISTERED)


def test_a_coordinator_registers_practitioners_of_the_own_facility_only() -> None:
    of_lan().when(REGISTER_LAN, COORDINATOR_OF_SA_PA).then_refused("NOT_YOUR_FACILITY")


def test_a_practitioner_has_a_home_facility_of_the_register() -> None:
    given().when(REGISTER_LAN, REGISTRAR).then_refused("UNKNOWN_REFERENCE", field="home_facility_id")


def test_a_scope_names_known_specialities() -> None:
    alchemist = REGISTER_LAN.model_copy(update={"scope": ("alchemy",)})
    of_lan().when(alchemist, REGISTRAR).then_refused("UNKNOWN_SPECIALITY", field="scope")
    renewal = RenewLicence(practitioner_id=DR_LAN, licence_number="2", licence=YEAR_2020, scope=("alchemy",))
    of_lan(LAN_REGISTERED).when(renewal, REGISTRAR).then_refused("UNKNOWN_SPECIALITY", field="scope")


def test_a_licence_covers_its_scope_on_its_days_in_viet_nam() -> None:
    last_minute = datetime(2020, 12, 31, 16, 59, tzinfo=UTC)
    new_year_in_ha_noi = datetime(2020, 12, 31, 17, 0, tzinfo=UTC)
    assert lan().may_practise("cardiology", last_minute)
    assert not lan().may_practise("cardiology", new_year_in_ha_noi)
    assert not lan().may_practise("cardiology", datetime(2019, 12, 31, tzinfo=UTC))
    assert not lan().may_practise("dermatology", NINE)
    assert not Practitioner().may_practise("cardiology", NINE)


def test_a_renewed_licence_takes_the_place_of_the_former() -> None:
    licence = Validity(first=date(2021, 1, 1), last=date(2025, 12, 31))
    renew = RenewLicence(practitioner_id=DR_LAN, licence_number="2", licence=licence, scope=("dermatology",))
    renewed = LicenceRenewed(licence_number="2", licence=licence, scope=("dermatology",))
    of_lan(LAN_REGISTERED).when(renew, REGISTRAR).then(renewed)
    of_lan(LAN_REGISTERED).when(renew, COORDINATOR_OF_BACH_MAI).then_refused("ROLE_NOT_ALLOWED")
    assert lan(renewed).may_practise("dermatology", datetime(2021, 6, 1, tzinfo=UTC))
    assert not lan(renewed).may_practise("cardiology", datetime(2021, 6, 1, tzinfo=UTC))


def test_a_practitioner_is_put_on_duty_at_a_facility() -> None:
    fact = assigned(BACH_MAI, hours(8, 12), SHIFT)
    of_lan(LAN_REGISTERED).when(assign(BACH_MAI, hours(8, 12)), COORDINATOR_OF_BACH_MAI).then(fact)


def test_another_facility_does_not_put_its_practitioners_on_duty_here() -> None:
    past = of_lan(LAN_REGISTERED)
    past.when(assign(BACH_MAI, hours(8, 12)), COORDINATOR_OF_SA_PA).then_refused("NOT_YOUR_FACILITY")


def test_nobody_is_on_duty_at_an_unknown_facility() -> None:
    past = of_lan(LAN_REGISTERED)
    past.when(assign(UUID(int=4), hours(8, 12)), REGISTRAR).then_refused("UNKNOWN_REFERENCE", field="facility_id")


def test_nobody_is_at_two_facilities_in_overlapping_hours() -> None:
    past = of_lan(LAN_REGISTERED, assigned(BACH_MAI, hours(8, 12)))
    past.when(assign(SA_PA, hours(11, 15)), COORDINATOR_OF_SA_PA).then_refused("PRACTITIONER_ELSEWHERE", "hours")


def test_hours_that_only_touch_do_not_overlap() -> None:
    past = of_lan(LAN_REGISTERED, assigned(BACH_MAI, hours(8, 12)))
    past.when(assign(SA_PA, hours(12, 15)), COORDINATOR_OF_SA_PA).then(assigned(SA_PA, hours(12, 15), SHIFT))


def test_hours_at_the_same_facility_may_overlap() -> None:
    past = of_lan(LAN_REGISTERED, assigned(BACH_MAI, hours(8, 12)))
    past.when(assign(BACH_MAI, hours(11, 15)), REGISTRAR).then(assigned(BACH_MAI, hours(11, 15), SHIFT))


def test_an_assignment_is_made_once() -> None:
    past = of_lan(LAN_REGISTERED, assigned(BACH_MAI, hours(8, 12), SHIFT))
    past.when(assign(BACH_MAI, hours(14, 15)), REGISTRAR).then_refused("ASSIGNMENT_EXISTS", field="assignment_id")


def test_nobody_is_on_duty_outside_the_licence() -> None:
    new_year = Period(start=datetime(2020, 12, 31, 10, tzinfo=UTC), end=datetime(2020, 12, 31, 18, tzinfo=UTC))
    until_midnight = new_year.model_copy(update={"end": datetime(2020, 12, 31, 17, tzinfo=UTC)})
    past = of_lan(LAN_REGISTERED)
    past.when(assign(BACH_MAI, new_year), REGISTRAR).then_refused("LICENCE_NOT_VALID", field="hours")
    past.when(assign(BACH_MAI, until_midnight), REGISTRAR).then(assigned(BACH_MAI, until_midnight, SHIFT))


def test_a_licence_must_hold_from_the_first_hour_on() -> None:
    eve = Period(start=datetime(2019, 12, 31, 16, tzinfo=UTC), end=datetime(2019, 12, 31, 18, tzinfo=UTC))
    of_lan(LAN_REGISTERED).when(assign(BACH_MAI, eve), REGISTRAR).then_refused("LICENCE_NOT_VALID")


def test_a_suspended_practitioner_neither_practises_nor_is_put_on_duty() -> None:
    past = of_lan(LAN_REGISTERED, SUSPENDED)
    past.when(assign(BACH_MAI, hours(8, 12)), REGISTRAR).then_refused("NOT_IN_THIS_STATUS")
    assert not lan(SUSPENDED).may_practise("cardiology", NINE)


def test_the_authority_suspends_and_reinstates() -> None:
    suspend = SuspendPractitioner(practitioner_id=DR_LAN, reason="The licence is under review")
    reinstate = ReinstatePractitioner(practitioner_id=DR_LAN, reason="The review found nothing")
    reinstated = PractitionerReinstated(reason="The review found nothing")
    of_lan(LAN_REGISTERED).when(suspend, REGISTRAR).then(SUSPENDED)
    of_lan(LAN_REGISTERED, SUSPENDED).when(reinstate, REGISTRAR).then(reinstated)
    of_lan(LAN_REGISTERED).when(reinstate, REGISTRAR).then_refused("NOT_IN_THIS_STATUS")
    assert lan(SUSPENDED, reinstated).may_practise("cardiology", NINE)


@pytest.mark.parametrize("context", [COORDINATOR_OF_BACH_MAI, DOCTOR_OF_BACH_MAI])
def test_a_facility_suspends_nobody(context: Context) -> None:
    suspend = SuspendPractitioner(practitioner_id=DR_LAN, reason="The licence is under review")
    of_lan(LAN_REGISTERED).when(suspend, context).then_refused("ROLE_NOT_ALLOWED")


def test_an_assignment_that_has_not_begun_is_withdrawn_whole() -> None:
    released = PractitionerReleased(assignment_id=MORNING, released_at=NINE, reason="Called to the theatre")
    past = of_lan(LAN_REGISTERED, assigned(BACH_MAI, hours(10, 12)))
    past.when(release(), COORDINATOR_OF_BACH_MAI).then(released)
    free = lan(assigned(BACH_MAI, hours(10, 12)), released)
    assert free.roster == ()
    of_lan(*past.history, released).when(assign(SA_PA, hours(10, 12)), REGISTRAR).then(
        assigned(SA_PA, hours(10, 12), SHIFT)
    )


def test_a_release_frees_the_hours_to_come_and_keeps_those_worked() -> None:
    released = PractitionerReleased(assignment_id=MORNING, released_at=NINE, reason="Called to the theatre")
    past = of_lan(LAN_REGISTERED, assigned(BACH_MAI, hours(8, 12)), released)
    past.when(assign(SA_PA, hours(8, 9)), REGISTRAR).then_refused("PRACTITIONER_ELSEWHERE")
    past.when(assign(SA_PA, hours(9, 12)), REGISTRAR).then(assigned(SA_PA, hours(9, 12), SHIFT))


def test_hours_already_worked_are_not_freed_by_a_backdated_entry() -> None:
    backdated = acting(Role.REGISTRAR, clinical_time=datetime(2020, 8, 26, tzinfo=UTC))
    over = of_lan(LAN_REGISTERED, assigned(BACH_MAI, hours(7, 9)))
    over.when(release(), backdated).then_refused("HOURS_ARE_OVER", field="assignment_id")
    running = of_lan(LAN_REGISTERED, assigned(BACH_MAI, hours(8, 12)))
    running.when(release(), backdated).then(
        PractitionerReleased(assignment_id=MORNING, released_at=NINE, reason="Called to the theatre")
    )


def test_what_is_not_in_the_roster_cannot_be_released() -> None:
    of_lan(LAN_REGISTERED).when(release(NIGHT), REGISTRAR).then_refused("NO_SUCH_ASSIGNMENT", "assignment_id")


def test_another_facility_releases_nobody_here() -> None:
    past = of_lan(LAN_REGISTERED, assigned(BACH_MAI, hours(10, 12)))
    past.when(release(), COORDINATOR_OF_SA_PA).then_refused("NOT_YOUR_FACILITY")


def test_being_on_duty_is_asked_of_a_moment_or_a_whole_period() -> None:
    on_duty = lan(assigned(BACH_MAI, hours(8, 12)))
    assert on_duty.on_duty_at(BACH_MAI, hours(8, 12).start)
    assert not on_duty.on_duty_at(BACH_MAI, hours(8, 12).end)
    assert not on_duty.on_duty_at(SA_PA, hours(8, 12).start)
    assert on_duty.on_duty_at(BACH_MAI, hours(9, 11))
    assert not on_duty.on_duty_at(BACH_MAI, hours(9, 13))
    assert not on_duty.on_duty_at(BACH_MAI, hours(7, 9))


def test_shifts_that_follow_each_other_cover_a_period_together() -> None:
    late, early = assigned(BACH_MAI, hours(12, 16), SHIFT), assigned(BACH_MAI, hours(8, 12))
    assert lan(late, early).on_duty_at(BACH_MAI, hours(9, 15))
    gap = assigned(BACH_MAI, hours(13, 16), SHIFT)
    assert not lan(gap, early).on_duty_at(BACH_MAI, hours(9, 15))


WISHES = st.lists(
    st.one_of(
        st.builds(
            lambda number, at, first, length: assign(at, hours(first, first + length), UUID(int=100 + number)),
            st.integers(0, 5),
            st.sampled_from((BACH_MAI, SA_PA)),
            st.integers(6, 18),
            st.integers(1, 5),
        ),
        st.builds(lambda number: release(UUID(int=100 + number)), st.integers(0, 5)),
    ),
    max_size=25,
)


@any_of(wishes=WISHES, clock=st.lists(st.integers(6, 22), min_size=25, max_size=25).map(sorted))
def test_no_sequence_of_wishes_leads_to_hours_at_two_facilities(wishes: list[Command], clock: list[int]) -> None:
    history: list[Event] = [LAN_REGISTERED]
    for wish, hour in zip(wishes, clock, strict=False):
        now = acting(Role.REGISTRAR, now=datetime.fromisoformat(f"2020-08-27T{hour:02}:00:00+07:00"))
        outcome = of_lan(*history).when(wish, now).of
        history.extend([] if isinstance(outcome, DomainError) else outcome)
    assert _hours_at_two_places(history) == []


def _hours_at_two_places(history: list[Event]) -> list[int]:
    """The hours of the day at which the events, read without the state, put the practitioner at two places."""
    present: dict[int, set[UUID]] = {hour: set() for hour in range(6, 23)}
    standing: dict[UUID, PractitionerAssigned] = {}
    worked: list[tuple[UUID, Period]] = []
    for event in history:
        if isinstance(event, PractitionerAssigned):
            standing[event.assignment_id] = event
        if isinstance(event, PractitionerReleased):
            gone = standing.pop(event.assignment_id)
            if gone.hours.start < event.released_at:
                worked.append((gone.facility_id, Period(start=gone.hours.start, end=event.released_at)))
    worked += [(one.facility_id, one.hours) for one in standing.values()]
    for facility_id, when in worked:
        for hour, places in present.items():
            if when.overlaps(hours(hour, hour + 1)):
                places.add(facility_id)
    return [hour for hour, places in present.items() if len(places) > 1]
