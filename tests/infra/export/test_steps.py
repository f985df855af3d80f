"""A step of an export: bounded in memory and in open files, however many days its events happened on."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from infra.event_log import all_after
from infra.export.event_tables import OpenRow, event_tables
from infra.export.events import Step
from infra.open_form import OpenForm
from infra.postgres import connect
from tests.infra.export.conftest import KEY

FIRST = date(2015, 1, 1)


@pytest.fixture(scope="module")
async def row(story_dsn: str) -> OpenRow:
    db = await connect(story_dsn)
    try:
        async for chunk in all_after(db, 0, 1):
            return OpenRow.of(OpenForm(KEY).of(chunk[0]))
    finally:
        await db.close()
    raise AssertionError("the story has a first event")


def filled(folder: Path, row: OpenRow, count: int, days: int) -> Step:
    """`count` events, one after the other on so many days, up to where the step is full."""
    step = Step(folder, event_tables(), after=0, position=0, longest=10_000)
    while step.position < count and not step.full:
        step.position += 1
        step.take(row, FIRST + timedelta(days=step.position % days))
    return step


def test_hospitals_of_a_thousand_days_make_a_file_for_each_day_once(row: OpenRow, tmp_path: Path) -> None:
    step = filled(tmp_path, row, 3_000, 1_000)
    assert step.position == 3_000, "many days alone end no step"
    parts = step.finish()
    assert len({part.day for part in parts}) == len(parts) == 1_000
    assert {part.rows for part in parts} == {3}
    assert sum(pq.read_metadata(tmp_path / part.path).num_rows for part in parts) == 3_000


def test_what_is_much_goes_to_its_file_and_what_is_little_waits(
    row: OpenRow, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("infra.export.events.FEW_ROWS", 20)
    monkeypatch.setattr("infra.export.events.MOST_FILES_OPEN", 2)
    step = Step(tmp_path, event_tables(), after=0, position=0, longest=10_000, write_at=100)
    for position in range(1, 201):
        step.position = position
        day = position % 4 if position % 10 else 100 + position
        step.take(row, FIRST + timedelta(days=day))
    assert len(step.files) == 2, "no more files are open than may be"
    assert 0 < step.in_hand < 200
    parts = step.finish()
    assert sum(part.rows for part in parts) == 200
    assert len(parts) == 24
    assert all(pq.read_metadata(tmp_path / part.path).num_rows == part.rows for part in parts)


def test_a_step_ends_when_it_holds_too_much(row: OpenRow, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("infra.export.events.MOST_ROWS_IN_HAND", 50)
    step = filled(tmp_path, row, 3_000, 1_000)
    assert (step.position, len(step.finish())) == (50, 50)
