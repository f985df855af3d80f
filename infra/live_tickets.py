"""What somebody who was let into a live session needs to get there: a token, addresses, and relays.

Rules: a ticket says no more than the admission in the log does: its sources follow from the part of the participant; it
lives for minutes, since it is only needed to begin a connection; nothing in it is kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from domain._live import Destination, Part, ParticipantKind
from domain._live_room import Participant
from infra.media_tokens import Grant, GrantDesk, MediaRole, Source
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
    """Makes tickets with the keys and addresses of one deployment."""

    def __init__(self, settings: Settings, grants: GrantDesk) -> None:
        self._settings, self._grants = settings, grants
        self._base = (settings.media_url or f"http://{LOOPBACK}:{settings.media_http_port}").rstrip("/")

    def ticket(self, live_session_id: UUID, participant_id: UUID, participant: Participant, now: datetime) -> Ticket:
        grant = grant_for(live_session_id, participant_id, participant, now + LIFE)
        sources = sorted(grant.sources)
        return Ticket(
            token=self._grants.issue(grant),
            expires_at=grant.expires_at,
            point_id=grant.point_id,
            sources=sources,
            whip=[f"{self._base}/whip/{live_session_id}/{source.value}" for source in sources],
            whep=f"{self._base}/whep/{live_session_id}/{{pointId}}/{{source}}",
            socket=f"ws{self._base.removeprefix('http')}/sessions/{live_session_id}",
            ice_servers=ice_servers(self._settings, str(participant_id), now.timestamp()),
        )


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
