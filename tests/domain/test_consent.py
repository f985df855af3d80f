"""Rules of consent: per purpose, provable, in writing where data is shared, and withdrawn at will."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from commands._command import Context
from commands.consent import GiveConsent, RecordConsentReliedOn, RequestSharing, WithdrawConsent
from domain._kernel import Event, decode
from domain.consent import Consent, ConsentGiven, ConsentReliedOn, ConsentWithdrawn, Manner, Purpose, SharingRequested
from domain.facility import Facility
from domain.patient import Patient, PatientDied, PatientsMerged
from tests.domain.cast import THE_SYSTEM
from tests.domain.register import (
    AN,
    AN_HERSELF,
    AN_REGISTERED,
    BACH_MAI,
    BACH_MAI_REGISTERED,
    BINH,
    BINH_HIMSELF,
    DOCTOR_OF_BACH_MAI,
    DOCTOR_OF_SA_PA,
    NATIONAL_COORDINATOR,
    NINE,
    NOWHERE,
    NURSE_OF_SA_PA,
    REGISTRAR,
    SA_PA,
    THAI_NGUYEN,
)
from tests.spec import given

CONSENT = UUID(int=61)
TEMPLATE, DOCUMENT = "ab" * 32, "cd" * 32
NEW_YEAR = datetime(2020, 12, 31, 17, tzinfo=UTC)
WITHDRAW = WithdrawConsent(consent_id=CONSENT, reason="She changed her mind")
WITHDRAWN = ConsentWithdrawn(reason="She changed her mind")


def give(**changes: Any) -> GiveConsent:
    fields: dict[str, Any] = {
        "consent_id": CONSENT,
        "patient_id": AN,
        "purpose": Purpose.RECORDING,
        "template_sha256": TEMPLATE,
        "manner": Manner.ORAL_RECORDED,
        "facility_id": BACH_MAI,
        "expires_at": NEW_YEAR,
    }
    return GiveConsent(**{**fields, **changes})


def given_by_an(**changes: Any) -> ConsentGiven:
    fields: dict[str, Any] = {
        "patient_id": AN,
        "purpose": Purpose.RECORDING,
        "template_sha256": TEMPLATE,
        "manner": Manner.ORAL_RECORDED,
        "facility_id": BACH_MAI,
        "given_at": NINE,
        "expires_at": NEW_YEAR,
    }
    return ConsentGiven(**{**fields, **changes})


def request(receiving_facility_id: UUID | None = BACH_MAI, expires_at: datetime = NEW_YEAR) -> RequestSharing:
    return RequestSharing(
        consent_id=CONSENT,
        patient_id=AN,
        receiving_facility_id=receiving_facility_id,
        document_sha256=DOCUMENT,
        expires_at=expires_at,
    )


def requested(receiving_facility_id: UUID | None = BACH_MAI) -> SharingRequested:
    return SharingRequested(
        patient_id=AN,
        receiving_facility_id=receiving_facility_id,
        document_sha256=DOCUMENT,
        requested_at=NINE,
        expires_at=NEW_YEAR,
    )


def of_an(*history: Event, record: tuple[Event, ...] = (AN_REGISTERED,)) -> given:
    return given(*history).and_also(AN, Patient, *record).and_also(BACH_MAI, Facility, BACH_MAI_REGISTERED)


def covers(
    consent: Consent, purpose: Purpose = Purpose.RECORDING, facility: UUID = BACH_MAI, moment: datetime = NINE
) -> bool:
    return consent.covers(purpose, AN, facility, moment)


@pytest.mark.parametrize("context", [AN_HERSELF, DOCTOR_OF_SA_PA, NURSE_OF_SA_PA, REGISTRAR])
def test_the_patient_consents_or_who_treats_it_records_that_it_did(context: Context) -> None:
    of_an().when(give(), context).then(given_by_an())
    of_an().when(request(), context).then(requested())
    of_an(given_by_an()).when(WITHDRAW, context).then(WITHDRAWN)


@pytest.mark.parametrize(
    ("context", "code"),
    [
        (BINH_HIMSELF, "NOT_YOURSELF"),
        (DOCTOR_OF_BACH_MAI, "NOT_YOUR_FACILITY"),
        (NATIONAL_COORDINATOR, "ROLE_NOT_ALLOWED"),
    ],
)
def test_nobody_else_consents_requests_or_withdraws_for_the_patient(context: Context, code: str) -> None:
    of_an().when(give(), context).then_refused(code)
    of_an().when(request(), context).then_refused(code)
    of_an(given_by_an()).when(WITHDRAW, context).then_refused(code)


def test_a_consent_of_an_unknown_patient_is_refused() -> None:
    given().when(give(), REGISTRAR).then_refused("UNKNOWN_REFERENCE")


def test_a_consent_names_a_known_facility_or_none() -> None:
    of_an().when(give(facility_id=NOWHERE), REGISTRAR).then_refused("UNKNOWN_REFERENCE", field="facility_id")
    of_an().when(request(NOWHERE), REGISTRAR).then_refused("UNKNOWN_REFERENCE", field="receiving_facility_id")
    of_an().when(give(facility_id=None), REGISTRAR).then(given_by_an(facility_id=None))
    of_an().when(request(None), REGISTRAR).then(requested(None))


@pytest.mark.parametrize(
    "end",
    [
        PatientDied(died_at=NINE - timedelta(hours=1), facility_id=SA_PA),
        PatientsMerged(surviving_id=BINH, reason="Same person, registered twice"),
    ],
)
def test_the_dead_and_merged_records_consent_to_nothing(end: Event) -> None:
    past = of_an(record=(AN_REGISTERED, end))
    past.when(give(), DOCTOR_OF_SA_PA).then_refused("NOBODY_TO_CONSENT", field="patient_id")
    past.when(request(), DOCTOR_OF_SA_PA).then_refused("NOBODY_TO_CONSENT", field="patient_id")


def test_sharing_rests_on_writing_and_not_on_an_oral_consent() -> None:
    oral = give(purpose=Purpose.TREATMENT_SHARING)
    of_an().when(oral, DOCTOR_OF_SA_PA).then_refused("SHARING_NEEDS_WRITING", field="manner")
    written = {"purpose": Purpose.TREATMENT_SHARING, "manner": Manner.WRITTEN}
    of_an().when(give(**written), DOCTOR_OF_SA_PA).then(given_by_an(**written))


def test_a_consent_ends_after_it_was_given() -> None:
    of_an().when(give(expires_at=NINE), AN_HERSELF).then_refused("CONSENT_EXPIRED", field="expires_at")
    of_an().when(request(expires_at=NINE), AN_HERSELF).then_refused("CONSENT_EXPIRED", field="expires_at")


def test_a_consent_is_given_once() -> None:
    of_an(given_by_an()).when(give(), AN_HERSELF).then_refused("NOT_IN_THIS_STATUS")


def test_a_consent_covers_its_purpose_patient_and_facility() -> None:
    consent = Consent().after([given_by_an()])
    assert covers(consent)
    assert not covers(consent, purpose=Purpose.RESEARCH)
    assert not covers(consent, facility=THAI_NGUYEN)
    assert not consent.covers(Purpose.RECORDING, BINH, BACH_MAI, NINE)
    assert not covers(Consent())


def test_a_consent_without_a_facility_covers_all() -> None:
    assert covers(Consent().after([given_by_an(facility_id=None)]), facility=THAI_NGUYEN)


def test_a_consent_covers_from_when_it_was_given_until_it_expires() -> None:
    consent = Consent().after([given_by_an()])
    assert not covers(consent, moment=NINE - timedelta(seconds=1))
    assert covers(consent, moment=NEW_YEAR - timedelta(seconds=1))
    assert not covers(consent, moment=NEW_YEAR)
    assert covers(Consent().after([given_by_an(expires_at=None)]), moment=NEW_YEAR)


def test_a_request_covers_sharing_with_the_facility_it_names() -> None:
    consent = Consent().after([requested()])
    assert covers(consent, purpose=Purpose.TREATMENT_SHARING)
    assert not covers(consent, purpose=Purpose.TREATMENT_SHARING, facility=THAI_NGUYEN)
    assert not covers(consent, purpose=Purpose.TRAINING)
    assert not covers(consent, purpose=Purpose.TREATMENT_SHARING, moment=NEW_YEAR)
    anyone = Consent().after([requested(None)])
    assert covers(anyone, purpose=Purpose.TREATMENT_SHARING, facility=THAI_NGUYEN)


def test_a_withdrawn_consent_covers_nothing_more() -> None:
    assert not covers(Consent().after([given_by_an(), WITHDRAWN]))
    of_an(given_by_an(), WITHDRAWN).when(WITHDRAW, AN_HERSELF).then_refused("NOT_IN_THIS_STATUS")


def test_what_a_dead_patient_consented_to_can_still_be_withdrawn() -> None:
    dead = (AN_REGISTERED, PatientDied(died_at=NINE, facility_id=SA_PA))
    of_an(given_by_an(), record=dead).when(WITHDRAW, REGISTRAR).then(WITHDRAWN)


ROOM = UUID(int=71)
RELY = RecordConsentReliedOn(consent_id=CONSENT, live_session_id=ROOM)
RELIED_ON = ConsentReliedOn(live_session_id=ROOM)


def test_a_withdrawal_names_the_rooms_that_relied_on_the_consent() -> None:
    of_an(given_by_an()).when(RELY, THE_SYSTEM).then(RELIED_ON)
    of_an(given_by_an(), RELIED_ON).when(RELY, THE_SYSTEM).then()
    expected = ConsentWithdrawn(reason=WITHDRAW.reason, live_session_ids=(ROOM,))
    of_an(given_by_an(), RELIED_ON).when(WITHDRAW, AN_HERSELF).then(expected)


def test_nothing_relies_on_a_consent_that_was_withdrawn() -> None:
    of_an(given_by_an(), WITHDRAWN).when(RELY, THE_SYSTEM).then_refused("NOT_IN_THIS_STATUS")


def test_a_withdrawal_of_before_names_no_room() -> None:
    assert decode("consent.withdrawn", 1, b'{"reason": "She changed her mind"}') == WITHDRAWN
