"""`telehealth report diff`: which figures of two editions differ, and the events between the two that explain each."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from uuid import UUID

from rich.console import Console

from infra.audit.bundle import position_at
from infra.audit.on_the_log import Asked, Wish, as_of, blobs_of, known, on_the_log, parameters_of
from infra.audit.report_difference import Compared, Edition, compared
from infra.audit.report_files import sealed_run
from infra.event_log import head
from infra.postgres import Connection
from infra.settings import Settings
from projections.audit.reports._difference import Cause, Change

SHOWN_CAUSES = 12


def diff_reports(settings: Settings, console: Console, wish: Wish | None, a: str, b: str, *, as_json: bool) -> int:
    async def work(db: Connection, _: str) -> int:
        one, other = [await _edition(db, settings, named, wish) for named in (a, b)]
        found = await compared(db, known(one.definition), one, other)
        if as_json:
            console.file.write(json.dumps(found.plain(), ensure_ascii=False, sort_keys=True) + "\n")
        else:
            _explain(console, found)
        return 0

    return on_the_log(settings, console, work)


async def _edition(db: Connection, settings: Settings, named: str, wish: Wish | None) -> Edition:
    """From a run, a folder of files or, with a definition, a position or a time."""
    folder = Path(named).parent if Path(named).is_file() else Path(named)
    if (folder / "manifest.json").is_file():
        manifest = json.loads((folder / "manifest.json").read_bytes())
        digests = {one["name"]: one["sha256"] for one in manifest["files"]}
        name, result = manifest["definition"]["name"], digests["result.json"]
        return Edition(name, manifest["parameters"], manifest["position"], result)
    try:
        run_id = UUID(named)
    except ValueError:
        return await _as_of(db, named, wish)
    try:
        run = await sealed_run(db, blobs_of(settings), run_id)
    except LookupError as fault:
        raise Asked(f"There is no sealed run {run_id}.") from fault
    parameters = {one["name"]: one["value"] for one in run.row.parameters}
    return Edition(run.row.definition, parameters, run.seal.position, run.seal.result_sha256, str(run_id))


async def _as_of(db: Connection, named: str, wish: Wish | None) -> Edition:
    if wish is None:
        raise Asked(f"{named} is no run and no folder; name the report of a position or time with --report.")
    when = as_of(named)
    position = await position_at(db, when) if isinstance(when, datetime) else when
    last = await head(db)
    if not position or position > last:
        raise Asked(f"The log has no position {named}; it ends at {last}.")
    return Edition(wish.name, parameters_of(wish), position)


def _explain(console: Console, found: Compared) -> None:
    for edition, recorded, as_sealed in zip((found.before, found.after), found.recorded, found.as_sealed, strict=True):
        note = "  (today's definition makes other figures than were sealed)" if as_sealed is False else ""
        console.print(f"position {edition.position}, recorded {recorded}{note}", highlight=False, soft_wrap=True)
    counts = ", ".join(f"{count} {why}" for why, count in found.found.counts().items())
    console.print(f"{len(found.found.changes)} figures changed, by events: {counts}\n", highlight=False)
    for change in found.found.changes:
        _explain_change(console, change)


def _explain_change(console: Console, change: Change) -> None:
    where = " / ".join(str(part) for part in (change.place.section, change.place.table, *change.place.row) if part)
    before, after = ("—" if value is None else value for value in (change.before, change.after))
    console.print(f"{where}: {change.title.vi} / {change.title.en}  {before} → {after}", highlight=False, markup=False)
    for cause in change.causes[:SHOWN_CAUSES]:
        console.print(_told(cause), highlight=False, markup=False, soft_wrap=True)
    if len(change.causes) > SHOWN_CAUSES:
        console.print(f"       and {len(change.causes) - SHOWN_CAUSES} more; all with --json", highlight=False)


def _told(cause: Cause) -> str:
    told = cause.plain()
    amount = f"{cause.amount:+d}" if cause.amount else "±"
    return (
        f"  {amount:>4} {cause.why:9} position {cause.position} {cause.name} of {cause.stream}:"
        f" happened {told['happened'][:19]}Z, recorded {told['recorded'][:19]}Z"
    )
