"""On what was measured, and how much of it others took meanwhile: without this a figure says nothing."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from time import perf_counter, process_time

import psutil

LIBRARIES = ("asyncpg", "pydantic", "eventsourcing", "strawberry-graphql", "uvicorn", "websockets", "faust-streaming")


def description() -> dict[str, object]:
    return {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "memory_gb": round(psutil.virtual_memory().total / 2**30, 1),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "libraries": {name: version(name) for name in LIBRARIES},
    }


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else ():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


@dataclass
class Spent:
    """What a stretch of time cost, in seconds; filled when it is over."""

    wall: float = 0.0
    own_cpu: float = 0.0
    cpu: dict[str, float] = field(default_factory=dict)


@contextmanager
def spending(**processes: int) -> Iterator[Spent]:
    """The time, our own CPU time, and that of the named processes and all of their children, ended ones included."""
    spent = Spent()
    before = {name: cpu_of(pid) for name, pid in processes.items()}
    own, wall = process_time(), perf_counter()
    try:
        yield spent
    finally:
        spent.wall, spent.own_cpu = perf_counter() - wall, process_time() - own
        spent.cpu = {name: cpu_of(pid) - before[name] for name, pid in processes.items()}


def cpu_of(pid: int) -> float:
    process = psutil.Process(pid)
    ended = process.cpu_times()
    total = float(ended.children_user + ended.children_system)
    for one in (process, *process.children(recursive=True)):
        try:
            times = one.cpu_times()
        except psutil.NoSuchProcess:
            continue
        total += times.user + times.system
    return total


@contextmanager
def neighbours() -> Iterator[dict[str, float]]:
    """Whether the machine was ours: its load, and the shares of its CPU time that were ours, idle, or its host's.

    What is neither ours nor idle was other programs on the same cores.
    """
    found = {"load_before": os.getloadavg()[0]}
    before, own = psutil.cpu_times(), cpu_of(os.getpid())
    try:
        yield found
    finally:
        after = psutil.cpu_times()
        passed = sum(after) - sum(before)
        found["load_after"] = os.getloadavg()[0]
        found["steal_percent"] = 100 * (getattr(after, "steal", 0) - getattr(before, "steal", 0)) / (passed or 1)
        found["ours_percent"] = 100 * (cpu_of(os.getpid()) - own) / (passed or 1)
        found["idle_percent"] = 100 * (after.idle - before.idle) / (passed or 1)
