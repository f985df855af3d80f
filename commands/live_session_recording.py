"""What is recorded of a room: consent of each person on each track, authorisation, and what became of the recording.

Rules: consent is asked per person and track; nothing is recorded before everybody on all tracks has given it and
somebody in charge authorised the recording; a withdrawal, or a person who comes into the picture, stops the recording
at once, and a withdrawal marks what was made. What the recorder says of its work may come after the room was closed.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated
from uuid import UUID

from pydantic import Field

from commands._command import Command, Context
from commands._live import IN_CHARGE, admit_at_point_of, recording_of, require_charge, track_of
from commands.consultation import STAFF
from domain._clinical import MediaBlob
from domain._kernel import Role
from domain._live import Destination, FailureCause, GapCause, RecordingStatus, StopCause
from domain._live_room import Recording, Track
from domain._live_session import LiveSession
from domain._live_session_refusals import (
    EverybodyHasToConsent,
    NoRecordingConsent,
    NoSuchTrack,
    PersonNotShown,
    PictureWithheld,
    RecordingAlreadyAuthorised,
    RecordingIsPast,
    TrackIsRecorded,
)
from domain._personal import Label, Reason
from domain._values import Code, Period
from domain.consent import Consent, Purpose
from domain.consent import Status as ConsentStatus
from domain.consultation import Consultation
from domain.live_session import (
    Amount,
    FirstBytesWritten,
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
)

WHO_IS_SHOWN = {*STAFF, Role.PATIENT}


def _is_itself(person_id: UUID, context: Context) -> bool:
    return person_id in (context.actor.id, context.actor.patient_id)


def _shown_on(live_session: LiveSession, track_id: UUID, person_id: UUID) -> Track:
    track = live_session.tracks.get(track_id)
    if track is None:
        raise NoSuchTrack()
    if person_id not in track.people:
        raise PersonNotShown()
    return track


class ConsentToRecording(Command, of=LiveSession, by=WHO_IS_SHOWN):
    """Let a track be recorded on which you are; for a patient, the point names the patient's consent to recording."""

    live_session_id: UUID
    track_id: UUID
    person_id: UUID
    consent_id: UUID | None = None

    def decide(
        self, live_session: LiveSession, context: Context, consent: Consent | None
    ) -> Iterator[RecordingConsented]:
        track = _shown_on(live_session, self.track_id, self.person_id)
        if not _is_itself(self.person_id, context):
            point = admit_at_point_of(live_session, track, context)
            assert point is not None
            if consent is None or not consent.covers(Purpose.RECORDING, self.person_id, point, context.happened_at):
                raise NoRecordingConsent()
        if self.person_id not in track.consented:
            yield RecordingConsented(track_id=self.track_id, person_id=self.person_id, consent_id=self.consent_id)


class RefuseRecording(Command, of=LiveSession, by=WHO_IS_SHOWN):
    """Say that you, or a patient at your point, do not want a track to be recorded."""

    live_session_id: UUID
    track_id: UUID
    person_id: UUID

    def decide(self, live_session: LiveSession, context: Context) -> Iterator[RecordingRefused]:
        track = _shown_on(live_session, self.track_id, self.person_id)
        if not _is_itself(self.person_id, context):
            admit_at_point_of(live_session, track, context)
        if self.person_id not in track.consented:
            yield RecordingRefused(track_id=self.track_id, person_id=self.person_id)


class WithdrawRecordingConsent(Command, of=LiveSession, by=WHO_IS_SHOWN):
    """Take back your consent, or that of a patient at your point: recording stops, and what was made is marked."""

    live_session_id: UUID
    track_id: UUID
    person_id: UUID

    def decide(
        self, live_session: LiveSession, context: Context
    ) -> Iterator[RecordingConsentWithdrawn | RecordingStopped]:
        track = _shown_on(live_session, self.track_id, self.person_id)
        if not _is_itself(self.person_id, context):
            admit_at_point_of(live_session, track, context)
        if self.person_id not in track.consented:
            raise NoRecordingConsent(field="person_id")
        held = live_session.recordings_with(self.track_id)
        for recording_id in live_session.running_with(self.track_id):
            yield RecordingStopped(recording_id=recording_id, cause=StopCause.CONSENT_WITHDRAWN)
        yield RecordingConsentWithdrawn(track_id=self.track_id, person_id=self.person_id, recording_ids=held)


class EndWithdrawnConsent(Command, of=LiveSession, by={Role.SYSTEM}):
    """Stop and mark whatever relied on a consent that the patient withdrew; as long as it is given, nothing happens."""

    live_session_id: UUID
    consent_id: UUID

    def decide(
        self, live_session: LiveSession, context: Context, consent: Consent
    ) -> Iterator[RecordingConsentWithdrawn | RecordingStopped]:
        if consent.status is not ConsentStatus.WITHDRAWN:
            return
        relying = [
            (track_id, person_id)
            for track_id, track in live_session.tracks.items()
            for person_id, relied_on in track.relies_on.items()
            if relied_on == self.consent_id
        ]
        running = (id_ for track_id, _ in relying for id_ in live_session.running_with(track_id))
        for recording_id in dict.fromkeys(running):
            yield RecordingStopped(recording_id=recording_id, cause=StopCause.CONSENT_WITHDRAWN)
        for track_id, person_id in relying:
            held = live_session.recordings_with(track_id)
            yield RecordingConsentWithdrawn(track_id=track_id, person_id=person_id, recording_ids=held)


class AuthoriseRecording(Command, of=LiveSession, by=IN_CHARGE):
    """Let tracks be recorded, as the chair or responsible practitioner, or at either end of an examination."""

    live_session_id: UUID
    recording_id: UUID
    track_ids: Annotated[tuple[UUID, ...], Field(min_length=1, max_length=20)]

    def decide(
        self, live_session: LiveSession, context: Context, consultation: Consultation | None
    ) -> Iterator[RecordingAuthorised]:
        require_charge(live_session, consultation, context)
        if self.recording_id in live_session.recordings:
            raise RecordingAlreadyAuthorised()
        tracks = [self._free(live_session, track_id) for track_id in self.track_ids]
        _require_consent_on(tracks)
        people = tuple(dict.fromkeys(person for track in tracks for person in track.people))
        yield RecordingAuthorised(recording_id=self.recording_id, track_ids=self.track_ids, people=people)

    def _free(self, live_session: LiveSession, track_id: UUID) -> Track:
        track = track_of(live_session, track_id)
        if live_session.running_with(track_id):
            raise TrackIsRecorded(track=track_id)
        _require_open(track, Destination.RECORDING)
        return track


class StopRecording(Command, of=LiveSession, by=IN_CHARGE):
    """Stop a recording, as whoever may authorise one."""

    live_session_id: UUID
    recording_id: UUID

    def decide(
        self, live_session: LiveSession, context: Context, consultation: Consultation | None
    ) -> Iterator[RecordingStopped]:
        require_charge(live_session, consultation, context)
        _in(live_session, self.recording_id, RecordingStatus.AUTHORISED, RecordingStatus.STARTED)
        yield RecordingStopped(recording_id=self.recording_id, cause=StopCause.ASKED)


class ExportRecording(Command, of=LiveSession, by=IN_CHARGE):
    """Take a sealed recording out of the system, as these bytes, and say why."""

    live_session_id: UUID
    recording_id: UUID
    exported: MediaBlob
    reason: Reason

    def decide(
        self, live_session: LiveSession, context: Context, consultation: Consultation | None
    ) -> Iterator[RecordingExported]:
        require_charge(live_session, consultation, context)
        recording = _in(live_session, self.recording_id, RecordingStatus.SEALED)
        for track_id in recording.track_ids:
            _require_open(live_session.tracks[track_id], Destination.EXPORT)
        yield RecordingExported(
            recording_id=self.recording_id,
            person_id=context.actor.id,
            exported=self.exported,
            reason=self.reason,
        )


# What the recorder tells -------------------------------------------------------------------------------------


class RecordRecordingStarted(Command, of=LiveSession, by={Role.SYSTEM}):
    """Record that the recorder takes in an authorised recording; refused, it writes nothing."""

    live_session_id: UUID
    recording_id: UUID

    def decide(self, live_session: LiveSession, context: Context) -> Iterator[RecordingStarted]:
        recording = _in(live_session, self.recording_id, RecordingStatus.AUTHORISED)
        # Who came into the picture or changed its mind since the authorisation has stopped it; this is the last door.
        _require_consent_on([live_session.tracks[track_id] for track_id in recording.track_ids])
        yield RecordingStarted(recording_id=self.recording_id)


class RecordFirstBytes(Command, of=LiveSession, by={Role.SYSTEM}):
    """Record that the first bytes of a recording are stored."""

    live_session_id: UUID
    recording_id: UUID

    def decide(self, live_session: LiveSession, context: Context) -> Iterator[FirstBytesWritten]:
        _in(live_session, self.recording_id, RecordingStatus.STARTED, RecordingStatus.STOPPED)
        yield FirstBytesWritten(recording_id=self.recording_id)


class RecordRecordingGap(Command, of=LiveSession, by={Role.SYSTEM}):
    """Record that a track is missing in a recording for a period."""

    live_session_id: UUID
    recording_id: UUID
    track_id: UUID
    gap: Period
    cause: GapCause

    def decide(self, live_session: LiveSession, context: Context) -> Iterator[RecordingInterrupted]:
        recording = _in(live_session, self.recording_id, RecordingStatus.STARTED, RecordingStatus.STOPPED)
        if self.track_id not in recording.track_ids:
            raise NoSuchTrack()
        yield RecordingInterrupted(
            recording_id=self.recording_id, track_id=self.track_id, gap=self.gap, cause=self.cause
        )


class RecordRecordingEnded(Command, of=LiveSession, by={Role.SYSTEM}):
    """Record that the recorder stopped by itself: the tracks ended, or it was lost."""

    live_session_id: UUID
    recording_id: UUID
    cause: StopCause

    def decide(self, live_session: LiveSession, context: Context) -> Iterator[RecordingStopped]:
        _in(live_session, self.recording_id, RecordingStatus.AUTHORISED, RecordingStatus.STARTED)
        yield RecordingStopped(recording_id=self.recording_id, cause=self.cause)


class RecordRecordingSealed(Command, of=LiveSession, by={Role.SYSTEM}):
    """Record that a recording is complete, by the hash and size of its bytes."""

    live_session_id: UUID
    recording_id: UUID
    recording: MediaBlob
    duration_ms: Amount
    key_id: Code

    def decide(self, live_session: LiveSession, context: Context) -> Iterator[RecordingSealed]:
        _in(live_session, self.recording_id, RecordingStatus.STOPPED)
        yield RecordingSealed(
            recording_id=self.recording_id,
            recording=self.recording,
            duration_ms=self.duration_ms,
            key_id=self.key_id,
        )


class RecordRecordingFailed(Command, of=LiveSession, by={Role.SYSTEM}):
    """Record that there will be no good recording, and raise the alarm."""

    live_session_id: UUID
    recording_id: UUID
    cause: FailureCause
    detail: Label

    def decide(self, live_session: LiveSession, context: Context) -> Iterator[RecordingFailed]:
        known = (RecordingStatus.AUTHORISED, RecordingStatus.STARTED, RecordingStatus.STOPPED)
        _in(live_session, self.recording_id, *known)
        yield RecordingFailed(recording_id=self.recording_id, cause=self.cause, detail=self.detail)


class RecordRecordingViewed(Command, of=LiveSession, by={Role.SYSTEM}):
    """Record that somebody was given a recording to view."""

    live_session_id: UUID
    recording_id: UUID
    person_id: UUID

    def decide(self, live_session: LiveSession, context: Context) -> Iterator[RecordingViewed]:
        recording_of(live_session, self.recording_id)
        yield RecordingViewed(recording_id=self.recording_id, person_id=self.person_id)


def _in(live_session: LiveSession, recording_id: UUID, *statuses: RecordingStatus) -> Recording:
    recording = recording_of(live_session, recording_id)
    if recording.status not in statuses:
        raise RecordingIsPast(recording=recording.status)
    return recording


def _require_consent_on(tracks: list[Track]) -> None:
    missing = dict.fromkeys(str(person) for track in tracks for person in track.without_consent)
    if missing:
        raise EverybodyHasToConsent(people=", ".join(missing))


def _require_open(track: Track, destination: Destination) -> None:
    if track.ultrasound is not None and destination in track.ultrasound.withheld_from:
        raise PictureWithheld(destination=destination)
