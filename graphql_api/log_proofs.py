"""What a client can ask of the transparency log: the last checkpoint, and the proof that an event is in it.

Rules: neither holds any patient data, so everybody who is let in may ask; nobody has to believe the answer, because
it is checked against the keys that the asker trusts (docs/audit-formats.md).
"""

from __future__ import annotations

import base64
import inspect
from datetime import datetime
from typing import Any

import strawberry
from strawberry.types.field import StrawberryField

from domain._kernel import DomainError
from graphql_api._derive import resolver
from graphql_api._scalars import Position
from graphql_api.viewer import RequestContext
from infra.audit import published
from infra.audit.logged_tree import leaf_of_row
from infra.audit.proofs import inclusion
from infra.audit.published import Published
from infra.event_log import after, head


class NotYetCovered(DomainError, code="NOT_YET_COVERED", field="position"):
    """No checkpoint covers position {position} yet. One is signed every second; a receipt allows for 60."""


class NoSuchPosition(DomainError, code="NO_SUCH_POSITION", field="position"):
    """The log has no position {position}; it ends at {last}."""


NEEDED = (Position, inspect.Parameter.empty)


@strawberry.type
class LogCheckpoint:
    """The log as it was signed: so many events, with this root. `note` is the signed text, cosignatures included."""

    size: Position
    root: str
    note: str
    signed_at: datetime


@strawberry.type
class InclusionProof:
    """`proof` (C2SP tlog-proof) shows that the leaf of this position is in the log that `note` signs."""

    position: Position
    leaf: str
    proof: str
    checkpoint: LogCheckpoint


def log_proof_fields() -> list[StrawberryField]:
    checkpoint = resolver("checkpoint", _checkpoint, {"min_size": (Position | None, None)}, LogCheckpoint | None)
    proof = resolver("inclusion_proof", _inclusion_proof, {"position": NEEDED}, InclusionProof)
    return [
        strawberry.field(
            resolver=checkpoint,
            name="checkpoint",
            description="The last checkpoint, or the first one that covers `minSize` events; null when there is none.",
        ),
        strawberry.field(
            resolver=proof,
            name="inclusionProof",
            description="Redeems a receipt: the proof that the event at this position is in the log.",
        ),
    ]


async def _checkpoint(_: Any, info: strawberry.Info, min_size: int | None = None) -> LogCheckpoint | None:
    request: RequestContext = info.context
    async with request.db() as db:
        found = await (published.last(db) if min_size is None else published.covering(db, min_size))
    return None if found is None else _shown(found)


async def _inclusion_proof(_: Any, info: strawberry.Info, position: int) -> InclusionProof:
    request: RequestContext = info.context
    async with request.db() as db:
        rows = await after(db, position - 1, upto=position)
        if not rows:
            raise NoSuchPosition(position=position, last=await head(db))
        # The last one, so that its reader sees as far as anybody; a receipt does not say which.
        last = await published.last(db)
        if last is None or last.size < position:
            raise NotYetCovered(position=position)
        proof = await inclusion(db, None, position, last)
    return InclusionProof(
        position=Position(position), leaf=_base64(leaf_of_row(rows[0])), proof=proof, checkpoint=_shown(last)
    )


def _shown(found: Published) -> LogCheckpoint:
    return LogCheckpoint(
        size=Position(found.size), root=_base64(found.root), note=found.note, signed_at=found.signed_at
    )


def _base64(content: bytes) -> str:
    return base64.b64encode(content).decode()
