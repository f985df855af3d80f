"""The room of the specs: Bạch Mai and Thái Nguyên speak, Hà Giang observes, an ultrasound of Thái Nguyên is shown."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from commands._command import Context
from domain._kernel import Event, Role, State
from domain._live import (
    Destination,
    Dot,
    Frame,
    LegQuality,
    Part,
    ParticipantKind,
    PictureCategory,
    Source,
    Ultrasound,
)
from domain._live_session import LiveSession
from domain._reference import PictureRule
from domain._values import ConsultationKind
from domain.consent import Consent, ConsentGiven, Manner, Purpose
from domain.consultation import CasePresented, Consultation
from domain.examination import DeviceConnected, Examination, ExaminationOrdered, ExaminationStarted
from domain.live_session import (
    LiveSessionOpened,
    ParticipantAdmitted,
    ParticipantJoined,
    RecordingAuthorised,
    RecordingConsented,
    RecordingStarted,
    RoomPlaced,
    TrackPublished,
)
from tests.domain.cast import (
    ALWAYS,
    BACH_MAI,
    CARDIOLOGY,
    CLERK,
    CONSULTATION,
    DR_HOA,
    DR_LAN,
    EXAMINATION,
    HA_GIANG,
    NOON,
    OURS,
    PATIENT,
    REFERENCE,
    THAI_NGUYEN,
    acting,
)
from tests.domain.test_consultation import LIVE

ROOM, ROOM_OF_EXAMINATION = LiveSession.of(CONSULTATION), LiveSession.of(EXAMINATION)
LAN, HOA, WATCHER, HOME = (UUID(int=n) for n in range(201, 205))
CAMERA, PROBE_PICTURE, SOUND, NEXT_CAMERA = (UUID(int=n) for n in range(211, 215))
RUN, NEXT_RUN = UUID(int=221), UUID(int=222)
RECORDING, STILL, STROKE, CONSENT_TO_RECORD = (UUID(int=n) for n in range(231, 235))
DEVICE = UUID(int=51)

OBSTETRIC_RULES = tuple(
    PictureRule(
        valid=ALWAYS,
        source=OURS,
        category=PictureCategory.OBSTETRIC,
        destination=destination,
        specialities=("obstetrics_gynaecology",),
    )
    for destination in (Destination.PATIENT_SIDE, Destination.OBSERVER, Destination.EXPORT)
)
RULES = REFERENCE.model_copy(update={"picture_rules": OBSTETRIC_RULES})


def now(context: Context) -> Context:
    return context.model_copy(update={"reference": RULES})


WATCHER_AT_HA_GIANG = now(acting(CLERK, Role.COORDINATOR, HA_GIANG))
THE_WORKER = now(acting(UUID(int=97), Role.SYSTEM, None))
LAN_HERE = now(acting(DR_LAN, Role.DOCTOR, BACH_MAI))
HOA_HERE = now(acting(DR_HOA, Role.DOCTOR, THAI_NGUYEN))
AT_HOME = LAN_HERE.model_copy(
    update={
        "actor": LAN_HERE.actor.model_copy(update={"roles": {Role.PATIENT}, "patient_id": PATIENT, "facility_id": None})
    }
)

PRESENTED = CasePresented(case_id=UUID(int=71), patient_id=PATIENT, facility_id=THAI_NGUYEN, summary="Đau ngực")
ORDERED = ExaminationOrdered(
    patient_id=PATIENT,
    point_id=THAI_NGUYEN,
    remote_facility_id=BACH_MAI,
    remote_doctor_id=DR_LAN,
    kind=ConsultationKind.TELE_IMAGING,
    speciality=CARDIOLOGY,
    consultation_id=CONSULTATION,
)
CONNECTED = DeviceConnected(device_id=DEVICE, device_kind="US", maker="A maker of scanners")
CONSENTED = ConsentGiven(
    patient_id=PATIENT,
    purpose=Purpose.RECORDING,
    template_sha256="7e" * 32,
    manner=Manner.WRITTEN,
    given_at=NOON - timedelta(hours=1),
)
EXAMINED = (ORDERED, ExaminationStarted(), CONNECTED)


def care(
    *,
    consultation: tuple[Event, ...] = (*LIVE, PRESENTED),
    examination: tuple[Event, ...] = EXAMINED,
    consent: tuple[Event, ...] = (CONSENTED,),
) -> dict[UUID, State[Any]]:
    """What the room rests on; each spec changes the one thing that it is about."""
    return {
        CONSULTATION: Consultation().after(consultation),
        EXAMINATION: Examination().after(examination),
        CONSENT_TO_RECORD: Consent().after(consent),
    }


SCAN = Ultrasound(
    examination_id=EXAMINATION,
    device_id=DEVICE,
    patient_id=PATIENT,
    category=PictureCategory.GENERAL,
    withheld_from=(),
)
OPENED = LiveSessionOpened(consultation_id=CONSULTATION, facility_id=BACH_MAI)


def admitted(
    participant_id: UUID,
    person_id: UUID,
    facility_id: UUID | None,
    part: Part = Part.SPEAKER,
    kind: ParticipantKind = ParticipantKind.PRACTITIONER,
    ultrasound: Ultrasound | None = None,
) -> ParticipantAdmitted:
    return ParticipantAdmitted(
        participant_id=participant_id,
        person_id=person_id,
        kind=kind,
        part=part,
        facility_id=facility_id,
        ultrasound=ultrasound,
    )


def joined(participant_id: UUID, stay: int = 1, run_id: UUID = RUN) -> ParticipantJoined:
    return ParticipantJoined(participant_id=participant_id, stay=stay, run_id=run_id)


def published(
    track_id: UUID, participant_id: UUID, source: Source, *people: UUID, ultrasound: Ultrasound | None = None
) -> TrackPublished:
    return TrackPublished(
        track_id=track_id,
        participant_id=participant_id,
        source=source,
        codec="VP8",
        width=1280,
        height=720,
        people=people,
        ultrasound=ultrasound,
    )


ADMITTED = (
    OPENED,
    admitted(LAN, DR_LAN, BACH_MAI),
    admitted(HOA, DR_HOA, THAI_NGUYEN, ultrasound=SCAN),
    admitted(WATCHER, CLERK, HA_GIANG, Part.OBSERVER),
)
PLACED = RoomPlaced(worker="media-1", run_id=RUN)
HERE = (*ADMITTED, PLACED, joined(LAN), joined(HOA), joined(WATCHER))
SHOWN = (
    *HERE,
    published(CAMERA, LAN, Source.CAMERA, DR_LAN),
    published(PROBE_PICTURE, HOA, Source.ULTRASOUND, PATIENT, ultrasound=SCAN),
    published(SOUND, HOA, Source.AUDIO, DR_HOA),
)
AGREED = (
    *SHOWN,
    RecordingConsented(track_id=CAMERA, person_id=DR_LAN),
    RecordingConsented(track_id=PROBE_PICTURE, person_id=PATIENT, consent_id=CONSENT_TO_RECORD),
)
AUTHORISED = (
    *AGREED,
    RecordingAuthorised(recording_id=RECORDING, track_ids=(CAMERA, PROBE_PICTURE), people=(DR_LAN, PATIENT)),
)
RECORDED = (*AUTHORISED, RecordingStarted(recording_id=RECORDING))

GOOD = LegQuality(
    bitrate_kbps=4200,
    delay_ms=40,
    loss_percent=Decimal("0.1"),
    width=1280,
    height=720,
    frames_per_second=Decimal(30),
    rtt_ms=80,
    jitter_ms=5,
)
POOR = GOOD.model_copy(update={"bitrate_kbps": 400, "loss_percent": Decimal(9)})
FRAME = Frame(rtp_timestamp=90_000, taken_at=NOON)
DOTS = (Dot(x=Decimal("0.25"), y=Decimal("0.5")), Dot(x=Decimal("0.5"), y=Decimal("0.5"), at_ms=40))
