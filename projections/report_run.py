"""Which reports were asked for, by whom and on what ground, and what became of each run?

One row for each run. An edition that was superseded stays, with the one that took its place; what it says is read from
the files that its manifest names, never from here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import TypedDict
from uuid import UUID

from domain._kernel import Recorded
from domain.report import ReportFailed, ReportRequested, ReportSealed, ReportSuperseded, ReportVerified
from projections._page import Condition, Page, first, matching, page, select
from projections._table import Row
from projections._view import Connection, Content, View


class RunStatus(StrEnum):
    """A run is requested, then sealed or failed; a sealed one may be superseded by a later edition."""

    REQUESTED = "requested"
    SEALED = "sealed"
    SUPERSEDED = "superseded"
    FAILED = "failed"


class RunParameter(TypedDict):
    """What the report was asked about."""

    name: str
    value: str


class Verification(TypedDict):
    """Somebody computed the edition anew; `agrees` says whether the same digest came out."""

    by: UUID
    at: datetime
    agrees: bool


@dataclass(slots=True, kw_only=True)
class ReportRun(Row):
    """One run of a report. Asked as of a position or a time, or of the last cosigned checkpoint when neither is given.

    `sealedPosition` is the last event that was read. `manifestSha256` names the sealed manifest, which names all files.
    """

    run_id: UUID
    report_id: UUID
    definition: str
    parameters: list[RunParameter]
    as_of_position: int | None
    as_of_time: datetime | None
    ground: str
    requested_by: UUID
    requested_at: datetime
    requested_position: int
    status: RunStatus = RunStatus.REQUESTED
    edition: int | None = None
    sealed_position: int | None = None
    sealed_at: datetime | None = None
    manifest_sha256: str | None = None
    result_sha256: str | None = None
    checkpoint_size: int | None = None
    cosigned_by: list[str] = field(default_factory=list)
    superseded_by: UUID | None = None
    figures_changed: bool | None = None
    verifications: list[Verification] = field(default_factory=list)
    failure_code: str | None = None
    failure: str | None = None


view = View("report_run", version=1, content=Content.OVERSIGHT, stream="report_id", owner="requested_by")
runs = view.table(ReportRun, "run_id", indexes=["report_id", "requested_at", "status"])
view.live("report_runs", runs, by="report_id", field="runs", many=True)


@runs.inserts(ReportRequested)
def requested(event: ReportRequested, at: Recorded) -> ReportRun:
    return ReportRun(
        run_id=event.run_id,
        report_id=at.stream_id,
        definition=event.definition,
        parameters=[RunParameter(name=one.name, value=one.value) for one in event.parameters],
        as_of_position=event.as_of_position,
        as_of_time=event.as_of_time,
        ground=event.ground,
        requested_by=at.metadata.actor.id,
        requested_at=at.recorded_at,
        requested_position=at.position,
    )


def _of_run(event: ReportSealed | ReportFailed | ReportSuperseded | ReportVerified, at: Recorded) -> UUID:
    return event.run_id


@runs.updates(ReportSealed, key=_of_run)
def sealed(row: ReportRun, event: ReportSealed, at: Recorded) -> None:
    row.status, row.edition, row.sealed_at = RunStatus.SEALED, event.edition, at.recorded_at
    row.sealed_position, row.checkpoint_size = event.position, event.checkpoint_size
    row.manifest_sha256, row.result_sha256 = event.manifest.sha256, event.result_sha256
    row.cosigned_by = list(event.cosigned_by)


@runs.updates(ReportSuperseded, key=_of_run)
def superseded(row: ReportRun, event: ReportSuperseded, at: Recorded) -> None:
    row.status, row.superseded_by = RunStatus.SUPERSEDED, event.by_run_id
    row.figures_changed = event.figures_changed


@runs.updates(ReportVerified, key=_of_run)
def verified(row: ReportRun, event: ReportVerified, at: Recorded) -> None:
    found = Verification(by=at.metadata.actor.id, at=at.recorded_at, agrees=event.agrees)
    row.verifications = [*row.verifications, found]


@runs.updates(ReportFailed, key=_of_run)
def failed(row: ReportRun, event: ReportFailed, at: Recorded) -> None:
    row.status, row.failure_code, row.failure = RunStatus.FAILED, event.code, event.reason


@view.query
async def report_run(db: Connection, visible: Condition, run_id: UUID) -> ReportRun | None:
    """One run of a report."""
    return await first(db, runs, Condition("run_id = {}", (run_id,)) & visible)


@view.query
async def report_runs(
    db: Connection,
    visible: Condition,
    size: int,
    after: str | None = None,
    report_id: UUID | None = None,
    definition: str | None = None,
    status: list[RunStatus] | None = None,
    requested_by: UUID | None = None,
) -> Page[ReportRun]:
    """Who asked for what: runs, the newest first; `reportId` gives all editions of one report."""
    wanted = matching(report_id=report_id, definition=definition, status=status, requested_by=requested_by)
    return await page(db, runs, wanted & visible, ["requested_at"], size=size, after=after, descending=True)


@view.on_demand(ReportRun)
async def progress_percent(db: Connection, row: ReportRun) -> int:
    """How much of the log has been read for it, in percent: 100 once it is over."""
    if row.status is not RunStatus.REQUESTED:
        return 100
    found = await db.fetchrow("select position, upto from report_progress where run_id = $1", row.run_id)
    return 0 if found is None else min(99, 100 * int(found["position"]) // int(found["upto"]))


async def open_runs(db: Connection) -> Sequence[ReportRun]:
    """Those that wait to be sealed, the oldest first."""
    return await select(db, runs, matching(status=RunStatus.REQUESTED), ["requested_at"])
