"""One run of an export: what a folder lacks of the log and of the views is written to it.

Rules: one run at a time works on a folder; it first removes what an earlier one left unfinished. A folder belongs to
one selection of days and one key of pseudonyms for good, or its tables would not be of one piece.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from infra.event_log import head
from infra.export.event_tables import event_tables
from infra.export.events import Progress, export_events
from infra.export.files import sweep
from infra.export.manifest import EVERY_DAY, Manifest, NotAnExport, Selection
from infra.export.views import export_views, views_for_analysts
from infra.local.files import locked
from infra.open_form import OpenForm
from infra.open_keys import key_id
from infra.postgres import Connection, connect
from infra.watermark import applied_upto, relayed

ASKED_AGAIN_AFTER_S, TIMES_ASKED = 0.1, 200


class AlreadyExporting(RuntimeError):
    """Another run works on this folder."""


@dataclass(frozen=True)
class Wanted:
    """`views` names those wanted; none means all of them, None means no views."""

    folder: Path
    selection: Selection = EVERY_DAY
    events: bool = True
    views: Sequence[str] | None = ()


async def export(dsn: str, wanted: Wanted, key: bytes, progress: Progress = lambda at, end: None) -> Manifest:
    """What the folder holds afterwards; `key` is that of the release of open data.

    Raises the refusals of this package, or OSError for a disk that is full.
    """
    views = None if wanted.views is None else views_for_analysts(wanted.views)
    form = OpenForm(key)
    with locked(wanted.folder / ".lock", AlreadyExporting(f"another run works on {wanted.folder}")):
        manifest = _begun(wanted, key_id(key))
        sweep(wanted.folder, manifest.paths)
        db = await connect(dsn, statement_timeout="0", idle_in_transaction_session_timeout="0", tcp_user_timeout="60s")
        try:
            if wanted.events:
                manifest = await _events(db, wanted, manifest, form, progress)
            if views is not None:
                await _views_caught_up(db)
                manifest = await export_views(db, wanted.folder, manifest, views, form)
        finally:
            await db.close(timeout=5)
    return manifest


async def _events(db: Connection, wanted: Wanted, manifest: Manifest, form: OpenForm, progress: Progress) -> Manifest:
    upto = await head(db)
    if upto < manifest.position:
        raise NotAnExport(
            f"the export holds events up to position {manifest.position}, the log ends at {upto}: it is another log"
        )
    return await export_events(db, wanted.folder, manifest, event_tables(), upto, form, progress=progress)


async def _views_caught_up(db: Connection) -> None:
    """Give the views a moment to take in what is in the log now; who does not run is not waited for."""
    upto = await head(db)
    for _ in range(TIMES_ASKED):
        if await relayed(db) is None or await applied_upto(db) >= upto:
            return
        await asyncio.sleep(ASKED_AGAIN_AFTER_S)


def _begun(wanted: Wanted, key: str) -> Manifest:
    known = Manifest.load(wanted.folder)
    if known is None:
        known = Manifest(selection=wanted.selection, key=key)
        known.save(wanted.folder)
    if known.selection != wanted.selection:
        raise NotAnExport(f"the folder holds the days {_days(known.selection)}: name another one for other days")
    if known.key != key:
        raise NotAnExport("the folder was made with another key of pseudonyms: name a new one")
    gone = next((part.path for part in known.parts if not (wanted.folder / part.path).exists()), None)
    if gone is not None:
        raise NotAnExport(f"{gone} is gone, which the export counts on: bring it back, or name a new folder")
    return known


def _days(selection: Selection) -> str:
    return f"from {selection.since or 'the first'} until {selection.until or 'the last'}"
