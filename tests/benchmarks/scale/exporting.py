"""The log and the views go into Parquet files, what is new is added, and DuckDB is asked about them.

Rules: as at somebody's who exports every night, the first run takes in most of the log and the second one the rest; a
third one finds nothing new. A run that was broken off tells no rate, so that the step begins with an empty folder.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import time
from collections.abc import Mapping
from pathlib import Path
from statistics import median
from typing import Any

import duckdb

from infra.export.event_tables import event_tables
from infra.export.events import export_events
from infra.export.manifest import Manifest
from infra.export.run import Wanted, export
from infra.open_form import OpenForm
from infra.open_keys import key_id
from infra.postgres import connect
from tests.benchmarks.products import forget_peak_memory, peak_memory_mb
from tests.benchmarks.scale.loading import reached

KEY = bytes(32)
FIRST_RUN = 0.9
TIMES_ASKED = 5

READ = "read_parquet('{}', union_by_name := true, hive_partitioning := true)"
QUESTIONS: Mapping[str, str] = {
    "events by kind and day": "select event, day, count(*) from {events} group by all order by all",
    "first answers by speciality and day, from the events": """
        select sent.speciality, sent.day, count(*) as sent, count(answered.at) as answered,
               median(date_diff('minute', sent.happened_at, answered.at)) as minutes
          from (select * from {referral} where event = 'referral.submitted') as sent
          left join (select referral_id, version, happened_at as at from {referral}
                      where event in ('referral.accepted', 'referral.declined',
                                      'referral.answered', 'referral.returned')) as answered
            on answered.referral_id = sent.referral_id and answered.version = sent.version + 1
         group by all order by all
    """,
    "first answers by speciality, from the view": """
        select sent.speciality, count(*) as sent, count(sent.answered_at) as answered,
               median(date_diff('minute', sent.submitted_at, sent.answered_at)) as minutes
          from (select unnest(submissions) as sent from {waits})
         group by all order by all
    """,
}


async def exported(folder: Path, dsn: str) -> dict[str, Any]:
    """Sizes are in bytes; `memory_mb` is the most that this process had meanwhile."""
    await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)
    forget_peak_memory()
    end = await reached(dsn)
    first = await _first_run(dsn, folder, int(end * FIRST_RUN))
    began = time.perf_counter()
    with_rest = await export(dsn, Wanted(folder, views=None), KEY)
    rest_seconds, began = time.perf_counter() - began, time.perf_counter()
    whole = await export(dsn, Wanted(folder, events=False), KEY)
    views_seconds, began = time.perf_counter() - began, time.perf_counter()
    again = await export(dsn, Wanted(folder), KEY)
    again_seconds = time.perf_counter() - began
    memory = peak_memory_mb(os.getpid())
    found = {
        **first,
        "added_events": end - first["first_events"],
        "added_seconds": round(rest_seconds, 2),
        "added_files": len(with_rest.parts) - first["first_files"],
        "events_bytes": sum(part.bytes for part in whole.parts),
        "files": len(whole.parts),
        "views_seconds": round(views_seconds, 2),
        "views_rows": sum(view.rows for view in whole.views),
        "views_bytes": sum(view.bytes for view in whole.views),
        "nothing_new_seconds": round(again_seconds, 2),
        "nothing_new_changes": again != whole,
        "memory_mb": round(memory),
    }
    asked = await asyncio.to_thread(answered, folder, end)
    await asyncio.to_thread(shutil.rmtree, folder)
    return found | asked


async def _first_run(dsn: str, folder: Path, upto: int) -> dict[str, Any]:
    """What `telehealth export --no-views` had written when the log ended there."""
    folder.mkdir(parents=True)
    db = await connect(dsn, statement_timeout="0", idle_in_transaction_session_timeout="0")
    began = time.perf_counter()
    try:
        begun = Manifest(key=key_id(KEY))
        manifest = await export_events(db, folder, begun, event_tables(), upto, OpenForm(KEY))
    finally:
        await db.close(timeout=5)
    seconds = time.perf_counter() - began
    return {
        "first_events": upto,
        "first_seconds": round(seconds, 2),
        "first_files": len(manifest.parts),
        "events_per_second": round(upto / seconds),
    }


def answered(folder: Path, end: int) -> dict[str, Any]:
    """How long DuckDB takes for each question, in milliseconds, and whether the files hold every position once."""
    files = {
        "events": READ.format(folder / "events" / "*" / "**" / "*.parquet"),
        "referral": READ.format(folder / "events" / "referral" / "**" / "*.parquet"),
        "waits": READ.format(folder / "views" / "referral_waits.parquet"),
    }
    whole = f"select count(*), count(distinct position), min(position), max(position) from {files['events']}"
    ms = {}
    with duckdb.connect() as duck:
        for name, question in QUESTIONS.items():
            taken = []
            for _ in range(TIMES_ASKED):
                began = time.perf_counter()
                if not duck.execute(question.format(**files)).fetchall():
                    raise RuntimeError(f"nothing came of: {name}")
                taken.append(1_000 * (time.perf_counter() - began))
            ms[name] = round(median(taken))
        every_position_once = duck.execute(whole).fetchone() == (end, end, 1, end)
    return {"duckdb_ms": ms, "files_hold_every_position_once": every_position_once}
