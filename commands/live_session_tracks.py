"""What is sent into the room and how well it gets there: tracks, the people on them, and the steps of quality.

Rules: observers publish nothing, and in a consultation only a point that is on the line does; an ultrasound comes from
the connected device of an examination under way, as it was admitted. A way goes up or down the ladder by one rung, or
by more with a stated reason; an alarm that changes nothing is no fact.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from uuid import UUID

from commands._command import Command, Context
from commands._live import admit_at_point_of, participant_of, picture_of, speaker, track_of, under_way
from commands.consultation import STAFF, invited, require_voice
from domain._kernel import Role
from domain._live import LegQuality, Rung, Source, StepCause, StopCause, TrackEnd, Ultrasound
from domain._live_room import Participant
from domain._live_session import LiveSession
from domain._live_session_refusals import (
    NoUltrasoundHere,
    ParticipantNotPresent,
    PersonAlreadyShown,
    PersonNotShown,
    StepNeedsReason,
    TrackAlreadyPublished,
)
from domain._personal import Reason
from domain._values import Code
from domain.consultation import Consultation
from domain.examination import DeviceNotConnected, Examination
from domain.live_session import (
    Amount,
    DiagnosticQualityLost,
    DiagnosticQualityReached,
    PersonHidden,
    PersonShown,
    QualityDegraded,
    QualityRestored,
    RecordingStopped,
    TrackEnded,
    TrackPublished,
)


class RecordTrackPublished(Command, of=LiveSession, by={Role.SYSTEM}):
    """Record that a participant sends a picture or a sound; if this is refused, the worker ends the track."""

    live_session_id: UUID
    track_id: UUID
    participant_id: UUID
    source: Source
    codec: Code
    width: Amount = 0
    height: Amount = 0

    def refers_to(self, state: LiveSession) -> Mapping[str, UUID | None]:
        ultrasound = self._ultrasound(state.participants.get(self.participant_id))
        return {"examination": ultrasound.examination_id if ultrasound else None}

    def _ultrasound(self, participant: Participant | None) -> Ultrasound | None:
        return participant.ultrasound if participant and self.source.is_of_the_device else None

    def _replaced(self, live_session: LiveSession) -> Iterator[TrackEnded]:
        """The same source over a new connection takes the place of the one before, whose end is told later or never."""
        before = live_session.last_track(self.participant_id, self.source)
        if before is not None and live_session.tracks[before].live:
            yield TrackEnded(track_id=before, cause=TrackEnd.REPLACED)

    def decide(
        self,
        live_session: LiveSession,
        context: Context,
        consultation: Consultation | None,
        examination: Examination | None,
    ) -> Iterator[TrackEnded | TrackPublished]:
        if self.track_id in live_session.tracks:
            raise TrackAlreadyPublished()
        participant = speaker(live_session, self.participant_id, context)
        if consultation is not None and participant.facility_id is not None:
            require_voice(invited(consultation, participant.facility_id))
        ultrasound = self._ultrasound(participant)
        if self.source.is_of_the_device:
            if ultrasound is None or examination is None or not under_way(examination):
                raise NoUltrasoundHere()
            if ultrasound.device_id not in examination.devices:
                raise DeviceNotConnected(device_id=ultrasound.device_id)
        continues = live_session.last_track(self.participant_id, self.source)
        before = live_session.tracks[continues] if continues else None
        if before is not None and before.ultrasound != ultrasound:
            continues = before = None
        yield from self._replaced(live_session)
        yield TrackPublished(
            track_id=self.track_id,
            participant_id=self.participant_id,
            source=self.source,
            codec=self.codec,
            width=self.width,
            height=self.height,
            people=before.people if before else (ultrasound.patient_id if ultrasound else participant.person_id,),
            ultrasound=ultrasound,
            continues=continues,
            consented=tuple(sorted(before.consented)) if before else (),
            recording_ids=tuple(live_session.running_with(continues)) if continues else (),
        )


class RecordTrackEnded(Command, of=LiveSession, by={Role.SYSTEM}):
    """Record that nothing more comes of a track."""

    live_session_id: UUID
    track_id: UUID
    cause: TrackEnd

    def decide(self, live_session: LiveSession, context: Context) -> Iterator[TrackEnded]:
        track_of(live_session, self.track_id)
        yield TrackEnded(track_id=self.track_id, cause=self.cause)


class ShowPerson(Command, of=LiveSession, by=STAFF):
    """Say at the point that a further person is seen or heard on a track; it is not recorded before it consents."""

    live_session_id: UUID
    track_id: UUID
    person_id: UUID

    def decide(self, live_session: LiveSession, context: Context) -> Iterator[PersonShown | RecordingStopped]:
        track = track_of(live_session, self.track_id)
        admit_at_point_of(live_session, track, context)
        if self.person_id in track.people:
            raise PersonAlreadyShown()
        yield PersonShown(track_id=self.track_id, person_id=self.person_id)
        for recording_id in live_session.running_with(self.track_id):
            yield RecordingStopped(recording_id=recording_id, cause=StopCause.PERSON_WITHOUT_CONSENT)


class HidePerson(Command, of=LiveSession, by=STAFF):
    """Say at the point that a person is no longer seen or heard on a track."""

    live_session_id: UUID
    track_id: UUID
    person_id: UUID

    def decide(self, live_session: LiveSession, context: Context) -> Iterator[PersonHidden]:
        track = track_of(live_session, self.track_id)
        admit_at_point_of(live_session, track, context)
        if self.person_id not in track.people:
            raise PersonNotShown()
        yield PersonHidden(track_id=self.track_id, person_id=self.person_id)


class RecordQualityStep(Command, of=LiveSession, by={Role.SYSTEM}):
    """Record that a participant's way went up or down the ladder, with the numbers that made it so."""

    live_session_id: UUID
    participant_id: UUID
    rung: Rung
    cause: StepCause
    measured: LegQuality
    because: Reason | None = None

    def decide(self, live_session: LiveSession, context: Context) -> Iterator[QualityDegraded | QualityRestored]:
        participant = participant_of(live_session, self.participant_id)
        if not participant.present:
            raise ParticipantNotPresent()
        before = participant.rung
        if self.rung is before:
            return
        if not self.rung.is_beside(before) and self.because is None:
            raise StepNeedsReason(before=before, now=self.rung)
        kind = QualityDegraded if self.rung.place > before.place else QualityRestored
        yield kind(
            participant_id=self.participant_id,
            before=before,
            now=self.rung,
            cause=self.cause,
            measured=self.measured,
            because=self.because,
        )


class RecordDiagnosticQuality(Command, of=LiveSession, by={Role.SYSTEM}):
    """Record what was measured of a picture, when that takes it over the quality gate of the day, up or down."""

    live_session_id: UUID
    track_id: UUID
    measured: LegQuality

    def decide(
        self, live_session: LiveSession, context: Context
    ) -> Iterator[DiagnosticQualityReached | DiagnosticQualityLost]:
        track = picture_of(live_session, self.track_id)
        diagnostic = context.reference.diagnostic_quality(self.measured, context.day)
        if diagnostic is not track.diagnostic:
            kind = DiagnosticQualityReached if diagnostic else DiagnosticQualityLost
            yield kind(track_id=self.track_id, participant_id=track.participant_id, measured=self.measured)
