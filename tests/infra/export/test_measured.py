"""What the bench of growth says of an export is said of a whole one."""

from __future__ import annotations

from pathlib import Path

from infra.export.run import Wanted, export
from tests.benchmarks.scale import asking, exporting
from tests.benchmarks.scale.loading import reached


async def test_an_export_that_is_measured_is_whole_grows_by_the_rest_and_then_finds_nothing_new(
    story_dsn: str, tmp_path: Path
) -> None:
    end = await reached(story_dsn)
    (tmp_path / "export").mkdir()
    (tmp_path / "export" / "half.parquet").write_text("of a run that was broken off")
    found = await exporting.exported(tmp_path / "export", story_dsn)
    assert found["files_hold_every_position_once"]
    assert not found["nothing_new_changes"]
    assert found["first_events"] == int(end * exporting.FIRST_RUN)
    assert found["first_events"] + found["added_events"] == end
    assert 0 < found["added_files"] < found["files"]
    assert found["views_rows"] > 0
    assert found["duckdb_ms"].keys() == asking.QUESTIONS.keys()
    assert not list(tmp_path.iterdir()), "40 GB are not left behind"


async def test_an_event_that_is_in_no_file_is_noticed(story_dsn: str, tmp_path: Path) -> None:
    end = await reached(story_dsn)
    await export(story_dsn, Wanted(tmp_path), exporting.KEY)
    assert asking.answered(tmp_path, end)["files_hold_every_position_once"]
    next((tmp_path / "events" / "consent").rglob("*.parquet")).unlink()
    assert not asking.answered(tmp_path, end)["files_hold_every_position_once"]
