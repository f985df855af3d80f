"""Takes what the engine and the recorder tell to the log, however long the log is away.

Rules: telling never waits; the facts of one room are sent in their order, those of different rooms side by side; a fact
that is sent again has the id that it was sent with before, so nothing is recorded twice; it keeps the time at which it
happened. What the rules refuse is told to whoever can act on it: a track that may not be there is ended. The queue is
bounded: what was only measured is given up before what happened. What a killed worker had not yet sent is lost with
it, and its next run closes what it finds open under the old one.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from uuid import UUID

import asyncpg
import structlog
from pydantic import ValidationError

from commands._bus import Accepted, Bus, Rejected, Unavailable
from commands._command import Command, Context
from commands._ids import derived_id
from commands.live_session import RecordRoomPlaced, RecordRoomReleased, RecordWorkerLost
from domain._kernel import Actor, Role
from domain._reference import ReferenceData
from infra.postgres import LINE_FAULTS
from media.channel_said import Said
from media.facts import GateCrossed, RoomFact, RungChanged
from media.told import Told, command_of, session_of

MEDIA_WORKER = Actor(id=UUID("b52c6d50-7e4e-5a0a-9d55-2f1f6c0f8d31"), roles=frozenset({Role.SYSTEM}))
MOST_WAITING = 20_000
AGAIN_AFTER_S, LONGEST_PAUSE_S = 0.2, 5.0
IDLE_S = 60.0

Refused = Callable[[Told, str], None]
EarlierRuns = Callable[[], Awaitable[Sequence[tuple[UUID, UUID]]]]
log = structlog.get_logger()


@dataclass(slots=True)
class Letter:
    """A command on its way, with the id and the time that it keeps."""

    command_id: UUID
    command: Command
    at: datetime
    fact: Told | None = None


@dataclass(slots=True)
class Lane:
    """What one room has to tell, in order, and who carries it."""

    waiting: deque[Letter] = field(default_factory=deque)
    arrived: asyncio.Event = field(default_factory=asyncio.Event)
    carrier: asyncio.Task[None] | None = None


def nobody(fact: Told, code: str) -> None:
    """Nobody acts on refusals."""


class LogReporter:
    """The reporter of one run of a worker. `tell` is called in the loop in which it was made."""

    def __init__(
        self,
        bus: Bus,
        reference: ReferenceData,
        worker: str,
        run_id: UUID,
        refused: Refused = nobody,
        most: int = MOST_WAITING,
    ) -> None:
        self._bus, self._reference, self.worker, self.run_id = bus, reference, worker, run_id
        self.refused, self._most = refused, most
        self._lanes: dict[UUID, Lane] = {}
        self._placed: set[UUID] = set()
        self._moved_from: dict[UUID, UUID] = {}
        self._closing = False
        self._told = 0
        self.given_up = 0

    @property
    def waiting(self) -> int:
        return sum(len(lane.waiting) for lane in self._lanes.values())

    def tell(self, fact: Told) -> None:
        at = fact.at if isinstance(fact, RoomFact) else datetime.now(UTC)
        try:
            command = command_of(fact, self.run_id)
        except ValidationError as fault:
            # A fact of no form is a fault of ours; the picture goes on.
            log.error("report_malformed", error_type=type(fault).__name__, reason=type(fact).__name__)
            return
        if command is None:
            return
        if not self._has_room(fact):
            if isinstance(fact, Said):
                fact.answered(Rejected(code="UNAVAILABLE", message="The log is away. Send this again later."))
            return
        self._told += 1
        session_id = session_of(fact)
        assert isinstance(session_id, UUID)
        lane = self._lane(session_id)
        own = fact.command_id if isinstance(fact, Said) else derived_id(session_id, f"{self.run_id}:{self._told}")
        lane.waiting.append(Letter(own, command, at, fact))
        lane.arrived.set()

    def takes_over(self, session_id: UUID, lost_run: UUID) -> None:
        """This run carries a room from now on that a lost one carried."""
        if self._moved_from.get(session_id) == lost_run:
            return
        self._moved_from[session_id] = lost_run
        lane = self._lanes.get(session_id)
        if lane is None:
            self._lane(session_id)
        else:
            # It has told that it is here since it began to help with the room.
            lane.waiting.extend(self._placed_here(session_id))
            lane.arrived.set()

    def _placed_here(self, session_id: UUID) -> Iterator[Letter]:
        moved_from = self._moved_from.get(session_id)
        if moved_from is not None:
            # First whoever was there before is off the line, whose place the same people take here.
            yield _worker_lost(session_id, moved_from)
        placed = RecordRoomPlaced(
            live_session_id=session_id, worker=self.worker, run_id=self.run_id, moved_from=moved_from
        )
        place_id = derived_id(session_id, f"{self.run_id}:placed:{self._told}:{moved_from or 'first'}")
        yield Letter(place_id, placed, datetime.now(UTC))

    async def lost(self, run_id: UUID, sessions: Sequence[UUID]) -> None:
        """A run of another worker was lost with these rooms; harmless when it was told before."""
        for session_id in sessions:
            await self._deliver(_worker_lost(session_id, run_id))

    def _has_room(self, fact: Told) -> bool:
        if self.waiting < self._most:
            return True
        for lane in self._lanes.values():
            measured = next((one for one in lane.waiting if isinstance(one.fact, RungChanged | GateCrossed)), None)
            if measured is not None:
                lane.waiting.remove(measured)
                self._give_up()
                return True
        self._give_up()
        return False

    def _give_up(self) -> None:
        self.given_up += 1
        log.error("report_given_up", count=self.given_up)

    def _lane(self, session_id: UUID) -> Lane:
        lane = self._lanes.get(session_id)
        if lane is None:
            lane = self._lanes[session_id] = Lane()
            self._placed.add(session_id)
            lane.waiting.extend(self._placed_here(session_id))
            lane.carrier = asyncio.get_running_loop().create_task(self._carry(session_id, lane))
        return lane

    async def _carry(self, session_id: UUID, lane: Lane) -> None:
        while True:
            while lane.waiting:
                letter = lane.waiting[0]
                await self._deliver(letter)
                # A full queue may have taken it out meanwhile.
                with suppress(ValueError):
                    lane.waiting.remove(letter)
            if self._closing:
                return
            lane.arrived.clear()
            try:
                async with asyncio.timeout(IDLE_S):
                    await lane.arrived.wait()
            except TimeoutError:
                if not lane.waiting:
                    del self._lanes[session_id]
                    return

    async def _deliver(self, letter: Letter) -> None:
        """Until the log has answered. TOO_MUCH_CONTENTION is no answer."""
        pause = AGAIN_AFTER_S
        while True:
            try:
                answer = await self._bus.handle(letter.command, self._context(letter), letter.command_id)
            except Unavailable as fault:
                pause = max(pause, fault.retry_after)
            except (*LINE_FAULTS, asyncpg.PostgresError, OSError) as fault:
                log.warning("report_waits", error_type=type(fault).__name__)
            else:
                code = None if isinstance(answer, Accepted) else answer.code
                if code != "TOO_MUCH_CONTENTION":
                    self._answered(letter, answer)
                    return
            await asyncio.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE_S)

    def _answered(self, letter: Letter, answer: Accepted | Rejected) -> None:
        name, code = type(letter.command).__name__, None if isinstance(answer, Accepted) else answer.code
        log.info("reported", command=name, command_id=letter.command_id, code=code)
        if isinstance(letter.fact, Said):
            letter.fact.answered(answer)
        elif code is not None and letter.fact is not None:
            self.refused(letter.fact, code)

    def _context(self, letter: Letter) -> Context:
        return Context(
            actor=MEDIA_WORKER,
            now=datetime.now(UTC),
            correlation_id=letter.command.stream_id,
            on_behalf_of=letter.fact.on_behalf_of if isinstance(letter.fact, Said) else None,
            clinical_time=letter.at,
            reference=self._reference,
        )

    async def close_earlier_runs(self, earlier: EarlierRuns) -> int:
        """Tell what an earlier run of this worker left open when it was killed; harmless when it was told before."""
        found = await earlier()
        for session_id, run_id in found:
            await self._deliver(_worker_lost(session_id, run_id))
        return len(found)

    async def close(self, within_s: float) -> None:
        """Give all rooms up in good order: what was told is sent, as far as the time allows."""
        for session_id in sorted(self._placed):
            lane = self._lane(session_id)
            release = RecordRoomReleased(live_session_id=session_id, run_id=self.run_id)
            lane.waiting.append(Letter(derived_id(session_id, f"{self.run_id}:released"), release, datetime.now(UTC)))
        self._closing = True
        for lane in self._lanes.values():
            lane.arrived.set()
        carriers = [lane.carrier for lane in self._lanes.values() if lane.carrier is not None]
        if carriers:
            await asyncio.wait(carriers, timeout=within_s)
        for carrier in carriers:
            carrier.cancel()
        await asyncio.gather(*carriers, return_exceptions=True)


def _worker_lost(session_id: UUID, run_id: UUID) -> Letter:
    """The same letter whoever sends it, so it is told once."""
    lost = RecordWorkerLost(live_session_id=session_id, run_id=run_id)
    return Letter(derived_id(session_id, f"{run_id}:lost"), lost, datetime.now(UTC))
