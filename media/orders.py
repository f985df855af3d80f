"""What the log orders for a room: who has to go, who is not heard, who has the floor, and what is frozen.

Rules: only points that are on the line of their consultation are heard, and nobody whom the chair has silenced; the
floor moves the eye and not the ear, so whoever has it not is heard all the same; whoever was sent out goes, under
whatever participant id.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from uuid import UUID

from domain._live import Part, RecordingStatus
from domain._live_room import Participant
from domain._live_session import LiveSession
from domain.consultation import Consultation
from domain.live_session import Status


@dataclass(frozen=True, slots=True)
class Orders:
    """`version` is how far the room's stream was read, None before it was. All but `floor` are participants."""

    version: int | None = None
    closed: bool = False
    removed: frozenset[UUID] = frozenset()
    silent: frozenset[UUID] = frozenset()
    floor: UUID | None = None
    frozen: tuple[UUID, ...] = ()
    recording: RecordingStatus | None = None
    people: Mapping[UUID, UUID] = field(default_factory=dict)


NOT_READ_YET = Orders()


def orders_of(live_session: LiveSession, version: int, consultation: Consultation | None) -> Orders:
    members = live_session.participants
    return Orders(
        version=version,
        closed=live_session.status is Status.CLOSED,
        removed=frozenset(id_ for id_, one in members.items() if one.person_id in live_session.removed),
        silent=frozenset(id_ for id_, one in members.items() if one.muted or not _may_speak(one, consultation)),
        floor=consultation.floor if consultation is not None else None,
        frozen=tuple(id_ for id_, track in live_session.tracks.items() if track.live and track.frozen),
        recording=next((one.status for one in live_session.recordings.values() if one.running), None),
        people={id_: one.person_id for id_, one in members.items()},
    )


def _may_speak(participant: Participant, consultation: Consultation | None) -> bool:
    if consultation is None or participant.facility_id is None or participant.part is Part.OBSERVER:
        # Observers send nothing that could be silenced.
        return True
    point = consultation.points.get(participant.facility_id)
    return point is not None and point.may_speak
