"""An analyst's program that is killed at any moment loses nothing and doubles nothing."""

from __future__ import annotations

import random
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from infra.local.kinship import tethered
from infra.mapper import Stored
from tests.product import ROOT
from tests.streams.lane import TestLane

LONGEST = 900
TURNS = 3


def long_log(story: Sequence[Stored]) -> list[Stored]:
    """The story over and over, as one log."""
    rounds = (stored for _ in range(LONGEST // len(story) + 1) for stored in story)
    return [replace(stored, position=n) for n, stored in enumerate(rounds, 1)]


@pytest.mark.parametrize("aggregates", [(), ("referral", "facility")])
@pytest.mark.parametrize("seed", [1, *(pytest.param(seed, marks=pytest.mark.long) for seed in range(2, 12))])
def test_nothing_is_lost_and_nothing_doubled(
    kafka_bootstrap: str, story: Sequence[Stored], tmp_path: Path, seed: int, aggregates: tuple[str, ...]
) -> None:
    dice, log = random.Random(seed), long_log(story)
    lane = TestLane(kafka_bootstrap, sorted({stored.aggregate for stored in story}))
    messages, file, written = lane.messages(log), tmp_path / "out.db", 0

    def run(how: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "tests.streams.taker", kafka_bootstrap, lane.lane.prefix, str(file), how]
        return subprocess.Popen(tethered([*command, *aggregates], orphan_signal=signal.SIGKILL), cwd=ROOT)

    for turn in range(1, TURNS + 1):
        # Each turn has a part of the log to itself: a taker that starts slowly must find something left to take.
        upto = len(log) * turn // TURNS
        taker, deadline, killed_at = run("follow"), time.monotonic() + 60, dice.randrange(7, 120)
        before = taken(file)
        while len(taken(file)) - len(before) < killed_at and time.monotonic() < deadline:
            # Some are written twice, as a relay does that did not get to write down how far it was.
            again = max(0, written - dice.randrange(20))
            written = min(upto, written + dice.randrange(1, 90))
            lane.send(messages[again:written])
            lane.say(written)
            time.sleep(dice.random() * 0.05)
        taker.kill()
        taker.wait()
        assert len(taken(file)) > len(before)
    lane.send(messages[written:])
    lane.say(len(log))
    assert run("end").wait(100) == 0
    wanted = [(s.position, s.name) for s in log if not aggregates or s.aggregate in aggregates]
    assert taken(file) == wanted
    lane.close()


def taken(file: Path) -> list[tuple[int, str]]:
    if not file.exists():
        return []
    db = sqlite3.connect(file, timeout=30)
    try:
        return db.execute("select position, name from taken order by rowid").fetchall()
    except sqlite3.OperationalError:
        return []  # It has not made its table yet.
    finally:
        db.close()
