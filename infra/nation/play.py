"""Plays a nation through the command bus, as many people at once do, and no faster than its clock.

Rules: what a command sees as now is the time of its step, whatever the clock on the wall says; the time of record is
the database's. A step that the rules refuse ends the run: the script and the rules have to agree. The log's command
ids make it safe to kill a run at any moment and to begin it again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from commands._bus import Bus, EventStore, Rejected, Unavailable
from commands._command import Context
from domain._reference import ReferenceData
from infra.nation.pace import Pace
from infra.nation.resume import Done, Known
from infra.nation.step import Step, Window

CALLERS = 96
REMEMBERED = 200_000


class NotAsPlayed(Exception):
    """The rules refused a step of the script, or somebody else changed what it works on."""


@dataclass
class Tally:
    """How far a run is. `skipped` were in the log before."""

    sent: int = 0
    skipped: int = 0
    upto: datetime | None = None


@dataclass
class Player:
    """`known` answers which of these command ids the log holds."""

    store: EventStore
    reference: ReferenceData
    known: Known
    callers: int = CALLERS
    tally: Tally = field(default_factory=Tally)

    async def play(
        self, windows: Iterable[Window], pace: Pace, on_progress: Callable[[Tally], None] = lambda tally: None
    ) -> Tally:
        self._bus, done = Bus(self.store, REMEMBERED), Done(self.known)
        for window in windows:
            chains = await done.left(window)
            left = sum(map(len, chains))
            self.tally.skipped += len(window.steps) - left
            async for part in pace.parts(chains):
                await self._together(part)
            self.tally.upto = window.upto
            on_progress(self.tally)
        return self.tally

    async def _together(self, chains: list[list[Step]]) -> None:
        """Every caller takes the next chain, until there are none."""
        waiting: Iterator[list[Step]] = iter(chains)

        async def caller() -> None:
            for chain in waiting:
                for step in chain:
                    await self._send(step)

        callers = [asyncio.create_task(caller()) for _ in range(min(self.callers, len(chains)))]
        try:
            await asyncio.gather(*callers)
        finally:
            # The first failure ends the others too, between two commands or within one: each is whole in the log.
            for one in callers:
                one.cancel()

    async def _send(self, step: Step) -> None:
        context = Context(actor=step.by, now=step.at, correlation_id=step.chain, reference=self.reference)
        command = step.command(await self._digest(step) if step.signs else None)
        while True:
            try:
                answer = await self._bus.handle(command, context, step.id)
            except Unavailable as fault:
                await asyncio.sleep(fault.retry_after)
                continue
            if not isinstance(answer, Rejected):
                break
            if answer.code != "TOO_MUCH_CONTENTION":
                raise NotAsPlayed(f"{step.kind.__name__} of {step.at}: {answer.code}, {answer.message}")
        self.tally.sent += 1

    async def _digest(self, step: Step) -> str:
        """What the stream holds, as whoever signs has read it."""
        id_ = step.given[f"{step.kind.of.kind}_id"]
        state: Any = step.kind.of()
        events = (recorded.event for recorded in (await self.store.load({id_: 0})).get(id_, ()))
        digest: str = state.after(events).content_sha256
        return digest
