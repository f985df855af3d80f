"""What the engine tells about a room: facts, for the log.

Rules: a fact is told once, in the order in which it happened; telling never waits and never fails, since forwarding
goes on whatever becomes of the log; measurements are no facts and are asked for, not told.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from commands._bus import Rejected
from domain._live import Transport
from infra.media_tokens import MediaRole
from media.channel_said import Said
from media.tracks import Ended, TrackDescription


@dataclass(frozen=True, slots=True)
class Joined:
    """The first connection of a participant stands: ICE and DTLS are through, by this way."""

    session_id: UUID
    point_id: UUID
    participant_id: UUID
    role: MediaRole
    transport: Transport | None = None


@dataclass(frozen=True, slots=True)
class Rerouted:
    """Another connection of a participant who is here stands, over another network or by another way."""

    session_id: UUID
    point_id: UUID
    participant_id: UUID
    transport: Transport


@dataclass(frozen=True, slots=True)
class Left:
    """The last connection of a participant is gone. `reason` LOST means that nothing was heard for two seconds."""

    session_id: UUID
    point_id: UUID
    participant_id: UUID
    reason: Ended


@dataclass(frozen=True, slots=True)
class TrackBegan:
    """The first packet of a track came in. `width` and `height` are 0 for sound, and until a key frame told them."""

    track: TrackDescription
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class TrackEnded:
    track: TrackDescription
    reason: Ended


@dataclass(frozen=True, slots=True)
class LayerSwitched:
    """A viewer now gets another layer of a picture, because its line carries more or less; -1 means none."""

    session_id: UUID
    viewer_id: UUID
    track_id: UUID
    before: int
    after: int
    estimate_kbit: float
    loss: float


@dataclass(frozen=True, slots=True)
class SpeakerChanged:
    """The loudest voice of the room for a while; a hint for screens, not worth an event."""

    session_id: UUID
    point_id: UUID | None


Fact = Joined | Rerouted | Left | TrackBegan | TrackEnded | LayerSwitched | SpeakerChanged | Said


class Reporter(Protocol):
    """Takes facts; returns at once and never raises."""

    def tell(self, fact: Fact) -> None: ...


class Unheard:
    """A reporter for a worker without a log, as in benchmarks."""

    def tell(self, fact: Fact) -> None:
        """Nobody listens, and what has to be recorded is refused."""
        if isinstance(fact, Said):
            fact.answered(Rejected(code="NOT_RECORDED_HERE", message="This worker has no log to write to."))
