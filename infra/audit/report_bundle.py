"""A sealed report as an auditor takes it home: its files, what it was computed with, and the checkpoints that cover it.

Rules: the bundle stands on a cosigned checkpoint that covers the seal itself, so that the seal is known to be in the
log; definition, kit and lists are those of then, from the blobs, and never today's.
"""

from __future__ import annotations

import asyncio
import time
from uuid import UUID

from infra.audit.bundle import NotCovered, SealedReport
from infra.audit.published import Published
from infra.audit.report_files import CHECKPOINT, files, sealed_run
from infra.audit.trust import Trust, cosigned_covering
from infra.blobs import BlobFolder
from infra.postgres import Connection
from projections.audit._checkpoint import read_checkpoint
from projections.audit._note import read_note

WAITS_S = 15
POLL_S = 0.25


async def sealed_report(
    db: Connection, blobs: BlobFolder, trust: Trust, run_id: UUID, within_s: float = WAITS_S
) -> SealedReport:
    """Raises NotSealed; NotCovered when no cosigned checkpoint covers the seal within the time."""
    run = await sealed_run(db, blobs, run_id)
    shown = {name: content for name, content in files(blobs, run) if name != CHECKPOINT}
    shown.update((name, blobs.get(sha256)) for name, sha256 in run.sources().items())
    checkpoint = read_checkpoint(read_note(run.seal.checkpoint).text)
    return SealedReport(
        run_id=run_id,
        position=run.sealed_at_position,
        checkpoint=Published(
            checkpoint.size, checkpoint.root, run.seal.checkpoint, run.row.sealed_at or run.row.requested_at
        ),
        standing_on=await _covering(db, trust, run.sealed_at_position, within_s),
        reads=sorted(run.manifest["reads"]),
        files=shown,
    )


async def _covering(db: Connection, trust: Trust, position: int, within_s: float) -> Published:
    """A seal of this moment is covered in a second or two."""
    deadline = time.monotonic() + within_s
    while True:
        found = await cosigned_covering(db, trust, position)
        if found is not None:
            return found[0]
        if time.monotonic() > deadline:
            raise NotCovered("no cosigned checkpoint covers the seal of this report yet")
        await asyncio.sleep(POLL_S)
