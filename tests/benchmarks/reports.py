"""Sealed reports: how long one takes over a million events and in how much memory, and how long to compute it anew.

The events are those of the launch day, told once and copied by the database itself with streams of their own; the
report is computed in a process of its own, whose peak of memory is its own too, and so is the recomputation from a
bundle, by the kit that travels in it.
"""

from __future__ import annotations

import asyncio
import json
import resource
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from hashlib import sha256
from pathlib import Path

from infra.audit.definitions import installed
from infra.audit.sealing import computed
from infra.event_log import all_after, head
from infra.postgres import Connection, connect
from projections.audit._leaf import leaf_of
from projections.audit.reports import _kit, activity
from tests.audit_office import ORIGIN
from tests.benchmarks.figure import Asked, Figure, Runs
from tests.benchmarks.histories import fill, told
from tests.benchmarks.stage import Stage

MONTH = {"month": "2020-08"}
TOGETHER = 40
MOST_MB = 500
# The network is registered once, what happens in it is copied, and so many days are mixed as parallel ones would be.
COPY = """
    insert into events (notification_id, originator_id, originator_version, topic, schema_version, state, metadata,
                        recorded_at)
    select $1 + row_number() over (order by n / $2, notification_id, n), md5(n::text || originator_id)::uuid,
           originator_version, topic, schema_version, state, metadata, recorded_at
      from events cross join generate_series(1, $3::int) as n
     where notification_id <= $1 and split_part(topic, '.', 1) in ('consultation', 'examination', 'referral')
"""


async def measure(stage: Stage) -> Sequence[Figure]:
    size = 100_000 if stage.quick else 1_000_000
    async with stage.database() as dsn:
        db = await connect(dsn, statement_timeout="0")
        events = await _filled(db, size)
        with tempfile.TemporaryDirectory(dir=stage.settings.data) as folder:
            reads = await _write_bundle(db, Path(folder), events)
            await db.close()
            runs = [await _in_a_process("compute", dsn, folder) for _ in range(stage.rounds)]
            again = [await _in_a_process("recompute", dsn, folder) for _ in range(stage.rounds)]
    if {one["result"] for one in (*runs, *again)} != {runs[0]["result"]}:
        raise AssertionError("the same events made different results")
    name = f"report on activity over {events:,} events"
    told_of = f"of which it reads {reads:,}; a million events in at most {MOST_MB} MB"
    return [
        Figure(name, "s", Runs([float(one["seconds"]) for one in runs]), limit=told_of),
        Figure("  its memory at the most", "MB", Runs([float(one["mb"]) for one in runs]), Asked(MOST_MB, False)),
        Figure("computed anew from a bundle", "s", Runs([float(one["seconds"]) for one in again])),
        Figure("  its memory at the most", "MB", Runs([float(one["mb"]) for one in again]), Asked(MOST_MB, False)),
    ]


async def _filled(db: Connection, size: int) -> int:
    story = await fill(db, await told(), 1)
    copied = sum(row.name.split(".")[0] in ("consultation", "examination", "referral") for row in story)
    await db.execute(COPY, len(story), TOGETHER, (size - len(story)) // copied + 1)
    await db.execute("update head set position = (select max(notification_id) from events)")
    await db.execute("analyze events")
    return await head(db)


async def _write_bundle(db: Connection, folder: Path, upto: int) -> int:
    """What the kit reads of a bundle; answers of how many events the bytes are in it."""
    one = installed()["activity"]
    job = {"parameters": MONTH, "position": upto, "stored": list(one.definition.reads), "reference": one.reference()}
    (folder / "job.json").write_text(json.dumps(job))
    (folder / "kit.py").write_bytes(one.kit)
    (folder / "definition.py").write_bytes(one.source)
    shown = 0
    with ExitStack() as files:
        records = files.enter_context((folder / "records.bin").open("wb"))
        stored = files.enter_context((folder / "stored.bin").open("wb"))
        async for rows in all_after(db, 0, upto):
            for row in rows:
                place = row.position, row.stream_id, row.version, row.name, row.schema_version
                record = leaf_of(*place, row.state, row.metadata, row.recorded_at).record()
                records.write(len(record).to_bytes(2, "big") + record)
                if row.name in one.definition.reads:
                    shown += 1
                    for content in (row.state, row.metadata):
                        stored.write(len(content).to_bytes(4, "big") + content)
    return shown


async def _in_a_process(what: str, dsn: str, folder: str) -> dict[str, str]:
    command = [sys.executable, "-m", "tests.benchmarks.reports", what, dsn, folder]
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    out, _ = await process.communicate()
    if process.returncode:
        raise AssertionError(f"{what} ended with {process.returncode}")
    found: dict[str, str] = json.loads(out.splitlines()[-1])
    return found


async def _compute(dsn: str) -> bytes:
    db = await connect(dsn, statement_timeout="0")
    try:
        made = await computed(db, installed()["activity"], MONTH, await head(db), ORIGIN)
    finally:
        await db.close()
    return made.files["result.json"]


def _recompute(folder: Path) -> bytes:
    job = json.loads((folder / "job.json").read_text())
    with (folder / "records.bin").open("rb") as records, (folder / "stored.bin").open("rb") as stored:
        facts = _kit.facts_in(records, stored, job["stored"], job["position"])
        result = _kit.computed(activity.report, MONTH, job["reference"], facts)
    return _kit.files_of(activity.report, MONTH, result)["result.json"]


def main(what: str, dsn: str, folder: str) -> None:
    began = time.perf_counter()
    result = asyncio.run(_compute(dsn)) if what == "compute" else _recompute(Path(folder))
    seconds = time.perf_counter() - began
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"seconds": seconds, "mb": peak, "result": sha256(result).hexdigest()}))


if __name__ == "__main__":
    main(*sys.argv[1:])
