"""What is said over a data channel of a room, in either direction: small JSON objects, told apart by `type`.

Rules: text, never binary; a client's message has at most 16 KiB and no field that is not named here; `id` is the
client's own and makes a message that is sent again the same message; a place in a picture lies from 0 to 1, right and
down; `rtp` is the RTP time of the frame as the client itself got it (`rtpTimestamp` of requestVideoFrameCallback).
"""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, RootModel, TypeAdapter
from pydantic.alias_generators import to_camel

from commands.live_session_picture import MOST_DOTS, MOST_STROKES
from commands.live_session_talk import LONGEST_MESSAGE
from domain._live import RecordingStatus, Shape, StopCause

LARGEST_MESSAGE = 16 * 1024
LONGEST_LABEL = 200

Fraction = Annotated[Decimal, Field(ge=0, le=1)]
Rtp = Annotated[int, Field(ge=0, lt=2**32)]
Dots = Annotated[list["Place"], Field(min_length=1, max_length=MOST_DOTS)]


class Message(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="forbid", frozen=True)


class Place(Message):
    """A place in a picture, and how many ms after the first one of the same gesture it was touched."""

    x: Fraction
    y: Fraction
    at_ms: Annotated[int, Field(ge=0, le=3_600_000)] = 0


# What a client says ------------------------------------------------------------------------------------------


class Chat(Message):
    """Write to everybody in the room."""

    type: Literal["chat"]
    id: UUID
    text: Annotated[str, Field(min_length=1, max_length=LONGEST_MESSAGE)]


class Freeze(Message):
    """Freeze a picture for all."""

    type: Literal["freeze"]
    id: UUID
    track_id: UUID
    rtp: Rtp | None = None


class Release(Message):
    """Let a frozen picture run again."""

    type: Literal["release"]
    id: UUID
    track_id: UUID


class Stroke(Message):
    """Draw on a picture; `id` is that of the drawing."""

    type: Literal["stroke"]
    id: UUID
    track_id: UUID
    shape: Shape
    dots: Dots
    label: Annotated[str, Field(min_length=1, max_length=LONGEST_LABEL)] | None = None
    rtp: Rtp | None = None


class Clear(Message):
    """Take drawings off a picture: those that are named, or all."""

    type: Literal["clear"]
    id: UUID
    track_id: UUID
    stroke_ids: Annotated[list[UUID], Field(max_length=MOST_STROKES)] = []


class Pointer(Message):
    """Point at a place of a picture now; `up` says that the gesture ends here. It is not answered, and may be lost."""

    type: Literal["pointer"]
    track_id: UUID
    x: Fraction
    y: Fraction
    up: bool = False
    rtp: Rtp | None = None


class Hand(Message):
    """Ask for the floor, or no longer."""

    type: Literal["hand"]
    up: bool


Said = Chat | Freeze | Release | Stroke | Clear | Pointer | Hand


class FromClient(RootModel[Said]):
    """What a client says."""

    root: Annotated[Said, Field(discriminator="type")]


_SAID: TypeAdapter[Said] = TypeAdapter(Annotated[Said, Field(discriminator="type")])
KNOWN = frozenset({"chat", "freeze", "release", "stroke", "clear", "pointer", "hand"})


def understood(text: str) -> Said:
    """Raises pydantic.ValidationError."""
    return _SAID.validate_json(text)


# What the worker says ----------------------------------------------------------------------------------------


class RoomNow(Message):
    """The first message: how the room stands. What is written up to `version` is read from the API, the rest comes."""

    type: Literal["room"] = "room"
    version: int
    participant_id: UUID
    floor: UUID | None
    muted: list[UUID]
    hands: list[UUID]
    frozen: list[UUID]
    recording: RecordingStatus | None


class News(Message):
    """Something that stands in the log now, at this version of the room's stream; so it comes in one order to all."""

    version: int
    participant_id: UUID
    at: AwareDatetime


class Written(News):
    """Somebody wrote this; also to the one who did."""

    type: Literal["chat"] = "chat"
    id: UUID
    point_id: UUID
    text: str


class Frozen(News):
    """The picture stands still, at this frame."""

    type: Literal["freeze"] = "freeze"
    track_id: UUID
    taken_at: AwareDatetime
    rtp: Rtp | None


class Released(News):
    """The picture runs again."""

    type: Literal["release"] = "release"
    track_id: UUID


class Drawn(News):
    """This lies on the picture now."""

    type: Literal["stroke"] = "stroke"
    id: UUID
    track_id: UUID
    shape: Shape
    dots: list[Place]
    label: str | None
    taken_at: AwareDatetime
    rtp: Rtp | None


class Cleared(News):
    """These drawings are off the picture."""

    type: Literal["clear"] = "clear"
    track_id: UUID
    stroke_ids: list[UUID]


class Pointed(Message):
    """Somebody points here now."""

    type: Literal["pointer"] = "pointer"
    participant_id: UUID
    point_id: UUID
    track_id: UUID
    x: Fraction
    y: Fraction
    up: bool


class Raised(Message):
    """A hand that went up or down; said between workers that have the same room."""

    type: Literal["raised"] = "raised"
    participant_id: UUID
    up: bool


class Hands(Message):
    """Who asks for the floor now, in the order of asking."""

    type: Literal["hands"] = "hands"
    participant_ids: list[UUID]


class Floor(Message):
    """This point has the floor now; null when nobody has."""

    type: Literal["floor"] = "floor"
    point_id: UUID | None


class Muted(Message):
    """These are silenced now: nobody hears them, and no recording does."""

    type: Literal["muted"] = "muted"
    participant_ids: list[UUID]


class RecordingNow(Message):
    """A recording came to this; when it stopped, `cause` says why."""

    type: Literal["recording"] = "recording"
    version: int
    recording_id: UUID
    status: RecordingStatus
    cause: StopCause | None = None


class Removed(Message):
    """The chair sent you out; the connection ends, and no ticket brings you back before the chair lets you."""

    type: Literal["removed"] = "removed"
    code: str


class RecordedNow(Message):
    """Your message of this id is in the log, up to this version of the room's stream."""

    type: Literal["recorded"] = "recorded"
    id: UUID
    version: int


class Refused(Message):
    """Your message of this id was refused by the rules; nothing of it stays."""

    type: Literal["refused"] = "refused"
    id: UUID
    code: str
    message: str


class Fault(Message):
    """Something of yours was not taken: not understood, too large, or too fast."""

    type: Literal["error"] = "error"
    code: str
    message: str
    retry_after_ms: int | None = None


Heard = (
    RoomNow
    | Written
    | Frozen
    | Released
    | Drawn
    | Cleared
    | Pointed
    | Hands
    | Floor
    | Muted
    | RecordingNow
    | Removed
    | RecordedNow
    | Refused
    | Fault
)


class FromWorker(RootModel[Heard]):
    """What the worker says."""

    root: Annotated[Heard, Field(discriminator="type")]


Passing = Pointed | Raised
_PASSING: TypeAdapter[Passing] = TypeAdapter(Annotated[Passing, Field(discriminator="type")])


def passing(text: bytes) -> Passing:
    """What another worker said. Raises pydantic.ValidationError."""
    return _PASSING.validate_json(text)


def spoken(message: Message) -> str:
    """The text that goes over the channel."""
    return message.model_dump_json(by_alias=True)


def schema() -> dict[str, Any]:
    """Both directions as JSON Schema."""
    clients = FromClient.model_json_schema(by_alias=True, ref_template="#/$defs/{model}")
    workers = FromWorker.model_json_schema(mode="serialization", by_alias=True, ref_template="#/$defs/{model}")
    both = {**clients.pop("$defs"), **workers.pop("$defs")}
    both |= {"FromClient": clients, "FromWorker": workers}
    return {"$defs": both, "anyOf": [{"$ref": "#/$defs/FromClient"}, {"$ref": "#/$defs/FromWorker"}]}
