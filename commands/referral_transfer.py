"""The transfer branch of a referral: the patient is brought to the receiving facility, or need not be."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import UUID

from commands._authority import admit_at
from commands._command import Command, Context
from domain._kernel import Role
from domain._personal import ClinicalText, Label
from domain.referral import (
    PatientDeparted,
    PatientReceived,
    Referral,
    TransferApproved,
    TransferAvoided,
    TransferRequested,
)


class RequestTransfer(Command, of=Referral, by={Role.DOCTOR}):
    """Ask the receiving facility to take the patient in."""

    referral_id: UUID
    reason: ClinicalText

    def decide(self, referral: Referral, context: Context) -> Iterator[TransferRequested]:
        admit_at(context.actor, referral.asking_facility_id)
        yield TransferRequested(reason=self.reason)


class ApproveTransfer(Command, of=Referral, by={Role.DOCTOR}):
    """Agree to take the patient in, and say in which ward."""

    referral_id: UUID
    ward: Label

    def decide(self, referral: Referral, context: Context) -> Iterator[TransferApproved]:
        admit_at(context.actor, referral.receiving_facility_id)
        yield TransferApproved(ward=self.ward)


class RecordDeparture(Command, of=Referral, by={Role.DOCTOR, Role.NURSE}):
    """Record that the patient left the asking facility, how, and in which condition."""

    referral_id: UUID
    means: Label
    condition: ClinicalText

    def decide(self, referral: Referral, context: Context) -> Iterator[PatientDeparted]:
        admit_at(context.actor, referral.asking_facility_id)
        yield PatientDeparted(means=self.means, condition=self.condition)


class RecordArrival(Command, of=Referral, by={Role.DOCTOR, Role.NURSE}):
    """Record that the patient arrived at the receiving facility, and in which condition."""

    referral_id: UUID
    condition: ClinicalText

    def decide(self, referral: Referral, context: Context) -> Iterator[PatientReceived]:
        admit_at(context.actor, referral.receiving_facility_id)
        yield PatientReceived(condition=self.condition)


class AvoidTransfer(Command, of=Referral, by={Role.DOCTOR}):
    """Record, as either side, that the patient can stay because of the help that was given."""

    referral_id: UUID
    reason: ClinicalText

    def decide(self, referral: Referral, context: Context) -> Iterator[TransferAvoided]:
        admit_at(context.actor, referral.asking_facility_id, referral.receiving_facility_id)
        yield TransferAvoided(reason=self.reason)
