"""What the rules of a live session refuse."""

from __future__ import annotations

from domain._kernel import DomainError


class CareNotUnderWay(DomainError, code="CARE_NOT_UNDER_WAY"):
    """A live session belongs to a consultation that is open, or to an examination that was started and not signed."""


class CareGoesOn(DomainError, code="CARE_GOES_ON"):
    """The consultation or examination of this live session goes on: end that first."""


class RoomOfTheConsultation(DomainError, code="ROOM_OF_THE_CONSULTATION", field="examination_id"):
    """This examination is made within a consultation: join the live session of the consultation."""


class PatientNotPresented(DomainError, code="PATIENT_NOT_PRESENTED"):
    """A patient joins the consultation in which the own case was presented."""


class ParticipantIdTaken(DomainError, code="PARTICIPANT_ID_TAKEN", field="participant_id"):
    """This participant id belongs to another person in this session."""


class ParticipantNotAdmitted(DomainError, code="PARTICIPANT_NOT_ADMITTED", field="participant_id"):
    """Nobody was admitted to this session under this participant id."""


class ParticipantNotPresent(DomainError, code="PARTICIPANT_NOT_PRESENT", field="participant_id"):
    """This participant is not on the line."""


class ParticipantAlreadyPresent(DomainError, code="PARTICIPANT_ALREADY_PRESENT", field="participant_id"):
    """This participant is on the line already."""


class NotYourParticipant(DomainError, code="NOT_YOUR_PARTICIPANT", field="participant_id"):
    """Each acts for itself: this participant is somebody else."""


class NoUltrasoundHere(DomainError, code="NO_ULTRASOUND_HERE", field="ultrasound"):
    """An ultrasound is shown from the point of a started examination of this session."""


class RoomNotPlaced(DomainError, code="ROOM_NOT_PLACED", field="run_id"):
    """This run of a media worker does not carry the room."""


class TrackAlreadyPublished(DomainError, code="TRACK_ALREADY_PUBLISHED", field="track_id"):
    """A track with this id has been published."""


class NoSuchTrack(DomainError, code="NO_SUCH_TRACK", field="track_id"):
    """No track of this id is being published."""


class NotAPicture(DomainError, code="NOT_A_PICTURE", field="track_id"):
    """This can be done with a picture, and the track is sound."""


class StepNeedsReason(DomainError, code="STEP_NEEDS_REASON", field="because"):
    """From {before} to {now} is more than one rung: say why."""


class PictureAlreadyFrozen(DomainError, code="PICTURE_ALREADY_FROZEN", field="track_id"):
    """This picture is frozen: release it first."""


class PictureNotFrozen(DomainError, code="PICTURE_NOT_FROZEN", field="track_id"):
    """This picture is not frozen."""


class NoSuchStroke(DomainError, code="NO_SUCH_STROKE", field="stroke_ids"):
    """There is no drawing {stroke} on this picture."""


class StrokeAlreadyDrawn(DomainError, code="STROKE_ALREADY_DRAWN", field="stroke_id"):
    """A drawing with this id is on the picture."""


class TooManyStrokes(DomainError, code="TOO_MANY_STROKES"):
    """There are {most} drawings on this picture: clear some."""


class PersonNotShown(DomainError, code="PERSON_NOT_SHOWN", field="person_id"):
    """This person is neither seen nor heard on this track."""


class PersonAlreadyShown(DomainError, code="PERSON_ALREADY_SHOWN", field="person_id"):
    """This person is on this track already."""


class NoRecordingConsent(DomainError, code="NO_RECORDING_CONSENT", field="consent_id"):
    """A person consents for itself; for a patient the point gives the patient's own consent to recording, in force."""


class EverybodyHasToConsent(DomainError, code="EVERYBODY_HAS_TO_CONSENT"):
    """Nothing is recorded before every person on the track has consented; missing: {people}."""


class PictureWithheld(DomainError, code="PICTURE_WITHHELD"):
    """By the rules of the day this picture does not go there: {destination}."""


class RecordingAlreadyAuthorised(DomainError, code="RECORDING_ALREADY_AUTHORISED", field="recording_id"):
    """A recording with this id has been authorised."""


class TrackIsRecorded(DomainError, code="TRACK_IS_RECORDED", field="track_ids"):
    """Track {track} is being recorded already."""


class NoSuchRecording(DomainError, code="NO_SUCH_RECORDING", field="recording_id"):
    """No recording with this id has been authorised in this session."""


class RecordingIsPast(DomainError, code="RECORDING_IS_PAST", field="recording_id"):
    """This cannot happen to a recording that is {recording}."""


class RemovedFromTheRoom(DomainError, code="REMOVED_FROM_THE_ROOM"):
    """The chair sent you out of this room; only the chair can let you back."""


class NotRemoved(DomainError, code="NOT_REMOVED", field="person_id"):
    """This person was not sent out of the room."""


class AlreadyMuted(DomainError, code="ALREADY_MUTED", field="participant_id"):
    """This participant is silenced already."""


class NotMuted(DomainError, code="NOT_MUTED", field="participant_id"):
    """This participant has its voice."""


class MessageAlreadyPosted(DomainError, code="MESSAGE_ALREADY_POSTED", field="message_id"):
    """A message with this id stands in the room."""


class TooManyMessages(DomainError, code="TOO_MANY_MESSAGES"):
    """There are {most} messages in this room: write the rest elsewhere."""
