"""Whose signatures count here: those of the log's own keys, and of every witness whose keys this deployment knows.

Rules: a checkpoint is cosigned when each known witness has signed it with a key of each kind that it is known by; where
no witness is known nothing is cosigned, because a log that vouches for itself proves nothing. Of several keys of one
kind one is enough: the others are those that it has replaced. Keys are read anew at each question, so that a witness's
next key counts without a restart.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from infra.audit import keys, published
from infra.audit.published import Published
from infra.postgres import Connection
from infra.settings import Settings
from projections.audit._checkpoint import NotACheckpoint
from projections.audit._keys import Forged, PublicKey, check_checkpoint, signers_of
from projections.audit._note import NotANote

LOOKED_AT = 100


@dataclass(frozen=True, slots=True)
class Trust:
    log_keys: Callable[[], Sequence[PublicKey]]
    witness_keys: Callable[[], Sequence[PublicKey]]

    @classmethod
    def of(cls, settings: Settings) -> Trust:
        return cls(
            lambda: keys.public_keys(keys.log_key_file(settings)),
            lambda: keys.public_keys(keys.witness_key_file(settings)),
        )

    def cosigners(self, note: str) -> Sequence[str]:
        """The witnesses that have cosigned, none when one of them has not or a signature is wrong."""
        wanted = self.witness_keys()
        try:
            _, read = check_checkpoint(note, self.log_keys())
            signed = signers_of(read, wanted)
        except (NotANote, NotACheckpoint, Forged):
            return []
        missing = {(key.name, key.kind) for key in wanted} - {(key.name, key.kind) for key in signed}
        return [] if missing else sorted(f"{key.name}+{key.key_id.hex()}" for key in signed)


async def cosigned_covering(db: Connection, trust: Trust, position: int) -> tuple[Published, Sequence[str]] | None:
    """The first checkpoint that covers the position and is cosigned, and by whom."""
    size = position - 1
    while found := await published.after(db, size, LOOKED_AT):
        for one in found:
            if cosigners := trust.cosigners(one.note):
                return one, cosigners
        size = found[-1].size
    return None
