"""The difference of two editions, computed from the log: folded once, with the moves between the two kept.

Rules: an edition is named by its run, by the folder of its files, or by a position or time of a definition; what is
compared is what today's definition makes of both positions, and it is said when that is not what was sealed, because
the definition has changed since.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from infra.audit.definitions import Installed, digest
from infra.audit.report_fold import begun, fold, recorded_us
from infra.postgres import Connection
from projections.audit.reports._difference import Difference, difference
from projections.audit.reports._kit import Refused, Result, State, files_of, instant_of


class NotComparable(Refused):
    """The two are editions of different questions."""

    code = "REPORTS_NOT_COMPARABLE"


@dataclass(frozen=True, slots=True)
class Edition:
    """`result_sha256` is None where nothing was sealed."""

    definition: str
    parameters: Mapping[str, str]
    position: int
    result_sha256: str | None = None
    run_id: str | None = None


@dataclass(frozen=True, slots=True)
class Compared:
    """`as_sealed` says of each edition whether today's definition makes what was sealed; None where nothing was."""

    before: Edition
    after: Edition
    recorded: tuple[str, str]
    as_sealed: tuple[bool | None, bool | None]
    found: Difference

    def plain(self) -> dict[str, Any]:
        editions = zip((self.before, self.after), self.recorded, self.as_sealed, strict=True)
        return {
            "definition": self.before.definition,
            "parameters": dict(self.before.parameters),
            "editions": [
                {
                    "position": edition.position,
                    "recorded_at": recorded,
                    "run_id": edition.run_id,
                    "result_sha256": edition.result_sha256,
                    "as_sealed": as_sealed,
                }
                for edition, recorded, as_sealed in editions
            ],
            "events": self.found.counts(),
            "changes": [change.plain() for change in self.found.changes],
        }


async def compared(db: Connection, one: Installed, before: Edition, after: Edition) -> Compared:
    """The earlier position is taken first, however they are named. Raises Refused."""
    if (before.definition, before.parameters) != (after.definition, after.parameters):
        raise NotComparable("they are of another definition, or of other parameters")
    before, after = sorted((before, after), key=lambda edition: edition.position)
    state = begun(one, before.parameters)
    await fold(db, one.definition, state, 0, before.position)
    old = one.definition.result(state)
    as_before = _as_sealed(one, state, old, before)
    state.tally.moves = []
    await fold(db, one.definition, state, before.position, after.position)
    new = one.definition.result(state)
    times = await recorded_us(db, before.position), await recorded_us(db, after.position)
    found = difference(one.definition, old, new, state.tally.moves, times[0])
    recorded = instant_of(times[0]), instant_of(times[1])
    return Compared(before, after, recorded, (as_before, _as_sealed(one, state, new, after)), found)


def _as_sealed(one: Installed, state: State, result: Result, edition: Edition) -> bool | None:
    if edition.result_sha256 is None:
        return None
    return digest(files_of(one.definition, state.parameters, result)["result.json"]) == edition.result_sha256
