"""Khám từ xa: one patient is examined at a point, with a remote doctor, devices and live images.

Devices are connected before they show anything (Circular 49/2017/TT-BYT, Art 7), and an assessment rests on evidence.
The remote doctor's assessment and the local doctor's decision are two facts (Law 15/2023, Art 64 and 80): advice never
becomes an order by itself. Signed content is amended with a reason, never changed.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, ClassVar, Self
from uuid import UUID

from pydantic import AwareDatetime

from domain._clinical import ClinicalCoding, ClinicalQuantity, MediaBlob
from domain._kernel import DomainError, Event, Lifecycle, State, stays
from domain._leaving import Leaves
from domain._personal import ClinicalText, Label, Reason
from domain._sharing import SharingBasis
from domain._signing import NOTHING_WRITTEN, Amendment, linked
from domain._values import Code, ConsultationKind, Count, LinkQuality, Sha256


class Status(StrEnum):
    ORDERED = "ordered"
    STARTED = "started"
    ASSESSED = "assessed"
    SIGNED = "signed"
    ABORTED = "aborted"


# What can happen ---------------------------------------------------------------------------------------------


class ExaminationOrdered(Event, name="examination.ordered"):
    """A doctor ordered a remote examination of a patient at the point."""

    patient_id: UUID
    point_id: UUID
    remote_facility_id: UUID
    remote_doctor_id: UUID
    kind: ConsultationKind
    speciality: Code
    referral_id: UUID | None = None
    consultation_id: UUID | None = None
    sharing: SharingBasis | None = None


class ExaminationStarted(Event, name="examination.started"):
    """The patient is at the point, the remote doctor is on duty, and the examination began."""


class DeviceConnected(Event, name="examination.device_connected"):
    """A device at the point is connected to the system (Circular 49/2017, Art 7)."""

    device_id: UUID
    device_kind: Code
    maker: Annotated[Label, Leaves.AS_IT_IS]
    serial_number: Label | None = None


class DeviceDisconnected(Event, name="examination.device_disconnected"):
    """A device is no longer connected."""

    device_id: UUID


class ObservationRecorded(Event, name="examination.observation_recorded"):
    """Something was measured or seen at the bedside, coded in LOINC."""

    observation_id: UUID
    code: ClinicalCoding
    value: ClinicalQuantity | None = None
    text: ClinicalText | None = None
    device_id: UUID | None = None


class ImageCaptured(Event, name="examination.image_captured"):
    """A still image of a connected device was stored, with the quality of the line as measured at that moment.

    `diagnostic` follows from the quality gate in force on that day; below it the image is labelled not for diagnosis.
    """

    image_id: UUID
    device_id: UUID
    image: MediaBlob
    body_site: ClinicalCoding | None = None
    frame_at: AwareDatetime
    measured: LinkQuality
    diagnostic: bool


class AssessmentRecorded(Event, name="examination.assessment_recorded"):
    """The remote doctor recorded what the examination shows, and on which images a diagnosis cannot rest."""

    practitioner_id: UUID
    findings: ClinicalText
    advice: ClinicalText | None = None
    images: tuple[UUID, ...]
    images_not_for_diagnosis: tuple[UUID, ...]


class DiagnosisMade(Event, name="examination.diagnosis_made"):
    """The remote doctor made a coded diagnosis; outside the list of Circular 30/2023 it is advice only."""

    practitioner_id: UUID
    coding: ClinicalCoding
    treatable_remotely: bool


class DecisionTaken(Event, name="examination.decision_taken"):
    """The local doctor decided, following the assessment or differing from it with a reason.

    With `treats_locally` the local doctor treats the patient in person, whatever may be treated remotely.
    """

    practitioner_id: UUID
    follows_assessment: bool
    treats_locally: bool
    decision: ClinicalText
    reason: ClinicalText | None = None


class TreatmentOrdered(Event, name="examination.treatment_ordered"):
    """The local doctor ordered a treatment, resting on the own decision."""

    practitioner_id: UUID
    treatment: ClinicalText


class ExaminationSigned(Event, name="examination.signed"):
    """The remote doctor signed the evidence, the assessment and the diagnoses, all by one digest."""

    practitioner_id: UUID
    content_sha256: Sha256
    referral_id: UUID | None = None


class ExaminationAmended(Event, name="examination.amended"):
    """The remote doctor corrected the signed content by a new version, with a reason."""

    practitioner_id: UUID
    amendment_version: Count
    reason: Reason
    text: ClinicalText
    content_sha256: Sha256


class ExaminationAborted(Event, name="examination.aborted"):
    """The examination was given up before an assessment."""

    reason: Reason


# What follows from it ----------------------------------------------------------------------------------------


class Examination(State[Status]):
    point_id: UUID | None = None
    remote_facility_id: UUID | None = None
    remote_doctor_id: UUID | None = None
    speciality: str = ""
    referral_id: UUID | None = None
    consultation_id: UUID | None = None
    devices: frozenset[UUID] = frozenset()
    observations: frozenset[UUID] = frozenset()
    images: tuple[UUID, ...] = ()
    images_not_for_diagnosis: tuple[UUID, ...] = ()
    assessment: AssessmentRecorded | None = None
    diagnoses: tuple[DiagnosisMade, ...] = ()
    decision: DecisionTaken | None = None
    content_sha256: Sha256 = NOTHING_WRITTEN
    amendments: int = 0

    lifecycle: ClassVar[Lifecycle] = {
        None: {ExaminationOrdered: Status.ORDERED},
        Status.ORDERED: {
            ExaminationStarted: Status.STARTED,
            ExaminationAborted: Status.ABORTED,
        },
        Status.STARTED: {
            **stays(Status.STARTED, DeviceConnected, DeviceDisconnected, ObservationRecorded, ImageCaptured),
            AssessmentRecorded: Status.ASSESSED,
            ExaminationAborted: Status.ABORTED,
        },
        Status.ASSESSED: {
            **stays(Status.ASSESSED, DeviceConnected, DeviceDisconnected, ObservationRecorded, ImageCaptured),
            **stays(Status.ASSESSED, AssessmentRecorded, DiagnosisMade, DecisionTaken, TreatmentOrdered),
            ExaminationSigned: Status.SIGNED,
        },
        # The local doctor may wait for the signature before deciding; the signed content is the remote doctor's.
        Status.SIGNED: stays(Status.SIGNED, DeviceDisconnected, DecisionTaken, TreatmentOrdered, ExaminationAmended),
    }

    def on(self, event: Event) -> Self:
        match event:
            case DeviceConnected():
                return self.with_(devices=self.devices | {event.device_id})
            case DeviceDisconnected():
                return self.with_(devices=self.devices - {event.device_id})
            case (
                ExaminationOrdered() | ObservationRecorded() | ImageCaptured() | AssessmentRecorded() | DiagnosisMade()
            ):
                return self._written(event).with_(content_sha256=linked(self.content_sha256, event))
            case DecisionTaken():
                return self.with_(decision=event)
            case ExaminationAmended():
                return self.with_(amendments=event.amendment_version, content_sha256=event.content_sha256)
            case _:
                return self

    def _written(self, event: Event) -> Self:
        match event:
            case ExaminationOrdered():
                return self.with_(
                    patient_id=event.patient_id,
                    point_id=event.point_id,
                    remote_facility_id=event.remote_facility_id,
                    remote_doctor_id=event.remote_doctor_id,
                    speciality=event.speciality,
                    referral_id=event.referral_id,
                    consultation_id=event.consultation_id,
                )
            case ObservationRecorded():
                return self.with_(observations=self.observations | {event.observation_id})
            case ImageCaptured():
                unfit = () if event.diagnostic else (event.image_id,)
                return self.with_(
                    images=(*self.images, event.image_id),
                    images_not_for_diagnosis=(*self.images_not_for_diagnosis, *unfit),
                )
            case AssessmentRecorded():
                return self.with_(assessment=event)
            case DiagnosisMade():
                return self.with_(diagnoses=(*self.diagnoses, event))
            case _:
                return self

    def amended_sha256(self, reason: str, text: str) -> Sha256:
        """The digest of the content with its next amendment."""
        return linked(self.content_sha256, Amendment(version=self.amendments + 1, reason=reason, text=text))


# What the rules refuse ---------------------------------------------------------------------------------------


class ReferralOfAnother(DomainError, code="REFERRAL_OF_ANOTHER", field="referral_id"):
    """The referral is of another patient, from or to another facility, or no longer open."""


class NotTheRemoteDoctor(DomainError, code="NOT_THE_REMOTE_DOCTOR"):
    """Only the remote doctor of this examination may do this."""


class DeviceAlreadyConnected(DomainError, code="DEVICE_ALREADY_CONNECTED", field="device_id"):
    """Device {device_id} is connected already."""


class DeviceNotConnected(DomainError, code="DEVICE_NOT_CONNECTED", field="device_id"):
    """Device {device_id} is not connected, so nothing can come from it."""


class EvidenceAlreadyRecorded(DomainError, code="EVIDENCE_ALREADY_RECORDED"):
    """An observation or image with the id {id} has been recorded."""


class ObservationWithoutValue(DomainError, code="OBSERVATION_WITHOUT_VALUE", field="value"):
    """An observation has a value or a text."""


class NothingToAssess(DomainError, code="NOTHING_TO_ASSESS"):
    """An assessment needs at least one observation or image."""


class DifferenceNeedsReason(DomainError, code="DIFFERENCE_NEEDS_REASON", field="reason"):
    """A decision that differs from the assessment says why."""


class NoDecision(DomainError, code="NO_DECISION"):
    """A treatment rests on the local doctor's decision, and there is none yet."""


class DiseaseNotAllowedRemotely(DomainError, code="DISEASE_NOT_ALLOWED_REMOTELY"):
    """Outside the allowed list ({codes}) a remote diagnosis is advice only: the local doctor has to take it on."""


class NotADiseaseCode(DomainError, code="NOT_A_DISEASE_CODE", field="coding"):
    """A diagnosis is coded in the ICD, not in {system}."""


class NotDiagnosed(DomainError, code="NOT_DIAGNOSED"):
    """A remote treatment needs a coded diagnosis."""
