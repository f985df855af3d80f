"""What the two ends ask of an examination while it is ordered and evidence is gathered, and when the answer is no.

The point orders, starts, connects devices and records; the remote end may capture stills from the live picture. What
the doctors conclude from it stands in examination_assessment.py.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from uuid import UUID

from pydantic import AwareDatetime

from commands._authority import admit_at
from commands._command import Command, Context
from commands._conditions import (
    require_agreement,
    require_basis,
    require_codes,
    require_connected,
    require_duty,
    require_licence,
    require_living,
    require_service,
)
from domain._clinical import ClinicalCoding, ClinicalQuantity, MediaBlob
from domain._kernel import Role
from domain._personal import ClinicalText, Label, Reason
from domain._sharing import SharingBasis
from domain._values import Code, ConsultationKind, LinkQuality
from domain.agreement import Agreement
from domain.consent import Consent
from domain.examination import (
    DeviceAlreadyConnected,
    DeviceConnected,
    DeviceDisconnected,
    DeviceNotConnected,
    EvidenceAlreadyRecorded,
    Examination,
    ExaminationAborted,
    ExaminationOrdered,
    ExaminationStarted,
    ImageCaptured,
    ObservationRecorded,
    ObservationWithoutValue,
    ReferralOfAnother,
)
from domain.facility import Facility
from domain.patient import Patient
from domain.practitioner import Practitioner
from domain.referral import Referral

AT_THE_BEDSIDE = {Role.DOCTOR, Role.NURSE}


class OrderExamination(Command, of=Examination, by={Role.DOCTOR}):
    """Order a remote examination of a patient at your point, on a referral or on its own basis of sharing."""

    examination_id: UUID
    patient_id: UUID
    point_id: UUID
    remote_facility_id: UUID
    remote_doctor_id: UUID
    kind: ConsultationKind
    speciality: Code
    referral_id: UUID | None = None
    consultation_id: UUID | None = None
    sharing: SharingBasis | None = None

    def refers_to(self, state: Examination) -> Mapping[str, UUID | None]:
        return {
            "agreement": Agreement.between(self.point_id, self.remote_facility_id),
            "consent": self.sharing.consent_id if self.sharing else None,
        }

    def decide(
        self,
        examination: Examination,
        context: Context,
        patient: Patient,
        point: Facility,
        remote_facility: Facility,
        remote_doctor: Practitioner,
        agreement: Agreement | None,
        referral: Referral | None,
        consent: Consent | None,
    ) -> Iterator[ExaminationOrdered]:
        admit_at(context.actor, self.point_id)
        require_living(patient)
        require_connected(point, "point_id")
        require_connected(remote_facility, "remote_facility_id")
        require_service(remote_facility, self.kind, self.speciality, context, field="remote_facility_id")
        require_agreement(agreement, context)
        require_licence(remote_doctor, self.speciality, context.happened_at, "remote_doctor_id")
        if self.referral_id is not None:
            self._require_referral(referral)
        else:
            require_basis(self.sharing, consent, self.patient_id, self.remote_facility_id, context)
        yield ExaminationOrdered(**self.model_dump(exclude={"examination_id", "sharing"}), sharing=self.sharing)

    def _require_referral(self, referral: Referral | None) -> None:
        wanted = (self.patient_id, self.point_id, self.remote_facility_id)
        if referral is None or not referral.shares:
            raise ReferralOfAnother()
        if (referral.patient_id, referral.asking_facility_id, referral.receiving_facility_id) != wanted:
            raise ReferralOfAnother()


class StartExamination(Command, of=Examination, by=AT_THE_BEDSIDE):
    """Begin, with the patient at the point and the remote doctor on duty."""

    examination_id: UUID

    def decide(
        self, examination: Examination, context: Context, patient: Patient, remote_doctor: Practitioner
    ) -> Iterator[ExaminationStarted]:
        admit_at(context.actor, examination.point_id)
        require_living(patient)
        require_licence(remote_doctor, examination.speciality, context.happened_at, "remote_doctor_id")
        require_duty(remote_doctor, examination.remote_facility_id, context.happened_at, "remote_doctor_id")
        yield ExaminationStarted()


class ConnectDevice(Command, of=Examination, by=AT_THE_BEDSIDE):
    """Connect a device at the point."""

    examination_id: UUID
    device_id: UUID
    device_kind: Code
    maker: Label
    serial_number: Label | None = None

    def decide(self, examination: Examination, context: Context) -> Iterator[DeviceConnected]:
        admit_at(context.actor, examination.point_id)
        if self.device_id in examination.devices:
            raise DeviceAlreadyConnected(device_id=self.device_id)
        yield DeviceConnected(**self.model_dump(exclude={"examination_id"}))


class DisconnectDevice(Command, of=Examination, by=AT_THE_BEDSIDE):
    """Disconnect a device."""

    examination_id: UUID
    device_id: UUID

    def decide(self, examination: Examination, context: Context) -> Iterator[DeviceDisconnected]:
        admit_at(context.actor, examination.point_id)
        _require_device(examination, self.device_id)
        yield DeviceDisconnected(device_id=self.device_id)


class RecordObservation(Command, of=Examination, by=AT_THE_BEDSIDE):
    """Record what was measured or seen at the bedside, coded, as a quantity or a text."""

    examination_id: UUID
    observation_id: UUID
    code: ClinicalCoding
    value: ClinicalQuantity | None = None
    text: ClinicalText | None = None
    device_id: UUID | None = None

    def decide(self, examination: Examination, context: Context) -> Iterator[ObservationRecorded]:
        admit_at(context.actor, examination.point_id)
        if self.device_id is not None:
            _require_device(examination, self.device_id)
        if self.value is None and self.text is None:
            raise ObservationWithoutValue()
        _refuse_known(examination, self.observation_id)
        require_codes([self.code], context)
        yield ObservationRecorded(
            observation_id=self.observation_id,
            code=self.code,
            value=self.value,
            text=self.text,
            device_id=self.device_id,
        )


class CaptureImage(Command, of=Examination, by={*AT_THE_BEDSIDE, Role.SYSTEM}):
    """Store a still image of a connected device, with the line as it was measured: from either end, or by itself."""

    examination_id: UUID
    image_id: UUID
    device_id: UUID
    image: MediaBlob
    body_site: ClinicalCoding | None = None
    frame_at: AwareDatetime
    measured: LinkQuality

    def decide(self, examination: Examination, context: Context) -> Iterator[ImageCaptured]:
        # A still of a live session becomes an image by itself; whoever took it was admitted there.
        if Role.SYSTEM not in context.actor.roles:
            admit_at(context.actor, examination.point_id, examination.remote_facility_id)
        _require_device(examination, self.device_id)
        _refuse_known(examination, self.image_id)
        if self.body_site is not None:
            require_codes([self.body_site], context, "body_site")
        yield ImageCaptured(
            image_id=self.image_id,
            device_id=self.device_id,
            image=self.image,
            body_site=self.body_site,
            frame_at=self.frame_at,
            measured=self.measured,
            diagnostic=context.reference.diagnostic_quality(self.measured, context.day),
        )


class AbortExamination(Command, of=Examination, by=AT_THE_BEDSIDE):
    """Give the examination up before an assessment, from either end, and say why."""

    examination_id: UUID
    reason: Reason

    def decide(self, examination: Examination, context: Context) -> Iterator[ExaminationAborted]:
        admit_at(context.actor, examination.point_id, examination.remote_facility_id)
        yield ExaminationAborted(reason=self.reason)


def _require_device(examination: Examination, device_id: UUID) -> None:
    if device_id not in examination.devices:
        raise DeviceNotConnected(device_id=device_id)


def _refuse_known(examination: Examination, evidence_id: UUID) -> None:
    if evidence_id in examination.observations or evidence_id in examination.images:
        raise EvidenceAlreadyRecorded(id=evidence_id)
