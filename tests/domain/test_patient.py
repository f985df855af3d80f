"""Rules of a patient's record: registration, identities with history, merging, relatives, death."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from commands._command import Command, Context
from commands.patient import (
    AddIdentity,
    AuthoriseRelative,
    MergePatients,
    RecordDeath,
    RegisterPatient,
    RevokeRelative,
    WithdrawIdentity,
)
from domain._kernel import Event, Role
from domain._values import Validity
from domain.facility import Facility
from domain.patient import (
    Identity,
    IdentityAdded,
    IdentityWithdrawn,
    Patient,
    PatientDied,
    PatientsMerged,
    RelativeAuthorised,
    RelativeRevoked,
    RelativeScope,
    Sex,
)
from tests.domain.register import (
    AN,
    AN_HERSELF,
    AN_REGISTERED,
    BACH_MAI,
    BACH_MAI_REGISTERED,
    BINH,
    BINH_HIMSELF,
    BINH_REGISTERED,
    DOCTOR_OF_BACH_MAI,
    DOCTOR_OF_SA_PA,
    NATIONAL_COORDINATOR,
    NINE,
    NURSE_OF_SA_PA,
    REGISTRAR,
    SA_PA,
    SA_PA_REGISTERED,
    YEAR_2020,
    acting,
)
from tests.spec import given

CHI, DAUGHTER, CARD, OLD_CARD = (UUID(int=n) for n in range(51, 55))
PERSONAL_ID = Identity(id=CARD, system="vn-personal-id", number="010156000001", valid=Validity(first=date(2020, 1, 1)))
INSURANCE = Identity(id=OLD_CARD, system="vn-health-insurance", number="GD4100000000001", valid=YEAR_2020)
MERGED = PatientsMerged(surviving_id=BINH, reason="Same person, registered twice")
DIED = PatientDied(died_at=NINE - timedelta(hours=1), facility_id=SA_PA)
MERGE_AN_INTO_BINH = MergePatients(patient_id=AN, surviving_id=BINH, reason="Same person, registered twice")
ADD_PERSONAL_ID = AddIdentity(patient_id=AN, identity=PERSONAL_ID)
DEATH = RecordDeath(patient_id=AN, died_at=DIED.died_at, facility_id=SA_PA)


def register(**changes: Any) -> RegisterPatient:
    fields: dict[str, Any] = {
        "patient_id": AN,
        "facility_id": SA_PA,
        "full_name": "Trần Thị An",
        "sex": Sex.FEMALE,
        "born_on": date(1956, 3, 2),
    }
    return RegisterPatient(**{**fields, **changes})


def authorise(expires_at: datetime = datetime(2020, 12, 31, tzinfo=UTC)) -> AuthoriseRelative:
    return AuthoriseRelative(
        patient_id=AN,
        relative_id=DAUGHTER,
        full_name="Trần Thu Hà",
        relation="daughter",
        scope=(RelativeScope.CONVERSATION, RelativeScope.APPOINTMENTS),
        expires_at=expires_at,
    )


def authorised(*scope: RelativeScope) -> RelativeAuthorised:
    return RelativeAuthorised(
        relative_id=DAUGHTER,
        full_name="Trần Thu Hà",
        relation="daughter",
        scope=scope or (RelativeScope.APPOINTMENTS, RelativeScope.CONVERSATION),
        expires_at=datetime(2020, 12, 31, tzinfo=UTC),
    )


REVOKE = RevokeRelative(patient_id=AN, relative_id=DAUGHTER, reason="They fell out")
WITHDRAW = WithdrawIdentity(patient_id=AN, identity_id=CARD, reason="Typed for the wrong person")


def at_sa_pa(*history: Event) -> given:
    past = given(*history).and_also(SA_PA, Facility, SA_PA_REGISTERED)
    return past.and_also(BACH_MAI, Facility, BACH_MAI_REGISTERED)


def an(*history: Event) -> Patient:
    return Patient().after([AN_REGISTERED, *history])


def test_a_nurse_registers_a_patient_of_the_own_facility() -> None:
    at_sa_pa().when(register(), NURSE_OF_SA_PA).then(AN_REGISTERED)


def test_the_registrar_registers_patients_of_any_facility() -> None:
    at_sa_pa().when(register(), REGISTRAR).then(AN_REGISTERED)


def test_nobody_registers_patients_of_another_facility() -> None:
    at_sa_pa().when(register(), DOCTOR_OF_BACH_MAI).then_refused("NOT_YOUR_FACILITY")


def test_coordinators_and_patients_register_nobody() -> None:
    at_sa_pa().when(register(), NATIONAL_COORDINATOR).then_refused("ROLE_NOT_ALLOWED")
    at_sa_pa().when(register(), AN_HERSELF).then_refused("ROLE_NOT_ALLOWED")


def test_a_patient_is_registered_at_a_known_facility() -> None:
    given().when(register(), REGISTRAR).then_refused("UNKNOWN_REFERENCE", field="facility_id")


def test_a_patient_may_know_the_year_of_birth_alone() -> None:
    fact = AN_REGISTERED.model_copy(update={"born_on": None, "born_in": 1956})
    at_sa_pa().when(register(born_on=None, born_in=1956), NURSE_OF_SA_PA).then(fact)


@pytest.mark.parametrize("birth", [{"born_on": None}, {"born_in": 1956}])
def test_a_birth_is_a_day_or_a_year_and_not_both(birth: dict[str, int | None]) -> None:
    at_sa_pa().when(register(**birth), NURSE_OF_SA_PA).then_refused("BIRTH_NOT_STATED", field="born_on")


def test_nobody_is_registered_before_birth() -> None:
    unborn = register(born_on=date(2020, 8, 28))
    at_sa_pa().when(unborn, NURSE_OF_SA_PA).then_refused("BORN_IN_FUTURE", field="born_on")
    unborn = register(born_on=None, born_in=2021)
    at_sa_pa().when(unborn, NURSE_OF_SA_PA).then_refused("BORN_IN_FUTURE", field="born_in")


def test_every_event_of_a_patient_is_about_that_patient() -> None:
    assert an().about(AN_REGISTERED) == AN
    assert an(DIED).about(DIED) == AN


def test_a_patient_without_a_personal_id_is_registered_and_gets_it_later() -> None:
    at_sa_pa(AN_REGISTERED).when(ADD_PERSONAL_ID, NURSE_OF_SA_PA).then(IdentityAdded(identity=PERSONAL_ID))


def test_a_personal_id_may_change_and_the_former_stays_in_the_history() -> None:
    new = PERSONAL_ID.model_copy(update={"id": OLD_CARD, "number": "010156000099"})
    past = at_sa_pa(AN_REGISTERED, IdentityAdded(identity=PERSONAL_ID))
    past.when(AddIdentity(patient_id=AN, identity=new), NURSE_OF_SA_PA).then(IdentityAdded(identity=new))
    assert an(IdentityAdded(identity=PERSONAL_ID), IdentityAdded(identity=new)).identities == {CARD, OLD_CARD}


@pytest.mark.parametrize("number", ["01015600001", "0101560000012", "01015600000A", "０１０１５６００００１２"])
def test_a_personal_id_has_twelve_digits(number: str) -> None:
    malformed = PERSONAL_ID.model_copy(update={"number": number})
    add = AddIdentity(patient_id=AN, identity=malformed)
    at_sa_pa(AN_REGISTERED).when(add, NURSE_OF_SA_PA).then_refused("PERSONAL_ID_MALFORMED", field="number")
    at_sa_pa().when(register(identities=(malformed,)), NURSE_OF_SA_PA).then_refused("PERSONAL_ID_MALFORMED")


def test_other_numbers_have_the_form_that_their_issuer_gives_them() -> None:
    fact = AN_REGISTERED.model_copy(update={"identities": (INSURANCE,)})
    at_sa_pa().when(register(identities=(INSURANCE,)), NURSE_OF_SA_PA).then(fact)


def test_an_identity_is_added_once_even_when_it_was_withdrawn() -> None:
    withdrawn = IdentityWithdrawn(identity_id=CARD, reason="Typed for the wrong person")
    past = at_sa_pa(AN_REGISTERED, IdentityAdded(identity=PERSONAL_ID), withdrawn)
    past.when(ADD_PERSONAL_ID, NURSE_OF_SA_PA).then_refused("IDENTITY_EXISTS", field="identity_id")
    twice = register(identities=(PERSONAL_ID, PERSONAL_ID))
    at_sa_pa().when(twice, NURSE_OF_SA_PA).then_refused("IDENTITY_EXISTS")


def test_an_identity_is_withdrawn_with_a_reason_and_once() -> None:
    withdrawn = IdentityWithdrawn(identity_id=CARD, reason="Typed for the wrong person")
    past = at_sa_pa(AN_REGISTERED, IdentityAdded(identity=PERSONAL_ID))
    past.when(WITHDRAW, NURSE_OF_SA_PA).then(withdrawn)
    again = at_sa_pa(*past.history, withdrawn)
    again.when(WITHDRAW, NURSE_OF_SA_PA).then_refused("NO_SUCH_IDENTITY", field="identity_id")


def test_an_identity_of_the_registration_can_be_withdrawn() -> None:
    registered = AN_REGISTERED.model_copy(update={"identities": (PERSONAL_ID,)})
    at_sa_pa(registered).when(WITHDRAW, NURSE_OF_SA_PA).then(
        IdentityWithdrawn(identity_id=CARD, reason="Typed for the wrong person")
    )


@pytest.mark.parametrize("command", [ADD_PERSONAL_ID, WITHDRAW, authorise(), REVOKE])
def test_who_does_not_treat_the_patient_changes_nothing_in_the_record(command: Command) -> None:
    past = at_sa_pa(AN_REGISTERED, authorised())
    past.when(command, DOCTOR_OF_BACH_MAI).then_refused("NOT_YOUR_FACILITY")


def test_two_records_of_one_person_are_merged() -> None:
    past = at_sa_pa(AN_REGISTERED).and_also(BINH, Patient, BINH_REGISTERED)
    past.when(MERGE_AN_INTO_BINH, REGISTRAR).then(MERGED)
    assert an(MERGED).merged_into == BINH
    assert not an(MERGED).living


def test_only_the_registrar_merges() -> None:
    past = at_sa_pa(AN_REGISTERED).and_also(BINH, Patient, BINH_REGISTERED)
    past.when(MERGE_AN_INTO_BINH, DOCTOR_OF_SA_PA).then_refused("ROLE_NOT_ALLOWED")


def test_no_record_is_merged_into_itself() -> None:
    itself = MergePatients(patient_id=AN, surviving_id=AN, reason="A slip of the hand")
    past = at_sa_pa(AN_REGISTERED).and_also(AN, Patient, AN_REGISTERED)
    past.when(itself, REGISTRAR).then_refused("SAME_PATIENT", field="surviving_id")


def test_no_record_is_merged_into_an_unknown_one() -> None:
    at_sa_pa(AN_REGISTERED).when(MERGE_AN_INTO_BINH, REGISTRAR).then_refused("UNKNOWN_REFERENCE", "surviving_id")


def test_no_record_is_merged_into_one_that_was_itself_merged_so_there_are_no_loops() -> None:
    into_an = PatientsMerged(surviving_id=AN, reason="Same person, registered twice")
    loop = at_sa_pa(AN_REGISTERED).and_also(BINH, Patient, BINH_REGISTERED, into_an)
    loop.when(MERGE_AN_INTO_BINH, REGISTRAR).then_refused("SURVIVOR_MERGED", field="surviving_id")


def test_a_merged_record_takes_nothing_more() -> None:
    past = at_sa_pa(AN_REGISTERED, MERGED).and_also(CHI, Patient, BINH_REGISTERED)
    into_chi = MergePatients(patient_id=AN, surviving_id=CHI, reason="Same person, registered twice")
    for command in (into_chi, ADD_PERSONAL_ID, DEATH):
        past.when(command, REGISTRAR).then_refused("NOT_IN_THIS_STATUS")


def test_no_merge_makes_a_dead_person_live_again() -> None:
    past = at_sa_pa(AN_REGISTERED, DIED).and_also(BINH, Patient, BINH_REGISTERED)
    past.when(MERGE_AN_INTO_BINH, REGISTRAR).then_refused("DEATH_WOULD_BE_LOST", field="surviving_id")
    both = at_sa_pa(AN_REGISTERED, DIED).and_also(BINH, Patient, BINH_REGISTERED, DIED)
    both.when(MERGE_AN_INTO_BINH, REGISTRAR).then(MERGED)


@pytest.mark.parametrize("context", [AN_HERSELF, DOCTOR_OF_SA_PA, REGISTRAR])
def test_a_patient_lets_a_relative_act_within_a_scope(context: Context) -> None:
    at_sa_pa(AN_REGISTERED).when(authorise(), context).then(authorised())


def test_nobody_lets_relatives_of_another_patient_act() -> None:
    at_sa_pa(AN_REGISTERED).when(authorise(), BINH_HIMSELF).then_refused("NOT_YOURSELF")


def test_a_doctor_who_is_a_patient_too_still_acts_for_people_at_the_own_facility() -> None:
    at_sa_pa(AN_REGISTERED).when(authorise(), acting(Role.DOCTOR, Role.PATIENT, at=SA_PA, patient=BINH)).then(
        authorised()
    )


def test_an_authorisation_ends_in_the_future() -> None:
    at_sa_pa(AN_REGISTERED).when(authorise(expires_at=NINE), AN_HERSELF).then_refused(
        "AUTHORISATION_EXPIRED", field="expires_at"
    )


def test_a_relative_may_do_what_the_scope_says_until_it_ends() -> None:
    patient = an(authorised())
    assert patient.lets(DAUGHTER, RelativeScope.CONVERSATION, NINE)
    assert not patient.lets(DAUGHTER, RelativeScope.RECORD, NINE)
    assert not patient.lets(BINH, RelativeScope.CONVERSATION, NINE)
    assert not patient.lets(DAUGHTER, RelativeScope.CONVERSATION, datetime(2020, 12, 31, tzinfo=UTC))


def test_a_new_authorisation_takes_the_place_of_the_former() -> None:
    patient = an(authorised(), authorised(RelativeScope.RECORD))
    assert patient.lets(DAUGHTER, RelativeScope.RECORD, NINE)
    assert not patient.lets(DAUGHTER, RelativeScope.CONVERSATION, NINE)


def test_a_revoked_relative_may_do_nothing() -> None:
    revoked = RelativeRevoked(relative_id=DAUGHTER, reason="They fell out")
    at_sa_pa(AN_REGISTERED, authorised()).when(REVOKE, AN_HERSELF).then(revoked)
    assert not an(authorised(), revoked).lets(DAUGHTER, RelativeScope.CONVERSATION, NINE)


def test_only_an_authorised_relative_can_be_revoked() -> None:
    at_sa_pa(AN_REGISTERED).when(REVOKE, AN_HERSELF).then_refused("NO_SUCH_RELATIVE", field="relative_id")


def test_the_doctor_of_the_place_records_a_death() -> None:
    at_sa_pa(AN_REGISTERED).when(DEATH, DOCTOR_OF_SA_PA).then(DIED)
    assert an().living
    assert not an(DIED).living


def test_a_patient_may_die_where_it_was_brought() -> None:
    at_bach_mai = DEATH.model_copy(update={"facility_id": BACH_MAI})
    died_there = DIED.model_copy(update={"facility_id": BACH_MAI})
    at_sa_pa(AN_REGISTERED).when(at_bach_mai, DOCTOR_OF_BACH_MAI).then(died_there)


def test_a_patient_may_die_at_no_facility() -> None:
    at_home = DEATH.model_copy(update={"facility_id": None})
    at_sa_pa(AN_REGISTERED).when(at_home, DOCTOR_OF_SA_PA).then(DIED.model_copy(update={"facility_id": None}))
    at_sa_pa(AN_REGISTERED).when(at_home, DOCTOR_OF_BACH_MAI).then_refused("NOT_YOUR_FACILITY")


def test_no_death_is_recorded_for_another_facility_or_an_unknown_one() -> None:
    at_sa_pa(AN_REGISTERED).when(DEATH, DOCTOR_OF_BACH_MAI).then_refused("NOT_YOUR_FACILITY")
    given(AN_REGISTERED).when(DEATH, REGISTRAR).then_refused("UNKNOWN_REFERENCE", field="facility_id")


def test_no_death_is_recorded_before_it_happened() -> None:
    tonight = RecordDeath(patient_id=AN, died_at=NINE + timedelta(hours=9), facility_id=SA_PA)
    at_sa_pa(AN_REGISTERED).when(tonight, DOCTOR_OF_SA_PA).then_refused("DIED_IN_FUTURE", field="died_at")


def test_nobody_dies_twice_and_the_dead_authorise_nobody() -> None:
    at_sa_pa(AN_REGISTERED, DIED).when(DEATH, DOCTOR_OF_SA_PA).then_refused("NOT_IN_THIS_STATUS")
    at_sa_pa(AN_REGISTERED, DIED).when(authorise(), DOCTOR_OF_SA_PA).then_refused("NOT_IN_THIS_STATUS")
