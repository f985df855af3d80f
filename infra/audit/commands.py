"""The commands of the audit: bundle, verify, receipt, keys. Each answers its exit code."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from uuid import UUID

from rich.console import Console

from infra.audit import keys
from infra.audit.bundle import NotCovered, Wanted, write_bundle
from infra.audit.folder import TileFolder
from infra.audit.policy import policy_text
from infra.audit.published import Published
from infra.audit.report_bundle import sealed_report
from infra.audit.report_files import NotSealed
from infra.audit.token import NotATokenKey, Place
from infra.audit.trust import Trust
from infra.blobs import BlobFolder
from infra.local.record import database_of
from infra.postgres import connect
from infra.settings import Settings
from projections.audit import verifier
from projections.audit._checkpoint import read_checkpoint
from projections.audit._note import read_note


@dataclass(frozen=True, slots=True)
class BundleWish:
    """What the command line was told: `since` are files of checkpoints that were kept."""

    as_of: str | None = None
    stored: bool = False
    positions: Sequence[int] = ()
    since: Sequence[Path] = ()
    report: UUID | None = None


def make_bundle(settings: Settings, console: Console, out: Path, wish: BundleWish) -> int:
    """0 when it is written, 1 when no checkpoint covers it yet, 2 when nothing runs or it was asked wrongly."""
    dsn = database_of(settings)
    if dsn is None:
        console.print("Nothing runs; start it with `telehealth up`, or set DATABASE_URL.")
        return 2
    if wish.report is not None and (wish.as_of or wish.positions or wish.since):
        console.print("A bundle of a report shows the whole log as far as its seal: --report stands alone.")
        return 2
    try:
        since = [read_checkpoint(read_note(file.read_text()).text).size for file in wish.since]
        wanted = Wanted(moment(wish.as_of), wish.stored, list(wish.positions) or None, since)
        made = asyncio.run(_write(dsn, settings, out, wanted, wish.report))
    except NotCovered as fault:
        console.print(str(fault))
        return 1
    except NotSealed as fault:
        console.print(f"There is no sealed run {fault}.")
        return 2
    except (OSError, ValueError) as fault:
        console.print(f"Asked wrongly: {fault}", highlight=False)
        return 2
    console.print(f"{out}: {made.size} events, as the checkpoint of that size was signed", highlight=False)
    return 0


def verify(
    what: str,
    file: Path,
    policy: Path,
    known: Sequence[Path] = (),
    proof: Path | None = None,
    recompute: bool = False,
) -> int:
    """As the auditor does it, with the same file that he takes away."""
    arguments = [what, str(file), "--policy", str(policy)]
    for one in known:
        arguments += ["--known", str(one)]
    if proof is not None:
        arguments += ["--proof", str(proof)]
    if recompute:
        arguments.append("--recompute")
    return verifier.main(arguments)


def print_policy(settings: Settings, console: Console) -> int:
    # Past the console, which would break the long lines of keys.
    console.file.write(policy_text(settings))
    return 0


def rotate(settings: Settings, console: Console, retire: str | None, place: str | None) -> int:
    """Add the next key of the log, of a token if one is named; or retire the one that everybody has seen replaced."""
    file = keys.audit_folder(settings.data) / "log.key"
    try:
        if retire is not None:
            keys.retire(file, retire, settings.audit_origin)
            console.print(f"{retire} signs no more from the ledger's next start on")
            return 0
        for key in keys.rotate(file, settings.audit_origin, place=Place.read(place) if place else None):
            console.file.write(f"{key.text()}\n")
        keys.log_keys(settings)
    except (keys.KeyRefused, NotATokenKey) as fault:
        console.print(str(fault))
        return 1
    return 0


async def _write(dsn: str, settings: Settings, out: Path, wanted: Wanted, report: UUID | None) -> Published:
    db = await connect(dsn, statement_timeout="0")
    try:
        if report is not None:
            blobs, trust = BlobFolder(settings.data / "blobs"), Trust.of(settings)
            wanted = replace(wanted, report=await sealed_report(db, blobs, trust, report))
        return await write_bundle(db, TileFolder(keys.audit_folder(settings.data) / "log"), out, wanted)
    finally:
        await db.close()


def moment(text: str | None) -> int | datetime | None:
    """A position or a time as people write it on the command line. Raises ValueError."""
    if text is None or text.isdigit():
        return (text and int(text)) or None
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError("a time names its offset from UTC, such as 2020-08-27T09:00:00+07:00")
    return moment
