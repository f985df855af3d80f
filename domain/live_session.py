"""What can happen in a live session (phiên trực tuyến): who is there, what is shown, said, pointed at and recorded.

The rules, and the state that they rest on, stand in _live_session.py.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated
from uuid import UUID

from pydantic import Field

from domain._clinical import MediaBlob
from domain._kernel import Event
from domain._live import (
    Departure,
    Dot,
    FailureCause,
    Frame,
    GapCause,
    LegQuality,
    LossCause,
    Part,
    ParticipantKind,
    Rung,
    Shape,
    Source,
    StepCause,
    StillOrigin,
    StopCause,
    TrackEnd,
    Transport,
    Ultrasound,
)
from domain._personal import ClinicalText, Label, Reason
from domain._values import Code, Count, LinkQuality, Period

Amount = Annotated[Count, Field(ge=0)]


class Status(StrEnum):
    OPEN = "open"
    CLOSED = "closed"


class LiveSessionOpened(Event, name="live_session.opened"):
    """The room of a consultation, or of an examination outside one, was opened by the first who was let in."""

    consultation_id: UUID | None = None
    examination_id: UUID | None = None
    facility_id: UUID
    partner_id: UUID | None = None
    patient_id: UUID | None = None


class ParticipantAdmitted(Event, name="live_session.participant_admitted"):
    """Somebody was let in, as speaker or observer, perhaps with the ultrasound device of an examination."""

    participant_id: UUID
    person_id: UUID
    kind: ParticipantKind
    part: Part
    facility_id: UUID | None = None
    ultrasound: Ultrasound | None = None


class AdmissionChanged(Event, name="live_session.admission_changed"):
    """Somebody who had been let in has another part now, or shows another ultrasound."""

    participant_id: UUID
    kind: ParticipantKind
    part: Part
    facility_id: UUID | None = None
    ultrasound: Ultrasound | None = None


class ParticipantJoined(Event, name="live_session.participant_joined", schema_version=2):
    """A participant came on the line, for the first time or again, carried by this run of a media worker."""

    participant_id: UUID
    stay: Amount
    run_id: UUID
    transport: Transport | None = None


class TransportChanged(Event, name="live_session.transport_changed"):
    """A participant who is on the line came over another network, or by another way than before."""

    participant_id: UUID
    stay: Amount
    transport: Transport


class ParticipantLeft(Event, name="live_session.participant_left"):
    """A participant went off the line on purpose, was removed, or the session closed."""

    participant_id: UUID
    stay: Amount
    cause: Departure


class ParticipantLost(Event, name="live_session.participant_lost"):
    """A participant's line fell silent, or the worker that carried it was lost; the place is kept."""

    participant_id: UUID
    stay: Amount
    cause: LossCause


class MessagePosted(Event, name="live_session.message_posted"):
    """A participant wrote something to everybody in the room."""

    message_id: UUID
    participant_id: UUID
    text: ClinicalText


class ParticipantMuted(Event, name="live_session.participant_muted"):
    """The chair silenced a participant: nobody hears it, and no recording does, until it has its voice back."""

    participant_id: UUID


class ParticipantUnmuted(Event, name="live_session.participant_unmuted"):
    """The chair gave a participant its voice back."""

    participant_id: UUID


class ParticipantRemoved(Event, name="live_session.participant_removed"):
    """The chair sent somebody out of the room; the way back is shut until the chair opens it."""

    participant_id: UUID
    person_id: UUID
    reason: Reason


class ParticipantReadmitted(Event, name="live_session.participant_readmitted"):
    """The chair lets somebody who was sent out come back."""

    participant_id: UUID
    person_id: UUID


class RoomPlaced(Event, name="live_session.room_placed"):
    """A run of a media worker carries the room from now on; `moved_from` when it took it over from a lost one."""

    worker: Code
    run_id: UUID
    moved_from: UUID | None = None


class RoomReleased(Event, name="live_session.room_released"):
    """A run of a media worker gave the room up in good order, with nobody left in it."""

    worker: Code
    run_id: UUID


class WorkerLost(Event, name="live_session.worker_lost"):
    """A run of a media worker ended without a farewell; whoever and whatever it carried is lost with it."""

    worker: Code
    run_id: UUID


class LiveSessionClosed(Event, name="live_session.closed"):
    """The room is closed: nobody and nothing comes in any more."""


# What is shown -----------------------------------------------------------------------------------------------


class TrackPublished(Event, name="live_session.track_published"):
    """A camera, an ultrasound, a screen or a sound is being sent to the room, with who is seen or heard on it.

    One that comes back after a lost line `continues` the one before, with its people, consents and recordings.
    """

    track_id: UUID
    participant_id: UUID
    source: Source
    codec: Code
    width: Amount = 0
    height: Amount = 0
    people: tuple[UUID, ...]
    ultrasound: Ultrasound | None = None
    continues: UUID | None = None
    consented: tuple[UUID, ...] = ()
    recording_ids: tuple[UUID, ...] = ()


class TrackEnded(Event, name="live_session.track_ended"):
    """Nothing more comes of this track."""

    track_id: UUID
    cause: TrackEnd


class PersonShown(Event, name="live_session.person_shown"):
    """A further person is seen or heard on a track, and is asked before it is recorded."""

    track_id: UUID
    person_id: UUID


class PersonHidden(Event, name="live_session.person_hidden"):
    """A person is no longer seen or heard on a track."""

    track_id: UUID
    person_id: UUID


class QualityDegraded(Event, name="live_session.quality_degraded"):
    """A participant's way went down the ladder, for what was measured."""

    participant_id: UUID
    before: Rung
    now: Rung
    cause: StepCause
    measured: LegQuality
    because: Reason | None = None


class QualityRestored(Event, name="live_session.quality_restored"):
    """A participant's way went up the ladder again."""

    participant_id: UUID
    before: Rung
    now: Rung
    cause: StepCause
    measured: LegQuality
    because: Reason | None = None


class DiagnosticQualityReached(Event, name="live_session.diagnostic_quality_reached"):
    """A picture is good enough for a diagnosis by the gate of the day, with the numbers that say so."""

    track_id: UUID
    participant_id: UUID
    measured: LegQuality


class DiagnosticQualityLost(Event, name="live_session.diagnostic_quality_lost"):
    """A picture is below the gate of the day: it is labelled not for diagnosis."""

    track_id: UUID
    participant_id: UUID
    measured: LegQuality


class PictureFrozen(Event, name="live_session.picture_frozen"):
    """A speaker froze a picture for all, at this frame."""

    track_id: UUID
    participant_id: UUID
    frame: Frame


class PictureReleased(Event, name="live_session.picture_released"):
    """The frozen picture runs again."""

    track_id: UUID
    participant_id: UUID


class PointerPlaced(Event, name="live_session.pointer_placed"):
    """A speaker pointed at a place of a picture, at this frame, along these dots."""

    track_id: UUID
    participant_id: UUID
    frame: Frame
    dots: tuple[Dot, ...]


class StrokeDrawn(Event, name="live_session.stroke_drawn"):
    """A speaker drew on a picture; the drawing stays for all until it is cleared."""

    stroke_id: UUID
    track_id: UUID
    participant_id: UUID
    frame: Frame
    shape: Shape
    dots: tuple[Dot, ...]
    label: ClinicalText | None = None


class StrokesCleared(Event, name="live_session.strokes_cleared"):
    """Drawings were taken off a picture; what was drawn can be replayed all the same."""

    track_id: UUID
    participant_id: UUID
    stroke_ids: tuple[UUID, ...]


class StillCaptured(Event, name="live_session.still_captured", schema_version=2):
    """A still of an ultrasound was stored, from this frame, over which these strokes lay; it becomes an image."""

    image_id: UUID
    track_id: UUID
    examination_id: UUID
    device_id: UUID
    image: MediaBlob
    frame: Frame
    origin: StillOrigin
    lossless: bool
    measured: LinkQuality
    diagnostic: bool
    asked_by: UUID
    stroke_ids: tuple[UUID, ...] = ()


# What is recorded --------------------------------------------------------------------------------------------


class RecordingConsented(Event, name="live_session.recording_consented"):
    """A person let this track be recorded: itself, or a patient by a consent that the point took down."""

    track_id: UUID
    person_id: UUID
    consent_id: UUID | None = None


class RecordingRefused(Event, name="live_session.recording_refused"):
    """A person does not want this track to be recorded."""

    track_id: UUID
    person_id: UUID


class RecordingConsentWithdrawn(Event, name="live_session.recording_consent_withdrawn"):
    """A person took its consent back; these recordings hold the person, and carry the mark."""

    track_id: UUID
    person_id: UUID
    recording_ids: tuple[UUID, ...]


class RecordingAuthorised(Event, name="live_session.recording_authorised"):
    """Everybody on these tracks had consented, and somebody in charge let them be recorded."""

    recording_id: UUID
    track_ids: tuple[UUID, ...]
    people: tuple[UUID, ...]


class RecordingStarted(Event, name="live_session.recording_started"):
    """The recorder takes the tracks in."""

    recording_id: UUID


class FirstBytesWritten(Event, name="live_session.first_bytes_written"):
    """The first encrypted bytes of a recording are stored: it really runs."""

    recording_id: UUID


# Causes were added: that the media worker was lost (2), that the picture changed too often (3).
class RecordingInterrupted(Event, name="live_session.recording_interrupted", schema_version=3):
    """In this period a track is missing in the recording."""

    recording_id: UUID
    track_id: UUID
    gap: Period
    cause: GapCause


class RecordingStopped(Event, name="live_session.recording_stopped"):
    """Nothing more is recorded from here on."""

    recording_id: UUID
    cause: StopCause


class RecordingSealed(Event, name="live_session.recording_sealed"):
    """The recording is complete: the hash and size of its encrypted bytes, and the key that opens it."""

    recording_id: UUID
    recording: MediaBlob
    duration_ms: Amount
    key_id: Code


class RecordingFailed(Event, name="live_session.recording_failed"):
    """There will be no good recording, and somebody has to know now."""

    recording_id: UUID
    cause: FailureCause
    detail: Label


class RecordingViewed(Event, name="live_session.recording_viewed"):
    """Somebody was given a recording to view."""

    recording_id: UUID
    person_id: UUID


class RecordingExported(Event, name="live_session.recording_exported"):
    """A recording was taken out of the system, as these bytes, by somebody, for a reason."""

    recording_id: UUID
    person_id: UUID
    exported: MediaBlob
    reason: Reason
