"""What `joinLiveSession` hands out beside its place in the log: the way into the room, made when it is asked for.

Rules: a ticket is for whoever is signed in and may come in now: the admission is decided again for each ticket, so a
repeated command id, or one that somebody else has seen, opens no door. Whoever may not come in gets null.
"""

from __future__ import annotations

from datetime import datetime
from uuid import UUID, uuid4

import strawberry

from commands._bus import Accepted
from commands._command import Command, Context
from commands.live_session import JoinLiveSession
from domain._live import Part, Source
from domain._live_session import LiveSession
from graphql_api._derive import enum_of
from graphql_api.viewer import Services

PartType, SourceType = enum_of(Part), enum_of(Source)


@strawberry.type
class IceServer:
    """An entry of `iceServers` of RTCPeerConnection; a relay's password is for this participant and for minutes."""

    urls: list[str]
    username: str | None
    credential: str | None


@strawberry.type
class WhipAddress:
    """Where a source may be published by WHIP (RFC 9725)."""

    source: SourceType  # type: ignore[valid-type]
    url: str


@strawberry.type
class LiveSessionTicket:
    """The way into a room. Send `token` as bearer token to the addresses before it expires; a connection then stays.

    The addresses are of the worker where the room is now. When a connection ends unasked, join again: a new ticket says
    where the room is then.

    In `whepTemplate` put the point whose picture you want in place of `{pointId}`, and the source, such as `camera`, in
    place of `{source}`. Over the WebSocket `socketUrl` the whole room comes in one connection.
    """

    live_session_id: UUID
    participant_id: UUID
    part: PartType  # type: ignore[valid-type]
    point_id: UUID
    token: str
    expires_at: datetime
    whip: list[WhipAddress]
    whep_template: str
    socket_url: str
    ice_servers: list[IceServer]


async def live_session_ticket(services: Services, command: Command, context: Context) -> LiveSessionTicket | None:
    """The ticket of an accepted command; null for other commands, and for whoever may not come in now."""
    if not isinstance(command, JoinLiveSession) or services.tickets is None:
        return None
    if not isinstance(await services.bus.handle(command, context, uuid4()), Accepted):
        return None
    room = await services.bus.look(LiveSession, command.stream_id)
    participant = room.participants[command.participant_id]
    made = await services.tickets.ticket(command.stream_id, command.participant_id, participant, context.now)
    addresses = zip(made.sources, made.whip, strict=True)
    return LiveSessionTicket(
        live_session_id=command.stream_id,
        participant_id=command.participant_id,
        part=participant.part,
        point_id=made.point_id,
        token=made.token,
        expires_at=made.expires_at,
        whip=[WhipAddress(source=Source(source), url=url) for source, url in addresses],
        whep_template=made.whep,
        socket_url=made.socket,
        ice_servers=[
            IceServer(urls=[one.url], username=one.username, credential=one.credential) for one in made.ice_servers
        ],
    )
