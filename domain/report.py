"""Báo cáo: one question to the log, asked of a definition with its parameters, and the sealed editions that answer it.

Rules: every run is asked for by somebody, on a ground that is told, and ends sealed or failed. What is sealed names the
position up to which the log was read, the digest of its bytes, and a cosigned checkpoint that covers it; it is never
changed. An edition of a later position supersedes the one before, and both stay (design: sealed as-of reports).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Any, ClassVar, Self
from uuid import UUID, uuid5

from pydantic import AwareDatetime, Field, StringConstraints

from domain._kernel import DomainError, Event, Lifecycle, State, Value, stays
from domain._leaving import Leaves
from domain._personal import Label, Reason
from domain._values import PROSE, Blob, Code, Count, Sha256

REPORTS = UUID("0d9f6b52-70c4-5e0b-8c53-5b3c9c2b6a41")

# A signed checkpoint with its cosignatures, of which one for decades has 3,300 characters.
SignedCheckpoint = Annotated[str, StringConstraints(min_length=1, max_length=100_000), PROSE, Leaves.AS_IT_IS]
Position = Annotated[Count, Field(ge=1)]


class Status(StrEnum):
    ASKED = "asked"
    SEALED = "sealed"


class ReportParameter(Value):
    """What a definition is asked about, such as a month."""

    name: Code
    # It may be the id of a patient, which leaves nowhere but as a pseudonym.
    value: Annotated[Code, Leaves.DROPPED]


# What can happen ---------------------------------------------------------------------------------------------


class ReportRequested(Event, name="report.requested"):
    """Somebody asked for an edition of a report, as of a position, a time or the last cosigned checkpoint."""

    run_id: UUID
    definition: Code
    parameters: tuple[ReportParameter, ...]
    as_of_position: Position | None = None
    as_of_time: AwareDatetime | None = None
    ground: Reason


class ReportSealed(Event, name="report.sealed"):
    """The edition was computed from all events up to the position, and a cosigned checkpoint covers them."""

    run_id: UUID
    edition: Count
    position: Position
    manifest: Blob
    result_sha256: Sha256
    checkpoint: SignedCheckpoint
    checkpoint_size: Position
    cosigned_by: tuple[Label, ...]


class ReportSuperseded(Event, name="report.superseded"):
    """An edition of a later position took the place of this one, with the same figures or with others."""

    run_id: UUID
    by_run_id: UUID
    figures_changed: bool


class ReportVerified(Event, name="report.verified"):
    """Somebody computed a sealed edition anew, and told the digest that came out."""

    run_id: UUID
    result_sha256: Sha256
    agrees: bool


class ReportFailed(Event, name="report.failed"):
    """The edition could not be sealed, and why."""

    run_id: UUID
    code: Code
    reason: Reason


# What follows from it ----------------------------------------------------------------------------------------


class Edition(Value):
    """A sealed run: up to which position it was read, and the digest of its result."""

    run_id: UUID
    position: int
    result_sha256: Sha256


class Report(State[Status]):
    """`open` are the runs that are neither sealed nor failed, `newest` is the edition that none has superseded."""

    runs: int = 0
    open: frozenset[UUID] = frozenset()
    sealed: Mapping[UUID, Edition] = {}
    newest: Edition | None = None

    lifecycle: ClassVar[Lifecycle] = {
        None: {ReportRequested: Status.ASKED},
        Status.ASKED: {
            **stays(Status.ASKED, ReportRequested, ReportFailed),
            ReportSealed: Status.SEALED,
        },
        Status.SEALED: {
            **stays(Status.SEALED, ReportRequested, ReportFailed, ReportSealed, ReportSuperseded, ReportVerified),
        },
    }

    @staticmethod
    def id_of(definition: str, parameters: tuple[ReportParameter, ...]) -> UUID:
        """The stream of this question, in whatever order its parameters are named."""
        told = sorted((one.name, one.value) for one in parameters)
        return uuid5(REPORTS, json.dumps([definition, *told], ensure_ascii=True))

    @staticmethod
    def run_of(report_id: UUID, number: int) -> UUID:
        """The id of the run that was asked for as so manieth of its report."""
        return uuid5(report_id, f"run {number}")

    def on(self, event: Any) -> Self:
        match event:
            case ReportRequested():
                return self.with_(runs=self.runs + 1, open=self.open | {event.run_id})
            case ReportFailed():
                return self.with_(open=self.open - {event.run_id})
            case ReportSealed():
                edition = Edition(run_id=event.run_id, position=event.position, result_sha256=event.result_sha256)
                newer = self.newest is None or edition.position > self.newest.position
                return self.with_(
                    open=self.open - {event.run_id},
                    sealed={**self.sealed, event.run_id: edition},
                    newest=edition if newer else self.newest,
                )
            case _:
                return self


# What the rules refuse ---------------------------------------------------------------------------------------


class ReportUnknown(DomainError, code="REPORT_UNKNOWN", field="definition"):
    """There is no report {definition}."""


class ReportNotForYou(DomainError, code="REPORT_NOT_FOR_YOU", field="definition"):
    """The report {definition} may be asked for by: {allowed}."""


class ReportParameterUnknown(DomainError, code="REPORT_PARAMETER_UNKNOWN", field="parameters"):
    """The report {definition} has no parameter {parameter}, or it is given twice."""


class ReportParameterMissing(DomainError, code="REPORT_PARAMETER_MISSING", field="parameters"):
    """The report {definition} needs the parameter {parameter}."""


class ReportParameterMalformed(DomainError, code="REPORT_PARAMETER_MALFORMED", field="parameters"):
    """The parameter {parameter} has the form {form}."""


class AsOfTwice(DomainError, code="AS_OF_TWICE", field="as_of_time"):
    """A report is as of a position or of a time, not of both."""


class RunNotOpen(DomainError, code="RUN_NOT_OPEN", field="run_id"):
    """This run of the report was not asked for, or it is over already."""


class RunNotSealed(DomainError, code="RUN_NOT_SEALED", field="run_id"):
    """This run of the report is not sealed."""


class NotCosigned(DomainError, code="NOT_COSIGNED"):
    """No witness has cosigned a checkpoint that covers position {position}, and without that nothing is sealed."""


class NotCoveredByCheckpoint(DomainError, code="NOT_COVERED_BY_CHECKPOINT"):
    """The checkpoint of {size} events does not cover position {position}."""
