"""A copy of the tree in which the commands of the docs run as they do for a reader."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from infra.settings import Settings
from tests.product import copy_of_tree

if TYPE_CHECKING:
    from tests.conftest import Stack


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The copy, with an environment that is ready: this run's own Python and what is installed for it."""
    tree = copy_of_tree(tmp_path_factory.mktemp("reader") / "tree")
    _command(tree, "python", f'exec {sys.executable} "$@"')
    _command(tree, "telehealth", f'exec {sys.executable} -m infra.cli "$@"')
    # As infra/local/venv.sh writes it when it is done, so that make does not install everything anew.
    wanted = (tree / "requirements.lock").read_bytes() + (tree / "pyproject.toml").read_bytes()
    (tree / ".venv" / ".ready").write_text(f"{hashlib.sha256(wanted).hexdigest()}  -\n")
    return tree


def _command(tree: Path, name: str, line: str) -> None:
    file = tree / ".venv" / "bin" / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(f"#!/bin/sh\n{line}\n")
    file.chmod(0o755)


@pytest.fixture(scope="module")
def reader(tree: Path) -> Mapping[str, str]:
    """The environment of a reader who stands at the root of the tree."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST", "MAKE", "TELEHEALTH"))}
    return {
        **kept,
        "PATH": f"{tree / '.venv' / 'bin'}:{kept['PATH']}",
        "PYTHONPATH": str(tree),
        "PYTHONDONTWRITEBYTECODE": "1",
        "TELEHEALTH_CACHE": str(Settings.from_env().cache),
    }


@pytest.fixture
def environment(reader: Mapping[str, str], stack: Stack) -> Mapping[str, str]:
    """The reader's, with the PostgreSQL of this run. Nothing that only runs needs Kafka, so none is started."""
    return {**reader, "DATABASE_URL": stack.dsn, "KAFKA_BOOTSTRAP": "127.0.0.1:9"}


@pytest.fixture(scope="module")
def with_stack(reader: Mapping[str, str], tree: Path) -> Iterator[Mapping[str, str]]:
    """The reader's, while `telehealth up` runs on a data folder of its own. GRAPHQL_URL says where to send requests."""
    environment = {**reader, "TELEHEALTH_DATA": str(tree / "var")}
    for name in ("DATABASE_URL", "KAFKA_BOOTSTRAP"):
        environment.pop(name, None)

    def telehealth(*arguments: str) -> str:
        command = [sys.executable, "-m", "infra.cli", *arguments]
        done = subprocess.run(command, cwd=tree, env=environment, capture_output=True, text=True, check=True)
        return done.stdout

    telehealth("up", "--detach")
    try:
        status = json.loads(telehealth("status", "--json"))
        yield {**environment, "GRAPHQL_URL": status["graphql_url"]}
    finally:
        telehealth("down")
