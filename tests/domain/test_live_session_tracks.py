"""What is sent into the room, who is on it, and the steps of its quality."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

from commands.live_session_tracks import (
    HidePerson,
    RecordDiagnosticQuality,
    RecordQualityStep,
    RecordTrackEnded,
    RecordTrackPublished,
    ShowPerson,
)
from domain._kernel import Event
from domain._live import LossCause, Rung, Source, StepCause, StopCause, TrackEnd
from domain._live_session import LiveSession
from domain.examination import DeviceDisconnected, ExaminationAborted
from domain.live_session import (
    DiagnosticQualityLost,
    DiagnosticQualityReached,
    LiveSessionClosed,
    ParticipantLost,
    PersonHidden,
    PersonShown,
    QualityDegraded,
    QualityRestored,
    RecordingStopped,
    TrackEnded,
)
from tests.domain import live_cast as room
from tests.domain.cast import DR_HOA, DR_LAN, OTHER_PATIENT, PATIENT
from tests.domain.live_cast import CAMERA, HOA, LAN, NEXT_CAMERA, ROOM, care, published
from tests.domain.test_consultation import LINE_LOST, LIVE
from tests.spec import given


def ready(*history: Event, **changed: Any) -> given:
    return given(*history, others=care(**changed))


def publish(track_id: UUID, participant_id: UUID, source: Source) -> RecordTrackPublished:
    return RecordTrackPublished(
        live_session_id=ROOM,
        track_id=track_id,
        participant_id=participant_id,
        source=source,
        codec="VP8",
        width=1280,
        height=720,
    )


CAMERA_OF_LAN = publish(CAMERA, LAN, Source.CAMERA)
SCAN_OF_HOA = publish(room.PROBE_PICTURE, HOA, Source.ULTRASOUND)


# Tracks ------------------------------------------------------------------------------------------------------


def test_a_speaker_on_the_line_publishes_and_is_seen_on_its_track() -> None:
    ready(*room.HERE).when(CAMERA_OF_LAN, room.THE_WORKER).then(published(CAMERA, LAN, Source.CAMERA, DR_LAN))


def test_an_observer_never_publishes() -> None:
    ready(*room.HERE).when(publish(CAMERA, room.WATCHER, Source.AUDIO), room.THE_WORKER).then_refused(
        "OBSERVERS_ARE_SILENT"
    )


def test_nobody_publishes_before_being_on_the_line() -> None:
    ready(*room.ADMITTED).when(CAMERA_OF_LAN, room.THE_WORKER).then_refused("PARTICIPANT_NOT_PRESENT")


def test_a_point_that_left_the_consultation_publishes_nothing() -> None:
    gone = (*LIVE, LINE_LOST)
    ready(*room.HERE, consultation=gone).when(publish(CAMERA, HOA, Source.CAMERA), room.THE_WORKER).then_refused(
        "POINT_NOT_JOINED"
    )


def test_an_ultrasound_shows_the_patient_of_the_examination() -> None:
    expected = published(room.PROBE_PICTURE, HOA, Source.ULTRASOUND, PATIENT, ultrasound=room.SCAN)
    ready(*room.HERE).when(SCAN_OF_HOA, room.THE_WORKER).then(expected)


def test_an_ultrasound_needs_an_admitted_device() -> None:
    ready(*room.HERE).when(publish(CAMERA, LAN, Source.ULTRASOUND), room.THE_WORKER).then_refused("NO_ULTRASOUND_HERE")


def test_what_the_device_hears_is_about_the_patient_too() -> None:
    heard = publish(room.SOUND, HOA, Source.DOPPLER)
    expected = published(room.SOUND, HOA, Source.DOPPLER, PATIENT, ultrasound=room.SCAN)
    ready(*room.HERE).when(heard, room.THE_WORKER).then(expected)
    ready(*room.HERE).when(publish(CAMERA, LAN, Source.DOPPLER), room.THE_WORKER).then_refused("NO_ULTRASOUND_HERE")


def test_no_ultrasound_of_an_examination_that_is_over_or_a_device_that_is_gone() -> None:
    over = (*room.EXAMINED, ExaminationAborted(reason="Máy hỏng"))
    ready(*room.HERE, examination=over).when(SCAN_OF_HOA, room.THE_WORKER).then_refused("NO_ULTRASOUND_HERE")
    unplugged = (*room.EXAMINED, DeviceDisconnected(device_id=room.DEVICE))
    ready(*room.HERE, examination=unplugged).when(SCAN_OF_HOA, room.THE_WORKER).then_refused("DEVICE_NOT_CONNECTED")


def test_a_track_is_published_once_and_ends_once() -> None:
    ready(*room.SHOWN).when(CAMERA_OF_LAN, room.THE_WORKER).then_refused("TRACK_ALREADY_PUBLISHED")
    end = RecordTrackEnded(live_session_id=ROOM, track_id=CAMERA, cause=TrackEnd.UNPUBLISHED)
    ended = TrackEnded(track_id=CAMERA, cause=TrackEnd.UNPUBLISHED)
    ready(*room.SHOWN).when(end, room.THE_WORKER).then(ended)
    ready(*room.SHOWN, ended).when(end, room.THE_WORKER).then_refused("NO_SUCH_TRACK")


LOST = (
    TrackEnded(track_id=CAMERA, cause=TrackEnd.LINE_LOST),
    ParticipantLost(participant_id=LAN, stay=1, cause=LossCause.LINE_SILENT),
    room.joined(LAN, stay=2),
)
CONTINUED = published(NEXT_CAMERA, LAN, Source.CAMERA, DR_LAN).model_copy(
    update={"continues": CAMERA, "consented": (DR_LAN,), "recording_ids": (room.RECORDING,)}
)


def test_a_source_that_comes_back_continues_its_track_with_its_consent_and_its_recording() -> None:
    again = publish(NEXT_CAMERA, LAN, Source.CAMERA)
    ready(*room.RECORDED, *LOST).when(again, room.THE_WORKER).then(CONTINUED)
    state = LiveSession().after((*room.RECORDED, *LOST, CONTINUED))
    assert state.tracks[NEXT_CAMERA].without_consent == ()
    assert state.running_with(NEXT_CAMERA) == [room.RECORDING]


def test_the_same_source_over_a_new_connection_takes_the_place_of_the_one_before() -> None:
    again = publish(NEXT_CAMERA, LAN, Source.CAMERA)
    replaced = TrackEnded(track_id=CAMERA, cause=TrackEnd.REPLACED)
    ready(*room.RECORDED).when(again, room.THE_WORKER).then(replaced, CONTINUED)


def test_a_device_that_was_changed_continues_nothing() -> None:
    other = room.SCAN.model_copy(update={"device_id": UUID(int=52)})
    before = published(room.PROBE_PICTURE, HOA, Source.ULTRASOUND, PATIENT, ultrasound=other)
    ended = TrackEnded(track_id=room.PROBE_PICTURE, cause=TrackEnd.UNPUBLISHED)
    expected = published(NEXT_CAMERA, HOA, Source.ULTRASOUND, PATIENT, ultrasound=room.SCAN)
    again = publish(NEXT_CAMERA, HOA, Source.ULTRASOUND)
    ready(*room.HERE, before, ended).when(again, room.THE_WORKER).then(expected)


# People ------------------------------------------------------------------------------------------------------

SHOW = ShowPerson(live_session_id=ROOM, track_id=CAMERA, person_id=OTHER_PATIENT)
HIDE = HidePerson(live_session_id=ROOM, track_id=CAMERA, person_id=OTHER_PATIENT)
SHOWN = PersonShown(track_id=CAMERA, person_id=OTHER_PATIENT)


def test_the_point_says_who_is_in_its_picture() -> None:
    ready(*room.SHOWN).when(SHOW, room.LAN_HERE).then(SHOWN)
    ready(*room.SHOWN).when(SHOW, room.HOA_HERE).then_refused("NOT_YOUR_FACILITY")
    ready(*room.SHOWN, SHOWN).when(SHOW, room.LAN_HERE).then_refused("PERSON_ALREADY_SHOWN")
    hidden = PersonHidden(track_id=CAMERA, person_id=OTHER_PATIENT)
    ready(*room.SHOWN, SHOWN).when(HIDE, room.LAN_HERE).then(hidden)
    ready(*room.SHOWN, SHOWN, hidden).when(HIDE, room.LAN_HERE).then_refused("PERSON_NOT_SHOWN")


def test_a_person_who_comes_into_a_recorded_picture_stops_the_recording() -> None:
    stopped = RecordingStopped(recording_id=room.RECORDING, cause=StopCause.PERSON_WITHOUT_CONSENT)
    ready(*room.RECORDED).when(SHOW, room.LAN_HERE).then(SHOWN, stopped)


# Quality -----------------------------------------------------------------------------------------------------


def step(rung: Rung, because: str | None = None) -> RecordQualityStep:
    return RecordQualityStep(
        live_session_id=ROOM,
        participant_id=LAN,
        rung=rung,
        cause=StepCause.LOSS,
        measured=room.POOR,
        because=because,
    )


def stepped(kind: Any, before: Rung, now: Rung, because: str | None = None) -> Event:
    event: Event = kind(
        participant_id=LAN, before=before, now=now, cause=StepCause.LOSS, measured=room.POOR, because=because
    )
    return event


DOWN = stepped(QualityDegraded, Rung.TWO_WAY_HD, Rung.LOW)


def test_a_way_goes_down_and_up_by_one_rung_with_the_numbers_that_made_it_so() -> None:
    ready(*room.HERE).when(step(Rung.LOW), room.THE_WORKER).then(DOWN)
    up = stepped(QualityRestored, Rung.LOW, Rung.TWO_WAY_HD)
    ready(*room.HERE, DOWN).when(step(Rung.TWO_WAY_HD), room.THE_WORKER).then(up)


def test_more_than_one_rung_needs_a_reason() -> None:
    ready(*room.HERE).when(step(Rung.AUDIO), room.THE_WORKER).then_refused("STEP_NEEDS_REASON")
    reason = "The point asked for sound only"
    expected = stepped(QualityDegraded, Rung.TWO_WAY_HD, Rung.AUDIO, reason)
    ready(*room.HERE).when(step(Rung.AUDIO, reason), room.THE_WORKER).then(expected)


def test_a_step_to_where_one_stands_is_no_fact() -> None:
    ready(*room.HERE, DOWN).when(step(Rung.LOW), room.THE_WORKER).then()


def test_nobody_steps_who_is_not_on_the_line_and_each_stay_begins_at_the_top() -> None:
    ready(*room.ADMITTED).when(step(Rung.LOW), room.THE_WORKER).then_refused("PARTICIPANT_NOT_PRESENT")
    back = (ParticipantLost(participant_id=LAN, stay=1, cause=LossCause.LINE_SILENT), room.joined(LAN, stay=2))
    ready(*room.HERE, DOWN, *back).when(step(Rung.LOW), room.THE_WORKER).then(DOWN)


def measure(measured: Any, track_id: UUID = room.PROBE_PICTURE) -> RecordDiagnosticQuality:
    return RecordDiagnosticQuality(live_session_id=ROOM, track_id=track_id, measured=measured)


def test_only_a_crossing_of_the_gate_of_the_day_is_a_fact() -> None:
    reached = DiagnosticQualityReached(track_id=room.PROBE_PICTURE, participant_id=HOA, measured=room.GOOD)
    lost = DiagnosticQualityLost(track_id=room.PROBE_PICTURE, participant_id=HOA, measured=room.POOR)
    ready(*room.SHOWN).when(measure(room.GOOD), room.THE_WORKER).then(reached)
    ready(*room.SHOWN).when(measure(room.POOR), room.THE_WORKER).then(lost)
    ready(*room.SHOWN, reached).when(measure(room.GOOD), room.THE_WORKER).then()
    ready(*room.SHOWN, reached).when(measure(room.POOR), room.THE_WORKER).then(lost)
    ready(*room.SHOWN, reached, lost).when(measure(room.GOOD), room.THE_WORKER).then(reached)


def test_sound_has_no_diagnostic_quality() -> None:
    ready(*room.SHOWN).when(measure(room.GOOD, room.SOUND), room.THE_WORKER).then_refused("NOT_A_PICTURE")


@pytest.mark.parametrize("command", [CAMERA_OF_LAN, step(Rung.LOW), measure(room.GOOD)])
def test_a_closed_room_shows_nothing_more(command: Any) -> None:
    ready(*room.SHOWN, LiveSessionClosed()).when(command, room.THE_WORKER).then_refused("NOT_IN_THIS_STATUS")


def test_what_is_shown_of_a_patient_is_about_the_patient() -> None:
    state = LiveSession().after(room.SHOWN)
    assert (
        state.about(DiagnosticQualityLost(track_id=room.PROBE_PICTURE, participant_id=HOA, measured=room.POOR))
        == PATIENT
    )
    assert state.about(room.SHOWN[-2]) == PATIENT
    assert state.about(DOWN) is None
    assert state.tracks[room.SOUND].people == (DR_HOA,)
