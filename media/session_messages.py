"""What a client says over the socket of a room, as checked models; what the worker says stands in session_door.py."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter
from pydantic.alias_generators import to_camel

from infra.media_tokens import LARGEST_TOKEN_BYTES
from media.negotiation import LONGEST_OFFER


class Message(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, extra="forbid", frozen=True)


class Hello(Message):
    """Who it is: the token of the ticket."""

    type: Literal["hello"]
    token: Annotated[str, Field(max_length=LARGEST_TOKEN_BYTES)]


class Answer(Message):
    """The answer to the last offer."""

    type: Literal["answer"]
    sdp: Annotated[str, Field(max_length=LONGEST_OFFER)]


class Telemetry(Message):
    """What a sender knows of its own line (`availableOutgoingBitrate`, `qualityLimitationReason` of getStats)."""

    type: Literal["telemetry"]
    source: Literal["camera", "ultrasound", "screen"]
    available_kbit: Annotated[float, Field(ge=0, le=10_000_000)]
    limited_by: Literal["none", "cpu", "bandwidth", "other"]


_ANY: TypeAdapter[Hello | Answer | Telemetry] = TypeAdapter(
    Annotated[Hello | Answer | Telemetry, Field(discriminator="type")]
)


def understood(text: str) -> Hello | Answer | Telemetry:
    """Raises pydantic.ValidationError."""
    return _ANY.validate_json(text)
