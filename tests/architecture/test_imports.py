"""Who may import whom: the contracts of pyproject.toml hold, and they would notice when one is broken."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.product import ROOT, copy_of_tree, run_python

LINT_IMPORTS = "from importlinter.cli import lint_imports_command; lint_imports_command()"


def lint_imports(root: Path = ROOT) -> subprocess.CompletedProcess[str]:
    return run_python("-c", LINT_IMPORTS, "--no-cache", root=root)


def test_every_import_goes_down_the_layers() -> None:
    found = lint_imports()
    assert found.returncode == 0, found.stdout


@pytest.mark.parametrize(
    ("file", "planted"),
    [
        ("domain/referral.py", "import commands.policies"),
        ("domain/referral.py", "import asyncio"),
        ("commands/policies.py", "import projections._view"),
        ("commands/_bus.py", "import asyncpg"),
        ("projections/_fold.py", "import infra.settings"),
        ("infra/mapper.py", "import graphql_api.access"),
        ("infra/mapper.py", "import strawberry"),
        ("graphql_api/app.py", "import streams"),
    ],
)
def test_an_import_against_the_layers_is_found(file: str, planted: str, tmp_path: Path) -> None:
    tree = copy_of_tree(tmp_path / "tree")
    changed = tree / file
    changed.write_text(f"{changed.read_text()}\n{planted}\n")
    found = lint_imports(tree)
    assert found.returncode != 0
    assert planted.split()[1].partition(".")[0] in found.stdout
