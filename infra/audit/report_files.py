"""What was sealed, as it lies in the blobs: the manifest of a run, and the files that it names.

Rules: a file is reached through the manifest of a sealed run and by no other way, and is verified by its digest before
anybody gets it; so what is handed out is what was sealed, or an error.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from domain.report import ReportSealed
from infra.blobs import BlobFolder
from infra.mapper import COLUMNS, stored_from, to_event
from infra.postgres import Connection
from projections._page import EVERYTHING
from projections.report_run import ReportRun, report_run

SEALS = f"select {COLUMNS} from events where originator_id = $1 and topic = $2 order by originator_version"
MANIFEST, CHECKPOINT = "manifest.json", "checkpoint"


class NotSealed(LookupError):
    """There is no such run, or it is not sealed."""


@dataclass(frozen=True, slots=True)
class SealedRun:
    """A sealed run, its seal as it stands in the log, at which position, and what its manifest says."""

    row: ReportRun
    seal: ReportSealed
    sealed_at_position: int
    manifest: Mapping[str, Any]

    def digests(self) -> dict[str, str]:
        """The sealed files by name; the manifest itself is one of them."""
        files = {one["name"]: one["sha256"] for one in self.manifest["files"]}
        return {MANIFEST: self.seal.manifest.sha256, **files}

    def sources(self) -> dict[str, str]:
        """What the result was computed with, by the name that it has in a bundle."""
        lists = {f"reference/{name}.json": found for name, found in self.manifest["reference"].items()}
        return {"definition.py": self.manifest["definition"]["sha256"], "kit.py": self.manifest["kit_sha256"], **lists}


async def sealed_run(db: Connection, blobs: BlobFolder, run_id: UUID) -> SealedRun:
    """Raises NotSealed; KeyError or BlobDamaged when the manifest is not there as it was sealed."""
    row = await report_run(db, EVERYTHING, run_id)
    if row is None or row.manifest_sha256 is None:
        raise NotSealed(str(run_id))
    for stored in map(stored_from, await db.fetch(SEALS, row.report_id, ReportSealed.name)):
        event = to_event(stored.name, stored.schema_version, stored.state)
        if isinstance(event, ReportSealed) and event.run_id == run_id:
            manifest = json.loads(blobs.get(event.manifest.sha256))
            return SealedRun(row, event, stored.position, manifest)
    raise NotSealed(str(run_id))


def files(blobs: BlobFolder, run: SealedRun) -> Iterator[tuple[str, bytes]]:
    """The checkpoint and every sealed file, verified. Raises KeyError or BlobDamaged."""
    yield CHECKPOINT, run.seal.checkpoint.encode()
    for name, sha256 in run.digests().items():
        yield name, blobs.get(sha256)
