"""How far a run has come is told while it is computed, and 100 once it is over."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from domain._kernel import Recorded
from domain.report import ReportRequested, ReportSealed
from infra.postgres import Connection
from projections._page import EVERYTHING
from projections.report_run import RunStatus, open_runs, progress_percent, report_run, view
from tests.projections.conftest import TakeIn


@pytest.mark.parametrize(("position", "percent"), [(None, 0), (0, 0), (25, 25), (99, 99), (100, 99)])
async def test_the_progress_of_an_open_run_is_what_the_office_has_told(
    db: Connection, whole_story: Sequence[Recorded], take_in: TakeIn, position: int | None, percent: int
) -> None:
    asked = next(at for at in whole_story if isinstance(at.event, ReportRequested))
    assert isinstance(asked.event, ReportRequested)
    await take_in([asked], view)
    (row,) = await open_runs(db)
    if position is not None:
        await db.execute("insert into report_progress values ($1, $2, 100)", asked.event.run_id, position)
    assert await progress_percent(db, row) == percent


async def test_what_is_over_is_not_open_and_complete(
    db: Connection, whole_story: Sequence[Recorded], take_in: TakeIn
) -> None:
    reports = [at for at in whole_story if at.event.name.startswith("report.")]
    await take_in(reports, view)
    assert await open_runs(db) == []
    sealed = [at.event for at in reports if isinstance(at.event, ReportSealed)]
    rows = [await report_run(db, EVERYTHING, event.run_id) for event in sealed]
    assert [row and row.status for row in rows] == [RunStatus.SUPERSEDED, RunStatus.SEALED]
    assert [row and await progress_percent(db, row) for row in rows] == [100, 100]
