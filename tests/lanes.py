"""The run has lanes: processes that take test files from one list, each with a PostgreSQL and a Kafka of its own.

Rules: most tests wait for other processes, so two lanes need little more of the machine than one; a file stays in one
lane, so that what it sets up is set up once; what takes long begins early, so that no lane waits for the other at the
end. A browser that encodes and decodes pictures needs the whole machine, and what it shows tells of time: a test that
asks for one, or is marked `alone`, runs while nobody else does, and its file comes last. A folder whose files share a
room full of browsers is one lane's as a whole: two such rooms would be in each other's way, and in that of the others.
"""

from __future__ import annotations

import fcntl
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadFileScheduling

# In the order in which they begin; what is not named here comes behind.
LONGEST = ("tests/e2e/", "tests/docs/", "tests/infra/test_supervisor.py", "tests/streams/", "tests/graphql_api/")

ONE_LANES = ("tests/web/",)


class Lanes(LoadFileScheduling):  # type: ignore[misc]
    """A file is a lane's, or a whole folder."""

    def _split_scope(self, nodeid: str) -> str:
        return next((folder for folder in ONE_LANES if nodeid.startswith(folder)), super()._split_scope(nodeid))


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Lanes:
    return Lanes(config, log)


def alone(item: pytest.Item) -> bool:
    """Whether the test needs the machine for itself."""
    asked: Sequence[str] = getattr(item, "fixturenames", ())
    return "chromium" in asked or item.get_closest_marker("alone") is not None


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Files keep together, and their tests in order."""
    if not in_a_lane(config):
        return
    last = {item.path for item in items if alone(item)}

    def turn(item: pytest.Item) -> tuple[bool, int]:
        places = (n for n, start in enumerate(LONGEST) if item.nodeid.startswith(start))
        return item.path in last, next(places, len(LONGEST))

    items.sort(key=turn)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Outside of everything else, so that no test's time is spent with waiting."""
    if not in_a_lane(item.config):
        return (yield)
    with _beside_others(item):
        return (yield)


def in_a_lane(config: pytest.Config) -> bool:
    return hasattr(config, "workerinput")


@contextmanager
def _beside_others(item: pytest.Item) -> Iterator[None]:
    """Those who run beside each other share the lock; who runs alone has it for himself."""
    lane: pytest.TempPathFactory = item.config._tmp_path_factory  # type: ignore[attr-defined]
    with Path(lane.getbasetemp().parent, "lanes.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX if alone(item) else fcntl.LOCK_SH)
        yield
