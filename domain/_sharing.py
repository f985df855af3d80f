"""On what the sharing of a patient's data with another provider rests (Law 91/2025, Art 26(2)).

Either the patient asked for it in writing, or one of the law's own grounds holds and somebody explains why. There is
no third way, and the basis is a fact that travels with the referral.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Self
from uuid import UUID

from pydantic import model_validator

from domain._kernel import Value
from domain._personal import Reason


class LegalGround(StrEnum):
    """The grounds on which data is shared without a request of the patient (Law 91/2025, Art 19(1))."""

    LIFE_OR_HEALTH_IN_DANGER = "life_or_health_in_danger"
    PUBLIC_HEALTH_EMERGENCY = "public_health_emergency"
    REQUIRED_BY_LAW = "required_by_law"


class SharingBasis(Value):
    """A consent or sharing request of the patient, or else a legal ground with its explanation."""

    consent_id: UUID | None = None
    ground: LegalGround | None = None
    explanation: Reason | None = None

    @model_validator(mode="after")
    def _is_one_of_two(self) -> Self:
        if (self.consent_id is None) == (self.ground is None):
            raise ValueError("name either the patient's request or a legal ground")
        if self.ground is not None and self.explanation is None:
            raise ValueError("a legal ground is explained")
        return self
