"""No process of ours outlives its parent, and no process of anybody else is ever ended."""

import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from infra.local.kinship import TETHER, Kin, tethered

# Starts a child with or without a tether, prints its pid and waits to be killed.
PARENT = """
import subprocess, sys, time
from infra.local.kinship import tethered
command = ["sleep", "60"]
if sys.argv[1] == "tied":
    command = tethered(command, orphan_signal=9)
print(subprocess.Popen(command, start_new_session=True).pid, flush=True)
time.sleep(60)
"""


def _gone(pid: int, patience_seconds: float = 30) -> bool:
    deadline = time.monotonic() + patience_seconds
    while Kin.of(pid) and time.monotonic() < deadline:
        time.sleep(0.02)
    return Kin.of(pid) is None


@pytest.mark.parametrize(("how", "gone"), [("tied", True), ("loose", False)])
def test_a_tied_child_dies_with_a_parent_that_was_killed_and_a_loose_one_does_not(how: str, gone: bool) -> None:
    with subprocess.Popen([sys.executable, "-c", PARENT, how], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        # The tether is tied a moment after the child's start.
        while how == "tied" and Path(f"/proc/{child}/comm").read_text() != "sleep\n":
            time.sleep(0.01)
        parent.kill()
        parent.wait()
        try:
            assert _gone(child, 30 if gone else 0.3) is gone
        finally:
            if kin := Kin.of(child):
                kin.signal(signal.SIGKILL)


def test_a_command_whose_parent_died_before_the_tether_was_tied_never_starts(tmp_path: Path) -> None:
    proof = tmp_path / "started"
    stranger = 1
    done = subprocess.run([sys.executable, "-I", "-S", str(TETHER), str(stranger), "9", "", "touch", str(proof)])
    assert done.returncode == 1
    assert not proof.exists()
    subprocess.run(tethered(["touch", str(proof)], orphan_signal=9), check=True)
    assert proof.exists()


def test_a_pid_that_belongs_to_another_process_by_now_is_never_signalled() -> None:
    with subprocess.Popen(["sleep", "60"], start_new_session=True) as process:
        kin = Kin.of(process.pid)
        assert kin is not None
        for recycled in (replace(kin, started_ticks=kin.started_ticks - 1), replace(kin, boot="another")):
            assert not recycled.alive
            recycled.end((signal.SIGTERM,), patience_seconds=0.1)
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(0.3)
        kin.end((signal.SIGTERM,), patience_seconds=5)
        assert process.wait() == -signal.SIGTERM


def test_who_does_not_listen_is_killed_with_its_whole_group() -> None:
    deaf = 'trap "" TERM; sleep 60 & echo $!; wait; wait'
    with subprocess.Popen(["bash", "-c", deaf], stdout=subprocess.PIPE, text=True, start_new_session=True) as shell:
        assert shell.stdout is not None
        grandchild = int(shell.stdout.readline())
        kin = Kin.of(shell.pid)
        assert kin is not None
        kin.end((signal.SIGTERM,), patience_seconds=0.2)
        assert shell.wait() == -signal.SIGKILL
        assert _gone(grandchild)


def test_a_zombie_does_not_live() -> None:
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    assert _gone(pid)
    os.waitpid(pid, 0)
