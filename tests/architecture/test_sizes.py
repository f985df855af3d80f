"""Files and functions stay small enough to be read at once."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.product import PACKAGES, ROOT, source_files

LONGEST_FILE = 400
LONGEST_FUNCTION = 40
FILES = source_files(*PACKAGES, "tests", "docs")

# What is longer, each with the reason why it is one idea all the same.
LONG_FILES = {
    "projections/audit/verifier.py": "what an auditor takes away is one file by intent",
    "projections/audit/reports/_kit.py": "what an auditor runs a definition with is one file by intent",
    "tests/domain/test_referral.py": "the specs of one lifecycle, each a few lines, read one by one",
    "domain/live_session.py": "the facts of one lifecycle, each a few lines, read one by one",
    "projections/examination_timeline.py": "a handler of a few lines for every event of an examination",
}
LONG_FUNCTIONS = {"commands/_bus.py _decide_and_append": "one loop of tries, whose ways out only make sense together"}


def name_of(file: Path) -> str:
    return file.relative_to(ROOT).as_posix()


def long_functions(source: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            if length > LONGEST_FUNCTION:
                yield node.name


def test_files_are_one_idea_each() -> None:
    found = {name_of(file) for file in FILES if len(file.read_text().splitlines()) > LONGEST_FILE}
    assert found - LONG_FILES.keys() == set()


def test_functions_are_read_at_once() -> None:
    found = {f"{name_of(file)} {name}" for file in FILES for name in long_functions(file.read_text())}
    assert found - LONG_FUNCTIONS.keys() == set()


@pytest.mark.parametrize("folder", PACKAGES)
def test_every_file_says_what_its_rules_are(folder: str) -> None:
    silent = [name_of(file) for file in source_files(folder) if not _tells(file)]
    assert silent == []


def _tells(file: Path) -> bool:
    tree = ast.parse(file.read_text())
    return not tree.body or ast.get_docstring(tree) is not None


def test_a_long_function_is_found() -> None:
    lines = "\n".join("    pass" for _ in range(LONGEST_FUNCTION))
    assert list(long_functions(f"def short():\n    pass\n\ndef long():\n{lines}\n")) == ["long"]
