"""Reference data: the figures and lists that law and medicine change. Data with validity and source, never constants.

Each row says from which day to which day it holds and where it was published, so that a decision of any year can be
made, and made again, with the rules of that year. The rows are loaded from files outside this package.
"""

from __future__ import annotations

import re
from datetime import date, timedelta
from enum import StrEnum
from typing import Annotated

from pydantic import AfterValidator, Field

from domain._kernel import DomainError, Role, Value
from domain._live import Destination, PictureCategory, Rung
from domain._provinces import FormerProvince, Province, Rule
from domain._values import Code, Codes, Coding, ConsultationKind, LinkQuality, RemoteMode, Tier, Urgency


def _regular(pattern: str) -> str:
    try:
        re.compile(pattern)
    except re.error as error:
        raise ValueError(f"not a regular expression, {error}") from None
    return pattern


class UrgencyClock(Rule):
    urgency: Urgency
    first_answer_within_s: int


class CodeSystem(Rule):
    """A version of a code system that may be used for new entries; old entries keep theirs."""

    system: Code
    version: Code
    pattern: Annotated[str, AfterValidator(_regular)]


class RemoteDisease(Rule):
    """A disease that may be examined and treated remotely: an ICD-10 code or the beginning of one."""

    code: Code
    name_vi: str


class Speciality(Rule):
    code: Code
    name_vi: str
    name_en: str


class QualityGate(Rule):
    """What a live picture must reach to be labelled diagnostic. Units as in LinkQuality."""

    min_width: int
    min_height: int
    min_frames_per_second: int
    min_bitrate_kbps: int
    max_delay_ms: int
    max_loss_percent: int

    def passes(self, measured: LinkQuality) -> bool:
        return (
            measured.width >= self.min_width
            and measured.height >= self.min_height
            and measured.frames_per_second >= self.min_frames_per_second
            and measured.bitrate_kbps >= self.min_bitrate_kbps
            and measured.delay_ms <= self.max_delay_ms
            and measured.loss_percent <= self.max_loss_percent
        )


class LadderRung(Rule):
    """What a way must carry to hold this rung of the degradation ladder; the bit rate is what it could carry."""

    rung: Rung
    min_bitrate_kbps: Annotated[int, Field(ge=0)]
    max_loss_percent: Annotated[int, Field(ge=0, le=100)]
    max_rtt_ms: Annotated[int, Field(ge=0)]
    max_jitter_ms: Annotated[int, Field(ge=0)]
    min_frames_per_second: Annotated[int, Field(ge=0)]


class PictureRule(Rule):
    """A category of pictures does not go to a destination. Ultrasound of these specialities is of the category."""

    category: PictureCategory
    destination: Destination
    specialities: Codes


class LineRequirement(Rule):
    """What the measured line of a connection point must carry, by the tier of its facility."""

    tier: Tier
    min_bitrate_kbps: Annotated[int, Field(gt=0)]


class RemoteService(Rule):
    """A kind of telehealth activity that may be declared, and the modes in which it may be."""

    kind: ConsultationKind
    modes: frozenset[RemoteMode]
    name_vi: str
    name_en: str


class ReportContent(StrEnum):
    """Figures in which nobody can be recognised, or what is about patients."""

    FIGURES = "figures"
    CASE = "case"


class ParameterForm(StrEnum):
    """How the value of a report's parameter is written."""

    MONTH = "month"
    YEAR = "year"
    DATE = "date"
    ID = "id"
    CODE = "code"


class ReportParameterRule(Value):
    name: Code
    form: ParameterForm
    required: bool = True


class ReportRule(Rule):
    """A report that may be asked for, and by whom. `subject` is the parameter that holds the id of the case."""

    name: Code
    content: ReportContent
    subject: Code | None = None
    asked_by: frozenset[Role]
    parameters: tuple[ReportParameterRule, ...] = ()


class NoRuleInForce(DomainError, code="NO_RULE_IN_FORCE"):
    """The reference data has no rule {rule} for {day}."""


class ReferenceData(Value):
    """All rules of all times. `digest` names exactly this content."""

    digest: str = ""
    urgency_clocks: tuple[UrgencyClock, ...] = ()
    code_systems: tuple[CodeSystem, ...] = ()
    remote_diseases: tuple[RemoteDisease, ...] = ()
    specialities: tuple[Speciality, ...] = ()
    quality_gates: tuple[QualityGate, ...] = ()
    ladder_rungs: tuple[LadderRung, ...] = ()
    picture_rules: tuple[PictureRule, ...] = ()
    line_requirements: tuple[LineRequirement, ...] = ()
    remote_services: tuple[RemoteService, ...] = ()
    provinces: tuple[Province, ...] = ()
    former_provinces: tuple[FormerProvince, ...] = ()
    report_definitions: tuple[ReportRule, ...] = ()

    def first_answer_within(self, urgency: Urgency, day: date) -> timedelta:
        for clock in self.urgency_clocks:
            if clock.urgency == urgency and clock.valid.holds(day):
                return timedelta(seconds=clock.first_answer_within_s)
        raise NoRuleInForce(rule=f"urgency clock {urgency}", day=day)

    def accepts(self, coding: Coding, day: date) -> bool:
        """Whether a new entry of this day may be coded so: the version is in force and the code has its form."""
        return any(
            row.system == coding.system
            and row.version == coding.version
            and row.valid.holds(day)
            and re.fullmatch(row.pattern, coding.code) is not None
            for row in self.code_systems
        )

    def treatable_remotely(self, coding: Coding, day: date) -> bool:
        return any(coding.code.startswith(row.code) and row.valid.holds(day) for row in self.remote_diseases)

    def knows_speciality(self, code: str, day: date) -> bool:
        return any(row.code == code and row.valid.holds(day) for row in self.specialities)

    def diagnostic_quality(self, measured: LinkQuality, day: date) -> bool:
        for gate in self.quality_gates:
            if gate.valid.holds(day):
                return gate.passes(measured)
        raise NoRuleInForce(rule="quality gate", day=day)

    def ladder(self, day: date) -> tuple[LadderRung, ...]:
        """The rungs in force on the day, the best first; the last one always holds and has no row."""
        rungs = sorted((row for row in self.ladder_rungs if row.valid.holds(day)), key=lambda row: row.rung.place)
        if not rungs:
            raise NoRuleInForce(rule="degradation ladder", day=day)
        return tuple(rungs)

    def picture_category(self, speciality: str, declared: PictureCategory, day: date) -> PictureCategory:
        """What an ultrasound of this speciality counts as: what was declared, or what the rules make of it."""
        if declared is not PictureCategory.GENERAL:
            return declared
        rows = (row for row in self.picture_rules if speciality in row.specialities and row.valid.holds(day))
        return next((row.category for row in rows), PictureCategory.GENERAL)

    def withheld_from(self, category: PictureCategory, day: date) -> tuple[Destination, ...]:
        """Where a picture of this category does not go on this day."""
        found = {row.destination for row in self.picture_rules if row.category == category and row.valid.holds(day)}
        return tuple(sorted(found))

    def line_needed(self, tier: Tier, day: date) -> int:
        """The bit rate in kbit/s that the line of a point of this tier must carry."""
        for row in self.line_requirements:
            if row.tier == tier and row.valid.holds(day):
                return row.min_bitrate_kbps
        raise NoRuleInForce(rule=f"line requirement {tier}", day=day)

    def allows_service(self, kind: ConsultationKind, mode: RemoteMode, day: date) -> bool:
        return any(row.kind == kind and mode in row.modes and row.valid.holds(day) for row in self.remote_services)

    def province(self, code: str, day: date) -> Province | None:
        """The province that has this code in the list of this day."""
        return next((one for one in self.provinces if one.code == code and one.valid.holds(day)), None)

    def report(self, name: str, day: date) -> ReportRule | None:
        """The report of this name that may be asked for on this day."""
        found = (row for row in self.report_definitions if row.name == name and row.valid.holds(day))
        return next(found, None)
