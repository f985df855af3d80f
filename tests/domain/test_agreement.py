"""Rules of the agreement between two facilities."""

from __future__ import annotations

from datetime import date
from uuid import UUID

from commands.agreement import EndAgreement, SignAgreement
from domain._kernel import Event
from domain._values import Validity
from domain.agreement import Agreement, AgreementEnded, AgreementSigned
from domain.facility import Facility
from tests.domain.register import (
    BACH_MAI,
    BACH_MAI_REGISTERED,
    COORDINATOR_OF_BACH_MAI,
    COORDINATOR_OF_SA_PA,
    DOCTOR_OF_SA_PA,
    REGISTRAR,
    SA_PA,
    SA_PA_REGISTERED,
    THAI_NGUYEN,
    YEAR_2020,
)
from tests.spec import given

YEAR_2021 = Validity(first=date(2021, 1, 1), last=date(2021, 12, 31))


def sign(term: Validity = YEAR_2020, partner_id: UUID = SA_PA) -> SignAgreement:
    return SignAgreement(
        facility_id=BACH_MAI,
        partner_id=partner_id,
        term=term,
        signed_for_facility="Nguyễn Văn Giám",
        signed_for_partner="Lý Thị Đốc",
    )


def signed(term: Validity = YEAR_2020) -> AgreementSigned:
    return AgreementSigned(
        facility_id=BACH_MAI,
        partner_id=SA_PA,
        term=term,
        signed_for_facility="Nguyễn Văn Giám",
        signed_for_partner="Lý Thị Đốc",
    )


def end(last_day: date) -> EndAgreement:
    return EndAgreement(facility_id=SA_PA, partner_id=BACH_MAI, last_day=last_day, reason="Sa Pa joins another centre")


def between_registered(*history: Event) -> given:
    past = given(*history).and_also(BACH_MAI, Facility, BACH_MAI_REGISTERED)
    return past.and_also(SA_PA, Facility, SA_PA_REGISTERED)


def test_two_facilities_have_one_agreement_whichever_is_named_first() -> None:
    assert Agreement.between(BACH_MAI, SA_PA) == Agreement.between(SA_PA, BACH_MAI)
    assert Agreement.between(BACH_MAI, SA_PA) != Agreement.between(BACH_MAI, THAI_NGUYEN)
    assert sign().stream_id == end(date(2020, 9, 1)).stream_id == Agreement.between(BACH_MAI, SA_PA)


def test_two_facilities_sign_an_agreement() -> None:
    between_registered().when(sign(), COORDINATOR_OF_SA_PA).then(signed())


def test_no_agreement_is_signed_with_a_facility_that_is_not_registered() -> None:
    given().and_also(BACH_MAI, Facility, BACH_MAI_REGISTERED).when(sign(), REGISTRAR).then_refused(
        "UNKNOWN_REFERENCE", field="partner_id"
    )


def test_no_facility_signs_with_itself() -> None:
    between_registered().when(sign(partner_id=BACH_MAI), REGISTRAR).then_refused("SAME_FACILITY", field="partner_id")


def test_a_third_facility_signs_and_ends_nothing() -> None:
    stranger = COORDINATOR_OF_BACH_MAI.model_copy(
        update={"actor": COORDINATOR_OF_BACH_MAI.actor.model_copy(update={"facility_id": THAI_NGUYEN})}
    )
    between_registered().when(sign(), stranger).then_refused("NOT_YOUR_FACILITY")
    between_registered(signed()).when(end(date(2020, 9, 30)), stranger).then_refused("NOT_YOUR_FACILITY")


def test_doctors_sign_no_agreements() -> None:
    between_registered().when(sign(), DOCTOR_OF_SA_PA).then_refused("ROLE_NOT_ALLOWED")


def test_an_agreement_holds_on_the_days_of_its_term() -> None:
    agreement = Agreement().after([signed()])
    assert not agreement.in_force(date(2019, 12, 31))
    assert agreement.in_force(date(2020, 1, 1))
    assert agreement.in_force(date(2020, 12, 31))
    assert not agreement.in_force(date(2021, 1, 1))


def test_an_agreement_is_renewed_by_a_further_term() -> None:
    between_registered(signed()).when(sign(YEAR_2021), COORDINATOR_OF_BACH_MAI).then(signed(YEAR_2021))
    renewed = Agreement().after([signed(), signed(YEAR_2021)])
    assert renewed.in_force(date(2020, 6, 1))
    assert renewed.in_force(date(2021, 6, 1))


def test_no_two_terms_hold_on_the_same_day() -> None:
    again = sign(Validity(first=date(2020, 12, 31)))
    between_registered(signed()).when(again, REGISTRAR).then_refused("TERMS_OVERLAP", field="term")


def test_an_agreement_ends_with_its_last_day_and_its_past_stays_covered() -> None:
    last_day = date(2020, 9, 30)
    ended = AgreementEnded(last_day=last_day, reason="Sa Pa joins another centre")
    between_registered(signed()).when(end(last_day), COORDINATOR_OF_SA_PA).then(ended)
    agreement = Agreement().after([signed(), signed(YEAR_2021), ended])
    assert agreement.in_force(date(2020, 9, 30))
    assert not agreement.in_force(date(2020, 10, 1))
    assert not agreement.in_force(date(2021, 6, 1))


def test_an_agreement_does_not_end_on_a_day_on_which_it_never_held() -> None:
    between_registered(signed()).when(end(date(2021, 2, 1)), REGISTRAR).then_refused(
        "LAST_DAY_OUTSIDE_TERM", field="last_day"
    )


def test_no_agreement_is_ended_backwards() -> None:
    between_registered(signed()).when(end(date(2020, 8, 26)), REGISTRAR).then_refused("LAST_DAY_IS_PAST", "last_day")


def test_an_agreement_that_ended_cannot_end_again_but_can_be_signed_anew() -> None:
    past = between_registered(signed(), AgreementEnded(last_day=date(2020, 9, 30), reason="Sa Pa joins another centre"))
    past.when(end(date(2020, 9, 1)), REGISTRAR).then_refused("NOT_IN_THIS_STATUS")
    past.when(sign(YEAR_2021), REGISTRAR).then(signed(YEAR_2021))
