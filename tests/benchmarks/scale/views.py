"""The views are filled from the log as a rebuild does it, and everything on disk is weighed."""

from __future__ import annotations

import os
from typing import Any

from infra import progress
from infra.postgres import connect
from infra.progress import Reached
from infra.rebuild import GENERATION, GROUP, rebuild
from infra.topics import PARTITIONS, Place, topic_of
from projections._view import View
from tests.benchmarks.products import forget_peak_memory, peak_memory_mb
from tests.benchmarks.scale.loading import position
from tests.product import events

NO_KAFKA = "none"
WEIGHTS = """
    select relname, reltuples::bigint as rows, pg_relation_size(oid) as table, pg_indexes_size(oid) as indexes
      from pg_class where relkind = 'r' and relnamespace = 'public'::regnamespace and relpages > 0
     order by pg_total_relation_size(oid) desc
"""


async def workers_have_all(dsn: str) -> None:
    """A rebuild takes in what the workers have taken in: let that be all of the log."""
    db = await connect(dsn)
    end = await position(db)
    aggregates = {event.name.partition(".")[0] for event in events()}
    reached = {Place(topic_of(one), n): Reached(end, 0) for one in aggregates for n in range(PARTITIONS)}
    async with db.transaction():
        await progress.ensure(db, GROUP, NO_KAFKA, sorted(reached))
        await progress.write(db, GROUP, NO_KAFKA, reached)
    await db.close(timeout=5)


async def rebuilt(view: View, dsn: str) -> dict[str, Any]:
    """`memory_mb` is the most that this process had while it folded."""
    await workers_have_all(dsn)
    forget_peak_memory()
    done = await rebuild(dsn, view)
    return {
        "events": done.events,
        "rows": done.rows,
        "seconds": round(done.seconds, 2),
        "events_per_second": round(done.events / max(done.seconds, 0.001)),
        "parked": done.parked,
        "memory_mb": round(peak_memory_mb(os.getpid())),
    }


async def weighed(dsn: str) -> dict[str, Any]:
    """In bytes, by the names that tables have in every generation."""
    db = await connect(dsn, statement_timeout="0")
    await db.execute("analyze")
    found = {
        GENERATION.sub("", row["relname"]): {"rows": row["rows"], "table": row["table"], "indexes": row["indexes"]}
        for row in await db.fetch(WEIGHTS)
    }
    whole = await db.fetchval("select pg_database_size(current_database())")
    await db.close(timeout=5)
    return {"database": whole, "tables": found}
