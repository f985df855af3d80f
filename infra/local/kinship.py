"""Which process is ours: identity that survives recycled pids, and ends that leave nobody behind.

Rules: a process is named by its pid, its start in clock ticks and the boot it belongs to, so a pid that was handed on
is never signalled; every child dies with its parent, by the kernel and not by good will; Linux only, since it rests
on /proc and on parent-death signals.
"""

import contextlib
import os
import signal
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

TETHER = Path(__file__).with_name("tether.py")


@dataclass(frozen=True, slots=True)
class Kin:
    """One process of ours, as written to the data folder."""

    pid: int
    started_ticks: int
    boot: str

    @classmethod
    def of(cls, pid: int) -> "Kin | None":
        """The process that has this pid now; None when there is none or it is a zombie."""
        try:
            text = Path(f"/proc/{pid}/stat").read_text()
        except OSError:
            return None
        # The command's name is in brackets and may hold spaces and brackets itself; the fields begin after the last.
        fields = text.rpartition(")")[2].split()
        return None if fields[0] in "ZX" else cls(pid, int(fields[19]), _boot())

    @property
    def alive(self) -> bool:
        return Kin.of(self.pid) == self

    def signal(self, number: int) -> None:
        """Signals the process's whole group where it leads one, and only if it is still the same process."""
        if not self.alive:
            return
        with contextlib.suppress(ProcessLookupError):
            if os.getpgid(self.pid) == self.pid and self.pid != os.getpgrp():
                os.killpg(self.pid, number)
            else:
                os.kill(self.pid, number)

    def end(self, numbers: Sequence[int], patience_seconds: float) -> None:
        """Sends the signals one after another, with patience between them, until the process is gone."""
        for number in (*numbers, signal.SIGKILL):
            self.signal(number)
            deadline = time.monotonic() + patience_seconds
            while self.alive and time.monotonic() < deadline:
                time.sleep(0.02)
            if not self.alive:
                return


def tethered(command: Sequence[str], *, orphan_signal: int, user: str | None = None) -> list[str]:
    """The command, run by `user`, with a tether: the kernel signals it when this process dies, however it dies.

    It must be started from the main thread: the kernel takes the end of the starting thread for the parent's death.
    """
    return [sys.executable, "-I", "-S", str(TETHER), str(os.getpid()), str(int(orphan_signal)), user or "", *command]


@cache
def _boot() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
