"""What a worker knows of where rooms are: those that it carries itself, and where the others are.

Rules: it tells every quarter of a second that it lives and what it carries, and learns in the same breath which rooms
are its own now; a database that is away ends no call: what was known goes on to hold, and whoever comes is let in. A
run that others took for lost ends itself, since its rooms are elsewhere by now. Only who was here without a pause for
longer than the slowest may be silent looks for the dead: after a pause of the database everybody looks dead.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Protocol
from uuid import UUID

import structlog

from infra import media_places
from infra.measures import MEDIA_LOAD, MEDIA_WORKERS_LOST
from infra.media_places import BEAT_S, HUNG_S, Lost, NameTaken, Placement, Run
from infra.postgres import Connection, Line

if TYPE_CHECKING:
    from media.engine import Engine
    from media.room import Room

ASKED_S = 1.0
SMOOTH = 0.5
log = structlog.get_logger()


class TakenForLost(Exception):
    """Others have placed this run's rooms anew; it must not go on."""


class Elsewhere(Exception):
    """The room, or its origin, is at another worker."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.url = url


class Directory(Protocol):
    """Who knows where a room is. None means that nobody else can have it, or that nobody can be asked."""

    @property
    def run_id(self) -> UUID:
        """That of this worker's own run."""
        ...

    async def find(self, session_id: UUID) -> Placement | None: ...


class Alone:
    """For a worker without a database: every room is here."""

    run_id = UUID(int=0)

    async def find(self, session_id: UUID) -> Placement | None:
        return None


Buried = Callable[[Lost], None]
Moved = Callable[[Mapping[UUID, Placement]], None]


class Placing:
    """One run's standing among the others. `buried` tells of lost runs, `moved` which rooms are here now."""

    def __init__(self, dsn: str, run: Run, most: float, buried: Buried, moved: Moved) -> None:
        self.run, self.rooms = run, dict[UUID, Placement]()
        self._most, self._buried, self._moved = most, buried, moved
        self._beating, self._asking = Line(dsn), Line(dsn)
        self._one_at_a_time = asyncio.Lock()
        self.enrolled = False
        self._since: float | None = None
        self._packets: tuple[int, float] | None = None
        self._rate = 0.0

    @property
    def run_id(self) -> UUID:
        return self.run.run_id

    async def follow(self, engine: Engine) -> None:
        """As long as the worker runs. Raises TakenForLost."""
        while True:
            try:
                async with asyncio.timeout(HUNG_S):
                    await self._beat(engine)
            except TakenForLost:
                raise
            except NameTaken:
                log.error("worker_name_taken", worker_group=self.run.name)
                await asyncio.sleep(ASKED_S)
            except Exception as fault:
                log.warning("places_not_read", error_type=type(fault).__name__)
                self._since = None
                await self._beating.drop()
            await asyncio.sleep(BEAT_S)

    async def find(self, session_id: UUID) -> Placement | None:
        """Where a room is; it is taken when nobody has it. Without an answer what is known holds."""
        try:
            async with self._one_at_a_time, asyncio.timeout(ASKED_S):
                found = await media_places.look_up(await self._asking.get(), session_id, self.run.run_id)
        except Exception as fault:
            log.warning("place_not_found", error_type=type(fault).__name__)
            await self._asking.drop()
            return self.rooms.get(session_id)
        if found is not None and found.here.run_id == self.run.run_id:
            self.rooms[session_id] = found
            self._moved(self.rooms)
        return found

    async def close(self) -> None:
        """In good order, after everybody has left: the rooms go to others."""
        try:
            async with asyncio.timeout(ASKED_S):
                await media_places.retire(await self._beating.get(), self.run.run_id)
        except Exception as fault:
            # Then the others find out by themselves.
            log.warning("places_not_left", error_type=type(fault).__name__)
        await self._beating.close()
        await self._asking.close()

    async def _beat(self, engine: Engine) -> None:
        db = await self._beating.get()
        if not self.enrolled:
            await media_places.enrol(db, self.run, self._most)
            self.enrolled = True
        if not await media_places.beat(db, self.run.run_id, self._load(engine), list(engine.rooms)):
            raise TakenForLost(self.run.name)
        now = time.monotonic()
        self._since = self._since or now
        await self._bury(db, others=now - self._since > HUNG_S)
        self.rooms = dict(await media_places.rooms_of(db, self.run.run_id))
        self._moved(self.rooms)

    async def _bury(self, db: Connection, *, others: bool) -> None:
        for lost in await media_places.bury(db, self.run, others=others):
            MEDIA_WORKERS_LOST.inc()
            log.warning("worker_lost", worker_group=lost.name, count=len(lost.sessions))
            self._buried(lost)

    def _load(self, engine: Engine) -> float:
        """Packets a second, in and out, smoothed over some beats."""
        packets, now = engine.taken + engine.egress.packets + engine.piped, time.monotonic()
        if self._packets is not None:
            before, at = self._packets
            self._rate += SMOOTH * ((packets - before) / max(now - at, 1e-3) - self._rate)
        self._packets = packets, now
        MEDIA_LOAD.set(self._rate / self._most)
        return self._rate


async def room_for(engine: Engine, session_id: UUID, *, publishes: bool) -> Room:
    """The room here, for whoever comes to it. Raises Elsewhere when this participant has to go to another worker."""
    found = await engine.directory.find(session_id)
    here = found is None or found.origin.run_id == engine.directory.run_id
    if found is not None and not here and (publishes or found.here.run_id != engine.directory.run_id):
        raise Elsewhere(found.origin.url)
    known = session_id in engine.rooms
    room = engine.room(session_id)
    room.awaits()
    if here:
        room.becomes_origin()
        if found is not None and found.moved_from is not None and not known:
            room.comes_back()
    else:
        room.becomes_edge()
    return room


def pipe_path(run: Run) -> Path:
    """Where the pipe of a run of this machine begins."""
    return Path(run.pipe.partition(":")[2])
