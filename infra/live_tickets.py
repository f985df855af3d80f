"""What somebody who was let into a live session needs to get there: a token, addresses, and relays.

Rules: a ticket says no more than the admission in the log does: its sources follow from the part of the participant; it
lives for minutes, since it is only needed to begin a connection; nothing in it is kept.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import TypeVar
from uuid import UUID

from asyncpg import PostgresError

from commands._bus import Unavailable
from domain._live import Destination, Part, ParticipantKind
from domain._live_room import Participant
from infra.media_places import Placement, Run, in_doubt, place
from infra.media_tokens import Grant, GrantDesk, MediaRole, Source
from infra.postgres import LINE_FAULTS, Connection, Line
from infra.serving import LOOPBACK
from infra.settings import Settings
from infra.turn import IceServer, ice_servers

Answer = TypeVar("Answer")
LIFE = timedelta(minutes=5)
LOOKED_EVERY_S, MOST_LOOKS = 0.1, 20
OF_A_SPEAKER = frozenset({Source.CAMERA, Source.AUDIO, Source.SCREEN})


@dataclass(frozen=True, slots=True)
class Ticket:
    """`whip` holds an address for each source that may be published; `whep` is one with places for point and source;
    `socket` is that of the whole room."""

    token: str
    expires_at: datetime
    point_id: UUID
    sources: Sequence[Source]
    whip: Sequence[str]
    whep: str
    socket: str
    ice_servers: Sequence[IceServer]


class TicketDesk:
    """Makes tickets with the keys of one deployment, and with the address of the worker where the room is now."""

    def __init__(self, settings: Settings, grants: GrantDesk, places: Places) -> None:
        self._settings, self._grants, self._places = settings, grants, places
        self._base = (settings.media_url or f"http://{LOOPBACK}:{settings.media_http_port}").rstrip("/")

    async def ticket(
        self, live_session_id: UUID, participant_id: UUID, participant: Participant, now: datetime
    ) -> Ticket:
        grant = grant_for(live_session_id, participant_id, participant, now + LIFE)
        base = await self._address(live_session_id, watching=grant.role is MediaRole.VIEWER)
        sources = sorted(grant.sources)
        return Ticket(
            token=self._grants.issue(grant),
            expires_at=grant.expires_at,
            point_id=grant.point_id,
            sources=sources,
            whip=[f"{base}/whip/{live_session_id}/{source.value}" for source in sources],
            whep=f"{base}/whep/{live_session_id}/{{pointId}}/{{source}}",
            socket=f"ws{base.removeprefix('http')}/sessions/{live_session_id}",
            ice_servers=ice_servers(self._settings, str(participant_id), now.timestamp()),
        )

    async def _address(self, live_session_id: UUID, *, watching: bool) -> str:
        found = await self._places.place(live_session_id, watching=watching)
        # Without a worker that lives the next one will be where workers are.
        return found.here.url if found is not None else self._base


class Places:
    """Asks where rooms are, over one connection of its own.

    Whoever was thrown out by a worker that died asks at once, before anybody can know that it is dead. He is answered
    when it is known, a moment later: a ticket to a dead worker would cost him a failed attempt, and another question.
    """

    def __init__(self, dsn: str) -> None:
        self._line = Line(dsn, statement_timeout="5s")
        self._one_at_a_time = asyncio.Lock()
        self._doubts: dict[UUID, asyncio.Task[None]] = {}

    async def place(self, live_session_id: UUID, *, watching: bool) -> Placement | None:
        """None when no worker lives. Raises Unavailable."""
        found, doubtful = await self._asked(partial(_placed, live_session_id, watching))
        if found is None or not doubtful:
            return found
        await self._cleared(found.here)
        return (await self._asked(partial(_placed, live_session_id, watching)))[0]

    async def close(self) -> None:
        for doubt in self._doubts.values():
            doubt.cancel()
        await asyncio.gather(*self._doubts.values(), return_exceptions=True)
        await self._line.close()

    async def _cleared(self, run: Run) -> None:
        """Returns when it is known whether this run lives, or when it takes too long. All who ask wait for one."""
        doubt = self._doubts.get(run.run_id)
        if doubt is None:
            doubt = self._doubts[run.run_id] = asyncio.create_task(self._while_in_doubt(run))
            doubt.add_done_callback(lambda _: self._doubts.pop(run.run_id, None))
        # Shielded, because one who goes away must not take the answer from the others.
        with suppress(Unavailable):
            await asyncio.shield(doubt)

    async def _while_in_doubt(self, run: Run) -> None:
        for _ in range(MOST_LOOKS):
            if not await self._asked(partial(in_doubt, run=run)):
                return
            await asyncio.sleep(LOOKED_EVERY_S)

    async def _asked(self, question: Callable[[Connection], Awaitable[Answer]]) -> Answer:
        async with self._one_at_a_time:
            try:
                return await question(await self._line.get())
            except (*LINE_FAULTS, PostgresError) as fault:
                await self._line.drop()
                raise Unavailable(retry_after=1.0) from fault


async def _placed(live_session_id: UUID, watching: bool, db: Connection) -> tuple[Placement | None, bool]:
    found = await place(db, live_session_id, watching=watching)
    return found, found is not None and await in_doubt(db, found.here)


def grant_for(live_session_id: UUID, participant_id: UUID, participant: Participant, expires_at: datetime) -> Grant:
    """The right that follows from an admission. A patient at home is a point of its own."""
    speaks = participant.part is Part.SPEAKER
    shows = frozenset({Source.ULTRASOUND}) if participant.ultrasound else frozenset()
    return Grant(
        session_id=live_session_id,
        point_id=participant.facility_id or participant.person_id,
        participant_id=participant_id,
        role=MediaRole.PUBLISHER if speaks else MediaRole.VIEWER,
        sources=OF_A_SPEAKER | shows if speaks else frozenset(),
        expires_at=expires_at.replace(microsecond=0),
        audience=audience_of(participant),
        withheld_from=frozenset(participant.ultrasound.withheld_from) if participant.ultrasound else frozenset(),
    )


def audience_of(participant: Participant) -> Destination:
    """As whom this participant sees: what is withheld from such people is not sent to it."""
    if participant.kind is ParticipantKind.PATIENT_SIDE:
        return Destination.PATIENT_SIDE
    return Destination.OBSERVER if participant.part is Part.OBSERVER else Destination.CLINICIAN
