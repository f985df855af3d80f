"""The log and the views go into Parquet files, what is new is added, and DuckDB is asked about them.

Rules: as at somebody's who exports every night, the first run takes in most of the log and the second one the rest; a
third one finds nothing new. A run that was broken off tells no rate, so that the step begins with an empty folder.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import time
from pathlib import Path
from typing import Any

from infra.export.event_tables import event_tables
from infra.export.events import export_events
from infra.export.manifest import Manifest
from infra.export.run import Wanted, export
from infra.open_form import OpenForm
from infra.open_keys import key_id
from infra.postgres import connect
from tests.benchmarks.products import forget_peak_memory, peak_memory_mb
from tests.benchmarks.scale import asking
from tests.benchmarks.scale.beside import told_by
from tests.benchmarks.scale.loading import reached

KEY = bytes(32)
FIRST_RUN = 0.9


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
    asked = await told_by(asking.__name__, folder, end)
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
