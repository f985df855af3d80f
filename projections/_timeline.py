"""What an entry of an examination's timeline can tell, each kind in its own shape."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import TypedDict
from uuid import UUID

from domain._values import Coding
from domain.examination import DiagnosisMade, ImageCaptured, ObservationRecorded


class Happening(StrEnum):
    """What an entry of the timeline is about; this tells which of its fields are filled."""

    ORDERED = "ordered"
    STARTED = "started"
    DEVICE_CONNECTED = "device_connected"
    DEVICE_DISCONNECTED = "device_disconnected"
    OBSERVATION_RECORDED = "observation_recorded"
    IMAGE_CAPTURED = "image_captured"
    ASSESSMENT_RECORDED = "assessment_recorded"
    DIAGNOSIS_MADE = "diagnosis_made"
    DECISION_TAKEN = "decision_taken"
    TREATMENT_ORDERED = "treatment_ordered"
    SIGNED = "signed"
    AMENDED = "amended"
    ABORTED = "aborted"


class CodedValue(TypedDict):
    """A code in a version of a code system, with its words."""

    system: str
    version: str
    code: str
    display: str


class TimelineDevice(TypedDict):
    """A device at the point."""

    device_id: UUID
    kind: str
    maker: str
    serial_number: str | None


class TimelineObservation(TypedDict):
    """What was measured, with its UCUM unit, or seen."""

    observation_id: UUID
    code: CodedValue
    value: Decimal | None
    unit: str | None
    device_id: UUID | None


class TimelineImage(TypedDict):
    """An image, known by its hash, and the line as measured when it was taken: kbit/s, ms one way, percent lost."""

    image_id: UUID
    device_id: UUID
    sha256: str
    media_type: str
    size: int
    body_site: CodedValue | None
    frame_at: datetime
    diagnostic: bool
    width: int
    height: int
    frames_per_second: Decimal
    bitrate_kbps: int
    delay_ms: int
    loss_percent: Decimal


class TimelineAssessment(TypedDict):
    """The remote doctor's assessment; a diagnosis cannot rest on `images_not_for_diagnosis`."""

    findings: str
    advice: str | None
    images: list[UUID]
    images_not_for_diagnosis: list[UUID]


class TimelineDiagnosis(TypedDict):
    """A coded diagnosis; unless it is treatable remotely it is advice to the local doctor."""

    coding: CodedValue
    treatable_remotely: bool


class TimelineDecision(TypedDict):
    """What the local doctor decided, following the assessment or not."""

    decision: str
    follows_assessment: bool
    treats_locally: bool


def coded(coding: Coding) -> CodedValue:
    return CodedValue(system=coding.system, version=coding.version, code=coding.code, display=coding.display)


def diagnosis_of(event: DiagnosisMade) -> TimelineDiagnosis:
    return TimelineDiagnosis(coding=coded(event.coding), treatable_remotely=event.treatable_remotely)


def observation_of(event: ObservationRecorded) -> TimelineObservation:
    return TimelineObservation(
        observation_id=event.observation_id,
        code=coded(event.code),
        value=event.value.value if event.value else None,
        unit=event.value.unit if event.value else None,
        device_id=event.device_id,
    )


def image_of(event: ImageCaptured) -> TimelineImage:
    return TimelineImage(
        image_id=event.image_id,
        device_id=event.device_id,
        sha256=event.image.sha256,
        media_type=event.image.media_type,
        size=event.image.size,
        body_site=coded(event.body_site) if event.body_site else None,
        frame_at=event.frame_at,
        diagnostic=event.diagnostic,
        width=event.measured.width,
        height=event.measured.height,
        frames_per_second=event.measured.frames_per_second,
        bitrate_kbps=event.measured.bitrate_kbps,
        delay_ms=event.measured.delay_ms,
        loss_percent=event.measured.loss_percent,
    )
