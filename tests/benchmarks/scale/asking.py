"""DuckDB is asked about an export: `python -m tests.benchmarks.scale.asking FOLDER END`.

It is a process of its own, so that its memory is DuckDB's. It prints one line of JSON.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from statistics import median
from typing import Any

import duckdb

from tests.benchmarks.products import peak_memory_mb

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


def main(folder: str, end: str) -> None:
    found = answered(Path(folder), int(end))
    print(json.dumps(found | {"duckdb_memory_mb": round(peak_memory_mb(os.getpid()))}))


if __name__ == "__main__":
    main(*sys.argv[1:])
