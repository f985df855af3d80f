"""Phiên trực tuyến: the pictures and sound of one consultation or examination, its room, as facts.

The room is there as long as its care: whoever is admitted first opens it, and with the care it closes; after that only
what becomes of its recordings is told. Observers never publish. Nothing is recorded before every person on the track
has consented; a withdrawal stops the recording and marks what was made. Numbers of every second are metrics and never
facts; what crosses a limit is a fact, with the numbers that did. No address of anybody is kept here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Self
from uuid import UUID, uuid5

from domain._kernel import Event, Lifecycle, State, stays
from domain._live import RecordingStatus, Rung, Source, Ultrasound
from domain._live_room import Participant, Recording, Track
from domain.live_session import (
    AdmissionChanged,
    DiagnosticQualityLost,
    DiagnosticQualityReached,
    FirstBytesWritten,
    LiveSessionClosed,
    LiveSessionOpened,
    MessagePosted,
    ParticipantAdmitted,
    ParticipantJoined,
    ParticipantLeft,
    ParticipantLost,
    ParticipantMuted,
    ParticipantReadmitted,
    ParticipantRemoved,
    ParticipantUnmuted,
    PersonHidden,
    PersonShown,
    PictureFrozen,
    PictureReleased,
    PointerPlaced,
    QualityDegraded,
    QualityRestored,
    RecordingAuthorised,
    RecordingConsented,
    RecordingConsentWithdrawn,
    RecordingExported,
    RecordingFailed,
    RecordingInterrupted,
    RecordingRefused,
    RecordingSealed,
    RecordingStarted,
    RecordingStopped,
    RecordingViewed,
    RoomPlaced,
    RoomReleased,
    Status,
    StillCaptured,
    StrokeDrawn,
    StrokesCleared,
    TrackEnded,
    TrackPublished,
    TransportChanged,
    WorkerLost,
)

ROOMS = UUID("0d3f1b7c-7d0e-5c0e-8b1f-3f6a5c9d2e47")

RECORDED_AS = {
    RecordingStarted: RecordingStatus.STARTED,
    RecordingStopped: RecordingStatus.STOPPED,
    RecordingSealed: RecordingStatus.SEALED,
    RecordingFailed: RecordingStatus.FAILED,
}


class LiveSession(State[Status]):
    consultation_id: UUID | None = None
    examination_id: UUID | None = None
    facility_id: UUID | None = None
    partner_id: UUID | None = None
    runs: Mapping[UUID, str] = {}
    last_lost: UUID | None = None
    participants: Mapping[UUID, Participant] = {}
    tracks: Mapping[UUID, Track] = {}
    recordings: Mapping[UUID, Recording] = {}
    stills: frozenset[UUID] = frozenset()
    messages: frozenset[UUID] = frozenset()
    removed: frozenset[UUID] = frozenset()

    lifecycle: ClassVar[Lifecycle] = {
        None: {LiveSessionOpened: Status.OPEN},
        Status.OPEN: {
            **stays(Status.OPEN, ParticipantAdmitted, AdmissionChanged),
            **stays(Status.OPEN, ParticipantJoined, TransportChanged, ParticipantLeft, ParticipantLost),
            **stays(
                Status.OPEN, RoomPlaced, RoomReleased, WorkerLost, TrackPublished, TrackEnded, PersonShown, PersonHidden
            ),
            **stays(Status.OPEN, QualityDegraded, QualityRestored, DiagnosticQualityReached, DiagnosticQualityLost),
            **stays(Status.OPEN, PictureFrozen, PictureReleased, PointerPlaced, StrokeDrawn, StrokesCleared),
            **stays(Status.OPEN, StillCaptured, RecordingConsented, RecordingRefused, RecordingConsentWithdrawn),
            **stays(Status.OPEN, RecordingAuthorised, RecordingStarted, FirstBytesWritten, RecordingInterrupted),
            **stays(Status.OPEN, RecordingStopped, RecordingSealed, RecordingFailed, RecordingViewed),
            **stays(Status.OPEN, RecordingExported, MessagePosted),
            **stays(Status.OPEN, ParticipantMuted, ParticipantUnmuted, ParticipantRemoved, ParticipantReadmitted),
            LiveSessionClosed: Status.CLOSED,
        },
        # A recorder finishes after the room; people may still take back their consent, and recordings are viewed.
        Status.CLOSED: {
            **stays(Status.CLOSED, RecordingInterrupted, RecordingSealed, RecordingFailed, FirstBytesWritten),
            **stays(Status.CLOSED, RecordingConsentWithdrawn, RecordingViewed, RecordingExported),
        },
    }

    @staticmethod
    def of(care_id: UUID) -> UUID:
        """The one live session of this consultation or examination."""
        return uuid5(ROOMS, str(care_id))

    def on(self, event: Any) -> Self:
        match event:
            case LiveSessionOpened():
                return self.with_(**{name: getattr(event, name) for name in type(event).model_fields})
            case RoomPlaced():
                # A lost run's place is taken once.
                last_lost = self.last_lost if event.moved_from is None else None
                return self.with_(runs={**self.runs, event.run_id: event.worker}, last_lost=last_lost)
            case RoomReleased() | WorkerLost():
                left = {run_id: worker for run_id, worker in self.runs.items() if run_id != event.run_id}
                last_lost = event.run_id if isinstance(event, WorkerLost) else self.last_lost
                return self.with_(runs=left, last_lost=last_lost)
            case StillCaptured():
                return self.with_(stills=self.stills | {event.image_id})
            case MessagePosted():
                return self.with_(messages=self.messages | {event.message_id})
            case ParticipantMuted() | ParticipantUnmuted() | ParticipantRemoved() | ParticipantReadmitted():
                return self._ordered(event)
            case (
                ParticipantAdmitted() | AdmissionChanged() | ParticipantJoined() | ParticipantLeft() | ParticipantLost()
            ):
                return self._came_or_went(event)
            case QualityDegraded() | QualityRestored():
                return self._participant(event.participant_id, rung=event.now)
            case RecordingAuthorised():
                return self.with_(
                    recordings={**self.recordings, event.recording_id: Recording(track_ids=event.track_ids)}
                )
            case RecordingStarted() | RecordingStopped() | RecordingSealed() | RecordingFailed():
                known = self.recordings[event.recording_id].model_copy(update={"status": RECORDED_AS[type(event)]})
                return self.with_(recordings={**self.recordings, event.recording_id: known})
            case _:
                return self._shown(event)

    def _ordered(self, event: Any) -> Self:
        match event:
            case ParticipantRemoved():
                return self.with_(removed=self.removed | {event.person_id})
            case ParticipantReadmitted():
                return self.with_(removed=self.removed - {event.person_id})
            case _:
                return self._participant(event.participant_id, muted=isinstance(event, ParticipantMuted))

    def _came_or_went(self, event: Any) -> Self:
        match event:
            case ParticipantAdmitted() | AdmissionChanged():
                told = {name: getattr(event, name) for name in type(event).model_fields if name != "participant_id"}
                if isinstance(event, AdmissionChanged):
                    return self._participant(event.participant_id, **told)
                return self.with_(participants={**self.participants, event.participant_id: Participant(**told)})
            case ParticipantJoined():
                return self._participant(
                    event.participant_id, stay=event.stay, run_id=event.run_id, rung=Rung.TWO_WAY_HD
                )
            case _:
                return self._participant(event.participant_id, run_id=None)

    def _shown(self, event: Any) -> Self:
        match event:
            case TrackPublished():
                return self._published(event)
            case TrackEnded():
                return self._track(event.track_id, live=False, frozen=False, strokes=frozenset())
            case DiagnosticQualityReached() | DiagnosticQualityLost():
                return self._track(event.track_id, diagnostic=isinstance(event, DiagnosticQualityReached))
            case PictureFrozen() | PictureReleased():
                return self._track(event.track_id, frozen=isinstance(event, PictureFrozen))
            case StrokeDrawn():
                return self._track(event.track_id, strokes=self.tracks[event.track_id].strokes | {event.stroke_id})
            case StrokesCleared():
                left = self.tracks[event.track_id].strokes.difference(event.stroke_ids)
                return self._track(event.track_id, strokes=left)
            case PersonShown() | PersonHidden() | RecordingConsented() | RecordingRefused():
                return self._person(event)
            case RecordingConsentWithdrawn():
                return self._person(event)
            case _:
                return self

    def _published(self, event: TrackPublished) -> Self:
        told = {name: getattr(event, name) for name in ("participant_id", "source", "people", "ultrasound")}
        before = self.tracks[event.continues].relies_on if event.continues else {}
        relies_on = {person: consent for person, consent in before.items() if person in event.consented}
        track = Track(**told, consented=frozenset(event.consented), relies_on=relies_on)
        held = {
            id_: self.recordings[id_].model_copy(
                update={"track_ids": (*self.recordings[id_].track_ids, event.track_id)}
            )
            for id_ in event.recording_ids
        }
        return self.with_(tracks={**self.tracks, event.track_id: track}, recordings={**self.recordings, **held})

    def _person(self, event: Any) -> Self:
        track, person = self.tracks[event.track_id], event.person_id
        match event:
            case PersonShown():
                return self._track(event.track_id, people=(*track.people, person))
            case PersonHidden():
                left = tuple(one for one in track.people if one != person)
                return self._track(event.track_id, people=left, consented=track.consented - {person})
            case RecordingConsented():
                rest = {**track.relies_on, person: event.consent_id} if event.consent_id else _but(track, person)
                return self._track(event.track_id, consented=track.consented | {person}, relies_on=rest)
            case _:
                without = track.consented - {person}
                return self._track(event.track_id, consented=without, relies_on=_but(track, person))

    def _participant(self, participant_id: UUID, **changes: Any) -> Self:
        changed = self.participants[participant_id].model_copy(update=changes)
        return self.with_(participants={**self.participants, participant_id: changed})

    def _track(self, track_id: UUID, **changes: Any) -> Self:
        changed = self.tracks[track_id].model_copy(update=changes)
        return self.with_(tracks={**self.tracks, track_id: changed})

    def about(self, event: Event) -> UUID | None:
        """The patient of the examination, or the one whose ultrasound it is."""
        ultrasound: Ultrasound | None = getattr(event, "ultrasound", None)
        track = self.tracks.get(getattr(event, "track_id", None))  # type: ignore[arg-type]
        if ultrasound is None and track is not None:
            ultrasound = track.ultrasound
        return ultrasound.patient_id if ultrasound is not None else super().about(event)

    def last_track(self, participant_id: UUID, source: Source) -> UUID | None:
        """The last track of this source that this participant sent, whether it still comes or not."""
        own = [id_ for id_, one in self.tracks.items() if (one.participant_id, one.source) == (participant_id, source)]
        return own[-1] if own else None

    def recordings_with(self, track_id: UUID) -> tuple[UUID, ...]:
        """The recordings that hold this track, whatever became of them."""
        return tuple(id_ for id_, one in self.recordings.items() if track_id in one.track_ids)

    def running_with(self, track_id: UUID) -> list[UUID]:
        """The recordings under way that hold this track."""
        return [id_ for id_, one in self.recordings.items() if one.running and track_id in one.track_ids]


def _but(track: Track, person: UUID) -> Mapping[UUID, UUID]:
    """On whose consents the track relies without this person's."""
    return {one: consent for one, consent in track.relies_on.items() if one != person}
