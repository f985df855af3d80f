"""What one API process carries: queries, mutations, subscribers of one board, many open subscriptions.

Queries and mutations are asked over 16 connections, from this process, by a client without a library; relay and
worker rest meanwhile, so that it is the API that is measured, and its CPU time is told with each figure.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

import psutil

from commands._bus import Bus
from infra.event_store import PostgresEventStore
from infra.postgres import connect
from tests.benchmarks.callers import asked_by
from tests.benchmarks.conferences import (
    BOARD,
    FACILITIES,
    FACILITY,
    MEASURE_LINE,
    chair,
    consultation,
    give_floor,
    line_of,
    opened,
)
from tests.benchmarks.figure import Asked, Figure, Runs
from tests.benchmarks.histories import clone_of, fill
from tests.benchmarks.machine import spending
from tests.benchmarks.products import Products, pid_of, views_take_in
from tests.benchmarks.stage import Stage
from tests.benchmarks.wire import HttpLine, Viewer

CONSULTATIONS = 20
LINES = 16
VIEWERS = 200
MANY = 1_000
GIVEN_PER_SECOND = 25


async def measure(stage: Stage) -> Sequence[Figure]:
    async with stage.database() as dsn, stage.kafka() as bootstrap, AsyncExitStack() as ends:
        db = await connect(dsn, statement_timeout="0")
        log = await fill(db, await opened(), CONSULTATIONS)
        products = Products.on(stage, dsn, bootstrap)
        async with products.running("relay"), products.running("projections"):
            await views_take_in(db, range(1, len(log) + 1))
        await db.close()
        await ends.enter_async_context(products.running("issuer"))
        api = Api(products, pid_of(await ends.enter_async_context(products.running("api"))), dsn)
        found = [await api.queries()]
        async with products.running("relay"), products.running("projections"):
            found += [await api.one_board(), await api.many_open()]
        return [found[0], await api.mutations(), *found[1:]]


@dataclass
class Api:
    products: Products
    pid: int
    dsn: str

    async def queries(self) -> Figure:
        def wanted(n: int) -> dict[str, Any]:
            return {"id": str(clone_of(FACILITIES[n % 3], n % CONSULTATIONS))}

        token = self.products.token("coordinator")
        return await self._asked("single-object queries", token, FACILITY, wanted, Asked(1_000), b'"nameVi"')

    async def mutations(self) -> Figure:
        def wanted(n: int) -> dict[str, Any]:
            return line_of(clone_of(FACILITIES[n % 3], n % CONSULTATIONS), n)

        token = self.products.token("registrar")
        return await self._asked("mutations", token, MEASURE_LINE, wanted, Asked(400), b'"CommandAccepted"')

    async def _asked(self, name: str, token: str, query: str, variables: Any, asked: Asked, expected: bytes) -> Figure:
        lines = [await HttpLine.to(self.products.api, token) for _ in range(LINES)]

        async def ask(n: int) -> None:
            # The first numbers of the callers are 0 to 15, and each keeps to its own connection.
            answer = await lines[n % LINES].ask(query, variables(n))
            if expected not in answer:
                raise AssertionError(answer[:400])

        stage = self.products.stage
        await asked_by(LINES, 500, ask)
        reached, p99, count = [], [], 1_000 if stage.quick else 4_000
        with spending(api=self.pid, postgres=stage.postgres_pid) as spent:
            for _ in range(stage.rounds):
                answered = await asked_by(LINES, count, ask)
                reached.append(answered.per_second)
                p99.append(answered.ms(0.99))
        for line in lines:
            line.close()
        total = count * stage.rounds
        cpu = 1e6 * spent.cpu["api"] / total
        limit = f"{_cpu(cpu)}; PostgreSQL {1e6 * spent.cpu['postgres'] / total:.0f} µs,"
        limit += f" client {1e6 * spent.own_cpu / total:.0f} µs; p99 {Runs(p99).median:.0f} ms at {LINES} at once"
        return Figure(f"{name}, one API process", "/s", Runs(reached), asked, limit=limit, details={"cpu_us": cpu})

    async def one_board(self) -> Figure:
        """The commands come by a bus of our own, so the API's CPU time is that of its subscribers."""
        delivered = [0]

        def seen(text: bytes) -> None:
            delivered[0] += 1

        store = PostgresEventStore(self.dsn)
        bus = Bus(store)
        viewers = await self._viewers(VIEWERS, seen)
        await _until(lambda: delivered[0] >= VIEWERS)  # Everybody has had how things stand.
        costs, turns, size = [], 100 if self.products.stage.quick else 200, 0
        for round_ in range(self.products.stage.rounds):
            before = delivered[0]
            with spending(api=self.pid) as spent:
                for turn in range(turns):
                    await give_floor(bus, 0, turn + round_)
                    await asyncio.sleep(1 / GIVEN_PER_SECOND)
                await _quiet(delivered)
            costs.append(1e6 * spent.cpu["api"] / (delivered[0] - before))
            size = (delivered[0] - before) // VIEWERS
        for viewer in viewers:
            viewer.close()
        await store.close()
        limit = f"{size} frames for {turns} commands, each to {VIEWERS} viewers; reading the log and making it included"
        return Figure("CPU for one delivered message", "µs", Runs(costs), Asked(60, at_least=False), limit=limit)

    async def many_open(self) -> Figure:
        opened = [0]

        def seen(text: bytes) -> None:
            opened[0] += 1

        before = _memory_mb(self.pid)
        viewers = await self._viewers(MANY, seen)
        await _until(lambda: opened[0] >= MANY)
        memory = _memory_mb(self.pid)
        lost = [viewer.closed for viewer in viewers if viewer.closed]
        if lost:
            raise AssertionError(f"{len(lost)} were closed: {lost[0]}")
        for viewer in viewers:
            viewer.close()
        each = 1_000 * (memory - before) / MANY
        limit = f"{before:.0f} MB before, {each:.0f} kB for each connection with its subscription"
        return Figure(f"memory with {MANY:,} open", "MB", Runs([memory]), Asked(250, at_least=False), limit=limit)

    async def _viewers(self, count: int, seen: Any) -> list[Viewer]:
        who, where = chair(0)
        token = self.products.token("doctor", subject=who, facility=where)
        about = {"id": str(consultation(0))}
        return [await Viewer.of(self.products.api, token, BOARD, about, seen) for _ in range(count)]


def _cpu(micros: float) -> str:
    return f"API {micros:.0f} µs CPU, so {1e6 / micros:,.0f}/s by a core of its own of {os.cpu_count()}"


def _memory_mb(pid: int) -> float:
    return float(psutil.Process(pid).memory_info().rss) / 2**20


async def _until(done: Any) -> None:
    async with asyncio.timeout(60):
        while not done():
            await asyncio.sleep(0.02)


async def _quiet(count: list[int]) -> None:
    """Until nothing more arrives."""
    last = -1
    while count[0] != last:
        last = count[0]
        await asyncio.sleep(0.4)
