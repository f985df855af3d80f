"""The product's own processes on the stage: started as `telehealth up` starts them, measured from outside."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from infra import progress
from infra.issuer import issue_token
from infra.local.child import Child
from infra.local.ports import Ports, issuer_url
from infra.local.products import product
from infra.postgres import Connection
from infra.rebuild import GROUP
from infra.settings import Settings, child_environment
from infra.topics import LOG, Lane
from infra.watermark import relayed
from tests.benchmarks.stage import Stage

PATIENCE_S = 180.0
LOOK_EVERY_S = 0.02


@dataclass
class Products:
    """The processes over one database and one Kafka; none runs until it is asked for."""

    stage: Stage
    settings: Settings

    @classmethod
    def on(cls, stage: Stage, dsn: str, bootstrap: str) -> Products:
        ports = Ports.choose(stage.settings)
        given = {"database_url": dsn, "kafka_bootstrap": bootstrap, "api_port": ports.api, "issuer_port": ports.issuer}
        settings = stage.settings.model_copy(update={**given, "log_to_stderr": False})
        return cls(stage, settings.model_copy(update={"oidc_issuer": issuer_url(settings)}))

    @asynccontextmanager
    async def running(self, name: str) -> AsyncIterator[Child]:
        program = product(name, self.settings.data, child_environment(self.settings))
        async with self.stage.running(program) as child:
            yield child

    @property
    def api(self) -> tuple[str, int]:
        return "127.0.0.1", self.settings.api_port

    def token(self, *roles: str, subject: UUID | None = None, facility: UUID | None = None) -> str:
        return "Bearer " + issue_token(self.settings, list(roles), subject=subject, facility=facility, minutes=120)


def pid_of(child: Child) -> int:
    assert child.kin is not None
    return child.kin.pid


def forget_peak_memory() -> None:
    """From here on the peak of this process counts anew."""
    Path("/proc/self/clear_refs").write_text("5")


def peak_memory_mb(pid: int) -> float:
    """The most memory that the process ever had resident."""
    status = Path(f"/proc/{pid}/status").read_text()
    (line,) = (line for line in status.splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) / 1024


@dataclass
class Stretch:
    """From the first sign of progress to the end of the work."""

    done_at_first: int = 0
    began: float = 0.0
    ended: float = 0.0

    def per_second(self, total: int) -> float:
        return (total - self.done_at_first) / (self.ended - self.began)


async def relay_carries(db: Connection, total: int, patience_s: float = PATIENCE_S, lane: Lane = LOG) -> Stretch:
    async def done() -> int:
        return int(await db.fetchval("select position from relay_progress where lane = $1", lane.prefix) or 0)

    return await _stretch(done, total, patience_s)


async def views_take_in(db: Connection, positions: Iterable[int]) -> Stretch:
    """How the views come from nothing to having everything that the relay sent."""
    ordered = list(positions)

    async def done() -> int:
        sent = await relayed(db)
        have = await progress.positions(db, GROUP)
        if sent is not None and all(have.get(place, 0) >= last for place, last in sent[1].items()):
            return len(ordered)
        # Partitions advance apart from each other; their mean is near enough for where the clock starts.
        return int(sum(have.values()) / max(1, len(sent[1]) if sent else 1))

    return await _stretch(done, len(ordered))


async def _stretch(done: object, total: int, patience_s: float = PATIENCE_S) -> Stretch:
    assert callable(done)
    found = Stretch()
    async with asyncio.timeout(patience_s):
        while True:
            count = await done()
            if count and not found.began:
                found.began, found.done_at_first = time.perf_counter(), count
            if count >= total:
                found.ended = time.perf_counter()
                return found
            await asyncio.sleep(LOOK_EVERY_S)
