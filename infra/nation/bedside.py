"""A remote examination within a case: devices, observations, images with the line they came over, and what follows.

The images are known by made-up digests: nothing lies behind them in the store of pictures.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from commands._ids import derived_id
from commands.examination import (
    AbortExamination,
    CaptureImage,
    ConnectDevice,
    DisconnectDevice,
    OrderExamination,
    RecordObservation,
    StartExamination,
)
from commands.examination_assessment import (
    MakeDiagnosis,
    OrderTreatment,
    RecordAssessment,
    SignExamination,
    TakeDecision,
)
from commands.policies import signed_findings_answer_the_referral
from commands.referral_answer import AnswerByExamination
from domain._values import Blob, Coding, ConsultationKind, LinkQuality, Quantity
from infra.nation.case import Case, line_of
from infra.nation.illnesses import BEDSIDE, ICD, LOINC
from infra.nation.step import SYSTEM, Step

GIVEN_UP, DIFFERS = 0.025, 0.06
REACTS_AFTER = timedelta(seconds=1)


class Examination:
    """The steps of one examination, counted as its stream counts them."""

    def __init__(self, case: Case, at: datetime, consultation_id: UUID | None = None) -> None:
        self._case, self._at, self._consultation_id = case, at, consultation_id
        self.id = case.script.id(f"{case.referral_id} examination")
        self._device = case.script.id(f"{case.referral_id} device")
        self._version = 0
        self.aborted = False

    @property
    def ends(self) -> datetime:
        """When its last step was."""
        return self._at

    def made(self) -> Iterator[Step]:
        """All of it; `aborted` and `ends` tell afterwards how it came out."""
        yield from self._begun()
        if self._case.script.chance.happens(GIVEN_UP):
            self.aborted = True
            yield self._step(60, 600, self._case.nurse, AbortExamination, reason="Mất tín hiệu / the line was lost")
            return
        yield from self._evidence()
        yield from self._concluded()
        yield from self._decided()

    def _begun(self) -> Iterator[Step]:
        case = self._case
        yield self._step(
            0,
            0,
            case.doctor.acts,
            OrderExamination,
            patient_id=case.patient.id,
            point_id=case.asking.id,
            remote_facility_id=case.helping.id,
            remote_doctor_id=case.specialist.id,
            kind=ConsultationKind.CONSULTATION,
            speciality=case.illness.speciality,
            referral_id=case.referral_id,
            consultation_id=self._consultation_id,
        )
        yield self._step(30, 240, case.nurse, StartExamination)
        device = {"device_id": self._device, "device_kind": case.illness.device, "maker": case.illness.maker}
        yield self._step(20, 90, case.nurse, ConnectDevice, **device)

    def _evidence(self) -> Iterator[Step]:
        case, chance = self._case, self._case.script.chance
        for n in range(chance.between(3, len(BEDSIDE))):
            found = BEDSIDE[n]
            yield self._step(
                15,
                60,
                case.nurse,
                RecordObservation,
                observation_id=case.script.id(f"{self.id} observation {n}"),
                code=_coding(LOINC, found.code, found.display),
                value=Quantity(value=Decimal(chance.between(found.least, found.most)), unit=found.unit),
            )
        for n in range(chance.between(3, 8)):
            yield self._image(n)

    def _image(self, n: int) -> Step:
        script = self._case.script
        image_id = script.id(f"{self.id} image {n}")
        digest, size = hashlib.sha256(image_id.bytes).hexdigest(), script.chance.between(90_000, 900_000)
        measured = LinkQuality(**line_of(self._case.asking, script.chance))
        return self._step(
            10,
            60,
            self._case.nurse,
            CaptureImage,
            image_id=image_id,
            device_id=self._device,
            image=Blob(sha256=digest, media_type="image/jpeg", size=size),
            frame_at=self._at,
            measured=measured,
        )

    def _concluded(self) -> Iterator[Step]:
        case, illness = self._case, self._case.illness
        doctor = case.specialist.acts
        yield self._step(60, 420, doctor, RecordAssessment, findings=illness.assessment, advice=illness.advice)
        coding = _coding(ICD, illness.code, illness.display)
        yield self._step(20, 120, doctor, MakeDiagnosis, coding=coding)
        yield self._step(20, 120, doctor, SignExamination, True)
        # What the policy of the house does on this fact, under the id that it gives.
        rule = signed_findings_answer_the_referral.__name__
        id_ = derived_id(self.id, f"{self._version}:{rule}:0")
        given = {"referral_id": case.referral_id, "examination_id": self.id}
        yield Step(self._at + REACTS_AFTER, case.script.chain, id_, SYSTEM, AnswerByExamination, given)

    def _decided(self) -> Iterator[Step]:
        case, differs = self._case, self._case.script.chance.happens(DIFFERS)
        yield self._step(
            60,
            600,
            case.doctor.acts,
            TakeDecision,
            follows_assessment=not differs,
            treats_locally=True,
            decision=case.illness.advice,
            reason="Người bệnh không dung nạp thuốc / the patient does not tolerate it" if differs else None,
        )
        yield self._step(20, 200, case.doctor.acts, OrderTreatment, treatment=case.illness.advice)
        yield self._step(20, 200, case.nurse, DisconnectDevice, device_id=self._device)

    def _step(self, least_s: int, most_s: int, by: Any, kind: Any, signs: bool = False, /, **given: Any) -> Step:
        self._at = self._case.script.later(self._at, least_s, most_s)
        self._version += 1
        return self._case.script.step(self._at, by, kind, signs, examination_id=self.id, **given)


def _coding(system: tuple[str, str], code: str, display: str) -> Coding:
    return Coding(system=system[0], version=system[1], code=code, display=display)
