"""Values that several aggregates share, named as in FHIR, DICOM and Vietnamese law."""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Self

from pydantic import AfterValidator, AwareDatetime, Field, StringConstraints, model_validator

from domain._kernel import Value
from domain._leaving import Leaves

CONTROL = re.compile(r"[\x00-\x1f\x7f]")
CONTROL_IN_PROSE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
MOST_DIGITS, SMALLEST_PLACE = 24, -12


def _one_line(text: str) -> str:
    if CONTROL.search(text):
        raise ValueError("a text of one line holds no control characters")
    return text


def _prose(text: str) -> str:
    if CONTROL_IN_PROSE.search(text):
        raise ValueError("a text holds no control characters but the ends of its lines")
    return text


def _measured(value: Decimal) -> Decimal:
    _, digits, exponent = value.as_tuple()
    if len(digits) > MOST_DIGITS or not SMALLEST_PLACE <= int(exponent) <= MOST_DIGITS:
        raise ValueError(f"a measured number has at most {MOST_DIGITS} digits, {-SMALLEST_PLACE} of them decimals")
    return value


# A database refuses some control characters, and a terminal obeys others.
ONE_LINE = AfterValidator(_one_line)
PROSE = AfterValidator(_prose)

# No instrument gives more digits, and a number of a million digits is an attack.
MEASURED = AfterValidator(_measured)

# A digest of content leads back to the content, so it does not leave.
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$"), Leaves.DROPPED]
Code = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=64), ONE_LINE, Leaves.AS_IT_IS]

# A number that counts or numbers the work, and tells nothing of a person.
Count = Annotated[int, Leaves.AS_IT_IS]

# A set of codes in one order, so that equal content has equal bytes in every process.
Codes = Annotated[tuple[Code, ...], AfterValidator(lambda codes: tuple(sorted(set(codes))))]

# Viet Nam keeps UTC+7 all the year; laws, licences and agreements hold by its days.
VIETNAM_TIME = timezone(timedelta(hours=7))


def local_day(moment: datetime) -> date:
    """The day in Viet Nam on which this moment falls."""
    return moment.astimezone(VIETNAM_TIME).date()


class ConsultationKind(StrEnum):
    """The six kinds of telehealth activity (Circular 49/2017/TT-BYT, Art 1)."""

    REMOTE_ADVICE = "remote_advice"
    CONSULTATION = "consultation"
    TELE_IMAGING = "tele_imaging"
    TELE_PATHOLOGY = "tele_pathology"
    TELE_SURGERY = "tele_surgery"
    TRAINING = "training"


class RemoteMode(StrEnum):
    """The four legal modes of remote care (Law 15/2023, Art 64 and 80; Decree 96/2023, Art 87 and 88)."""

    DIRECT_TO_PATIENT = "direct_to_patient"
    VIA_RECEIVING_FACILITY = "via_receiving_facility"
    INTER_FACILITY_SUPPORT = "inter_facility_support"
    REMOTE_CONSULTATION = "remote_consultation"


class Tier(StrEnum):
    """The level of a facility (tuyến): central, provincial, district, commune."""

    CENTRAL = "central"
    PROVINCIAL = "provincial"
    DISTRICT = "district"
    COMMUNE = "commune"


class Urgency(StrEnum):
    """How soon a referral needs its first answer; the clocks are reference data."""

    EMERGENCY = "emergency"
    URGENT = "urgent"
    ROUTINE = "routine"


class Coding(Value):
    """A code in a named version of a code system, as in FHIR's Coding."""

    system: Code
    version: Code
    code: Code
    display: Annotated[
        str, StringConstraints(strip_whitespace=True, min_length=1, max_length=400), ONE_LINE, Leaves.DROPPED
    ]


class Quantity(Value):
    """A measured value with its UCUM unit, as in FHIR's Quantity."""

    value: Annotated[Decimal, MEASURED, Leaves.AS_IT_IS]
    unit: Code


class Period(Value):
    """From `start` up to, not including, `end`."""

    start: AwareDatetime
    end: AwareDatetime

    @model_validator(mode="after")
    def _ends_after_it_starts(self) -> Self:
        if self.end <= self.start:
            raise ValueError("a period ends after it starts")
        return self

    def overlaps(self, other: Period) -> bool:
        return self.start < other.end and other.start < self.end

    def covers(self, other: Period) -> bool:
        return self.start <= other.start and other.end <= self.end

    def holds(self, moment: datetime) -> bool:
        return self.start <= moment < self.end


class Validity(Value):
    """Days on which something holds: from the first day to the last one, both included; open when none is given."""

    first: date
    last: date | None = None

    @model_validator(mode="after")
    def _ends_after_it_starts(self) -> Self:
        if self.last is not None and self.last < self.first:
            raise ValueError("the last day is not before the first")
        return self

    def holds(self, day: date) -> bool:
        return self.first <= day and (self.last is None or day <= self.last)

    def overlaps(self, other: Validity) -> bool:
        return (other.last is None or self.first <= other.last) and (self.last is None or other.first <= self.last)


class Blob(Value):
    """Bytes that are stored elsewhere, known by their hash. `size` is in bytes."""

    sha256: Sha256
    media_type: Annotated[str, StringConstraints(pattern=r"^[a-z]+/[a-z0-9.+-]+$"), Leaves.AS_IT_IS]
    size: Annotated[Count, Field(gt=0)]


class LinkQuality(Value):
    """What was measured on the line while a picture was taken.

    Bit rate in kbit/s, one-way delay in ms, loss in percent, picture in pixels and frames per second.
    """

    bitrate_kbps: Annotated[Count, Field(ge=0)]
    delay_ms: Annotated[Count, Field(ge=0)]
    loss_percent: Annotated[Decimal, Field(ge=0, le=100), MEASURED, Leaves.AS_IT_IS]
    width: Annotated[Count, Field(ge=0)] = 0
    height: Annotated[Count, Field(ge=0)] = 0
    frames_per_second: Annotated[Decimal, Field(ge=0), MEASURED, Leaves.AS_IT_IS] = Decimal(0)


class Location(Value):
    """A place on earth in degrees (WGS 84)."""

    latitude: Annotated[Decimal, Field(ge=-90, le=90), MEASURED, Leaves.DROPPED]
    longitude: Annotated[Decimal, Field(ge=-180, le=180), MEASURED, Leaves.DROPPED]
