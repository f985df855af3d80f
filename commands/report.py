"""What can be asked of the reports, and when the answer is no.

Which reports there are, who may ask for them and the form of their parameters is reference data; what they count is
written in definitions that travel with them. Sealing is the system's own: a person asks, and verifies.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from uuid import UUID

from pydantic import AwareDatetime

from commands._command import Command, Context
from domain._kernel import Role
from domain._personal import Label, Reason
from domain._reference import ReportRule
from domain._values import Blob, Code, Sha256
from domain.report import (
    AsOfTwice,
    NotCosigned,
    NotCoveredByCheckpoint,
    Position,
    Report,
    ReportFailed,
    ReportNotForYou,
    ReportParameter,
    ReportParameterMalformed,
    ReportParameterMissing,
    ReportParameterUnknown,
    ReportRequested,
    ReportSealed,
    ReportSuperseded,
    ReportUnknown,
    ReportVerified,
    RunNotOpen,
    RunNotSealed,
    SignedCheckpoint,
)

ASKS = {Role.AUDITOR, Role.ANALYST, Role.COORDINATOR, Role.DOCTOR, Role.NURSE, Role.REGISTRAR, Role.OPERATOR}

FORMS = {
    "month": r"[0-9]{4}-(0[1-9]|1[0-2])",
    "year": r"[0-9]{4}",
    "date": r"[0-9]{4}-(0[1-9]|1[0-2])-([0-2][0-9]|3[01])",
    "id": r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}",
    "code": r"[^\x00-\x20\x7f]{1,64}",
}


class RequestReport(Command, of=Report, by=ASKS):
    """Ask for an edition of a report as of a position or a time, by default of the last cosigned checkpoint."""

    definition: Code
    parameters: tuple[ReportParameter, ...] = ()
    as_of_position: Position | None = None
    as_of_time: AwareDatetime | None = None
    ground: Reason

    @property
    def stream_id(self) -> UUID:
        return Report.id_of(self.definition, self.parameters)

    def decide(self, report: Report, context: Context) -> Iterator[ReportRequested]:
        rule = context.reference.report(self.definition, context.day)
        if rule is None:
            raise ReportUnknown(definition=self.definition)
        if context.actor.roles.isdisjoint(rule.asked_by):
            raise ReportNotForYou(definition=self.definition, allowed=", ".join(sorted(rule.asked_by)))
        _admit(rule, self.parameters)
        if self.as_of_position is not None and self.as_of_time is not None:
            raise AsOfTwice()
        yield ReportRequested(
            run_id=Report.run_of(self.stream_id, report.runs + 1),
            definition=self.definition,
            parameters=tuple(sorted(self.parameters, key=lambda one: one.name)),
            as_of_position=self.as_of_position,
            as_of_time=self.as_of_time,
            ground=self.ground,
        )


class SealReport(Command, of=Report, by={Role.SYSTEM}):
    """Seal what was computed, with a checkpoint whose signatures and cosignatures were checked."""

    report_id: UUID
    run_id: UUID
    position: Position
    manifest: Blob
    result_sha256: Sha256
    checkpoint: SignedCheckpoint
    checkpoint_size: Position
    cosigned_by: tuple[Label, ...]

    def decide(self, report: Report, context: Context) -> Iterator[ReportSealed | ReportSuperseded]:
        if self.run_id not in report.open:
            raise RunNotOpen()
        if self.checkpoint_size < self.position:
            raise NotCoveredByCheckpoint(size=self.checkpoint_size, position=self.position)
        if not self.cosigned_by:
            raise NotCosigned(position=self.position)
        yield ReportSealed(
            run_id=self.run_id,
            edition=len(report.sealed) + 1,
            position=self.position,
            manifest=self.manifest,
            result_sha256=self.result_sha256,
            checkpoint=self.checkpoint,
            checkpoint_size=self.checkpoint_size,
            cosigned_by=self.cosigned_by,
        )
        former = report.newest
        if former is not None and former.position < self.position:
            changed = former.result_sha256 != self.result_sha256
            yield ReportSuperseded(run_id=former.run_id, by_run_id=self.run_id, figures_changed=changed)


class FailReport(Command, of=Report, by={Role.SYSTEM}):
    """Give a run up that cannot be sealed, and say why."""

    report_id: UUID
    run_id: UUID
    code: Code
    reason: Reason

    def decide(self, report: Report, context: Context) -> Iterator[ReportFailed]:
        if self.run_id not in report.open:
            raise RunNotOpen()
        yield ReportFailed(run_id=self.run_id, code=self.code, reason=self.reason)


class VerifyReport(Command, of=Report, by={Role.AUDITOR, Role.ANALYST, Role.OPERATOR}):
    """Put on record that a sealed edition was computed anew, by the digest of the result that came out."""

    report_id: UUID
    run_id: UUID
    result_sha256: Sha256

    def decide(self, report: Report, context: Context) -> Iterator[ReportVerified]:
        edition = report.sealed.get(self.run_id)
        if edition is None:
            raise RunNotSealed()
        agrees = edition.result_sha256 == self.result_sha256
        yield ReportVerified(run_id=self.run_id, result_sha256=self.result_sha256, agrees=agrees)


def _admit(rule: ReportRule, given: tuple[ReportParameter, ...]) -> None:
    known = {one.name: one for one in rule.parameters}
    found = [one.name for one in given]
    for parameter in given:
        if parameter.name not in known or found.count(parameter.name) > 1:
            raise ReportParameterUnknown(definition=rule.name, parameter=parameter.name)
        form = known[parameter.name].form
        if not re.fullmatch(FORMS[form], parameter.value):
            raise ReportParameterMalformed(parameter=parameter.name, form=form)
    for name, wanted in known.items():
        if wanted.required and name not in found:
            raise ReportParameterMissing(definition=rule.name, parameter=name)
