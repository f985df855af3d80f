"""From a command to those who watch: everything on this machine, 200 commands a second through GraphQL.

The clock starts when a mutation is written to its socket, and stops when the frame that holds its event has come in
at a subscriber of that consultation.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from uuid import uuid4

import orjson

from infra.postgres import connect
from tests.benchmarks.conferences import BOARD, GIVE_FLOOR, chair, consultation, opened, speaker
from tests.benchmarks.figure import Asked, Figure, Runs, percentile
from tests.benchmarks.histories import fill
from tests.benchmarks.machine import spending
from tests.benchmarks.products import Products, pid_of, views_take_in
from tests.benchmarks.stage import Stage
from tests.benchmarks.wire import HttpLine, Viewer

CONSULTATIONS = 20
PER_SECOND = 200
PROCESSES = ("relay", "projections", "issuer", "api")


@dataclass
class Watch:
    """When which position was sent for, and when it was seen."""

    sent: dict[int, float] = field(default_factory=dict)
    seen: dict[int, float] = field(default_factory=dict)

    def frame(self, text: bytes) -> None:
        now = time.perf_counter()
        for event in orjson.loads(text)["payload"]["data"]["consultationBoard"]["events"]:
            self.seen.setdefault(int(event["position"]), now)

    def latencies_ms(self) -> list[float]:
        missing = self.sent.keys() - self.seen.keys()
        if missing:
            raise AssertionError(f"{len(missing)} commands were never seen by a subscriber")
        return [1_000 * (self.seen[position] - began) for position, began in self.sent.items()]


async def measure(stage: Stage) -> Sequence[Figure]:
    async with stage.database() as dsn, stage.kafka() as bootstrap, AsyncExitStack() as ends:
        db = await connect(dsn, statement_timeout="0")
        log = await fill(db, await opened(), CONSULTATIONS)
        products = Products.on(stage, dsn, bootstrap)
        pids = {name: pid_of(await ends.enter_async_context(products.running(name))) for name in PROCESSES}
        await views_take_in(db, range(1, len(log) + 1))
        await db.close()
        await _drive(products, 2)
        p50, p99, rates = [], [], []
        with spending(**pids, postgres=stage.postgres_pid) as spent:
            for _ in range(2 if stage.quick else 4):
                latencies, rate = await _drive(products, 5 if stage.quick else 10)
                p50.append(percentile(latencies, 0.5))
                p99.append(percentile(latencies, 0.99))
                rates.append(rate)
        shares = ", ".join(f"{name} {100 * cpu / spent.wall:.0f} %" for name, cpu in spent.cpu.items())
        limit = f"{Runs(rates)} commands/s; of a core: {shares}, client {100 * spent.own_cpu / spent.wall:.0f} %"
        return [
            Figure("command to subscriber, p50", "ms", Runs(p50), Asked(25, at_least=False), limit=limit),
            Figure("command to subscriber, p99", "ms", Runs(p99), Asked(120, at_least=False)),
        ]


async def _drive(products: Products, seconds: float) -> tuple[list[float], float]:
    """At an even pace, whether or not earlier ones were answered. Answers with latencies and the pace held."""
    watch = Watch()
    tokens = [products.token("doctor", subject=chair(n)[0], facility=chair(n)[1]) for n in range(CONSULTATIONS)]
    viewers = [
        await Viewer.of(products.api, token, BOARD, {"id": str(consultation(n))}, watch.frame)
        for n, token in enumerate(tokens)
    ]
    lines = [await HttpLine.to(products.api, token) for token in tokens]
    locks = [asyncio.Lock() for _ in lines]

    async def send(n: int, turn: int) -> None:
        began = time.perf_counter()
        given = {"consultationId": str(consultation(n)), "facilityId": str(speaker(n, turn))}
        async with locks[n]:
            answer = orjson.loads(await lines[n].ask(GIVE_FLOOR, {"input": given, "id": str(uuid4())}))
        watch.sent[int(answer["data"]["giveFloor"]["position"])] = began

    await asyncio.sleep(0.5)
    began, count = time.perf_counter(), int(seconds * PER_SECOND)
    async with asyncio.TaskGroup() as group:
        for n in range(count):
            await asyncio.sleep(max(0, began + n / PER_SECOND - time.perf_counter()))
            group.create_task(send(n % CONSULTATIONS, n // CONSULTATIONS))
    rate = count / (time.perf_counter() - began)
    async with asyncio.timeout(30):
        while watch.sent.keys() - watch.seen.keys():
            await asyncio.sleep(0.02)
    for viewer in viewers:
        viewer.close()
    for line in lines:
        line.close()
    return watch.latencies_ms(), rate
