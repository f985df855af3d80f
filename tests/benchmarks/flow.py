"""The way of events through the processes: relay to Kafka, worker into all views, rebuild of each view."""

from __future__ import annotations

from collections.abc import Sequence

from infra.mapper import Stored
from infra.postgres import Connection, connect
from infra.rebuild import rebuild
from projections._view import every_view
from tests.benchmarks.figure import Asked, Figure, Runs
from tests.benchmarks.histories import fill, told
from tests.benchmarks.machine import spending
from tests.benchmarks.products import Products, peak_memory_mb, pid_of, relay_carries, views_take_in
from tests.benchmarks.stage import Stage

CLONES, CLONES_WHEN_QUICK = 600, 100


async def measure(stage: Stage) -> Sequence[Figure]:
    rows = await told()
    async with stage.database() as dsn, stage.kafka() as bootstrap:
        db = await connect(dsn, statement_timeout="0")
        log = await fill(db, rows, CLONES_WHEN_QUICK if stage.quick else CLONES)
        products = Products.on(stage, dsn, bootstrap)
        rounds = 1 if stage.quick else 3
        # The first time fills Kafka for the worker; then the same is sent again.
        found = [await _relay(products, db, log, rounds)]
        found += await _worker(products, db, log, rounds)
        found += await _rebuilds(dsn, log, rounds)
        await db.close()
        return found


async def _relay(products: Products, db: Connection, log: Sequence[Stored], rounds: int) -> Figure:
    reached, cpu, server = [], 0.0, 0.0
    for _ in range(rounds):
        await db.execute("delete from relay_progress")
        async with products.running("relay") as child:
            with spending(relay=pid_of(child), postgres=products.stage.postgres_pid) as spent:
                stretch = await relay_carries(db, len(log))
            reached.append(stretch.per_second(len(log)))
            cpu, server = spent.cpu["relay"] / len(log), spent.cpu["postgres"] / len(log)
    limit = f"CPU {1e6 * cpu:.0f} µs in the relay, {1e6 * server:.0f} in PostgreSQL, for each event of {_bytes(log)} B"
    return Figure("relay to Kafka", "events/s", Runs(reached), Asked(8_000), limit=limit)


async def _worker(products: Products, db: Connection, log: Sequence[Stored], rounds: int) -> Sequence[Figure]:
    reached, memory, cpu, server = [], [], 0.0, 0.0
    for _ in range(rounds):
        await _forget_views(db)
        async with products.running("projections") as child:
            with spending(worker=pid_of(child), postgres=products.stage.postgres_pid) as spent:
                stretch = await views_take_in(db, range(1, len(log) + 1))
            reached.append(stretch.per_second(len(log)))
            cpu, server = spent.cpu["worker"] / len(log), spent.cpu["postgres"] / len(log)
            memory.append(peak_memory_mb(pid_of(child)))
    limit = f"CPU {1e6 * cpu:.0f} µs in the worker, {1e6 * server:.0f} in PostgreSQL, for {len(every_view())} views"
    return [
        Figure("one worker, all views", "events/s", Runs(reached), Asked(3_000), limit=limit),
        Figure("  its memory at most", "MB", Runs(memory), Asked(300, at_least=False)),
    ]


async def _forget_views(db: Connection) -> None:
    for row in await db.fetch("delete from projection_generation returning tables"):
        for table in row["tables"]:
            await db.execute(f"drop table if exists {table} cascade")
    await db.execute("truncate projection_progress, projection_parked")


async def _rebuilds(dsn: str, log: Sequence[Stored], rounds: int) -> Sequence[Figure]:
    found = []
    for view in every_view():
        reached = []
        with spending() as spent:
            for _ in range(rounds):
                rebuilt = await rebuild(dsn, view)
                if not rebuilt.equal or rebuilt.parked:
                    raise AssertionError(f"{view.name} is not what it was: {rebuilt}")
                reached.append(rebuilt.events / rebuilt.seconds)
        limit = (
            f"{rebuilt.events:,} of {len(log):,} events into {rebuilt.rows:,} rows, compared with the old ones,"
            f" CPU {1e6 * spent.own_cpu / rounds / rebuilt.events:.0f} µs each"
        )
        found.append(Figure(f"rebuild {view.name}", "events/s", Runs(reached), Asked(20_000), limit=limit))
    return found


def _bytes(log: Sequence[Stored]) -> int:
    return sum(len(one.state) + len(one.metadata) for one in log) // len(log)
