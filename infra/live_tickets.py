"""What somebody who was let into a live session needs to get there: a token, addresses, and relays.

Rules: a ticket says no more than the admission in the log does: its sources follow from the part of the participant; it
lives for minutes, since it is only needed to begin a connection; nothing in it is kept.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from asyncpg import PostgresError

from commands._bus import Unavailable
from domain._live import Destination, Part, ParticipantKind
from domain._live_room import Participant
from infra.media_places import Placement, place
from infra.media_tokens import Grant, GrantDesk, MediaRole, Source
from infra.postgres import LINE_FAULTS, Line
from infra.serving import LOOPBACK
from infra.settings import Settings
from infra.turn import IceServer, ice_servers

LIFE = timedelta(minutes=5)
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
    """Asks where rooms are, over one connection of its own."""

    def __init__(self, dsn: str) -> None:
        self._line = Line(dsn, statement_timeout="5s")
        self._one_at_a_time = asyncio.Lock()

    async def place(self, live_session_id: UUID, *, watching: bool) -> Placement | None:
        """None when no worker lives. Raises Unavailable."""
        async with self._one_at_a_time:
            try:
                return await place(await self._line.get(), live_session_id, watching=watching)
            except (*LINE_FAULTS, PostgresError) as fault:
                await self._line.drop()
                raise Unavailable(retry_after=1.0) from fault

    async def close(self) -> None:
        await self._line.close()


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
