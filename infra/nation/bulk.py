"""Loads a nation faster than people could play it: the same decisions by the same rules, in large batches.

Rules: decisions are made one after the other in memory, and written by the same function of the log, guarded by the
same versions; while one batch is being written the next one is decided. It trusts that nobody else writes to these
streams meanwhile: a conflict, like a lost line, ends the run, which can then be begun again and goes on.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from commands._bus import Folded, fingerprint_of, states_of, wish_of
from commands._command import Command, Context, Reference, decide
from domain._kernel import DomainError, State
from domain._reference import ReferenceData
from infra.event_store import APPEND, LOAD, Ready, append_arguments
from infra.mapper import stored_from, to_recorded
from infra.nation.play import NotAsPlayed, Tally
from infra.nation.resume import Done, known_in
from infra.nation.step import Step, Window
from infra.postgres import Line

MOST_IN_A_BATCH = 600
REMEMBERED = 300_000

Others = Mapping[Reference, tuple[UUID, ...]]


@dataclass(frozen=True, slots=True)
class Asked:
    """A step on its way: its command, what it sees, and the streams that it rests on."""

    step: Step
    command: Command
    context: Context
    others: Others

    @property
    def guards(self) -> set[UUID]:
        return {id_ for ids in self.others.values() for id_ in ids}


class Loader:
    """`close` it afterwards. One loader at a time on a log."""

    def __init__(self, dsn: str, reference: ReferenceData, most: int = MOST_IN_A_BATCH) -> None:
        self._writes, self._reads = Line(dsn, statement_timeout="120s"), Line(dsn)
        self._reference, self._most = reference, most
        self._known: OrderedDict[UUID, Folded] = OrderedDict()
        self._writing: asyncio.Task[None] | None = None
        self.tally = Tally()

    async def load(
        self, windows: Iterable[Window], on_progress: Callable[[Tally], bool | None] = lambda tally: None
    ) -> Tally:
        """Ends early when `on_progress` answers with True."""
        done = Done(known_in(self._reads))
        for window in windows:
            chains = await done.left(window)
            self.tally.skipped += len(window.steps) - sum(map(len, chains))
            await self._all(chains)
            await self._written()
            self.tally.upto = window.upto
            if on_progress(self.tally):
                break
        return self.tally

    async def close(self) -> None:
        if self._writing is not None:
            self._writing.cancel()
        await self._writes.close()
        await self._reads.close()

    async def _all(self, chains: Sequence[list[Step]]) -> None:
        """Batch after batch, each with the next step of as many chains as fit."""
        left = [list(reversed(chain)) for chain in chains]
        while left:
            await self._round(left[: self._most])
            # Those who had their turn stand behind the others.
            left = [chain for chain in (*left[self._most :], *left[: self._most]) if chain]

    async def _round(self, chains: Sequence[list[Step]]) -> None:
        """Decides the first step of each chain that does not rest on what another one of them writes."""
        asked = await self._asked([chain[-1] for chain in chains])
        batch: list[Ready] = []
        written: set[UUID] = set()
        for chain, one in zip(chains, asked, strict=True):
            if one.command.stream_id in written or not written.isdisjoint(one.guards):
                continue
            chain.pop()
            if one.step.shared and self._known[one.command.stream_id].version:
                continue
            batch.append(self._decided(one))
            written.add(one.command.stream_id)
        await self._written()
        if batch:
            self._writing = asyncio.create_task(self._write(batch))
            self.tally.sent += len(batch)

    async def _asked(self, steps: Sequence[Step]) -> list[Asked]:
        """Commands with everything they rest on in memory."""
        mains = {_stream_of(step): step.kind.of for step in steps}
        await self._remember(mains)
        found = []
        for step in steps:
            state: Any = self._known[_stream_of(step)].state
            command = step.command(state.content_sha256 if step.signs else None)
            context = Context(actor=step.by, now=step.at, correlation_id=step.chain, reference=self._reference)
            found.append(Asked(step, command, context, command.references(state, context)))
        await self._remember({id_: ref.kind for one in found for ref, ids in one.others.items() for id_ in ids})
        return found

    async def _remember(self, kinds: Mapping[UUID, type[State[Any]]]) -> None:
        missing = [id_ for id_ in kinds if id_ not in self._known]
        for id_ in kinds.keys() - set(missing):
            self._known.move_to_end(id_)
        if missing:
            await self._read(missing, kinds)
        while len(self._known) > REMEMBERED + len(kinds):
            self._known.popitem(last=False)

    async def _read(self, ids: Collection[UUID], kinds: Mapping[UUID, type[State[Any]]]) -> None:
        for id_ in ids:
            self._known[id_] = Folded(kinds[id_]())
        rows = await (await self._reads.get()).fetch(LOAD, list(ids), [0] * len(ids))
        for row in rows:
            one = to_recorded(stored_from(row))
            before = self._known[one.stream_id]
            self._known[one.stream_id] = Folded(before.state.after([one.event]), one.version, one.position)

    def _decided(self, one: Asked) -> Ready:
        main = self._known[one.command.stream_id]
        others = {reference.name: {id_: self._known[id_] for id_ in ids} for reference, ids in one.others.items()}
        try:
            events = decide(one.command, main.state, one.context, states_of(others))
        except DomainError as refusal:
            raise NotAsPlayed(f"{one.step.kind.__name__} of {one.step.at}: {refusal.code}, {refusal}") from refusal
        wish, state = wish_of(one.command, events, main, others, one.context, one.step.id, fingerprint_of(one.command))
        self._known[one.command.stream_id] = Folded(state, main.version + len(events))
        return Ready.of(wish)

    async def _written(self) -> None:
        if self._writing is not None:
            await self._writing
            self._writing = None

    async def _write(self, batch: Sequence[Ready]) -> None:
        rows = await (await self._writes.get()).fetch(APPEND, *append_arguments(batch))
        lost = [row["ordinal"] for row in rows if row["outcome"] == "conflict"]
        if lost:
            stream_id = batch[lost[0] - 1].wish.stream_id
            raise NotAsPlayed(f"somebody else writes to the same streams, {stream_id} first: begin the run again")


def _stream_of(step: Step) -> UUID:
    """The stream of the step's command, before there is a command."""
    found = step.given.get(f"{step.kind.of.kind}_id")
    return found if isinstance(found, UUID) else step.command().stream_id
