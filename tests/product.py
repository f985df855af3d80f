"""The product as the tests of its form see it: its files, and what they define.

Rules: tests define small worlds of their own, whose events and commands stand in the same registries; so a thing is
the product's when the file that defines it is. What has to be seen without any test world is made in an interpreter
of its own.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

from commands._command import Command, every_command
from domain._catalogue import every_event, import_all
from domain._kernel import REFUSALS, DomainError, Event
from projections._view import View, every_view

ROOT = Path(__file__).parent.parent
PACKAGES = ("domain", "commands", "projections", "streams", "media", "graphql_api", "infra")
NOT_SOURCE = (".git", ".venv", "var", "node_modules", "*_cache", ".hypothesis", "__pycache__", "*.egg-info", "target")

Kind = TypeVar("Kind", bound=type)


def source_files(*folders: str, root: Path = ROOT) -> Sequence[Path]:
    """The Python files of these folders, of all packages when none is named."""
    return sorted(file for folder in folders or PACKAGES for file in (root / folder).rglob("*.py"))


def modules(root: Path = ROOT) -> Sequence[str]:
    """The dotted names of the product's files."""
    found = (file.relative_to(root).with_suffix("") for file in source_files(root=root))
    return [".".join(file.parts[:-1] if file.name == "__init__" else file.parts) for file in found]


def _own(kinds: Iterable[Kind]) -> Sequence[Kind]:
    return [kind for kind in kinds if kind.__module__.partition(".")[0] in PACKAGES]


def events() -> Sequence[type[Event]]:
    return _own(every_event().values())


def commands() -> Sequence[type[Command]]:
    return _own(every_command().values())


def refusals() -> Sequence[type[DomainError]]:
    for package in ("domain", "commands", "projections", "graphql_api"):
        import_all(package)
    return _own(REFUSALS.values())


def views() -> Sequence[View]:
    return [view for view in every_view() if _own(table.row for table in view.tables)]


def copy_of_tree(to: Path) -> Path:
    """The whole tree somewhere else, so that a test may change files in it."""
    return shutil.copytree(ROOT, to, ignore=shutil.ignore_patterns(*NOT_SOURCE))


def run_python(*arguments: str, root: Path = ROOT, **more: Any) -> subprocess.CompletedProcess[str]:
    """Run this Python in a process of its own at the root of a tree."""
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=root,
        env={**_environment(), "PYTHONPATH": str(root), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
        **more,
    )


@cache
def _environment() -> Mapping[str, str]:
    from infra.settings import Settings, child_environment

    return child_environment(Settings.from_env())
