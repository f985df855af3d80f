"""Commands through the bus, beside the eventsourcing library and beside plain SQL, at growing concurrency.

`cold` forgets every state, so each command loads and folds its stream; `warm` has the states of busy streams in
memory, as in service. The asked ratio is held by both.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from commands._bus import Bus
from infra.event_store import PostgresEventStore
from infra.postgres import Connection, connect
from tests.benchmarks import pgbench
from tests.benchmarks.callers import Answered, asked_by
from tests.benchmarks.examinations import STREAMS, observe, reset, seed
from tests.benchmarks.figure import Asked, Figure, Runs
from tests.benchmarks.library import LibraryApplication
from tests.benchmarks.machine import Spent, spending
from tests.benchmarks.stage import Stage

CALLERS = (1, 8, 32, 128)
AT_32 = 32
ASKED_RATIO, ASKED_P99_MS = 12, 15
LIBRARY, PGBENCH = "library", "pgbench"


@dataclass
class Contender:
    answered: list[Answered] = field(default_factory=list)
    spent: list[Spent] = field(default_factory=list)

    def runs(self) -> Runs:
        return Runs([one.per_second for one in self.answered])

    def ms(self, share: float) -> Runs:
        return Runs([one.ms(share) for one in self.answered])

    def cpu_us(self) -> tuple[float, float]:
        """Of one command: in our process, and in PostgreSQL."""
        count = sum(len(one.latencies) for one in self.answered)
        server = sum(one.cpu["postgres"] for one in self.spent)
        return 1e6 * sum(one.own_cpu for one in self.spent) / count, 1e6 * server / count


async def measure(stage: Stage) -> Sequence[Figure]:
    async with stage.database() as dsn:
        db = await connect(dsn, statement_timeout="0")
        await seed(db, dsn)
        library = LibraryApplication(dsn)
        await asyncio.to_thread(library.seed)
        try:
            race = Race(stage, dsn, db, library)
            found: list[Figure] = []
            for callers in CALLERS:
                found += await race.at(callers)
            return found
        finally:
            library.close()
            await db.close()


class Race:
    """All contenders, in turns."""

    def __init__(self, stage: Stage, dsn: str, db: Connection, library: LibraryApplication) -> None:
        self._stage, self._dsn, self._db, self._library = stage, dsn, db, library
        self._observed = 0

    async def at(self, callers: int) -> Sequence[Figure]:
        results = {name: Contender() for name in ("warm", "cold", PGBENCH, LIBRARY)}
        total = STREAMS if self._stage.quick or callers == 1 else 3 * STREAMS
        sizes = await self._db.fetchrow(
            "select length(state) as state, length(metadata) as metadata from seed order by notification_id desc"
        )
        assert sizes is not None
        text = pgbench.script(sizes["state"], sizes["metadata"])
        for _ in range(self._stage.rounds):
            for name, contender in results.items():
                await reset(self._db)
                await self._run(name, contender, callers, total, text)
        return _figures(callers, results, sizes["state"] + sizes["metadata"])

    async def _run(self, name: str, contender: Contender, callers: int, total: int, text: str) -> None:
        if name == PGBENCH:
            with self._spending(contender):
                # One commit for each command: the disk is what takes long, and a pass over the streams is enough.
                answered = await asyncio.to_thread(pgbench.run, self._dsn, callers, min(total, STREAMS), text)
        elif name == LIBRARY:
            few = 200 if self._stage.quick else 600
            self._observed += few
            with self._spending(contender):
                answered = await asyncio.to_thread(self._library.run, callers, few, self._observed)
        else:
            answered = await self._ours(contender, callers, total, warm=name == "warm")
        contender.answered.append(answered)

    async def _ours(self, contender: Contender, callers: int, total: int, *, warm: bool) -> Answered:
        store = PostgresEventStore(self._dsn)
        bus = Bus(store) if warm else Bus(store, remembered=0)
        try:
            # Opens the lines, and lets a warm bus meet every stream.
            await asked_by(callers, STREAMS if warm else callers, lambda n: observe(bus, n))
            with self._spending(contender):
                return await asked_by(callers, total, lambda n: observe(bus, n))
        finally:
            await store.close()

    @contextmanager
    def _spending(self, contender: Contender) -> Iterator[None]:
        with spending(postgres=self._stage.postgres_pid) as spent:
            yield
        contender.spent.append(spent)


def _figures(callers: int, results: dict[str, Contender], size: int) -> Sequence[Figure]:
    library, plain = results[LIBRARY].runs().median, results[PGBENCH].runs().median
    library_cpu = sum(results[LIBRARY].cpu_us())
    found = []
    for name in ("warm", "cold"):
        one = results[name]
        ours, server = one.cpu_us()
        asked = Asked(ASKED_RATIO * library) if callers == AT_32 else None
        found.append(
            Figure(
                f"commands, {callers} at once, {name}",
                "/s",
                one.runs(),
                asked,
                baseline=library,
                versus="library",
                limit=f"CPU {ours:.0f} µs here, {server:.0f} in PostgreSQL, by which it is"
                f" {library_cpu / (ours + server):.2g} × library; {one.runs().median / plain:.2g} × pgbench",
                details={
                    "cpu_us": ours,
                    "server_cpu_us": server,
                    "p50_ms": one.ms(0.5).median,
                    "p99_ms": one.ms(0.99).median,
                    "event_bytes": size,
                },
            )
        )
        latency = f"p50 {one.ms(0.5).median:.1f} ms"
        p99 = Asked(ASKED_P99_MS, at_least=False) if callers == AT_32 else None
        found.append(Figure(f"  p99, {callers} at once, {name}", "ms", one.ms(0.99), p99, limit=latency))
    for name in (PGBENCH, LIBRARY):
        one = results[name]
        ours, server = one.cpu_us()
        latency = f"p50 {one.ms(0.5).median:.1f}, p99 {one.ms(0.99).median:.1f} ms; CPU"
        # That of pgbench is its own, and is not seen from here.
        latency += f" {ours:.0f} µs here, {server:.0f} in PostgreSQL" if name == LIBRARY else f" {server:.0f} µs in it"
        found.append(Figure(f"  {name}, {callers} at once", "/s", one.runs(), limit=latency))
    return found
