"""Who comes into the room of a consultation or an examination, who is on the line, and when the room closes.

Rules: the room follows its care. Only points that are on the line of an open consultation come in, or the two ends of
an examination under way; whoever observes the consultation observes the room. Whoever is let in first opens it. What
the media workers see is told by the system, in commands whose ids follow from what happened, so that a repeated report
changes nothing. What is shown stands in live_session_tracks.py and live_session_picture.py, what is recorded in
live_session_recording.py.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Self
from uuid import UUID

from pydantic import model_validator

from commands._authority import NotYourself, admit_at
from commands._command import Command, Context
from commands._live import participant_of, require_charge, require_under_way, under_way
from commands.consultation import STAFF, invited
from domain._consultation_refusals import ObserversAreSilent, PointNotJoined
from domain._kernel import NotFound, Role, Value
from domain._live import (
    Departure,
    LossCause,
    Part,
    ParticipantKind,
    PictureCategory,
    StopCause,
    TrackEnd,
    Transport,
    Ultrasound,
)
from domain._live_session import LiveSession
from domain._live_session_refusals import (
    CareGoesOn,
    NoUltrasoundHere,
    ParticipantAlreadyPresent,
    ParticipantIdTaken,
    ParticipantNotPresent,
    PatientNotPresented,
    RemovedFromTheRoom,
    RoomNotPlaced,
    RoomOfTheConsultation,
)
from domain._points import PointRole, Presence
from domain._values import Code
from domain.consultation import Consultation
from domain.examination import DeviceNotConnected, Examination
from domain.live_session import (
    AdmissionChanged,
    LiveSessionClosed,
    LiveSessionOpened,
    ParticipantAdmitted,
    ParticipantJoined,
    ParticipantLeft,
    ParticipantLost,
    RecordingStopped,
    RoomPlaced,
    RoomReleased,
    TrackEnded,
    TransportChanged,
    WorkerLost,
)


class UltrasoundToShow(Value):
    """The device whose picture will be sent, and what it shows where the speciality alone does not tell."""

    examination_id: UUID
    device_id: UUID
    category: PictureCategory = PictureCategory.GENERAL


class JoinLiveSession(Command, of=LiveSession, by={*STAFF, Role.PATIENT}):
    """Be let into the room of an open consultation or an examination under way, which the first one opens."""

    participant_id: UUID
    consultation_id: UUID | None = None
    examination_id: UUID | None = None
    equipment_of_the_point: bool = False
    only_observes: bool = False
    ultrasound: UltrasoundToShow | None = None

    @model_validator(mode="after")
    def _one_care(self) -> Self:
        if (self.consultation_id is None) == (self.examination_id is None):
            raise ValueError("name the consultation or the examination whose room it is")
        return self

    @property
    def stream_id(self) -> UUID:
        care_id = self.consultation_id or self.examination_id
        assert care_id is not None
        return LiveSession.of(care_id)

    def refers_to(self, state: LiveSession) -> Mapping[str, UUID | None]:
        return {"shown": self.ultrasound.examination_id if self.ultrasound else None}

    def decide(
        self,
        live_session: LiveSession,
        context: Context,
        consultation: Consultation | None,
        examination: Examination | None,
        shown: Examination | None,
    ) -> Iterator[LiveSessionOpened | ParticipantAdmitted | AdmissionChanged]:
        part = self._part(consultation, examination, context)
        ultrasound = self._ultrasound(shown, context, part) if self.ultrasound else None
        if live_session.status is None:
            yield self._opened(consultation, examination)
        known = live_session.participants.get(self.participant_id)
        told: dict[str, Any] = {
            "kind": self._kind(context),
            "part": part,
            "facility_id": None if self._is_patient(context) else context.actor.facility_id,
            "ultrasound": ultrasound,
        }
        person_id = self._person(context)
        if person_id in live_session.removed:
            raise RemovedFromTheRoom()
        if known is None:
            yield ParticipantAdmitted(participant_id=self.participant_id, person_id=person_id, **told)
        elif known.person_id != person_id:
            raise ParticipantIdTaken()
        elif any(getattr(known, name) != value for name, value in told.items()):
            yield AdmissionChanged(participant_id=self.participant_id, **told)
        # Whoever asks again as the same one only needs a new token.

    def _part(self, consultation: Consultation | None, examination: Examination | None, context: Context) -> Part:
        if self.consultation_id is not None:
            if consultation is None:
                raise NotFound(aggregate="consultation", field="consultation_id")
            silent = self._in_consultation(consultation, context)
        else:
            if examination is None:
                raise NotFound(aggregate="examination", field="examination_id")
            silent = self._in_examination(examination, context)
        return Part.OBSERVER if silent or self.only_observes else Part.SPEAKER

    def _in_consultation(self, consultation: Consultation, context: Context) -> bool:
        require_under_way(consultation)
        if self._is_patient(context):
            if context.actor.patient_id not in {case.patient_id for case in consultation.cases.values()}:
                raise PatientNotPresented()
            return False
        point = invited(consultation, context.actor.facility_id)
        if point.presence is not Presence.JOINED:
            raise PointNotJoined()
        return point.role is PointRole.OBSERVER

    def _in_examination(self, examination: Examination, context: Context) -> bool:
        require_under_way(examination)
        if examination.consultation_id is not None:
            raise RoomOfTheConsultation()
        if self._is_patient(context):
            if context.actor.patient_id != examination.patient_id:
                raise NotYourself()
        else:
            admit_at(context.actor, examination.point_id, examination.remote_facility_id)
        return False

    def _ultrasound(self, shown: Examination | None, context: Context, part: Part) -> Ultrasound:
        assert self.ultrasound is not None
        if shown is None or not under_way(shown) or shown.point_id != context.actor.facility_id:
            raise NoUltrasoundHere()
        room = shown.consultation_id or self.ultrasound.examination_id
        if room != (self.consultation_id or self.examination_id):
            raise NoUltrasoundHere()
        if part is Part.OBSERVER:
            raise ObserversAreSilent()
        if self.ultrasound.device_id not in shown.devices:
            raise DeviceNotConnected(device_id=self.ultrasound.device_id, field="ultrasound.device_id")
        assert shown.patient_id is not None
        category = context.reference.picture_category(shown.speciality, self.ultrasound.category, context.day)
        return Ultrasound(
            examination_id=self.ultrasound.examination_id,
            device_id=self.ultrasound.device_id,
            patient_id=shown.patient_id,
            category=category,
            withheld_from=context.reference.withheld_from(category, context.day),
        )

    def _opened(self, consultation: Consultation | None, examination: Examination | None) -> LiveSessionOpened:
        if consultation is not None:
            assert consultation.centre_id is not None
            return LiveSessionOpened(consultation_id=self.consultation_id, facility_id=consultation.centre_id)
        assert examination is not None
        assert examination.point_id is not None
        return LiveSessionOpened(
            examination_id=self.examination_id,
            facility_id=examination.point_id,
            partner_id=examination.remote_facility_id,
            patient_id=examination.patient_id,
        )

    def _is_patient(self, context: Context) -> bool:
        return context.actor.roles.isdisjoint(STAFF)

    def _person(self, context: Context) -> UUID:
        if not self._is_patient(context):
            return context.actor.id
        if context.actor.patient_id is None:
            raise NotYourself()
        return context.actor.patient_id

    def _kind(self, context: Context) -> ParticipantKind:
        if self._is_patient(context):
            return ParticipantKind.PATIENT_SIDE
        return ParticipantKind.POINT if self.equipment_of_the_point else ParticipantKind.PRACTITIONER


class CloseLiveSession(Command, of=LiveSession, by={Role.DOCTOR, Role.COORDINATOR, Role.SYSTEM}):
    """Close the room, once its consultation or examination is over; whoever is in it leaves, and recordings stop."""

    live_session_id: UUID

    def decide(
        self,
        live_session: LiveSession,
        context: Context,
        consultation: Consultation | None,
        examination: Examination | None,
    ) -> Iterator[RecordingStopped | TrackEnded | ParticipantLeft | LiveSessionClosed]:
        if Role.SYSTEM not in context.actor.roles:
            require_charge(live_session, consultation, context)
        if (consultation is not None and under_way(consultation)) or (
            examination is not None and under_way(examination)
        ):
            raise CareGoesOn()
        for recording_id, recording in live_session.recordings.items():
            if recording.running:
                yield RecordingStopped(recording_id=recording_id, cause=StopCause.SESSION_CLOSED)
        for track_id, track in live_session.tracks.items():
            if track.live:
                yield TrackEnded(track_id=track_id, cause=TrackEnd.SESSION_CLOSED)
        for id_, one in live_session.participants.items():
            if one.present:
                yield ParticipantLeft(participant_id=id_, stay=one.stay, cause=Departure.SESSION_CLOSED)
        yield LiveSessionClosed()


# What a media worker sees ------------------------------------------------------------------------------------


class RecordRoomPlaced(Command, of=LiveSession, by={Role.SYSTEM}):
    """Record that a run of a media worker carries the room, after a lost one if there was one."""

    live_session_id: UUID
    worker: Code
    run_id: UUID
    moved_from: UUID | None = None

    def decide(self, live_session: LiveSession, context: Context) -> Iterator[RoomPlaced]:
        lost = live_session.last_lost
        if self.run_id not in live_session.runs:
            # Beside runs that help with the room, nobody but the one that takes it over knows that it does.
            takes_over = not live_session.runs or self.moved_from == lost
            yield RoomPlaced(worker=self.worker, run_id=self.run_id, moved_from=lost if takes_over else None)
        elif lost is not None and self.moved_from == lost:
            yield RoomPlaced(worker=self.worker, run_id=self.run_id, moved_from=lost)


class RecordRoomReleased(Command, of=LiveSession, by={Role.SYSTEM}):
    """Record that a run of a media worker gave the room up in good order; whoever it still carried has left."""

    live_session_id: UUID
    run_id: UUID

    def decide(
        self, live_session: LiveSession, context: Context
    ) -> Iterator[TrackEnded | ParticipantLeft | RoomReleased]:
        worker = live_session.runs.get(self.run_id)
        if worker is None:
            raise RoomNotPlaced()
        carried = {id_: one for id_, one in live_session.participants.items() if one.run_id == self.run_id}
        yield from _tracks_end(live_session, set(carried), TrackEnd.UNPUBLISHED)
        for id_, one in carried.items():
            yield ParticipantLeft(participant_id=id_, stay=one.stay, cause=Departure.REMOVED)
        yield RoomReleased(worker=worker, run_id=self.run_id)


class RecordParticipantJoined(Command, of=LiveSession, by={Role.SYSTEM}):
    """Record that an admitted participant is on the line."""

    live_session_id: UUID
    participant_id: UUID
    run_id: UUID
    transport: Transport | None = None

    def decide(self, live_session: LiveSession, context: Context) -> Iterator[ParticipantJoined]:
        participant = participant_of(live_session, self.participant_id)
        if participant.person_id in live_session.removed:
            raise RemovedFromTheRoom()
        if self.run_id not in live_session.runs:
            raise RoomNotPlaced()
        if participant.present:
            raise ParticipantAlreadyPresent()
        yield ParticipantJoined(
            participant_id=self.participant_id,
            stay=participant.stay + 1,
            run_id=self.run_id,
            transport=self.transport,
        )


class RecordTransportChanged(Command, of=LiveSession, by={Role.SYSTEM}):
    """Record by which way a participant who is on the line comes now."""

    live_session_id: UUID
    participant_id: UUID
    run_id: UUID
    transport: Transport

    def decide(self, live_session: LiveSession, context: Context) -> Iterator[TransportChanged]:
        participant = participant_of(live_session, self.participant_id)
        # What another run still tells of him is of a line that is over.
        if participant.run_id != self.run_id:
            raise ParticipantNotPresent()
        yield TransportChanged(participant_id=self.participant_id, stay=participant.stay, transport=self.transport)


class RecordParticipantLeft(Command, of=LiveSession, by={Role.SYSTEM}):
    """Record that a participant went off the line on purpose; what it published ends with it."""

    live_session_id: UUID
    participant_id: UUID
    cause: Departure = Departure.LEFT

    def decide(self, live_session: LiveSession, context: Context) -> Iterator[TrackEnded | ParticipantLeft]:
        participant = participant_of(live_session, self.participant_id)
        if not participant.present:
            raise ParticipantNotPresent()
        yield from _tracks_end(live_session, {self.participant_id}, TrackEnd.UNPUBLISHED)
        yield ParticipantLeft(participant_id=self.participant_id, stay=participant.stay, cause=self.cause)


class RecordParticipantLost(Command, of=LiveSession, by={Role.SYSTEM}):
    """Record that nothing comes from a participant any more; what it published ends with it."""

    live_session_id: UUID
    participant_id: UUID

    def decide(self, live_session: LiveSession, context: Context) -> Iterator[TrackEnded | ParticipantLost]:
        participant = participant_of(live_session, self.participant_id)
        if not participant.present:
            raise ParticipantNotPresent()
        yield from _tracks_end(live_session, {self.participant_id}, TrackEnd.LINE_LOST)
        yield ParticipantLost(participant_id=self.participant_id, stay=participant.stay, cause=LossCause.LINE_SILENT)


class RecordWorkerLost(Command, of=LiveSession, by={Role.SYSTEM}):
    """Record that a run of a media worker ended without a farewell, and all that it carried with it."""

    live_session_id: UUID
    run_id: UUID

    def decide(
        self, live_session: LiveSession, context: Context
    ) -> Iterator[WorkerLost | TrackEnded | ParticipantLost]:
        worker = live_session.runs.get(self.run_id)
        if worker is None:
            raise RoomNotPlaced()
        carried = {id_: one for id_, one in live_session.participants.items() if one.run_id == self.run_id}
        yield WorkerLost(worker=worker, run_id=self.run_id)
        yield from _tracks_end(live_session, set(carried), TrackEnd.WORKER_LOST)
        for id_, one in carried.items():
            yield ParticipantLost(participant_id=id_, stay=one.stay, cause=LossCause.WORKER_LOST)


def _tracks_end(live_session: LiveSession, of: set[UUID], cause: TrackEnd) -> Iterator[TrackEnded]:
    for track_id, track in live_session.tracks.items():
        if track.live and track.participant_id in of:
            yield TrackEnded(track_id=track_id, cause=cause)
