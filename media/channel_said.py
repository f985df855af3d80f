"""What somebody said over a data channel, as the command that records it.

Rules: the command id follows from the room, the participant and the id that the client gave, so what is sent again,
over another connection or to another worker, is recorded once; it is recorded for the person who said it, as of the
moment when it was heard.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

from commands._bus import Accepted, Rejected
from commands._command import Command
from commands._ids import derived_id
from commands.live_session_picture import ClearStrokes, DrawStroke, FreezePicture, ReleasePicture
from commands.live_session_talk import PostMessage
from domain._live import Dot, Frame
from media.channel_messages import Chat, Clear, Freeze, Release, Stroke
from media.facts import RoomFact

Recordable = Chat | Freeze | Release | Stroke | Clear


def nobody_waits(answer: Accepted | Rejected) -> None:
    """Nobody is told."""


@dataclass(frozen=True, slots=True)
class Said(RoomFact):
    """Told like every fact of a room, in its order. `answered` is called once, with what the log said."""

    participant_id: UUID
    command: Command
    command_id: UUID
    on_behalf_of: UUID | None = None
    answered: Callable[[Accepted | Rejected], None] = nobody_waits


def command_id_of(session_id: UUID, participant_id: UUID, message: Recordable) -> UUID:
    return derived_id(session_id, f"{message.type}:{participant_id}:{message.id}")


def command_of(session_id: UUID, participant_id: UUID, message: Recordable, frame: Frame | None) -> Command:
    """`frame` is there for what is done at a moment of a picture. Raises pydantic.ValidationError."""
    if isinstance(message, Chat):
        return PostMessage(
            live_session_id=session_id, message_id=message.id, participant_id=participant_id, text=message.text
        )
    here = {"live_session_id": session_id, "track_id": message.track_id, "participant_id": participant_id}
    match message:
        case Release():
            return ReleasePicture.model_validate(here)
        case Clear():
            return ClearStrokes.model_validate({**here, "stroke_ids": message.stroke_ids})
        case Freeze():
            return FreezePicture.model_validate({**here, "frame": frame})
        case Stroke():
            drawn = {"stroke_id": message.id, "frame": frame, "shape": message.shape, "label": message.label}
            dots = [Dot(x=dot.x, y=dot.y, at_ms=dot.at_ms) for dot in message.dots]
            return DrawStroke.model_validate({**here, **drawn, "dots": dots})
