"""A child that died is started again, whatever was being asked of it at that moment."""

import asyncio
import os
import signal
from pathlib import Path

import pytest

from infra.local.child import Child
from infra.local.program import Program


async def _waits_and_loses_its_cancellation(pid: int) -> str | None:
    """As a question does whose answer arrives in the very moment in which it is given up."""
    if not Path(f"/proc/{pid}").exists():
        return "is gone"
    if asyncio.current_task() in _asked:
        try:
            await asyncio.sleep(3600)
        except asyncio.CancelledError:
            return "the line was reset"
    task = asyncio.current_task()
    assert task is not None
    _asked.add(task)
    return None


_asked: set[asyncio.Task[object]] = set()


async def test_a_death_in_the_moment_of_a_question_is_not_overlooked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("infra.local.child.WATCH_POLL_SECONDS", 0.01)
    program = Program("sleeper", ("sleep", "3600"), dict(os.environ), _waits_and_loses_its_cancellation)
    child = Child(program, tmp_path / "sleeper.log", 5, lambda: None)
    child.start()
    await child.first_ready()
    await asyncio.sleep(0.1)
    assert child.kin is not None
    former = child.kin
    os.kill(former.pid, signal.SIGKILL)
    async with asyncio.timeout(60):
        while child.restarts == 0 or child.kin is None or child.state != "ready":
            await asyncio.sleep(0.01)
    assert child.kin != former
    await child.stop()


async def _nothing(pid: int) -> str | None:
    return None


async def test_a_first_death_is_followed_by_a_start_without_a_long_pause(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("infra.local.child.PAUSES_SECONDS", (0.0, 3600.0))
    child = Child(Program("sleeper", ("sleep", "3600"), dict(os.environ), _nothing), tmp_path / "log", 5, lambda: None)
    child.start()
    await child.first_ready()
    for state in ("ready", "restarting"):
        assert child.kin is not None
        former = child.kin
        os.kill(former.pid, signal.SIGKILL)
        async with asyncio.timeout(60):
            while child.kin == former or child.state != state:
                await asyncio.sleep(0.01)
    assert child.restarts == 2
    await child.stop()
