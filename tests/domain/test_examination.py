"""An examination from the order to the last image, as the two ends tell it."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from commands._command import Command
from commands.examination import (
    AbortExamination,
    CaptureImage,
    ConnectDevice,
    DisconnectDevice,
    OrderExamination,
    RecordObservation,
    StartExamination,
)
from domain._kernel import Event
from domain._sharing import SharingBasis
from domain._values import Blob, ConsultationKind, LinkQuality, Quantity, Validity
from domain.agreement import Agreement
from domain.examination import (
    DeviceConnected,
    DeviceDisconnected,
    Examination,
    ExaminationAborted,
    ExaminationOrdered,
    ExaminationStarted,
    ImageCaptured,
    ObservationRecorded,
)
from domain.referral import Referral
from domain.referral import Status as ReferralStatus
from tests.domain.cast import (
    BACH_MAI,
    CARDIOLOGY,
    CONSENT,
    DERMATOLOGY,
    DR_LAN,
    EXAMINATION,
    GOOD_LINE,
    HA_GIANG,
    HEART_RATE,
    HOA_AT_THAI_NGUYEN,
    LAN_AT_BACH_MAI,
    MAI_AT_THAI_NGUYEN,
    NOON,
    OTHER_PATIENT,
    PAO_AT_SA_PA,
    PATIENT,
    POOR_LINE,
    REFERRAL,
    SA_PA,
    THAI_NGUYEN,
    agreement,
    facility,
    patient,
    practitioner,
    sharing_request,
    world,
)
from tests.spec import given

PROBE, IMAGE, OBSERVATION = (UUID(int=n) for n in range(51, 54))
OPEN_REFERRAL = Referral(
    status=ReferralStatus.ACCEPTED,
    patient_id=PATIENT,
    asking_facility_id=THAI_NGUYEN,
    receiving_facility_id=BACH_MAI,
)
WORLD = world(REFERRAL, OPEN_REFERRAL)
ORDER = OrderExamination(
    examination_id=EXAMINATION,
    patient_id=PATIENT,
    point_id=THAI_NGUYEN,
    remote_facility_id=BACH_MAI,
    remote_doctor_id=DR_LAN,
    kind=ConsultationKind.TELE_IMAGING,
    speciality=CARDIOLOGY,
    referral_id=REFERRAL,
)
ORDERED = ExaminationOrdered(
    patient_id=PATIENT,
    point_id=THAI_NGUYEN,
    remote_facility_id=BACH_MAI,
    remote_doctor_id=DR_LAN,
    kind=ConsultationKind.TELE_IMAGING,
    speciality=CARDIOLOGY,
    referral_id=REFERRAL,
)
START = StartExamination(examination_id=EXAMINATION)
STARTED = (ORDERED, ExaminationStarted())
CONNECT = ConnectDevice(examination_id=EXAMINATION, device_id=PROBE, device_kind="ultrasound", maker="Hãng A")
CONNECTED = DeviceConnected(device_id=PROBE, device_kind="ultrasound", maker="Hãng A")
DISCONNECT = DisconnectDevice(examination_id=EXAMINATION, device_id=PROBE)
PICTURE = Blob(sha256="ab" * 32, media_type="image/png", size=400_000)
CAPTURE = CaptureImage(
    examination_id=EXAMINATION, image_id=IMAGE, device_id=PROBE, image=PICTURE, frame_at=NOON, measured=GOOD_LINE
)
CAPTURED = ImageCaptured(
    image_id=IMAGE, device_id=PROBE, image=PICTURE, frame_at=NOON, measured=GOOD_LINE, diagnostic=True
)
PULSE = Quantity(value="96", unit="/min")
OBSERVE = RecordObservation(examination_id=EXAMINATION, observation_id=OBSERVATION, code=HEART_RATE, value=PULSE)
OBSERVED = ObservationRecorded(observation_id=OBSERVATION, code=HEART_RATE, value=PULSE)
WITH_PROBE = (*STARTED, CONNECTED)
ABORT = AbortExamination(examination_id=EXAMINATION, reason="The patient is moved to intensive care")


# Ordering ----------------------------------------------------------------------------------------------------


def test_a_doctor_at_the_point_orders_an_examination_on_a_referral() -> None:
    given(others=WORLD).when(ORDER, HOA_AT_THAI_NGUYEN).then(ORDERED)


def test_without_a_referral_the_order_has_its_own_basis_of_sharing() -> None:
    asked = SharingBasis(consent_id=CONSENT)
    own = ORDER.model_copy(update={"referral_id": None, "sharing": asked})
    given(others=WORLD).when(own, HOA_AT_THAI_NGUYEN).then(
        ORDERED.model_copy(update={"referral_id": None, "sharing": asked})
    )
    elsewhere = world(CONSENT, sharing_request(with_facility=HA_GIANG))
    given(others=elsewhere).when(own, HOA_AT_THAI_NGUYEN).then_refused("NO_SHARING_BASIS", "sharing")
    none = ORDER.model_copy(update={"referral_id": None})
    given(others=WORLD).when(none, HOA_AT_THAI_NGUYEN).then_refused("NO_SHARING_BASIS", "sharing")


@pytest.mark.parametrize(
    "changes",
    [
        {"status": ReferralStatus.DRAFT},
        {"status": None},
        {"patient_id": OTHER_PATIENT},
        {"asking_facility_id": SA_PA},
        {"receiving_facility_id": HA_GIANG},
    ],
)
def test_an_examination_rests_on_no_referral_but_an_open_one_of_this_patient_and_these_facilities(changes: Any) -> None:
    others = world(REFERRAL, OPEN_REFERRAL.with_(**changes))
    given(others=others).when(ORDER, HOA_AT_THAI_NGUYEN).then_refused("REFERRAL_OF_ANOTHER", "referral_id")


@pytest.mark.parametrize(
    ("changes", "code", "field"),
    [
        ((PATIENT, patient(died=True)), "PATIENT_HAS_DIED", "patient_id"),
        ((PATIENT, patient(merged_into=OTHER_PATIENT)), "RECORD_WAS_MERGED", "patient_id"),
        ((THAI_NGUYEN, facility(connected=False)), "FACILITY_NOT_CONNECTED", "point_id"),
        ((BACH_MAI, facility(connected=False)), "FACILITY_NOT_CONNECTED", "remote_facility_id"),
        ((BACH_MAI, facility(kinds=(ConsultationKind.TRAINING,))), "SERVICE_NOT_DECLARED", "remote_facility_id"),
        ((DR_LAN, practitioner(scope=(DERMATOLOGY,))), "LICENCE_DOES_NOT_COVER", "remote_doctor_id"),
        (
            (
                Agreement.between(BACH_MAI, THAI_NGUYEN),
                agreement(BACH_MAI, THAI_NGUYEN, Validity(first=date(2021, 1, 1))),
            ),
            "NO_AGREEMENT_IN_FORCE",
            None,
        ),
    ],
)
def test_an_order_rests_on_patient_facilities_agreement_and_licence(
    changes: tuple[Any, ...], code: str, field: str | None
) -> None:
    others = world(REFERRAL, OPEN_REFERRAL, *changes)
    given(others=others).when(ORDER, HOA_AT_THAI_NGUYEN).then_refused(code, field)


def test_the_examination_starts_with_the_remote_doctor_on_duty() -> None:
    given(ORDERED, others=WORLD).when(START, MAI_AT_THAI_NGUYEN).then(ExaminationStarted())


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ((DR_LAN, practitioner(at=SA_PA)), "NOT_ON_DUTY"),
        ((DR_LAN, practitioner(suspended=True)), "LICENCE_DOES_NOT_COVER"),
        ((PATIENT, patient(died=True)), "PATIENT_HAS_DIED"),
    ],
)
def test_nothing_starts_without_a_licensed_doctor_on_duty_and_a_living_patient(
    changes: tuple[Any, ...], code: str
) -> None:
    given(ORDERED, others=world(*changes)).when(START, MAI_AT_THAI_NGUYEN).then_refused(code)


# Devices and evidence ----------------------------------------------------------------------------------------


def test_a_device_is_connected_and_disconnected() -> None:
    given(*STARTED).when(CONNECT, MAI_AT_THAI_NGUYEN).then(CONNECTED)
    given(*WITH_PROBE).when(DISCONNECT, MAI_AT_THAI_NGUYEN).then(DeviceDisconnected(device_id=PROBE))


def test_a_device_is_connected_once() -> None:
    given(*WITH_PROBE).when(CONNECT, MAI_AT_THAI_NGUYEN).then_refused("DEVICE_ALREADY_CONNECTED", "device_id")


def test_no_device_is_connected_before_the_examination_starts() -> None:
    given(ORDERED).when(CONNECT, MAI_AT_THAI_NGUYEN).then_refused("NOT_IN_THIS_STATUS")


def test_an_image_of_a_connected_device_is_captured_from_either_end() -> None:
    given(*WITH_PROBE).when(CAPTURE, MAI_AT_THAI_NGUYEN).then(CAPTURED)
    given(*WITH_PROBE).when(CAPTURE, LAN_AT_BACH_MAI).then(CAPTURED)


@pytest.mark.parametrize("history", [STARTED, (*WITH_PROBE, DeviceDisconnected(device_id=PROBE))])
@pytest.mark.parametrize("command", [CAPTURE, OBSERVE.model_copy(update={"device_id": PROBE}), DISCONNECT])
def test_nothing_comes_from_a_device_that_is_not_connected(history: tuple[Event, ...], command: Command) -> None:
    given(*history).when(command, MAI_AT_THAI_NGUYEN).then_refused("DEVICE_NOT_CONNECTED", "device_id")


@pytest.mark.parametrize(
    ("measured", "diagnostic"),
    [
        (GOOD_LINE, True),
        (POOR_LINE, False),
        (GOOD_LINE.model_copy(update={"delay_ms": 201}), False),
        (GOOD_LINE.model_copy(update={"height": 480}), False),
        (GOOD_LINE.model_copy(update={"loss_percent": Decimal(2)}), False),
    ],
)
def test_what_was_measured_on_the_line_decides_whether_an_image_is_for_diagnosis(
    measured: LinkQuality, diagnostic: bool
) -> None:
    capture = CAPTURE.model_copy(update={"measured": measured})
    given(*WITH_PROBE).when(capture, MAI_AT_THAI_NGUYEN).then(
        CAPTURED.model_copy(update={"measured": measured, "diagnostic": diagnostic})
    )


def test_no_client_says_that_an_image_is_for_diagnosis() -> None:
    assert "diagnostic" not in CaptureImage.model_fields


def test_an_observation_is_recorded_as_a_quantity_or_a_text() -> None:
    given(*STARTED).when(OBSERVE, MAI_AT_THAI_NGUYEN).then(OBSERVED)
    empty = OBSERVE.model_copy(update={"value": None})
    given(*STARTED).when(empty, MAI_AT_THAI_NGUYEN).then_refused("OBSERVATION_WITHOUT_VALUE", "value")


@pytest.mark.parametrize("changes", [{"version": "0.1"}, {"code": "pulse"}, {"system": "house-list"}])
def test_observations_and_body_sites_are_coded_in_a_version_in_force(changes: dict[str, str]) -> None:
    unknown = HEART_RATE.model_copy(update=changes)
    observe = OBSERVE.model_copy(update={"code": unknown})
    given(*STARTED).when(observe, MAI_AT_THAI_NGUYEN).then_refused("CODE_NOT_ACCEPTED", "code")
    capture = CAPTURE.model_copy(update={"body_site": unknown})
    given(*WITH_PROBE).when(capture, MAI_AT_THAI_NGUYEN).then_refused("CODE_NOT_ACCEPTED", "body_site")


def test_no_evidence_takes_the_id_of_another() -> None:
    given(*WITH_PROBE, CAPTURED).when(CAPTURE, MAI_AT_THAI_NGUYEN).then_refused("EVIDENCE_ALREADY_RECORDED")
    same_id = OBSERVE.model_copy(update={"observation_id": IMAGE})
    given(*WITH_PROBE, CAPTURED).when(same_id, MAI_AT_THAI_NGUYEN).then_refused("EVIDENCE_ALREADY_RECORDED")
    given(*STARTED, OBSERVED).when(OBSERVE, MAI_AT_THAI_NGUYEN).then_refused("EVIDENCE_ALREADY_RECORDED")


# Whose it is -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("history", "command"),
    [
        ((), ORDER),
        ((ORDERED,), START),
        (STARTED, CONNECT),
        (WITH_PROBE, DISCONNECT),
        (WITH_PROBE, CAPTURE),
        (STARTED, OBSERVE),
        (STARTED, ABORT),
    ],
)
def test_a_facility_that_is_neither_end_does_nothing_here(history: tuple[Event, ...], command: Command) -> None:
    given(*history, others=WORLD).when(command, PAO_AT_SA_PA).then_refused("NOT_YOUR_FACILITY")


@pytest.mark.parametrize(
    ("history", "command"),
    [((), ORDER), ((ORDERED,), START), (STARTED, CONNECT), (WITH_PROBE, DISCONNECT), (STARTED, OBSERVE)],
)
def test_what_happens_at_the_bedside_is_not_done_from_the_remote_end(
    history: tuple[Event, ...], command: Command
) -> None:
    given(*history, others=WORLD).when(command, LAN_AT_BACH_MAI).then_refused("NOT_YOUR_FACILITY")


def test_an_examination_is_given_up_with_a_reason() -> None:
    given(*STARTED).when(ABORT, LAN_AT_BACH_MAI).then(ExaminationAborted(reason=ABORT.reason))


def test_every_event_of_an_examination_is_about_its_patient() -> None:
    assert Examination().after((*WITH_PROBE, CAPTURED)).about(CAPTURED) == PATIENT
