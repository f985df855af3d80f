"""The run has lanes: processes that take test files from one list, each with a PostgreSQL and a Kafka of its own.

Rules: most tests wait for other processes, so two lanes need little more of the machine than one; a file stays in one
lane, so that what it sets up is set up once; what takes long begins early, so that no lane waits for the other at the
end. A browser that encodes and decodes pictures needs the whole machine, and what it shows tells of time: a test that
asks for one, or is marked `alone`, runs while nobody else does, and its file comes last. The tests of one live room are
one thing: a room that goes on between two of them would take the machine from everybody else.
"""

from __future__ import annotations

import fcntl
from collections.abc import Generator, Sequence
from pathlib import Path
from typing import IO

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadFileScheduling

# In the order in which they begin; what is not named here comes behind.
LONGEST = ("tests/e2e/", "tests/docs/", "tests/infra/test_supervisor.py", "tests/streams/", "tests/graphql_api/")
# The tests of such a folder come at the very end, one behind the other, and nobody else runs until the last is over.
TOGETHER = ("tests/web/",)


def alone(item: pytest.Item) -> bool:
    """Whether the test needs the machine for itself."""
    asked: Sequence[str] = getattr(item, "fixturenames", ())
    return "chromium" in asked or item.get_closest_marker("alone") is not None


class Lanes(LoadFileScheduling):  # type: ignore[misc]
    """A file is given to one lane as a whole, and so is a folder whose tests share what is live."""

    def _split_scope(self, nodeid: str) -> str:
        file = super()._split_scope(nodeid)
        return next((folder for folder in TOGETHER if file.startswith(folder)), file)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Lanes:
    return Lanes(config, log)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Files keep together, and their tests in order."""
    if not in_a_lane(config):
        return
    last = {item.path for item in items if alone(item)}

    def turn(item: pytest.Item) -> tuple[bool, bool, int]:
        places = (n for n, start in enumerate(LONGEST) if item.nodeid.startswith(start))
        return item.nodeid.startswith(TOGETHER), item.path in last, next(places, len(LONGEST))

    items.sort(key=turn)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item, nextitem: pytest.Item | None) -> Generator[None, object, object]:
    """Outside of everything else, so that no test's time is spent with waiting."""
    if not in_a_lane(item.config):
        return (yield)
    turn = item.config.stash.setdefault(TURN, Turn(item.config))
    turn.take(alone=alone(item) or item.nodeid.startswith(TOGETHER))
    try:
        return (yield)
    finally:
        if nextitem is None or not _go_together(item, nextitem):
            turn.give_back()


def in_a_lane(config: pytest.Config) -> bool:
    return hasattr(config, "workerinput")


def _go_together(one: pytest.Item, other: pytest.Item) -> bool:
    return any(one.nodeid.startswith(folder) and other.nodeid.startswith(folder) for folder in TOGETHER)


class Turn:
    """Those who run beside each other share the lock; who runs alone has it for himself."""

    def __init__(self, config: pytest.Config) -> None:
        lane: pytest.TempPathFactory = config._tmp_path_factory  # type: ignore[attr-defined]
        self._path = Path(lane.getbasetemp().parent, "lanes.lock")
        self._held: IO[str] | None = None

    def take(self, *, alone: bool) -> None:
        if self._held is None:
            self._held = self._path.open("w")
            fcntl.flock(self._held, fcntl.LOCK_EX if alone else fcntl.LOCK_SH)

    def give_back(self) -> None:
        if self._held is not None:
            self._held.close()
            self._held = None


TURN = pytest.StashKey[Turn]()
