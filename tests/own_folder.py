"""Everything that a run writes lies in one folder of its own, which is removed when all went well.

Rule: pytest's usual place is closed anew to other users by each run that begins, also by those that tests begin; a
PostgreSQL in it, which runs as another user when root starts it, would lose its files in the middle.
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import pytest

OURS = pytest.StashKey[Path]()


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Before pytest chooses its place; a lane is given a part of the run's."""
    if config.option.basetemp is None:
        config.stash[OURS] = Path(tempfile.mkdtemp(prefix="telehealth-run-"))
        config.option.basetemp = str(config.stash[OURS])


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    folder = session.config.stash.get(OURS, None)
    if folder is not None and exitstatus in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED):
        shutil.rmtree(folder, ignore_errors=True)
