"""What it costs to carry one camera to many screens; beside it Janus, and aiortc's own MediaRelay.

Rules: server and load are processes of their own on a core each, and wait for nobody else's where they may say so; CPU
is the server's own by getrusage, and how long it waited for a processor is told beside each figure, because a delay
that was measured while others had the processor says nothing about the server. Nobody repairs anything here: what is
not delivered is lost.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from statistics import median

import orjson

from infra.settings import ROOT
from tests.benchmarks.figure import Asked, Figure, Runs, percentile
from tests.benchmarks.media_load import Counted
from tests.benchmarks.stage import Stage

SCREENS, QUICK_SCREENS = (50, 100, 200, 300), (50, 100)
SECONDS, QUICK_SECONDS = 12, 4
MOST_WAITING = 0.07
"""Above this share of the time spent waiting for a processor, delays are shown and not judged."""


async def measure(stage: Stage) -> Sequence[Figure]:
    seconds = QUICK_SECONDS if stage.quick else SECONDS
    folder = stage.settings.data.parent / "benchmarks"
    relay = await _counted("relay", 1, seconds, folder)
    figures: list[Figure] = []
    for screens in QUICK_SCREENS if stage.quick else SCREENS:
        runs, others = [], []
        for _ in range(1 if stage.quick else stage.rounds):
            # One after the other, so that both meet the same neighbours.
            runs.append(await _counted("ours", screens, seconds, folder))
            if shutil.which("janus"):
                others.append(await _counted("janus", screens, seconds, folder))
        figures += _figures(screens, runs, others)
    figures.append(_beside_relay(figures[0], relay))
    return figures


def _beside_relay(ours: Figure, relay: Counted) -> Figure:
    return Figure(
        "MediaRelay, 1 camera to 1: CPU per delivered packet",
        "µs",
        Runs([_microseconds(relay)]),
        baseline=ours.reached.median,
        versus=f"ours to {QUICK_SCREENS[0]}",
        limit=f"it encodes anew, at its own bit rate: {100 * relay.delivered / relay.expected:.0f} % as many packets",
    )


def _figures(screens: int, runs: Sequence[Counted], others: Sequence[Counted]) -> list[Figure]:
    waited = max(_waited(run) for run in runs)
    calm = waited <= MOST_WAITING
    note = f"server waited {100 * waited:.0f} % of the time for a processor"
    delays = [sorted(run.latencies_ms) or [float("inf")] for run in runs]
    return [
        Figure(
            f"1 camera to {screens}: CPU per delivered packet",
            "µs",
            Runs([_microseconds(run) for run in runs]),
            baseline=median(_microseconds(one) for one in others) if others else None,
            versus=f"Janus, which lost {_lost(others):.1f} %, p99 {_p99(others):.0f} ms" if others else "",
            limit="system calls and AES per viewer; in Python",
            details={"cpu_percent": max(100 * run.cpu_seconds / run.seconds for run in runs)},
        ),
        Figure(
            f"1 camera to {screens}: lost",
            "%",
            Runs([max(0.0, 100 * (1 - run.delivered / run.expected)) for run in runs]),
            asked=Asked(1.0, at_least=False) if calm else None,
            limit=note,
        ),
        Figure(
            f"1 camera to {screens}: added delay of a frame's last packet, p99",
            "ms",
            Runs([percentile(one, 0.99) for one in delays]),
            asked=Asked(50.0, at_least=False) if calm else None,
            limit=f"the key frames of 43 packets at once; {note}",
            details={"p50_ms": max(percentile(one, 0.5) for one in delays)},
        ),
        Figure(
            f"1 camera to {screens}: memory per screen",
            "MB",
            Runs([(run.rss_mb - run.idle_rss_mb) / run.viewers for run in runs]),
            limit="a connection of aiortc, and OpenSSL's",
        ),
    ]


def _lost(runs: Sequence[Counted]) -> float:
    return max(0.0, 100 * max(1 - run.delivered / run.expected for run in runs))


def _p99(runs: Sequence[Counted]) -> float:
    return max(percentile(sorted(run.latencies_ms) or [float("inf")], 0.99) for run in runs)


def _microseconds(run: Counted) -> float:
    return 1e6 * run.cpu_seconds / max(1, run.delivered)


def _waited(run: Counted) -> float:
    return run.waited_seconds / run.seconds


async def _counted(kind: str, screens: int, seconds: int, folder: Path) -> Counted:
    """One server and one load, from their start to their end."""
    cores = sorted(os.sched_getaffinity(0))
    async with _server(kind, cores[0]) as url:
        arguments = (url, str(screens), str(seconds), str(cores[-1]), str(folder))
        load = await _started("tests.benchmarks.media_load", *arguments)
        said, told = await load.communicate()
    if load.returncode != 0:
        raise RuntimeError(f"the load of {kind} failed: {told.decode()[-2000:]}")
    return Counted(**orjson.loads(said.splitlines()[-1]))


@asynccontextmanager
async def _server(kind: str, core: int) -> AsyncIterator[str]:
    server = await _started("tests.benchmarks.media_server", kind, str(core))
    assert server.stdout is not None
    try:
        async with asyncio.timeout(30):
            url = (await server.stdout.readline()).decode().strip()
        if not url:
            raise RuntimeError(f"the server {kind} did not start: {(await server.communicate())[1].decode()[-2000:]}")
        yield url
    finally:
        if server.returncode is None:
            server.kill()
        await server.wait()


async def _started(module: str, *arguments: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", module, *arguments),
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
