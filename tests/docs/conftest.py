"""A copy of the tree in which the commands of the docs run as they do for a reader."""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.product import copy_of_tree

if TYPE_CHECKING:
    from tests.conftest import Stack


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The copy, with an environment that is ready: this run's own Python and what is installed for it."""
    tree = copy_of_tree(tmp_path_factory.mktemp("reader") / "tree")
    python = tree / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    python.chmod(0o755)
    # As infra/local/venv.sh writes it when it is done, so that make does not install everything anew.
    wanted = (tree / "requirements.lock").read_bytes() + (tree / "pyproject.toml").read_bytes()
    (tree / ".venv" / ".ready").write_text(f"{hashlib.sha256(wanted).hexdigest()}  -\n")
    return tree


@pytest.fixture
def environment(tree: Path, stack: Stack) -> Mapping[str, str]:
    """The reader's environment; the stores are those of this run."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST", "MAKE", "TELEHEALTH"))}
    return {
        **kept,
        "DATABASE_URL": stack.dsn,
        "KAFKA_BOOTSTRAP": "127.0.0.1:9",  # Nothing in the docs' own tests needs Kafka; so none is started.
        "PYTHONPATH": str(tree),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
