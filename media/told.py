"""A fact of the engine or the recorder as the command that records it. What is telemetry has no command.

The names of the two sides differ where their worlds do: the engine knows lines and packets, the log knows people.
"""

from __future__ import annotations

from typing import TypeAlias

from commands._command import Command
from commands.live_session import (
    RecordParticipantJoined,
    RecordParticipantLeft,
    RecordParticipantLost,
    RecordTransportChanged,
)
from commands.live_session_picture import RecordStill
from commands.live_session_tracks import (
    RecordDiagnosticQuality,
    RecordQualityStep,
    RecordTrackEnded,
    RecordTrackPublished,
)
from domain._live import (
    Departure,
    Frame,
    Rung,
    Source,
    StepCause,
    StillOrigin,
    TrackEnd,
)
from domain._values import Blob, LinkQuality
from infra.media_tokens import Source as Granted
from media.channel_said import Said
from media.facts import (
    GateCrossed,
    LegNumbers,
    RoomFact,
    RungChanged,
    StillTaken,
)
from media.quality_gate import leg_quality
from media.reporter import Fact, Joined, LayerSwitched, Left, Rerouted, SpeakerChanged, TrackBegan, TrackEnded
from media.tracks import Ended, Kind, TrackDescription

Told: TypeAlias = "Fact | RoomFact"

DEPARTURES = {Ended.LEFT: Departure.LEFT, Ended.REPLACED: Departure.LEFT, Ended.CLOSED: Departure.REMOVED}
ENDS = {
    Ended.LEFT: TrackEnd.UNPUBLISHED,
    Ended.LOST: TrackEnd.LINE_LOST,
    Ended.REPLACED: TrackEnd.REPLACED,
    Ended.CLOSED: TrackEnd.UNPUBLISHED,
}

SOUNDS = {Granted.ULTRASOUND: Source.DOPPLER, Granted.SCREEN: Source.SCREEN_SOUND}


def command_of(fact: Told, run_id: object) -> Command | None:
    """The command that records this fact of this run of the worker; None for what is telemetry only."""
    match fact:
        case Joined() | Rerouted() | Left():
            return _of_a_line(fact, run_id)
        case TrackBegan():
            return _published(fact)
        case TrackEnded():
            return RecordTrackEnded(
                live_session_id=fact.track.session_id, track_id=fact.track.track_id, cause=ENDS[fact.reason]
            )
        case Said():
            return fact.command
        case LayerSwitched() | SpeakerChanged():
            return None
        case RungChanged() | GateCrossed() | StillTaken():
            return _of_the_picture(fact)
        case _:
            raise TypeError(f"nobody records {type(fact).__name__}")


def session_of(fact: Told) -> object:
    return fact.track.session_id if isinstance(fact, TrackBegan | TrackEnded) else fact.session_id


def source_of(track: TrackDescription) -> Source:
    """Sound travels with its picture in the engine, and is a track of its own in the log."""
    if track.kind is Kind.VIDEO:
        return Source(track.source.value)
    return SOUNDS.get(track.source, Source.AUDIO)


def _of_a_line(fact: Joined | Rerouted | Left, run_id: object) -> Command:
    whose = {"live_session_id": fact.session_id, "participant_id": fact.participant_id}
    match fact:
        case Joined():
            return RecordParticipantJoined.model_validate({**whose, "run_id": run_id, "transport": fact.transport})
        case Rerouted():
            return RecordTransportChanged.model_validate({**whose, "run_id": run_id, "transport": fact.transport})
        case Left(reason=Ended.LOST):
            return RecordParticipantLost(**whose)
        case Left():
            return RecordParticipantLeft(**whose, cause=DEPARTURES[fact.reason])


def _published(fact: TrackBegan) -> RecordTrackPublished:
    return RecordTrackPublished(
        live_session_id=fact.track.session_id,
        track_id=fact.track.track_id,
        participant_id=fact.track.participant_id,
        source=source_of(fact.track),
        codec=fact.track.codec,
        width=fact.width,
        height=fact.height,
    )


def _of_the_picture(fact: RungChanged | GateCrossed | StillTaken) -> Command:
    match fact:
        case RungChanged():
            return RecordQualityStep(
                live_session_id=fact.session_id,
                participant_id=fact.participant_id,
                rung=Rung(fact.rung),
                cause=StepCause(fact.reason),
                measured=leg_quality(fact.measured),
            )
        case GateCrossed():
            return RecordDiagnosticQuality(
                live_session_id=fact.session_id, track_id=fact.track_id, measured=leg_quality(fact.measured)
            )
        case StillTaken():
            return RecordStill(
                live_session_id=fact.session_id,
                image_id=fact.image_id,
                track_id=fact.track_id,
                image=Blob(sha256=fact.sha256, media_type=fact.media_type, size=fact.size),
                frame=Frame(rtp_timestamp=fact.rtp_timestamp, taken_at=fact.frame_at),
                origin=StillOrigin(fact.origin),
                lossless=fact.lossless,
                measured=_line(fact.measured),
                asked_by=fact.asked_by,
            )


def _line(numbers: LegNumbers) -> LinkQuality:
    leg = leg_quality(numbers)
    return LinkQuality(**{name: getattr(leg, name) for name in LinkQuality.model_fields})
