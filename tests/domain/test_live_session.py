"""The room of a consultation or an examination: who is let in, who is on the line, and when it closes."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest
from pydantic import ValidationError

from commands._command import Context
from commands.live_session import (
    CloseLiveSession,
    JoinLiveSession,
    RecordParticipantJoined,
    RecordParticipantLeft,
    RecordParticipantLost,
    RecordRoomPlaced,
    RecordRoomReleased,
    RecordTransportChanged,
    RecordWorkerLost,
    UltrasoundToShow,
)
from domain._kernel import Event
from domain._live import (
    Departure,
    Destination,
    LossCause,
    Part,
    ParticipantKind,
    PictureCategory,
    StopCause,
    TrackEnd,
    Transport,
)
from domain.consultation import ConsultationCancelled, ConsultationClosed
from domain.examination import DeviceDisconnected, ExaminationAborted
from domain.live_session import (
    AdmissionChanged,
    LiveSessionClosed,
    LiveSessionOpened,
    ParticipantLeft,
    ParticipantLost,
    RecordingStopped,
    RoomPlaced,
    RoomReleased,
    TrackEnded,
    TransportChanged,
    WorkerLost,
)
from tests.domain import live_cast as room
from tests.domain.cast import (
    BACH_MAI,
    CLERK,
    CONSULTATION,
    DR_HOA,
    DR_LAN,
    EXAMINATION,
    HA_GIANG,
    OTHER_PATIENT,
    PAO_AT_SA_PA,
    PATIENT,
    THAI_NGUYEN,
)
from tests.domain.live_cast import HOA, LAN, NEXT_RUN, ROOM, RUN, WATCHER, admitted, care
from tests.domain.test_consultation import LINE_LOST, LIVE
from tests.spec import given

JOIN = JoinLiveSession(participant_id=LAN, consultation_id=CONSULTATION)
JOIN_EXAMINATION = JoinLiveSession(participant_id=HOA, examination_id=EXAMINATION)
SHOW = UltrasoundToShow(examination_id=EXAMINATION, device_id=room.DEVICE)
JOIN_WITH_PROBE = JoinLiveSession(participant_id=HOA, consultation_id=CONSULTATION, ultrasound=SHOW)
OWN_ROOM = (room.ORDERED.model_copy(update={"consultation_id": None}), *room.EXAMINED[1:])
CLOSE = CloseLiveSession(live_session_id=ROOM)
CLOSED_CARE = ConsultationClosed(minutes_version=1, content_sha256="ab" * 32, sides=(BACH_MAI,))
OVER = {"consultation": (*LIVE, room.PRESENTED, CLOSED_CARE)}


def ready(*history: Event, **changed: Any) -> given:
    return given(*history, others=care(**changed))


# Who is let in -----------------------------------------------------------------------------------------------


def test_whoever_is_let_in_first_opens_the_room() -> None:
    ready().when(JOIN, room.LAN_HERE).then(room.OPENED, admitted(LAN, DR_LAN, BACH_MAI))
    assert JOIN.stream_id == ROOM


def test_a_second_participant_opens_nothing() -> None:
    other = JoinLiveSession(participant_id=HOA, consultation_id=CONSULTATION, equipment_of_the_point=True)
    expected = admitted(HOA, DR_HOA, THAI_NGUYEN, kind=ParticipantKind.POINT)
    ready(*room.ADMITTED[:2]).when(other, room.HOA_HERE).then(expected)


def test_whoever_asks_again_only_gets_a_new_token() -> None:
    ready(*room.ADMITTED).when(JOIN, room.LAN_HERE).then()


def test_a_participant_id_is_not_taken_over_by_another_person() -> None:
    ready(*room.ADMITTED).when(JOIN, room.HOA_HERE).then_refused("PARTICIPANT_ID_TAKEN")


def test_a_room_is_the_room_of_one_care() -> None:
    for both_or_none in ({}, {"consultation_id": CONSULTATION, "examination_id": EXAMINATION}):
        with pytest.raises(ValidationError):
            JoinLiveSession(participant_id=LAN, **both_or_none)


def test_there_is_no_room_without_care() -> None:
    given().when(JOIN, room.LAN_HERE).then_refused("NOT_FOUND")
    given().when(JOIN_EXAMINATION, room.HOA_HERE).then_refused("NOT_FOUND")


@pytest.mark.parametrize("consultation", [LIVE[:5], (*LIVE, ConsultationCancelled(reason="Bão")), (*LIVE, CLOSED_CARE)])
def test_there_is_no_room_before_or_after_the_care(consultation: tuple[Event, ...]) -> None:
    ready(consultation=consultation).when(JOIN, room.LAN_HERE).then_refused("CARE_NOT_UNDER_WAY")


def test_only_points_on_the_line_come_in() -> None:
    ready().when(JOIN, PAO_AT_SA_PA).then_refused("POINT_NOT_JOINED")
    ready(consultation=(*LIVE, LINE_LOST)).when(JOIN, room.HOA_HERE).then_refused("POINT_NOT_JOINED")
    nowhere = room.LAN_HERE.model_copy(
        update={"actor": room.LAN_HERE.actor.model_copy(update={"facility_id": UUID(int=9)})}
    )
    ready().when(JOIN, nowhere).then_refused("POINT_NOT_INVITED")


def test_whoever_observes_the_consultation_observes_the_room() -> None:
    watch = JoinLiveSession(participant_id=WATCHER, consultation_id=CONSULTATION)
    expected = admitted(WATCHER, CLERK, HA_GIANG, Part.OBSERVER)
    ready(room.OPENED).when(watch, room.WATCHER_AT_HA_GIANG).then(expected)


def test_a_speaker_may_choose_to_observe_only() -> None:
    quiet = JoinLiveSession(participant_id=LAN, consultation_id=CONSULTATION, only_observes=True)
    ready(room.OPENED).when(quiet, room.LAN_HERE).then(admitted(LAN, DR_LAN, BACH_MAI, Part.OBSERVER))


def test_a_patient_comes_into_the_room_in_which_the_own_case_was_presented() -> None:
    home = JoinLiveSession(participant_id=room.HOME, consultation_id=CONSULTATION)
    expected = admitted(room.HOME, PATIENT, None, kind=ParticipantKind.PATIENT_SIDE)
    ready(room.OPENED).when(home, room.AT_HOME).then(expected)
    ready(room.OPENED, consultation=LIVE).when(home, room.AT_HOME).then_refused("PATIENT_NOT_PRESENTED")


def test_an_examination_outside_a_consultation_has_its_own_room() -> None:
    opened = LiveSessionOpened(
        examination_id=EXAMINATION, facility_id=THAI_NGUYEN, partner_id=BACH_MAI, patient_id=PATIENT
    )
    expected = (opened, admitted(HOA, DR_HOA, THAI_NGUYEN))
    ready(examination=OWN_ROOM).when(JOIN_EXAMINATION, room.HOA_HERE).then(*expected)
    ready(examination=OWN_ROOM).when(JOIN_EXAMINATION, PAO_AT_SA_PA).then_refused("NOT_YOUR_FACILITY")


def test_an_examination_within_a_consultation_shares_its_room() -> None:
    ready().when(JOIN_EXAMINATION, room.HOA_HERE).then_refused("ROOM_OF_THE_CONSULTATION")


def test_a_patient_joins_the_own_examination_only() -> None:
    ready(examination=OWN_ROOM).when(JOIN_EXAMINATION, room.AT_HOME).then(
        LiveSessionOpened(examination_id=EXAMINATION, facility_id=THAI_NGUYEN, partner_id=BACH_MAI, patient_id=PATIENT),
        admitted(HOA, PATIENT, None, kind=ParticipantKind.PATIENT_SIDE),
    )
    of_another = (OWN_ROOM[0].model_copy(update={"patient_id": OTHER_PATIENT}), *OWN_ROOM[1:])
    ready(examination=of_another).when(JOIN_EXAMINATION, room.AT_HOME).then_refused("NOT_YOURSELF")


def test_whoever_was_let_in_may_later_show_an_ultrasound() -> None:
    changed = AdmissionChanged(
        participant_id=HOA,
        kind=ParticipantKind.PRACTITIONER,
        part=Part.SPEAKER,
        facility_id=THAI_NGUYEN,
        ultrasound=room.SCAN,
    )
    before = (room.OPENED, admitted(HOA, DR_HOA, THAI_NGUYEN))
    ready(*before).when(JOIN_WITH_PROBE, room.HOA_HERE).then(changed)
    ready(*before, changed).when(JOIN_WITH_PROBE, room.HOA_HERE).then()


# The ultrasound ----------------------------------------------------------------------------------------------


def test_the_point_of_the_examination_shows_its_connected_device() -> None:
    expected = admitted(HOA, DR_HOA, THAI_NGUYEN, ultrasound=room.SCAN)
    ready(room.OPENED).when(JOIN_WITH_PROBE, room.HOA_HERE).then(expected)


def test_nobody_else_shows_the_ultrasound() -> None:
    elsewhere = JOIN_WITH_PROBE.model_copy(update={"participant_id": LAN})
    ready(room.OPENED).when(elsewhere, room.LAN_HERE).then_refused("NO_ULTRASOUND_HERE")


@pytest.mark.parametrize(
    "examination",
    [
        (room.ORDERED,),
        (*room.EXAMINED, ExaminationAborted(reason="Máy hỏng")),
        (room.ORDERED.model_copy(update={"consultation_id": UUID(int=8)}), *room.EXAMINED[1:]),
    ],
    ids=["not started", "over", "of another room"],
)
def test_an_ultrasound_belongs_to_an_examination_under_way_in_this_room(examination: tuple[Event, ...]) -> None:
    ready(room.OPENED, examination=examination).when(JOIN_WITH_PROBE, room.HOA_HERE).then_refused("NO_ULTRASOUND_HERE")


def test_a_device_is_connected_before_it_is_shown() -> None:
    gone = (*room.EXAMINED, DeviceDisconnected(device_id=room.DEVICE))
    ready(room.OPENED, examination=gone).when(JOIN_WITH_PROBE, room.HOA_HERE).then_refused("DEVICE_NOT_CONNECTED")


def test_an_observer_shows_no_ultrasound() -> None:
    quiet = JOIN_WITH_PROBE.model_copy(update={"only_observes": True})
    ready(room.OPENED).when(quiet, room.HOA_HERE).then_refused("OBSERVERS_ARE_SILENT")


WITHHELD = (Destination.EXPORT, Destination.OBSERVER, Destination.PATIENT_SIDE)
OBSTETRIC = room.SCAN.model_copy(update={"category": PictureCategory.OBSTETRIC, "withheld_from": WITHHELD})


def test_an_obstetric_picture_is_withheld_where_the_rules_of_the_day_say_so() -> None:
    declared = JOIN_WITH_PROBE.model_copy(
        update={"ultrasound": SHOW.model_copy(update={"category": PictureCategory.OBSTETRIC})}
    )
    expected = admitted(HOA, DR_HOA, THAI_NGUYEN, ultrasound=OBSTETRIC)
    ready(room.OPENED).when(declared, room.HOA_HERE).then(expected)


def test_an_ultrasound_of_the_speciality_is_obstetric_whatever_was_declared() -> None:
    of_it = (room.ORDERED.model_copy(update={"speciality": "obstetrics_gynaecology"}), *room.EXAMINED[1:])
    expected = admitted(HOA, DR_HOA, THAI_NGUYEN, ultrasound=OBSTETRIC)
    ready(room.OPENED, examination=of_it).when(JOIN_WITH_PROBE, room.HOA_HERE).then(expected)


# Who is on the line ------------------------------------------------------------------------------------------

TELL_JOINED = RecordParticipantJoined(live_session_id=ROOM, participant_id=LAN, run_id=RUN)
TELL_LOST = RecordParticipantLost(live_session_id=ROOM, participant_id=HOA)
TELL_LEFT = RecordParticipantLeft(live_session_id=ROOM, participant_id=LAN)
TELL_PLACED = RecordRoomPlaced(live_session_id=ROOM, worker="media-1", run_id=RUN)
WORKER_GONE = RecordWorkerLost(live_session_id=ROOM, run_id=RUN)


def test_only_who_was_admitted_comes_on_the_line() -> None:
    ready(*room.ADMITTED, room.PLACED).when(TELL_JOINED, room.THE_WORKER).then(room.joined(LAN))
    ready(room.OPENED, room.PLACED).when(TELL_JOINED, room.THE_WORKER).then_refused("PARTICIPANT_NOT_ADMITTED")
    ready(*room.HERE).when(TELL_JOINED, room.THE_WORKER).then_refused("PARTICIPANT_ALREADY_PRESENT")


def test_only_the_system_tells_what_a_worker_sees() -> None:
    ready(*room.ADMITTED).when(TELL_JOINED, room.LAN_HERE).then_refused("ROLE_NOT_ALLOWED")


def test_nobody_is_on_the_line_of_a_worker_that_does_not_carry_the_room() -> None:
    ready(*room.ADMITTED).when(TELL_JOINED, room.THE_WORKER).then_refused("ROOM_NOT_PLACED")


def test_whoever_leaves_takes_its_tracks_along() -> None:
    gone = (
        TrackEnded(track_id=room.CAMERA, cause=TrackEnd.UNPUBLISHED),
        ParticipantLeft(participant_id=LAN, stay=1, cause=Departure.LEFT),
    )
    ready(*room.SHOWN).when(TELL_LEFT, room.THE_WORKER).then(*gone)
    ready(*room.SHOWN, *gone).when(TELL_LEFT, room.THE_WORKER).then_refused("PARTICIPANT_NOT_PRESENT")


def test_a_lost_participant_comes_back_for_a_further_stay() -> None:
    lost = (
        TrackEnded(track_id=room.PROBE_PICTURE, cause=TrackEnd.LINE_LOST),
        TrackEnded(track_id=room.SOUND, cause=TrackEnd.LINE_LOST),
        ParticipantLost(participant_id=HOA, stay=1, cause=LossCause.LINE_SILENT),
    )
    ready(*room.SHOWN).when(TELL_LOST, room.THE_WORKER).then(*lost)
    again = TELL_JOINED.model_copy(update={"participant_id": HOA})
    ready(*room.SHOWN, *lost).when(again, room.THE_WORKER).then(room.joined(HOA, stay=2))
    ready(*room.SHOWN, *lost).when(TELL_LOST, room.THE_WORKER).then_refused("PARTICIPANT_NOT_PRESENT")


def test_whoever_comes_by_another_way_is_told_of_while_he_is_on_the_line_of_that_worker() -> None:
    relayed = Transport(path="relay", protocol="udp", cipher="AES_256_GCM", setup_ms=300, rtt_ms=90)
    told = RecordTransportChanged(live_session_id=ROOM, participant_id=LAN, run_id=RUN, transport=relayed)
    ready(*room.HERE).when(told, room.THE_WORKER).then(TransportChanged(participant_id=LAN, stay=1, transport=relayed))
    late = told.model_copy(update={"run_id": NEXT_RUN})
    ready(*room.HERE).when(late, room.THE_WORKER).then_refused("PARTICIPANT_NOT_PRESENT")
    left = ParticipantLeft(participant_id=LAN, stay=1, cause=Departure.LEFT)
    ready(*room.HERE, left).when(told, room.THE_WORKER).then_refused("PARTICIPANT_NOT_PRESENT")
    ready(*room.HERE).when(told, room.LAN_HERE).then_refused("ROLE_NOT_ALLOWED")


def test_a_room_is_placed_once_for_each_run_of_a_worker() -> None:
    ready(*room.ADMITTED).when(TELL_PLACED, room.THE_WORKER).then(room.PLACED)
    ready(*room.HERE).when(TELL_PLACED, room.THE_WORKER).then()


def test_all_that_a_lost_worker_carried_is_lost_and_the_room_moves() -> None:
    gone = (
        WorkerLost(worker="media-1", run_id=RUN),
        *(
            TrackEnded(track_id=one, cause=TrackEnd.WORKER_LOST)
            for one in (room.CAMERA, room.PROBE_PICTURE, room.SOUND)
        ),
        *(ParticipantLost(participant_id=one, stay=1, cause=LossCause.WORKER_LOST) for one in (LAN, HOA, WATCHER)),
    )
    ready(*room.SHOWN).when(WORKER_GONE, room.THE_WORKER).then(*gone)
    ready(*room.SHOWN, *gone).when(WORKER_GONE, room.THE_WORKER).then_refused("ROOM_NOT_PLACED")
    moved = TELL_PLACED.model_copy(update={"run_id": NEXT_RUN})
    expected = RoomPlaced(worker="media-1", run_id=NEXT_RUN, moved_from=RUN)
    ready(*room.SHOWN, *gone).when(moved, room.THE_WORKER).then(expected)


def test_a_worker_that_gives_the_room_up_is_not_lost() -> None:
    release = RecordRoomReleased(live_session_id=ROOM, run_id=RUN)
    given_up = RoomReleased(worker="media-1", run_id=RUN)
    ready(*room.ADMITTED, room.PLACED).when(release, room.THE_WORKER).then(given_up)
    ready(*room.ADMITTED, room.PLACED, room.joined(LAN)).when(release, room.THE_WORKER).then(
        ParticipantLeft(participant_id=LAN, stay=1, cause=Departure.REMOVED), given_up
    )
    ready(*room.ADMITTED, room.PLACED, given_up).when(WORKER_GONE, room.THE_WORKER).then_refused("ROOM_NOT_PLACED")
    ready(*room.ADMITTED).when(release, room.THE_WORKER).then_refused("ROOM_NOT_PLACED")


def test_a_lost_worker_takes_nobody_of_another_worker_along() -> None:
    other = (RoomPlaced(worker="media-2", run_id=NEXT_RUN), room.joined(LAN, run_id=NEXT_RUN))
    ready(*room.ADMITTED, room.PLACED, *other).when(WORKER_GONE, room.THE_WORKER).then(
        WorkerLost(worker="media-1", run_id=RUN)
    )


def test_a_worker_that_helped_with_the_room_takes_it_over_from_a_lost_one_once() -> None:
    helps = RoomPlaced(worker="media-2", run_id=NEXT_RUN)
    lost = WorkerLost(worker="media-1", run_id=RUN)
    takes_over = RecordRoomPlaced(live_session_id=ROOM, worker="media-2", run_id=NEXT_RUN, moved_from=RUN)
    taken_over = RoomPlaced(worker="media-2", run_id=NEXT_RUN, moved_from=RUN)
    ready(*room.ADMITTED, room.PLACED, helps, lost).when(takes_over, room.THE_WORKER).then(taken_over)
    ready(*room.ADMITTED, room.PLACED, helps, lost, taken_over).when(takes_over, room.THE_WORKER).then()
    ready(*room.ADMITTED, room.PLACED, helps).when(takes_over, room.THE_WORKER).then()


def test_a_worker_that_comes_to_help_takes_nobodys_place() -> None:
    third = RecordRoomPlaced(live_session_id=ROOM, worker="media-3", run_id=UUID(int=3))
    helper_lost = (RoomPlaced(worker="media-2", run_id=NEXT_RUN), WorkerLost(worker="media-2", run_id=NEXT_RUN))
    ready(*room.ADMITTED, room.PLACED, *helper_lost).when(third, room.THE_WORKER).then(
        RoomPlaced(worker="media-3", run_id=UUID(int=3))
    )


# The end -----------------------------------------------------------------------------------------------------


def test_a_room_closes_with_its_care_and_everything_in_it_ends() -> None:
    ready(*room.RECORDED, **OVER).when(CLOSE, room.LAN_HERE).then(
        RecordingStopped(recording_id=room.RECORDING, cause=StopCause.SESSION_CLOSED),
        *(
            TrackEnded(track_id=one, cause=TrackEnd.SESSION_CLOSED)
            for one in (room.CAMERA, room.PROBE_PICTURE, room.SOUND)
        ),
        *(ParticipantLeft(participant_id=one, stay=1, cause=Departure.SESSION_CLOSED) for one in (LAN, HOA, WATCHER)),
        LiveSessionClosed(),
    )


def test_a_room_is_not_closed_while_its_care_goes_on() -> None:
    ready(*room.HERE).when(CLOSE, room.LAN_HERE).then_refused("CARE_GOES_ON")
    own = LiveSessionOpened(
        examination_id=EXAMINATION, facility_id=THAI_NGUYEN, partner_id=BACH_MAI, patient_id=PATIENT
    )
    ready(own, examination=OWN_ROOM).when(CLOSE, room.LAN_HERE).then_refused("CARE_GOES_ON")
    aborted = (*OWN_ROOM, ExaminationAborted(reason="Máy hỏng"))
    ready(own, examination=aborted).when(CLOSE, room.LAN_HERE).then(LiveSessionClosed())
    ready(own, examination=aborted).when(CLOSE, PAO_AT_SA_PA).then_refused("NOT_YOUR_FACILITY")


@pytest.mark.parametrize("context", [room.HOA_HERE, room.WATCHER_AT_HA_GIANG])
def test_the_chair_or_the_responsible_practitioner_closes_the_room_of_a_consultation(context: Context) -> None:
    ready(*room.HERE, **OVER).when(CLOSE, context).then_refused("NOT_RESPONSIBLE")


def test_a_closed_room_takes_nobody_and_nothing_more() -> None:
    closed = (*room.HERE, LiveSessionClosed())
    for command, context in (
        (JOIN, room.LAN_HERE),
        (CLOSE, room.LAN_HERE),
        (TELL_JOINED, room.THE_WORKER),
        (TELL_PLACED, room.THE_WORKER),
    ):
        ready(*closed).when(command, context).then_refused("NOT_IN_THIS_STATUS")
