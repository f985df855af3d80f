"""The notebook of the analysts runs on an export, and its figures are those of the log and of the views."""

from __future__ import annotations

import ast
import json
from collections import defaultdict
from collections.abc import Sequence
from datetime import date, datetime
from statistics import median, quantiles

import nbformat
import pytest
from nbclient import NotebookClient
from nbformat import NotebookNode

from domain._values import Tier, local_day
from domain.facility import FacilityReclassified, FacilityRegistered
from domain.referral import (
    ReferralAccepted,
    ReferralAnswered,
    ReferralDeclined,
    ReferralReturned,
    ReferralSubmitted,
)
from infra.event_log import all_after, head
from infra.export.run import Wanted, export
from infra.mapper import to_recorded
from infra.postgres import connect
from projections._page import EVERYTHING
from projections.referral_waits import WaitDimension, referral_waits
from tests.infra.export.conftest import KEY
from tests.product import ROOT

NOTEBOOK = ROOT / "docs" / "analysis.ipynb"
TELL = "import json; print(json.dumps([[str(one) for one in row] for row in answer.fetchall()]))"
Figures = list[tuple[date, int, int, float, float]]


def notebook() -> NotebookNode:
    found: NotebookNode = nbformat.read(NOTEBOOK, as_version=4)  # type: ignore[no-untyped-call]
    return found


def cells() -> Sequence[NotebookNode]:
    return list(notebook().cells)


@pytest.fixture(scope="module")
async def executed(story_dsn: str, tmp_path_factory: pytest.TempPathFactory) -> NotebookNode:
    """The notebook as it ran beside an export of the story, with a last cell that tells its answer."""
    folder = tmp_path_factory.mktemp("analyst")
    await export(story_dsn, Wanted(folder / "export"), KEY)
    running = notebook()
    running.cells.append(running.cells[1].copy())
    running.cells[-1].update(id="told", source=TELL)
    client = NotebookClient(running, timeout=250, kernel_name="python3", resources={"metadata": {"path": str(folder)}})
    await client.async_execute()
    return running


def test_the_notebook_is_kept_without_what_it_printed() -> None:
    for cell in cells():
        if cell.cell_type == "code":
            ast.parse(cell.source)
            assert (cell.outputs, cell.execution_count) == ([], None)
    assert NOTEBOOK.stat().st_size < 60_000


def test_every_plot_of_the_notebook_is_drawn(executed: NotebookNode) -> None:
    drawn = [
        cell.source
        for cell in executed.cells
        if cell.cell_type == "code" and any("image/png" in output.get("data", {}) for output in cell.outputs)
    ]
    assert len(drawn) == sum("plt.show()" in cell.source for cell in cells()) == 5


def test_what_came_to_the_wrong_speciality_is_told(executed: NotebookNode) -> None:
    printed = "".join(output.get("text", "") for cell in executed.cells for output in cell.get("outputs", ()))
    assert "submissions came to the wrong speciality" in printed
    assert not printed.startswith("0 of")


async def test_the_wait_for_a_cardiologist_is_the_same_from_the_log_the_view_and_the_files(
    executed: NotebookNode, story_dsn: str
) -> None:
    told = json.loads(executed.cells[-1].outputs[0]["text"])
    from_files = [
        (date.fromisoformat(month), int(sent), int(answered), float(half), round(float(nine), 6))
        for month, sent, answered, half, nine in told
    ]
    assert len(from_files) == 3, "three months"
    assert sum(answered for _, _, answered, *_ in from_files) > 15
    assert from_files == await from_the_view(story_dsn)
    assert from_files == await from_the_log(story_dsn)


async def from_the_view(dsn: str) -> Figures:
    db = await connect(dsn)
    found = await referral_waits(
        db, EVERYTHING, date(2020, 1, 1), date(2020, 12, 31), [WaitDimension.MONTH],
        speciality=["cardiology"], asking_tier=[Tier.COMMUNE], asking_province_code="10",
    )  # fmt: skip
    await db.close()
    return [
        (one.month, one.submissions, one.answered, one.median_minutes or 0, round(one.p90_minutes or 0, 6))
        for one in found
        if one.month is not None
    ]


async def from_the_log(dsn: str) -> Figures:
    """By going through the events one by one, as the question is put."""
    db = await connect(dsn)
    asks_in_lao_cai, waiting = set(), {}
    sent: defaultdict[date, int] = defaultdict(int)
    minutes: defaultdict[date, list[float]] = defaultdict(list)
    async for chunk in all_after(db, 0, await head(db)):
        for at in map(to_recorded, chunk):
            match at.event:
                case FacilityRegistered(tier=Tier.COMMUNE, province_code="10"):
                    asks_in_lao_cai.add(at.stream_id)
                case FacilityReclassified():
                    asks_in_lao_cai.discard(at.stream_id)
                case ReferralSubmitted(speciality="cardiology", asking_facility_id=asking) if asking in asks_in_lao_cai:
                    waiting[at.stream_id] = at.happened_at
                    sent[_month(at.happened_at)] += 1
                case ReferralAccepted() | ReferralDeclined() | ReferralReturned() | ReferralAnswered():
                    began = waiting.pop(at.stream_id, None)
                    if began is not None:
                        wait = _minute(at.happened_at) - _minute(began)
                        minutes[_month(began)].append(wait.total_seconds() / 60)
    await db.close()
    return [(month, sent[month], len(minutes[month]), median(minutes[month]), _p90(minutes[month])) for month in sent]


def _p90(values: list[float]) -> float:
    return round(quantiles(values, n=10, method="inclusive")[8], 6)


def _month(moment: datetime) -> date:
    return local_day(moment).replace(day=1)


def _minute(moment: datetime) -> datetime:
    return moment.replace(second=0, microsecond=0)
