"""Rules of a facility: who enters it, what it may declare, and on which line its point is connected."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from commands._command import Context
from commands.facility import (
    ConnectPoint,
    DeclareServices,
    MeasureLine,
    RegisterFacility,
    RestorePoint,
    SuspendPoint,
)
from domain._kernel import Role
from domain._values import ConsultationKind, RemoteMode, Tier
from domain.facility import Facility, PointRestored, PointSuspended, Service, ServicesDeclared
from tests.domain.register import (
    BACH_MAI,
    BACH_MAI_REGISTERED,
    CARDIOLOGY_CONSULTATION,
    CONNECTED,
    COORDINATOR_OF_BACH_MAI,
    COORDINATOR_OF_SA_PA,
    DECLARED,
    DOCTOR_OF_SA_PA,
    NATIONAL_COORDINATOR,
    REGISTRAR,
    SA_PA,
    SA_PA_REGISTERED,
    acting,
    measured,
)
from tests.spec import given

REGISTER_SA_PA = RegisterFacility(
    facility_id=SA_PA,
    national_code="10088",
    name_vi="Bệnh viện đa khoa thị xã Sa Pa",
    name_en="Sapa Town General Hospital",
    tier=Tier.DISTRICT,
    province_code="10",
    province="Lào Cai",
    district_code="088",
    district="Sa Pa",
)
SUSPENDED = PointSuspended(reason="Storm damage")
TRAINING = Service(
    kind=ConsultationKind.TRAINING, mode=RemoteMode.INTER_FACILITY_SUPPORT, speciality="internal_medicine"
)


def declare(*services: Service, first_day: date = date(2020, 8, 1)) -> DeclareServices:
    return DeclareServices(facility_id=SA_PA, first_day=first_day, services=services)


def test_the_registrar_enters_a_facility() -> None:
    given().when(REGISTER_SA_PA, REGISTRAR).then(SA_PA_REGISTERED)


def test_a_facility_is_registered_once() -> None:
    given(SA_PA_REGISTERED).when(REGISTER_SA_PA, REGISTRAR).then_refused("NOT_IN_THIS_STATUS")


def test_a_doctor_enters_no_facility() -> None:
    given().when(REGISTER_SA_PA, DOCTOR_OF_SA_PA).then_refused("ROLE_NOT_ALLOWED")


@pytest.mark.parametrize(
    "command",
    [
        REGISTER_SA_PA,
        declare(CARDIOLOGY_CONSULTATION),
        MeasureLine(facility_id=SA_PA, line=measured(9_000).line, instrument="iperf3"),
        ConnectPoint(facility_id=SA_PA),
        SuspendPoint(facility_id=SA_PA, reason="Storm damage"),
        RestorePoint(facility_id=SA_PA),
    ],
    ids=lambda command: type(command).__name__,
)
def test_a_coordinator_of_another_facility_changes_nothing_here(
    command: RegisterFacility | DeclareServices | MeasureLine | ConnectPoint | SuspendPoint | RestorePoint,
) -> None:
    past = {
        "RegisterFacility": (),
        "SuspendPoint": (SA_PA_REGISTERED, measured(9_000), CONNECTED),
        "RestorePoint": (SA_PA_REGISTERED, measured(9_000), CONNECTED, SUSPENDED),
    }.get(type(command).__name__, (SA_PA_REGISTERED, measured(9_000)))
    given(*past).when(command, COORDINATOR_OF_BACH_MAI).then_refused("NOT_YOUR_FACILITY")
    assert isinstance(given(*past).when(command, COORDINATOR_OF_SA_PA).of, list)
    assert isinstance(given(*past).when(command, NATIONAL_COORDINATOR).of, list)


def test_nothing_is_declared_for_a_facility_that_is_not_registered() -> None:
    given().when(declare(CARDIOLOGY_CONSULTATION), REGISTRAR).then_refused("NOT_FOUND")


def test_nothing_is_recorded_before_it_happened() -> None:
    tomorrow = acting(Role.REGISTRAR, clinical_time=datetime(2020, 8, 28, 2, tzinfo=UTC))
    given(SA_PA_REGISTERED).when(declare(CARDIOLOGY_CONSULTATION), tomorrow).then_refused("CLINICAL_TIME_IN_FUTURE")


def test_a_facility_declares_its_services_from_a_day_on() -> None:
    given(SA_PA_REGISTERED).when(declare(CARDIOLOGY_CONSULTATION), COORDINATOR_OF_SA_PA).then(DECLARED)


def test_a_service_of_an_unknown_speciality_is_not_declared() -> None:
    alchemy = CARDIOLOGY_CONSULTATION.model_copy(update={"speciality": "alchemy"})
    given(SA_PA_REGISTERED).when(declare(alchemy), REGISTRAR).then_refused("UNKNOWN_SPECIALITY", field="services")


def test_direct_care_of_patients_is_declared_from_2024_on_and_not_before() -> None:
    direct = CARDIOLOGY_CONSULTATION.model_copy(update={"mode": RemoteMode.DIRECT_TO_PATIENT})
    past = given(SA_PA_REGISTERED)
    past.when(declare(direct, first_day=date(2023, 12, 31)), REGISTRAR).then_refused("SERVICE_NOT_LEGAL", "services")
    new_year = date(2024, 1, 1)
    past.when(declare(direct, first_day=new_year), REGISTRAR).then(
        ServicesDeclared(first_day=new_year, services=(direct,))
    )


def test_nothing_is_offered_before_the_first_day_of_its_declaration() -> None:
    facility = Facility().after([SA_PA_REGISTERED, DECLARED])
    assert not facility.offers(ConsultationKind.CONSULTATION, date(2020, 7, 31))
    assert facility.offers(ConsultationKind.CONSULTATION, date(2020, 8, 1))


def test_a_new_declaration_ends_what_was_declared_before() -> None:
    changed = ServicesDeclared(first_day=date(2020, 9, 1), services=(TRAINING,))
    facility = Facility().after([SA_PA_REGISTERED, DECLARED, changed])
    assert facility.offers(ConsultationKind.CONSULTATION, date(2020, 8, 31))
    assert not facility.offers(ConsultationKind.CONSULTATION, date(2020, 9, 1))
    assert facility.offers(ConsultationKind.TRAINING, date(2020, 9, 1))


def test_a_declaration_made_later_for_an_earlier_day_takes_the_place_of_the_planned_one() -> None:
    sooner = ServicesDeclared(first_day=date(2020, 7, 1), services=(TRAINING,))
    facility = Facility().after([SA_PA_REGISTERED, DECLARED, sooner])
    assert not facility.offers(ConsultationKind.CONSULTATION, date(2020, 8, 2))


def test_an_offer_is_of_a_mode_and_a_speciality() -> None:
    facility = Facility().after([SA_PA_REGISTERED, DECLARED])
    kind, day = ConsultationKind.CONSULTATION, date(2020, 8, 27)
    assert facility.offers(kind, day, mode=RemoteMode.REMOTE_CONSULTATION, speciality="cardiology")
    assert not facility.offers(kind, day, mode=RemoteMode.INTER_FACILITY_SUPPORT)
    assert not facility.offers(kind, day, speciality="dermatology")


def test_what_was_measured_on_the_line_is_recorded() -> None:
    fact = measured(9_000)
    command = MeasureLine(facility_id=SA_PA, line=fact.line, instrument=fact.instrument)
    given(SA_PA_REGISTERED).when(command, COORDINATOR_OF_SA_PA).then(fact)


def test_a_point_is_connected_on_a_measured_line() -> None:
    given(SA_PA_REGISTERED, measured(4_000)).when(ConnectPoint(facility_id=SA_PA), REGISTRAR).then(CONNECTED)


def test_no_point_is_connected_on_a_line_that_nobody_measured() -> None:
    given(SA_PA_REGISTERED).when(ConnectPoint(facility_id=SA_PA), REGISTRAR).then_refused("LINE_NOT_MEASURED")


def test_a_district_point_needs_4_mbit_and_an_upper_hospital_50() -> None:
    slow = given(SA_PA_REGISTERED, measured(3_999))
    slow.when(ConnectPoint(facility_id=SA_PA), REGISTRAR).then_refused("LINE_TOO_SLOW")
    upper = ConnectPoint(facility_id=BACH_MAI)
    given(BACH_MAI_REGISTERED, measured(49_999)).when(upper, REGISTRAR).then_refused("LINE_TOO_SLOW")
    given(BACH_MAI_REGISTERED, measured(50_000)).when(upper, REGISTRAR).then(CONNECTED)


def test_the_last_measurement_counts() -> None:
    worse = given(SA_PA_REGISTERED, measured(9_000), measured(900))
    worse.when(ConnectPoint(facility_id=SA_PA), REGISTRAR).then_refused("LINE_TOO_SLOW")


def test_no_point_is_connected_in_a_year_without_a_rule_for_its_line() -> None:
    in_2015 = acting(Role.REGISTRAR, clinical_time=datetime(2015, 8, 27, tzinfo=UTC))
    past = given(SA_PA_REGISTERED, measured(9_000))
    past.when(ConnectPoint(facility_id=SA_PA), in_2015).then_refused("NO_RULE_IN_FORCE")


def test_a_suspended_point_is_not_connected_until_it_is_restored() -> None:
    past = (SA_PA_REGISTERED, measured(9_000), CONNECTED)
    suspend = SuspendPoint(facility_id=SA_PA, reason="Storm damage")
    given(*past).when(suspend, COORDINATOR_OF_SA_PA).then(SUSPENDED)
    assert Facility().after(past).connected
    assert not Facility().after([*past, SUSPENDED]).connected
    assert Facility().after([*past, SUSPENDED, PointRestored()]).connected


def test_a_point_is_restored_only_on_a_line_that_still_suffices() -> None:
    past = given(SA_PA_REGISTERED, measured(9_000), CONNECTED, SUSPENDED)
    past.when(RestorePoint(facility_id=SA_PA), REGISTRAR).then(PointRestored())
    worse = given(*past.history, measured(900))
    worse.when(RestorePoint(facility_id=SA_PA), REGISTRAR).then_refused("LINE_TOO_SLOW")


def test_a_point_that_is_not_connected_cannot_be_suspended() -> None:
    context: Context = REGISTRAR
    suspend = SuspendPoint(facility_id=SA_PA, reason="Storm damage")
    given(SA_PA_REGISTERED).when(suspend, context).then_refused("NOT_IN_THIS_STATUS")


def test_a_facility_says_where_it_stands() -> None:
    facility = Facility().after([SA_PA_REGISTERED])
    assert facility.name == "Bệnh viện đa khoa thị xã Sa Pa"
    assert facility.place is not None
    assert (facility.tier, facility.place.province_code) == (Tier.DISTRICT, "10")
