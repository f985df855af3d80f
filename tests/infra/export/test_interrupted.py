"""Whatever ends a run of an export, the next one goes on, and in the end it is as if nothing had happened."""

from __future__ import annotations

import fcntl
import resource
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infra.export.event_tables import event_tables
from infra.export.events import export_events
from infra.export.files import TEMPORARY
from infra.export.manifest import Manifest, NotAnExport, Selection
from infra.export.run import AlreadyExporting, Wanted, export
from infra.open_form import OpenForm
from infra.open_keys import key_id
from infra.postgres import connect
from tests.infra.export.conftest import KEY, asked
from tests.product import ROOT

# An export as its own process, which dies at the n-th file that it gives its name, as by kill -9.
DIES = """
import asyncio, os, sys
from pathlib import Path
from infra.export import files
from infra.export import events
from infra.export.run import Wanted, export
from tests.infra.export.conftest import KEY
from tests.infra.export.test_interrupted import AUGUST

replace, left = os.replace, int(sys.argv[3])

def dying(*names):
    global left
    left -= 1
    if left == 0:
        os._exit(137)
    replace(*names)

os.replace = dying
asyncio.run(export(sys.argv[1], Wanted(Path(sys.argv[2]), AUGUST), KEY))
"""
LITTLE_BYTES = 6_000
# The days of the launch: some files for each table, and not one for each day of a quarter.
AUGUST = Selection(until=date(2020, 8, 31))


def rows_of(folder: Path) -> dict[str, Sequence[tuple[Any, ...]]]:
    """Everything that a reader of the files sees, table by table."""
    manifest = Manifest.load(folder)
    assert manifest is not None
    tables = {part.table for part in manifest.parts}
    found = {one: asked(folder, f"select * from events('{one}') order by position") for one in sorted(tables)}
    views = [Path(view.path).stem for view in manifest.views if view.path.startswith("views/")]
    return found | {one: asked(folder, f"select * from view('{one}') order by all") for one in views}


def unfinished(folder: Path) -> list[str]:
    return [file.name for file in folder.rglob("*") if file.name.endswith(TEMPORARY)]


def run_child(dsn: str, folder: Path, dies_at: int, **more: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", DIES, dsn, str(folder), str(dies_at)],
        cwd=ROOT, capture_output=True, text=True, check=False, timeout=250, **more,
    )  # fmt: skip


async def test_an_export_that_is_killed_again_and_again_is_one_export_in_the_end(
    story_dsn: str, tmp_path: Path
) -> None:
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    await export(story_dsn, Wanted(whole, AUGUST), KEY)
    for dies_at in (1, 2, 9, 14, 5):
        assert run_child(story_dsn, broken, dies_at).returncode == 137
    assert unfinished(broken), "the kill left something behind"
    await export(story_dsn, Wanted(broken, AUGUST), KEY)
    assert rows_of(broken) == rows_of(whole)
    assert unfinished(broken) == []


async def test_a_full_disk_leaves_no_half_file_and_the_next_run_goes_on(story_dsn: str, tmp_path: Path) -> None:
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    await export(story_dsn, Wanted(whole, AUGUST), KEY)
    large = max(file.stat().st_size for file in whole.rglob("events/**/*.parquet"))
    assert large > LITTLE_BYTES, "the limit stops this export"

    def little_room() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (LITTLE_BYTES, LITTLE_BYTES))

    done = run_child(story_dsn, broken, 0, preexec_fn=little_room)
    assert done.returncode == 1
    assert "File too large" in done.stderr
    assert unfinished(broken) == []
    assert list(broken.rglob("*.parquet")) == []
    await export(story_dsn, Wanted(broken, AUGUST), KEY)
    assert rows_of(broken) == rows_of(whole)


@settings(max_examples=8, deadline=None)
@given(stops=st.lists(st.integers(1, 130), max_size=4).map(sorted), longest=st.integers(20, 90))
async def test_many_small_exports_are_one_large_export(story_dsn: str, stops: list[int], longest: int) -> None:
    db = await connect(story_dsn)
    end = 137
    tables = event_tables()
    with tempfile.TemporaryDirectory() as name:
        whole, parts = Path(name, "whole"), Path(name, "parts")
        for folder, upto, most in ((whole, [end], 10_000), (parts, [*stops, end], longest)):
            folder.mkdir()
            manifest = Manifest(key=key_id(KEY))
            for position in upto:
                before = manifest.parts
                manifest = await export_events(db, folder, manifest, tables, position, OpenForm(KEY), longest=most)
                assert manifest.parts[: len(before)] == before, "what was written is never touched again"
        assert rows_of(parts) == rows_of(whole)
    await db.close()


async def test_files_that_no_manifest_names_are_removed_before_anybody_counts_them_twice(
    story_dsn: str, tmp_path: Path
) -> None:
    """A run that was killed between a file and the manifest, and a log that has grown since: the ranges differ."""
    manifest = await export(story_dsn, Wanted(tmp_path, AUGUST), KEY)
    before = rows_of(tmp_path)
    part = tmp_path / manifest.parts[0].path
    shutil.copy(part, part.with_name("000000000001-000000000003.parquet"))
    shutil.copy(part, part.with_name(f".half{TEMPORARY}"))
    assert rows_of(tmp_path) != before
    await export(story_dsn, Wanted(tmp_path, AUGUST), KEY)
    assert rows_of(tmp_path) == before
    assert unfinished(tmp_path) == []


async def test_two_runs_do_not_write_to_one_folder(story_dsn: str, tmp_path: Path) -> None:
    with (tmp_path / ".lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(AlreadyExporting):
            await export(story_dsn, Wanted(tmp_path), KEY)
    await export(story_dsn, Wanted(tmp_path), KEY)


async def test_a_folder_that_holds_something_else_is_left_alone(story_dsn: str, tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("three years of work")
    with pytest.raises(NotAnExport, match="name a new folder"):
        await export(story_dsn, Wanted(tmp_path), KEY)
    assert [file.name for file in tmp_path.iterdir() if not file.name.startswith(".")] == ["thesis.txt"]


async def test_a_folder_belongs_to_one_selection_one_key_and_one_log(
    story_dsn: str, log_database: str, tmp_path: Path
) -> None:
    await export(story_dsn, Wanted(tmp_path, views=None), KEY)
    with pytest.raises(NotAnExport, match="other days"):
        await export(story_dsn, Wanted(tmp_path, Selection(since=date(2020, 8, 27))), KEY)
    with pytest.raises(NotAnExport, match="another key"):
        await export(story_dsn, Wanted(tmp_path), bytes(31) + b"x")
    with pytest.raises(NotAnExport, match="another log"):
        await export(log_database, Wanted(tmp_path, views=None), KEY)
    next(tmp_path.rglob("*.parquet")).unlink()
    with pytest.raises(NotAnExport, match="is gone"):
        await export(story_dsn, Wanted(tmp_path), KEY)
