"""What of a window the log holds already, so that a run that was killed goes on where it was.

Rules: the log's own command ids are the only mark; nothing else is written down. Windows are sent one after the
other, so behind one of which nothing is in the log there is nothing either, except what chains share.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from uuid import UUID

from infra.nation.step import Step, Window
from infra.postgres import Line

DONE = "select command_id from commands where command_id = any($1)"
Known = Callable[[Sequence[UUID]], Awaitable[set[UUID]]]


class Done:
    """Asks for each window until one is new."""

    def __init__(self, known: Known) -> None:
        self._known, self._fresh = known, False

    async def left(self, window: Window) -> list[list[Step]]:
        """The chains of the window without what was done before."""
        asked = [step.id for step in window.steps if step.shared or not self._fresh]
        done = await self._known(asked) if asked else set()
        self._fresh = self._fresh or not any(step.id in done and not step.shared for step in window.steps)
        chains = ([step for step in chain if step.id not in done] for chain in window.chains())
        return [chain for chain in chains if chain]


def known_in(line: Line) -> Known:
    async def known(ids: Sequence[UUID]) -> set[UUID]:
        return {row["command_id"] for row in await (await line.get()).fetch(DONE, ids)}

    return known
