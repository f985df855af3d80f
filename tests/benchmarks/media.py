"""What it costs to carry one camera to many screens; beside it Janus, and aiortc's own MediaRelay.

Rules: server and load are processes of their own on a core each, and wait for nobody else's where they may say so; the
servers take turns in one run, so that all of them meet the same neighbours, and what is asked is asked of their ratio;
CPU is the server's own, and how long it waited for a processor is told beside each figure, because a delay that was
measured while others had the processor says nothing about the server. Nobody repairs anything here: what is not
delivered is lost.
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
from media.native.build import NotBuilt, build
from tests.benchmarks.figure import Asked, Figure, Runs, number, percentile
from tests.benchmarks.media_ends import Counted
from tests.benchmarks.stage import Stage

SCREENS, QUICK_SCREENS = (50, 100, 200, 300), (50, 100)
SECONDS, QUICK_SECONDS = 8, 4
MOST_WAITING = 0.07
"""Above this share of the time spent waiting for a processor, delays are shown and not judged."""
ATTEMPTS = 3
NAMES = {"ours": "ours", "native": "ours with C", "janus": "Janus"}
Taken = dict[str, list[Counted]]


async def measure(stage: Stage) -> Sequence[Figure]:
    folder = folder_of(stage)
    relay = await counted("relay", 1, 1, QUICK_SECONDS if stage.quick else SECONDS, folder)
    figures: list[Figure] = []
    for screens in QUICK_SCREENS if stage.quick else SCREENS:
        taken = await rounds(stage, folder, 1, screens)
        figures += _figures(f"1 camera to {screens}", taken)
        last = taken
    figures += [*_joining(last), _beside_relay(last["ours"], relay)]
    return figures


def folder_of(stage: Stage) -> Path:
    return stage.settings.data.parent / "benchmarks"


async def rounds(stage: Stage, folder: Path, cameras: int, screens: int) -> Taken:
    """Each kind of server by turns, as often as a run has rounds."""
    folder.mkdir(parents=True, exist_ok=True)
    seconds, taken = QUICK_SECONDS if stage.quick else SECONDS, Taken()
    for _ in range(1 if stage.quick else stage.rounds):
        for kind in await asyncio.to_thread(_kinds, folder):
            taken.setdefault(kind, []).append(await counted(kind, cameras, screens, seconds, folder))
    return taken


def _kinds(folder: Path) -> list[str]:
    """What can be measured here. The library lies beside the clip: who measures changes nobody's worker."""
    kinds = ["ours"]
    try:
        build(folder)
        kinds.append("native")
    except NotBuilt as refusal:
        print(f"ours with C is not measured: {refusal}", file=sys.stderr)
    return kinds + ["janus"] * (shutil.which("janus") is not None)


def _figures(name: str, taken: Taken) -> list[Figure]:
    ours = [kind for kind in taken if kind != "janus"]
    figures = [costs(f"{name}: CPU per delivered packet", kind, taken, at_most=1.0) for kind in ours]
    figures += [delay(f"{name}: added delay of a frame's last packet", kind, taken, share=0.99) for kind in ours]
    figures += [delay(f"{name}: added delay of a frame's last packet", kind, taken, share=0.5) for kind in ours]
    return figures + [loss(f"{name}: lost", kind, taken) for kind in ours]


def costs(name: str, kind: str, taken: Taken, at_most: float) -> Figure:
    """Beside Janus in the same round; without a Janus in microseconds."""
    runs, others = taken[kind], taken.get("janus", [])
    cpu = median(run.microseconds for run in runs)
    busy = median(100 * run.cpu_seconds / run.seconds for run in runs)
    told = f"{number(cpu)} µs, {busy:.0f} % of a core, {runs[0].profile}; {_calm(runs)}"
    if not others:
        return Figure(f"{name}, {NAMES[kind]}", "µs", Runs([run.microseconds for run in runs]), limit=told)
    janus = f"Janus {number(median(one.microseconds for one in others))} µs, {others[0].profile}, {_calm(others)}"
    return Figure(
        f"{name}, {NAMES[kind]}",
        "× Janus's",
        Runs([run.microseconds / one.microseconds for run, one in zip(runs, others, strict=True)]),
        asked=Asked(at_most, at_least=False),
        limit=f"{told}; {janus}",
        details={"us": cpu, "cpu_percent": busy},
    )


def delay(name: str, kind: str, taken: Taken, share: float) -> Figure:
    """Of all frames at the screens that were looked at; only the last of them is asked for."""
    runs = taken[kind]
    asked = Asked(50.0, at_least=False) if share > 0.9 and _quiet(runs) else None
    return Figure(
        f"{name}, p{100 * share:.0f}, {NAMES[kind]}",
        "ms",
        Runs([_late(run, share) for run in runs]),
        asked=asked,
        baseline=median(_late(one, share) for one in taken["janus"]) if "janus" in taken else None,
        versus="Janus's",
        limit=f"the key frames of 43 packets at once; {_calm(runs)}",
    )


def loss(name: str, kind: str, taken: Taken) -> Figure:
    runs, others = taken[kind], taken.get("janus", [])
    janus = f"Janus {number(max(one.lost_percent for one in others))} %; " if others else ""
    return Figure(
        f"{name}, {NAMES[kind]}",
        "%",
        Runs([run.lost_percent for run in runs]),
        asked=Asked(1.0, at_least=False) if _quiet(runs) else None,
        limit=f"{janus}{_calm(runs)}",
    )


def _late(run: Counted, share: float) -> float:
    return percentile(sorted(run.latencies_ms) or [float("inf")], share)


def _quiet(runs: Sequence[Counted]) -> bool:
    return max(run.waited for run in runs) <= MOST_WAITING


def _calm(runs: Sequence[Counted]) -> str:
    return f"waited {100 * max(run.waited for run in runs):.0f} % of the time for a processor"


def _joining(taken: Taken) -> list[Figure]:
    runs, others = taken["ours"], taken.get("janus", [])
    return [
        Figure(
            f"{runs[0].viewers} screens join: what a core of the server carries",
            "joins/s",
            Runs([run.viewers / run.join_cpu_seconds for run in runs]),
            baseline=median(one.viewers / one.join_cpu_seconds for one in others) if others else None,
            versus="Janus's",
            limit="handshakes of ICE and DTLS in aiortc; by the server's CPU, what those get who are there included",
            details={"seen": median(run.viewers / run.join_seconds for run in runs)},
        ),
        Figure(
            f"{runs[0].viewers} screens: memory of each",
            "MB",
            Runs([(run.rss_mb - run.idle_rss_mb) / run.viewers for run in runs]),
            baseline=median((one.rss_mb - one.idle_rss_mb) / one.viewers for one in others) if others else None,
            versus="Janus's",
            limit="a connection of aiortc, and OpenSSL's",
        ),
    ]


def _beside_relay(runs: Sequence[Counted], relay: Counted) -> Figure:
    return Figure(
        "MediaRelay of aiortc, 1 camera to 1: CPU per delivered packet",
        "µs",
        Runs([relay.microseconds]),
        baseline=median(run.microseconds for run in runs),
        versus=f"ours to {runs[0].viewers}",
        limit=f"it encodes anew, at its own bit rate: {100 * relay.delivered / relay.expected:.0f} % as many packets",
    )


async def counted(kind: str, cameras: int, screens: int, seconds: int, folder: Path) -> Counted:
    """One run. On a machine that others keep busy ends are taken for dead; then it is done again, and said."""
    for _ in range(ATTEMPTS - 1):
        try:
            return await _counted(kind, cameras, screens, seconds, folder)
        except RuntimeError as fault:
            print(f"again, since {str(fault).strip().splitlines()[-1]}", file=sys.stderr)
    return await _counted(kind, cameras, screens, seconds, folder)


async def _counted(kind: str, cameras: int, screens: int, seconds: int, folder: Path) -> Counted:
    """One server and one load, from their start to their end."""
    cores = sorted(os.sched_getaffinity(0))
    async with _server(kind, cores[0], folder) as url:
        arguments = (url, str(cameras), str(screens), str(seconds), str(cores[-1]), str(folder))
        load = await _started("tests.benchmarks.media_load", *arguments)
        said, told = await load.communicate()
    if load.returncode != 0:
        raise RuntimeError(f"the load of {kind} failed: {told.decode()[-2000:]}")
    return Counted(**orjson.loads(said.splitlines()[-1]))


@asynccontextmanager
async def _server(kind: str, core: int, folder: Path) -> AsyncIterator[str]:
    server = await _started("tests.benchmarks.media_server", kind, str(core), str(folder))
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
