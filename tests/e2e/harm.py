"""What can happen to the processes of a running stack: killed, frozen, or robbed of their data.

Rules: a process is named by its identity and never by its pid alone; how soon it is back is measured and told, and no
test fails for it, since a busy machine is not a broken product.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from infra.event_log import head
from infra.local.kinship import Kin
from infra.local.record import Member, Record
from infra.postgres import LINE_FAULTS, Connection, connect
from infra.settings import Settings
from infra.watermark import applied_upto

# What never comes back within this time hangs; how soon it should be back stands in the report.
HANGS_AFTER_S = 120.0


@dataclass(frozen=True, slots=True)
class Recovery:
    """After what: when the process was ready again, and when the views had all that was in the log by then."""

    after: str
    ready_s: float
    views_s: float

    def __str__(self) -> str:
        return f"{self.after:<28} ready {self.ready_s:5.2f} s   views {self.views_s:5.2f} s"


@dataclass
class Harm:
    """Does harm to one stack, and writes down how it got over it."""

    settings: Settings
    recoveries: list[Recovery] = field(default_factory=list)

    @property
    def record(self) -> Record:
        record = Record.load(self.settings.data)
        assert record is not None
        return record

    def kin(self, name: str) -> Kin:
        kin = self.record.members[name].kin
        assert kin is not None, f"{name} does not run"
        return kin

    @asynccontextmanager
    async def db(self) -> AsyncIterator[Connection]:
        """A line to the database, as soon as it takes one."""
        async with asyncio.timeout(HANGS_AFTER_S):
            while True:
                try:
                    db = await connect(self.record.database_url)
                    break
                except LINE_FAULTS:
                    await asyncio.sleep(0.05)
        try:
            yield db
        finally:
            db.terminate()

    async def kill(self, name: str) -> None:
        """kill -9, and wait until it lives again."""
        former, began = self.kin(name), time.monotonic()
        os.kill(former.pid, signal.SIGKILL)
        await self._back(f"kill -9 {name}", name, former, began)

    async def kill_a_backend(self) -> None:
        """PostgreSQL ends all its sessions when one of them dies like this, and recovers by itself."""
        async with self.db() as db:
            pid = await db.fetchval(
                "select pid from pg_stat_activity where application_name = 'telehealth' and pid <> pg_backend_pid()"
                " order by backend_start limit 1"
            )
        began = time.monotonic()
        os.kill(pid, signal.SIGKILL)
        await asyncio.sleep(0.05)
        async with self.db():
            ready = time.monotonic() - began
        await self._views_follow("kill -9 a PostgreSQL session", ready, began)

    async def freeze(self, name: str, seconds: float) -> None:
        """SIGSTOP, and SIGCONT some seconds later: it wakes up in another world and does not know it."""
        async with self.frozen(name) as kin:
            await asyncio.sleep(seconds)
            assert kin.alive
        await self._views_follow(f"SIGSTOP {name} for {seconds:g} s", 0.0, time.monotonic())

    @asynccontextmanager
    async def frozen(self, name: str) -> AsyncIterator[Kin]:
        kin = self.kin(name)
        os.kill(kin.pid, signal.SIGSTOP)
        try:
            yield kin
        finally:
            if kin.alive:
                os.kill(kin.pid, signal.SIGCONT)

    async def wipe_kafka(self, *, whole_folder: bool = True) -> None:
        """Kafka's data is lost while everything runs; without `whole_folder` the cluster's id survives it."""
        folder = Path(self.record.data) / "kafka"
        async with self.frozen("kafka") as former:
            # Frozen, it can neither write on nor be started again before the data is gone.
            shutil.rmtree(folder if whole_folder else folder / "log")
            began = time.monotonic()
            os.kill(former.pid, signal.SIGKILL)
        await self._back(f"kafka's {'folder' if whole_folder else 'log'} wiped", "kafka", former, began)

    async def _back(self, what: str, name: str, former: Kin, began: float) -> None:
        member = await self.ready(name, unlike=former)
        assert member.restarts > 0
        await self._views_follow(what, time.monotonic() - began, began)

    async def ready(self, name: str, unlike: Kin | None = None) -> Member:
        deadline = time.monotonic() + HANGS_AFTER_S
        while time.monotonic() < deadline:
            member = self.record.members[name]
            if member.state == "ready" and member.kin not in (None, unlike) and await self._answers(name):
                return member
            await asyncio.sleep(0.02)
        raise AssertionError(f"{name} does not come back: {self.record.members[name]}")

    async def _answers(self, name: str) -> bool:
        """Whether clients are answered; of the others their supervisor says when they work."""
        if name != "api":
            return True
        async with httpx.AsyncClient(trust_env=False, timeout=2) as http:
            try:
                return (await http.post(self.record.graphql_url)).status_code == 401
            except httpx.TransportError:
                return False

    async def _views_follow(self, what: str, ready_s: float, began: float) -> None:
        """Every fault is over only when readers see again what is written."""
        async with self.db() as db:
            end = await head(db)
        await self.caught_up(end)
        self.recoveries.append(Recovery(what, ready_s, time.monotonic() - began))
        print(" ", self.recoveries[-1], flush=True)

    async def caught_up(self, end: int) -> None:
        deadline = time.monotonic() + HANGS_AFTER_S
        while time.monotonic() < deadline:
            async with self.db() as db:
                while time.monotonic() < deadline:
                    try:
                        if await applied_upto(db) >= end:
                            return
                    except LINE_FAULTS:
                        break
                    await asyncio.sleep(0.02)
        raise AssertionError(f"the views do not reach position {end}")
