"""What the log tells of a room, as it is told over the data channels.

Pure: an event in, a message out, or None for what a screen reads from the API. Times of frames are put into the numbers
of each viewer by whoever sends it.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from domain._kernel import Recorded
from domain._live import RecordingStatus
from domain._live_room import Participant
from domain._live_session import RECORDED_AS, LiveSession
from domain.live_session import (
    MessagePosted,
    PictureFrozen,
    PictureReleased,
    RecordingAuthorised,
    RecordingFailed,
    RecordingSealed,
    RecordingStarted,
    RecordingStopped,
    StrokeDrawn,
    StrokesCleared,
)
from media.channel_messages import Cleared, Drawn, Frozen, Message, Place, RecordingNow, Released, Written


def news_of(at: Recorded, room: LiveSession) -> Message | None:
    """`room` is as it stood after the event, or later."""
    event = at.event
    match event:
        case RecordingAuthorised() | RecordingStarted() | RecordingStopped() | RecordingSealed() | RecordingFailed():
            return RecordingNow(
                version=at.version,
                recording_id=event.recording_id,
                status=RECORDED_AS.get(type(event), RecordingStatus.AUTHORISED),
                cause=event.cause if isinstance(event, RecordingStopped) else None,
            )
        case MessagePosted():
            writer = point_of(room.participants[event.participant_id])
            return Written(**_by(at), id=event.message_id, point_id=writer, text=event.text)
        case PictureFrozen():
            return Frozen(**_at_frame(at))
        case PictureReleased():
            return Released(**_by(at), track_id=event.track_id)
        case StrokeDrawn():
            dots = [Place(x=dot.x, y=dot.y, at_ms=dot.at_ms) for dot in event.dots]
            return Drawn(**_at_frame(at), id=event.stroke_id, shape=event.shape, dots=dots, label=event.label)
        case StrokesCleared():
            return Cleared(**_by(at), track_id=event.track_id, stroke_ids=list(event.stroke_ids))
        case _:
            return None


def point_of(participant: Participant) -> UUID:
    """A patient at home is a point of its own."""
    return participant.facility_id or participant.person_id


def _by(at: Recorded) -> dict[str, Any]:
    event: Any = at.event
    return {"version": at.version, "participant_id": event.participant_id, "at": at.happened_at}


def _at_frame(at: Recorded) -> dict[str, Any]:
    event: Any = at.event
    frame = {"taken_at": event.frame.taken_at, "rtp": event.frame.rtp_timestamp}
    return {**_by(at), **frame, "track_id": event.track_id}
