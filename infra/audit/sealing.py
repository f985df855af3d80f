"""From a request to what is sealed: the fold, the files, the manifest, and the checkpoint that covers it all.

Rules: nothing is sealed without a cosigned checkpoint that covers the position, and nothing is computed before there is
one. The files are stored by their digests before the seal is asked for, so a seal never names what is not there; equal
bytes are stored once, so a run that is done again after a crash stores and seals the same. The manifest names whatever
decides the result: definition, kit, lists, parameters, position; and so the same manifest has the same result.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

import asyncpg
import structlog

from commands.report import FailReport, SealReport
from domain._kernel import Recorded
from domain.report import ReportRequested
from infra.audit.definitions import Installed, digest, installed, sources
from infra.audit.report_fold import Tell, asked_position, begun, fold, plain_parameters, recorded_us
from infra.audit.trust import Trust, cosigned_covering
from infra.blobs import BlobFolder
from infra.postgres import LINE_FAULTS, Connection
from projections.audit._checkpoint import read_checkpoint
from projections.audit._note import read_note
from projections.audit.reports._kit import Refused, canonical, files_of, instant_of

FORMAT = "thx-report-manifest/v1"
MEDIA_TYPES = {"json": "application/json", "csv": "text/csv", "py": "text/x-python"}
COSIGNED_WITHIN_S = 60

log = structlog.get_logger()


class NotCosignedInTime(Refused):
    """The required cosignatures have not come."""

    code = "NOT_COSIGNED"


class DefinitionBroken(Refused):
    """The definition failed, or made what cannot be a report; the process's log says where."""

    code = "REPORT_DEFINITION_BROKEN"


class NoDefinition(Refused):
    """This version of the product has no such definition."""

    code = "REPORT_UNKNOWN"


@dataclass(frozen=True, slots=True)
class Computed:
    """The files by name, and the manifest that names them."""

    files: Mapping[str, bytes]
    manifest: bytes

    @property
    def result_sha256(self) -> str:
        return digest(self.files["result.json"])


async def computed(
    db: Connection, one: Installed, parameters: Mapping[str, str], position: int, origin: str, tell: Tell | None = None
) -> Computed:
    """The report as of the position: the same bytes whenever and wherever it is computed. Raises Refused."""
    state = begun(one, parameters)
    await fold(db, one.definition, state, 0, position, tell)
    files = files_of(one.definition, state.parameters, one.definition.result(state))
    manifest = {
        "format": FORMAT,
        "origin": origin,
        "position": position,
        "recorded_at": instant_of(await recorded_us(db, position)),
        "time_zone": "+07:00",
        "definition": {
            "name": one.definition.name,
            "version": one.definition.version,
            "sha256": digest(one.source),
        },
        "kit_sha256": digest(one.kit),
        "reference": {name: digest(content) for name, content in one.lists.items()},
        "reads": one.definition.reads,
        "parameters": state.parameters,
        "files": [
            {"name": name, "sha256": digest(content), "size": len(content), "media_type": media_type(name)}
            for name, content in sorted(files.items())
        ],
    }
    return Computed(files, canonical(manifest))


def media_type(name: str) -> str:
    return MEDIA_TYPES[name.rpartition(".")[2]]


class Sealing:
    """What becomes of a request. `cosigned_within_s` is how long a run waits for its cosignatures."""

    def __init__(
        self,
        blobs: BlobFolder,
        trust: Trust,
        cosigned_within_s: float = COSIGNED_WITHIN_S,
        definitions: Callable[[], Mapping[str, Installed]] = installed,
    ) -> None:
        self._blobs, self._trust, self._within_s = blobs, trust, cosigned_within_s
        self._definitions = definitions

    async def outcome(
        self, db: Connection, at: Recorded, asked: ReportRequested, tell: Tell | None = None
    ) -> SealReport | FailReport | None:
        """The command that ends the run; None while it waits for a checkpoint. Faults of the line are raised."""
        try:
            return await self._seal(db, at, asked, tell)
        except Refused as fault:
            refusal = fault
        except (*LINE_FAULTS, asyncpg.PostgresError):
            raise
        except Exception as fault:
            # A report that cannot be made holds up no other. The message may quote a patient, so only its type is told.
            log.error("report_broke", exc_info=fault)
            refusal = DefinitionBroken(f"{asked.definition}: {type(fault).__name__}")
        reason = (str(refusal) or refusal.code)[:2_000]
        return FailReport(report_id=at.stream_id, run_id=asked.run_id, code=refusal.code, reason=reason)

    async def _seal(self, db: Connection, at: Recorded, asked: ReportRequested, tell: Tell | None) -> SealReport | None:
        one = self._definitions().get(asked.definition)
        if one is None:
            raise NoDefinition(asked.definition)
        begun(one, plain_parameters(asked))
        wanted = await asked_position(db, asked)
        # Without a wish the report holds all that whoever asked for it may have seen: everything up to the request.
        found = await cosigned_covering(db, self._trust, wanted or at.position)
        if found is None:
            if (datetime.now(UTC) - at.recorded_at).total_seconds() > self._within_s:
                raise NotCosignedInTime(f"no cosigned checkpoint covers position {wanted or at.position}")
            return None
        checkpoint, cosigners = found
        position = wanted or checkpoint.size
        origin = read_checkpoint(read_note(checkpoint.note).text).origin
        made = await computed(db, one, plain_parameters(asked), position, origin, tell)
        for content in (*made.files.values(), *sources(one)):
            self._blobs.put(content, "application/octet-stream")
        return SealReport(
            report_id=at.stream_id,
            run_id=asked.run_id,
            position=position,
            manifest=self._blobs.put(made.manifest, MEDIA_TYPES["json"]),
            result_sha256=made.result_sha256,
            checkpoint=checkpoint.note,
            checkpoint_size=checkpoint.size,
            cosigned_by=tuple(cosigners),
        )
