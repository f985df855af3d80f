"""What every command of a live session asks: is the care under way, who is this in the room, which track is it?"""

from __future__ import annotations

from uuid import UUID

from commands._authority import NotYourFacility, admit_at
from commands._command import Context
from commands.consultation import require_responsible
from domain._consultation_refusals import ObserversAreSilent
from domain._kernel import Role
from domain._live import Part
from domain._live_room import Participant, Recording, Track
from domain._live_session import LiveSession
from domain._live_session_refusals import (
    CareNotUnderWay,
    NoSuchRecording,
    NoSuchTrack,
    NotAPicture,
    NotYourParticipant,
    ParticipantNotAdmitted,
    ParticipantNotPresent,
)
from domain.consultation import Consultation
from domain.consultation import Status as ConsultationStatus
from domain.examination import Examination
from domain.examination import Status as ExaminationStatus

IN_CHARGE = {Role.DOCTOR, Role.COORDINATOR}
"""Who may direct a room at all; for which one, `require_charge` asks."""

UNDER_WAY = frozenset({ConsultationStatus.OPEN, ExaminationStatus.STARTED, ExaminationStatus.ASSESSED})


def under_way(care: Consultation | Examination) -> bool:
    return care.status in UNDER_WAY


def require_under_way(care: Consultation | Examination) -> None:
    if not under_way(care):
        raise CareNotUnderWay()


def require_charge(live_session: LiveSession, consultation: Consultation | None, context: Context) -> None:
    """A consultation is directed by its chair or whoever is responsible, an examination of its own by either end."""
    if consultation is not None:
        require_responsible(consultation, context)
    else:
        admit_at(context.actor, live_session.facility_id, live_session.partner_id)


def participant_of(live_session: LiveSession, participant_id: UUID) -> Participant:
    """The participant of this id, whether on the line or not."""
    participant = live_session.participants.get(participant_id)
    if participant is None:
        raise ParticipantNotAdmitted()
    return participant


def speaker(live_session: LiveSession, participant_id: UUID, context: Context) -> Participant:
    """The participant, on the line and no observer, as which this person may act; workers tell for everybody."""
    participant = participant_of(live_session, participant_id)
    if Role.SYSTEM not in context.actor.roles and context.actor.id != participant.person_id:
        raise NotYourParticipant()
    if not participant.present:
        raise ParticipantNotPresent()
    if participant.part is Part.OBSERVER:
        raise ObserversAreSilent()
    return participant


def track_of(live_session: LiveSession, track_id: UUID) -> Track:
    """The track of this id, as long as it is published."""
    track = live_session.tracks.get(track_id)
    if track is None or not track.live:
        raise NoSuchTrack()
    return track


def picture_of(live_session: LiveSession, track_id: UUID) -> Track:
    track = track_of(live_session, track_id)
    if not track.source.is_picture:
        raise NotAPicture()
    return track


def recording_of(live_session: LiveSession, recording_id: UUID) -> Recording:
    recording = live_session.recordings.get(recording_id)
    if recording is None:
        raise NoSuchRecording()
    return recording


def admit_at_point_of(live_session: LiveSession, track: Track, context: Context) -> UUID | None:
    """Refuse whoever does not work where this track comes from; the answer is that facility."""
    facility_id = live_session.participants[track.participant_id].facility_id
    if Role.SYSTEM not in context.actor.roles and (facility_id is None or context.actor.facility_id != facility_id):
        raise NotYourFacility()
    return facility_id
