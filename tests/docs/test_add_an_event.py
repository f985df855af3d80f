"""The walk-through is carried out step by step on a copy of the tree; what it promises is there afterwards."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest
from graphql import build_schema

from tests.docs.blocks import Block, CannotApply, apply, blocks_of, misfits, run
from tests.product import ROOT, run_python

PAGE = ROOT / "docs" / "add-an-event.md"
STORED_NAME, MUTATION = "referral.reminded", "remindOfReferral"


@pytest.fixture(scope="module")
def changed(tree: Path) -> Path:
    for block in blocks_of(PAGE):
        if block.changes:
            apply(block, tree)
    return tree


def carried_out(block: Block, tree: Path, environment: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    done = run(block, tree, environment)
    assert done.returncode == 0, f"{block.text}{done.stdout}{done.stderr}"
    return done


@pytest.mark.timeout(400)
def test_the_event_has_its_mutation_view_and_test_as_the_page_promises(
    changed: Path, environment: Mapping[str, str]
) -> None:
    lock, *tests = [block for block in blocks_of(PAGE) if block.runs]
    carried_out(lock, changed, environment)
    assert (changed / "tests" / "golden" / "events" / f"{STORED_NAME}.v1.json").exists()
    schema = (changed / "graphql_api" / "schema.graphql").read_text()
    assert f"\n  {MUTATION}(" in schema
    assert "\n  reminders: Int!" in schema
    reference = changed / "docs" / "reference"
    assert f"### {STORED_NAME}\n" in (reference / "events.md").read_text()
    assert "submitted --> submitted: answer_overdue, reminded" in (reference / "lifecycles.md").read_text()
    assert "`REMINDED_OFTEN`" in (reference / "errors.md").read_text()
    for block in tests:
        carried_out(block, changed, environment)
    for block in blocks_of(PAGE):
        if block.language == "graphql":
            assert misfits(block, build_schema(schema)) == []


def test_what_the_page_writes_is_in_the_style_of_the_house(changed: Path) -> None:
    for check in (["ruff", "check", "."], ["ruff", "format", "--check", "."]):
        found = run_python("-m", *check, root=changed)
        assert found.returncode == 0, found.stdout


def test_the_types_of_what_the_page_writes_are_right(changed: Path) -> None:
    written = sorted({block.what for block in blocks_of(PAGE) if block.changes})
    found = run_python("-m", "mypy", "--follow-imports=silent", *written, root=changed)
    assert found.returncode == 0, found.stdout


@pytest.mark.parametrize(
    ("text", "reason"),
    [(" not there\n+new\n", "0 times"), (" twice\n+new\n", "2 times")],
)
def test_a_page_that_does_not_fit_the_code_is_found(text: str, reason: str, tmp_path: Path) -> None:
    (tmp_path / "file.py").write_text("twice\ntwice\n")
    with pytest.raises(CannotApply, match=reason):
        apply(Block("diff", "file.py", text), tmp_path)


def test_a_change_takes_the_place_of_what_it_shows(tmp_path: Path) -> None:
    (tmp_path / "file.py").write_text("one\n\ntwo\nthree\n")
    apply(Block("diff", "file.py", " one\n\n-two\n+2\n+\n"), tmp_path)
    assert (tmp_path / "file.py").read_text() == "one\n\n2\n\nthree\n"
