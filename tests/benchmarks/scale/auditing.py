"""The log is signed for, verified, and reported on as of its end.

Rules: the tree grows from the first row on as the ledger makes it, tiles included; it is verified by hashing every row
once more and computing the root by itself; the report is computed as it is sealed. Nothing is published.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import time
from pathlib import Path
from typing import Any

from infra.audit.definitions import installed
from infra.audit.folder import TileFolder
from infra.audit.logged_tree import LoggedTree, leaf_of_row
from infra.audit.sealing import computed
from infra.event_log import all_after
from infra.postgres import Connection, connect
from projections.audit._tree import Frontier
from tests.audit_office import ORIGIN
from tests.benchmarks.products import forget_peak_memory, peak_memory_mb
from tests.benchmarks.scale.loading import position

REPORT, MONTH = "activity", {"month": "2026-03"}


async def audited(folder: Path, dsn: str) -> dict[str, Any]:
    """`tile_bytes` is what the tree takes on disk; `memory_mb` is the most that this process had for the report."""
    await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)
    db = await connect(dsn, statement_timeout="0", idle_in_transaction_session_timeout="0")
    try:
        end = await position(db)
        began = time.perf_counter()
        root = await _grown(db, folder, end)
        signing, began = time.perf_counter() - began, time.perf_counter()
        verified = await _root_of_the_rows(db, end) == root
        verifying, began = time.perf_counter() - began, time.perf_counter()
        forget_peak_memory()
        made = await computed(db, installed()[REPORT], MONTH, end, ORIGIN)
        reporting, memory = time.perf_counter() - began, peak_memory_mb(os.getpid())
    finally:
        await db.close(timeout=5)
    tiles = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
    await asyncio.to_thread(shutil.rmtree, folder)
    return {
        "signed_events_per_second": round(end / signing),
        "tile_bytes": tiles,
        "verified_events_per_second": round(end / verifying),
        "verified": verified,
        "report_seconds": round(reporting, 2),
        "report_bytes": sum(len(content) for content in made.files.values()),
        "report_memory_mb": round(memory),
    }


async def _grown(db: Connection, folder: Path, end: int) -> bytes:
    tree = LoggedTree(TileFolder(folder))
    async for rows in all_after(db, 0, end):
        tree.fold(rows)
    return tree.checkpoint(ORIGIN).root


async def _root_of_the_rows(db: Connection, end: int) -> bytes:
    frontier = Frontier()
    async for rows in all_after(db, 0, end):
        for row in rows:
            frontier.append(leaf_of_row(row))
    return frontier.root()
