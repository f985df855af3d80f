"""Receipts: a signed promise to whoever sent a command that its events will be in the log (docs/audit-formats.md).

Rules: a promise names each event of the command by position and leaf hash; a log that does not have that leaf there
once a checkpoint covers the position is provably not the log that was promised. A receipt is made when it is asked
for, from the row as it lies in the log, so a command costs nothing more without it and the same command id gets a
promise of the same leaves. Those that are asked for at the same moment share one signature: each is a leaf of a small
tree, and carries its proof.
"""

from __future__ import annotations

import base64
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from infra.audit.keys import receipts_origin
from infra.audit.logged_tree import leaf_of_row
from infra.audit.proofs import HEADER
from infra.batcher import Batcher
from infra.mapper import COLUMNS, Stored, stored_from
from projections.audit._checkpoint import Checkpoint
from projections.audit._keys import SigningKey
from projections.audit._note import Note
from projections.audit._tree import inclusion_proof, leaf_hash, node_hash, range_hash

FORMAT = "thx-receipt/v1"
KEPT_WITHIN_S = 60
MOST_EVENTS = 16
MOST_IN_A_BATCH = 128
ROWS = f"""
    select {COLUMNS} from unnest($1::uuid[], $2::bigint[], $3::bigint[]) as asked (id, version, position)
      join events on originator_id = asked.id and notification_id between position - {MOST_EVENTS - 1} and position
       and originator_version between asked.version - {MOST_EVENTS - 1} and asked.version
     order by notification_id
"""


@dataclass(frozen=True, slots=True)
class Accepted:
    """What the client was told: the command's stream is at `version`, its last event at `position`."""

    command_id: UUID
    stream_id: UUID
    version: int
    position: int


class ReceiptDesk:
    """`reader` is a pool of connections."""

    def __init__(self, reader: Any, origin: str, keys: Sequence[SigningKey]) -> None:
        self._reader, self._origin, self._keys = reader, origin, keys
        self._asked: Batcher[Accepted, str] = Batcher(self._issue, most=MOST_IN_A_BATCH, waiting=4_096)

    async def receipt(self, accepted: Accepted) -> str:
        return await self._asked.submit(accepted)

    async def close(self) -> None:
        await self._asked.close()

    async def _issue(self, batch: Sequence[Accepted]) -> Sequence[str | BaseException]:
        columns = [one.stream_id for one in batch], [one.version for one in batch], [one.position for one in batch]
        async with self._reader.acquire() as db:
            rows = [stored_from(row) for row in await db.fetch(ROWS, *columns)]
        by_stream: dict[UUID, dict[int, Stored]] = {}
        for row in rows:
            by_stream.setdefault(row.stream_id, {})[row.position] = row
        now = int(time.time())
        return self._sign([promise(self._origin, one, by_stream.get(one.stream_id, {}), now) for one in batch])

    def _sign(self, promises: Sequence[str]) -> Sequence[str]:
        leaves = [leaf_hash(one.encode()) for one in promises]
        size = len(leaves)

        def subtree(height: int, index: int) -> bytes:
            if height == 0:
                return leaves[index]
            return node_hash(subtree(height - 1, 2 * index), subtree(height - 1, 2 * index + 1))

        text = Checkpoint(receipts_origin(self._origin), size, range_hash(subtree, 0, size)).text()
        note = Note(text, [key.sign(text) for key in self._keys]).encoded()
        found = []
        for index, one in enumerate(promises):
            proof = [_base64(step) for step in inclusion_proof(subtree, index, size)]
            found.append("\n".join([one, HEADER, f"index {index}", *proof]) + f"\n\n{note}")
        return found


def promise(origin: str, accepted: Accepted, rows: Mapping[int, Stored], now: int) -> str:
    """The text that is signed for. A command that added nothing new is promised the event that it found."""
    own = str(accepted.command_id).encode()
    first = accepted.position
    while first - 1 in rows and own in rows[first].metadata and own in rows[first - 1].metadata:
        first -= 1
    events = [rows[position] for position in range(first, accepted.position + 1)]
    lines = [
        FORMAT,
        f"log {origin}",
        f"command {accepted.command_id}",
        f"stream {accepted.stream_id} {accepted.version}",
        *(f"event {row.position} {_base64(leaf_of_row(row))}" for row in events),
        f"issued {now}",
        f"within {KEPT_WITHIN_S}",
    ]
    return "".join(f"{line}\n" for line in lines)


def _base64(content: bytes) -> str:
    return base64.b64encode(content).decode()
