"""The entry of a facility in the register changes, and the facility stays the same."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from uuid import UUID

import pytest

from commands._command import Context
from commands.facility import RegisterFacility, ReviseFacility
from domain._kernel import Event, Role
from domain._values import Location, Tier
from domain.facility import (
    Facility,
    FacilityAffiliated,
    FacilityLocated,
    FacilityReclassified,
    FacilityRecoded,
    FacilityRegistered,
    FacilityRelocated,
    FacilityRenamed,
)
from tests.domain.register import (
    BACH_MAI,
    BACH_MAI_REGISTERED,
    COORDINATOR_OF_BACH_MAI,
    NOWHERE,
    REGISTRAR,
    SA_PA,
    SA_PA_REGISTERED,
    acting,
)
from tests.spec import given

IN_2026 = acting(Role.REGISTRAR, now=datetime(2026, 1, 15, 2, tzinfo=UTC))
DAY_2020, DAY_2026 = date(2020, 8, 27), date(2026, 1, 15)
SAME = {
    "national_code": "10088",
    "name_vi": "Bệnh viện đa khoa thị xã Sa Pa",
    "tier": Tier.DISTRICT,
    "province_code": "10",
    "province": "Lào Cai",
    "district_code": "088",
}


def revise(**entry: object) -> ReviseFacility:
    return ReviseFacility.model_validate({"facility_id": SA_PA, **entry})


def register(code: str, name: str, parent_id: UUID | None = None) -> RegisterFacility:
    return RegisterFacility(
        facility_id=SA_PA, national_code="x", name_vi="x", tier=Tier.COMMUNE, province_code=code, province=name,
        parent_id=parent_id,
    )  # fmt: skip


def test_an_entry_that_says_what_is_known_changes_nothing() -> None:
    given(SA_PA_REGISTERED).when(revise(), REGISTRAR).then()
    given(SA_PA_REGISTERED).when(revise(**SAME), REGISTRAR).then()


@pytest.mark.parametrize(
    ("entry", "event"),
    [
        (
            {"name_vi": "Bệnh viện khu vực Sa Pa"},
            FacilityRenamed(name_vi="Bệnh viện khu vực Sa Pa", name_en="Sapa Town General Hospital"),
        ),
        ({"national_code": "10999"}, FacilityRecoded(national_code="10999")),
        ({"tier": Tier.PROVINCIAL}, FacilityReclassified(tier=Tier.PROVINCIAL)),
        (
            {"province_code": "10", "district_code": "080"},
            FacilityRelocated(province_code="10", province="Lào Cai", district_code="080", listed_on=DAY_2020),
        ),
        (
            {"location": Location(latitude=Decimal(22), longitude=Decimal(103))},
            FacilityLocated(location=Location(latitude=Decimal(22), longitude=Decimal(103))),
        ),
    ],
)
def test_what_differs_from_what_is_known_becomes_a_fact(entry: dict[str, object], event: Event) -> None:
    given(SA_PA_REGISTERED).when(revise(**{**SAME, **entry}), REGISTRAR).then(event)
    given(SA_PA_REGISTERED, event).when(revise(**{**SAME, **entry}), REGISTRAR).then()


def test_a_facility_belongs_to_another_one_and_never_to_itself() -> None:
    known = given(SA_PA_REGISTERED).and_also(BACH_MAI, Facility, BACH_MAI_REGISTERED)
    known.when(revise(parent_id=BACH_MAI), REGISTRAR).then(FacilityAffiliated(parent_id=BACH_MAI))
    given(SA_PA_REGISTERED).when(revise(parent_id=NOWHERE), REGISTRAR).then_refused("UNKNOWN_REFERENCE", "parent_id")
    itself = given(SA_PA_REGISTERED).and_also(SA_PA, Facility, SA_PA_REGISTERED)
    itself.when(revise(parent_id=SA_PA), REGISTRAR).then_refused("OWN_PARENT", "parent_id")


def test_the_new_list_of_units_is_a_new_place_and_the_old_codes_are_none_of_it() -> None:
    moved = FacilityRelocated(province_code="15", province="Lào Cai", commune_code="03006", listed_on=DAY_2026)
    given(SA_PA_REGISTERED).when(revise(province_code="15", province="Lào Cai", commune_code="03006"), IN_2026).then(
        moved
    )
    given(SA_PA_REGISTERED).when(revise(province_code="10"), IN_2026).then_refused("UNKNOWN_PROVINCE", "province_code")


def test_the_same_code_of_another_list_is_another_place() -> None:
    """15 was Yên Bái, and has been Lào Cai since July 2025."""
    in_yen_bai = FacilityRegistered(
        national_code="15001", name_vi="x", tier=Tier.DISTRICT, province_code="15", province="Yên Bái"
    )
    moved = FacilityRelocated(province_code="15", province="Lào Cai", listed_on=DAY_2026)
    given(in_yen_bai).when(revise(province_code="15", province="Lào Cai"), IN_2026).then(moved)
    given(in_yen_bai).when(revise(province_code="15", province="Yên Bái"), REGISTRAR).then()


@pytest.mark.parametrize(
    ("code", "name", "context", "refusal"),
    [
        ("99", "Lào Cai", REGISTRAR, "UNKNOWN_PROVINCE"),
        ("15", "Lào Cai", REGISTRAR, "ANOTHER_PROVINCE"),
        ("10", "Lào Cai", IN_2026, "UNKNOWN_PROVINCE"),
        ("15", "Yên Bái", IN_2026, "ANOTHER_PROVINCE"),
    ],
)
def test_a_province_is_one_of_the_list_of_the_day(code: str, name: str, context: Context, refusal: str) -> None:
    given().when(register(code, name), context).then_refused(refusal)


@pytest.mark.parametrize("name", ["Hoà Bình", "Hòa Bình", "tỉnh hòa bình", "HOA BINH"])
def test_a_province_is_known_by_its_name_however_it_is_spelled(name: str) -> None:
    registered = FacilityRegistered(
        national_code="x", name_vi="x", tier=Tier.COMMUNE, province_code="17", province=name, listed_on=DAY_2020
    )
    given().when(register("17", name), REGISTRAR).then(registered)


def test_only_the_network_and_the_facility_itself_change_an_entry() -> None:
    given(SA_PA_REGISTERED).when(revise(tier=Tier.CENTRAL), COORDINATOR_OF_BACH_MAI).then_refused("NOT_YOUR_FACILITY")


def test_codes_of_an_earlier_list_are_taken_when_it_is_named() -> None:
    command = register("10", "Lào Cai").model_copy(update={"listed_on": DAY_2020})
    registered = FacilityRegistered(
        national_code="x", name_vi="x", tier=Tier.COMMUNE, province_code="10", province="Lào Cai", listed_on=DAY_2020
    )
    given().when(command, IN_2026).then(registered)
    moved = FacilityRelocated(province_code="10", province="Lào Cai", district_code="080", listed_on=DAY_2020)
    given(SA_PA_REGISTERED).when(revise(province_code="10", district_code="080", listed_on=DAY_2020), IN_2026).then(
        moved
    )
