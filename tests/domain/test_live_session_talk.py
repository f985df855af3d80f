"""What is written in the room, and the chair's hand: who is silent, who has to go, and who may come back."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest
from pydantic import ValidationError

from commands._command import Command
from commands.live_session import JoinLiveSession, RecordParticipantJoined
from commands.live_session_talk import (
    LONGEST_MESSAGE,
    MOST_MESSAGES,
    MuteParticipant,
    PostMessage,
    ReadmitParticipant,
    RemoveParticipant,
    UnmuteParticipant,
)
from domain._kernel import Event
from domain._live import LossCause, Part, ParticipantKind
from domain.consultation import ConsultationCancelled
from domain.live_session import (
    AdmissionChanged,
    LiveSessionClosed,
    MessagePosted,
    ParticipantJoined,
    ParticipantLost,
    ParticipantMuted,
    ParticipantReadmitted,
    ParticipantRemoved,
    ParticipantUnmuted,
)
from tests.domain import live_cast as room
from tests.domain.cast import CONSULTATION, DR_HOA, PATIENT, THAI_NGUYEN
from tests.domain.live_cast import HOA, HOME, LAN, ROOM, RUN, WATCHER, admitted, care
from tests.domain.test_consultation import LINE_LOST, LIVE
from tests.spec import given

MESSAGE = UUID(int=501)
ASK = PostMessage(live_session_id=ROOM, message_id=MESSAGE, participant_id=LAN, text="Bệnh nhân có sốt không?")
ASKED = MessagePosted(message_id=MESSAGE, participant_id=LAN, text="Bệnh nhân có sốt không?")
OF_HOA: dict[str, Any] = {"live_session_id": ROOM, "participant_id": HOA}
MUTE, UNMUTE = MuteParticipant(**OF_HOA), UnmuteParticipant(**OF_HOA)
MUTED, UNMUTED = ParticipantMuted(participant_id=HOA), ParticipantUnmuted(participant_id=HOA)
REMOVE, READMIT = RemoveParticipant(**OF_HOA, reason="Nhầm phòng"), ReadmitParticipant(**OF_HOA)
REMOVED = ParticipantRemoved(participant_id=HOA, person_id=DR_HOA, reason="Nhầm phòng")
READMITTED = ParticipantReadmitted(participant_id=HOA, person_id=DR_HOA)
JOIN_AGAIN = JoinLiveSession(participant_id=UUID(int=502), consultation_id=CONSULTATION)


def ready(*history: Event, **changed: Any) -> given:
    return given(*history, others=care(**changed))


# What is written ---------------------------------------------------------------------------------------------


def test_whoever_may_speak_may_write() -> None:
    ready(*room.HERE).when(ASK, room.LAN_HERE).then(ASKED)


def test_writing_goes_on_while_the_line_is_down() -> None:
    down = ParticipantLost(participant_id=LAN, stay=1, cause=LossCause.LINE_SILENT)
    ready(*room.HERE, down).when(ASK, room.LAN_HERE).then(ASKED)


def test_the_worker_tells_what_came_over_the_data_channel() -> None:
    ready(*room.HERE).when(ASK, room.THE_WORKER).then(ASKED)


def test_nobody_writes_in_the_name_of_another() -> None:
    ready(*room.HERE).when(ASK, room.HOA_HERE).then_refused("NOT_YOUR_PARTICIPANT")


def test_a_patient_writes_as_itself() -> None:
    at_home = admitted(HOME, PATIENT, None, kind=ParticipantKind.PATIENT_SIDE)
    by_patient = ASK.model_copy(update={"participant_id": HOME})
    expected = ASKED.model_copy(update={"participant_id": HOME})
    ready(*room.HERE, at_home).when(by_patient, room.AT_HOME).then(expected)


def test_observers_read_and_do_not_write() -> None:
    by_observer = ASK.model_copy(update={"participant_id": WATCHER})
    ready(*room.HERE).when(by_observer, room.THE_WORKER).then_refused("OBSERVERS_ARE_SILENT")


def test_a_point_that_is_off_the_line_of_the_consultation_does_not_write() -> None:
    by_hoa = ASK.model_copy(update={"participant_id": HOA})
    gone = {"consultation": (*LIVE, room.PRESENTED, LINE_LOST)}
    assert LINE_LOST.facility_id == THAI_NGUYEN
    ready(*room.HERE, **gone).when(by_hoa, room.THE_WORKER).then_refused("POINT_NOT_JOINED")


def test_a_message_stands_in_the_room_once() -> None:
    ready(*room.HERE, ASKED).when(ASK, room.LAN_HERE).then_refused("MESSAGE_ALREADY_POSTED")


def test_nothing_is_written_in_a_closed_room() -> None:
    ready(*room.HERE, LiveSessionClosed()).when(ASK, room.LAN_HERE).then_refused("NOT_IN_THIS_STATUS")


@pytest.mark.parametrize("text", ["", "   ", "ạ" * (LONGEST_MESSAGE + 1)])
def test_a_message_says_something_and_no_more_than_a_page(text: str) -> None:
    with pytest.raises(ValidationError):
        PostMessage(live_session_id=ROOM, message_id=MESSAGE, participant_id=LAN, text=text)


def test_a_room_is_not_written_full() -> None:
    many = tuple(ASKED.model_copy(update={"message_id": UUID(int=10_000 + n)}) for n in range(MOST_MESSAGES))
    ready(*room.HERE, *many[1:]).when(ASK, room.LAN_HERE).then(ASKED)
    ready(*room.HERE, *many).when(ASK, room.LAN_HERE).then_refused("TOO_MANY_MESSAGES")


# The chair's hand --------------------------------------------------------------------------------------------


def test_the_chair_silences_and_gives_the_voice_back() -> None:
    ready(*room.HERE).when(MUTE, room.LAN_HERE).then(MUTED)
    ready(*room.HERE, MUTED).when(MUTE, room.LAN_HERE).then_refused("ALREADY_MUTED")
    ready(*room.HERE, MUTED).when(UNMUTE, room.LAN_HERE).then(UNMUTED)
    ready(*room.HERE, MUTED, UNMUTED).when(UNMUTE, room.LAN_HERE).then_refused("NOT_MUTED")


def test_coming_back_does_not_give_the_voice_back() -> None:
    lost = ParticipantLost(participant_id=HOA, stay=1, cause=LossCause.LINE_SILENT)
    again = ParticipantJoined(participant_id=HOA, stay=2, run_id=RUN)
    other = AdmissionChanged(participant_id=HOA, kind=ParticipantKind.POINT, part=Part.SPEAKER)
    ready(*room.HERE, MUTED, lost, other, again).when(UNMUTE, room.LAN_HERE).then(UNMUTED)


def test_the_chair_sends_somebody_out() -> None:
    ready(*room.HERE).when(REMOVE, room.LAN_HERE).then(REMOVED)
    ready(*room.HERE, REMOVED).when(REMOVE, room.LAN_HERE).then_refused("REMOVED_FROM_THE_ROOM")


def test_who_was_sent_out_does_not_come_back_under_another_participant_id() -> None:
    ready(*room.HERE, REMOVED).when(JOIN_AGAIN, room.HOA_HERE).then_refused("REMOVED_FROM_THE_ROOM")


def test_a_ticket_from_before_brings_nobody_back() -> None:
    left = ParticipantLost(participant_id=HOA, stay=1, cause=LossCause.LINE_SILENT)
    join = RecordParticipantJoined(live_session_id=ROOM, participant_id=HOA, run_id=RUN)
    back = ParticipantJoined(participant_id=HOA, stay=2, run_id=RUN)
    ready(*room.HERE, REMOVED, left).when(join, room.THE_WORKER).then_refused("REMOVED_FROM_THE_ROOM")
    ready(*room.HERE, REMOVED, left, READMITTED).when(join, room.THE_WORKER).then(back)


def test_who_was_sent_out_writes_nothing_more() -> None:
    by_hoa = ASK.model_copy(update={"participant_id": HOA})
    ready(*room.HERE, REMOVED).when(by_hoa, room.HOA_HERE).then_refused("REMOVED_FROM_THE_ROOM")


def test_the_chair_lets_somebody_back() -> None:
    ready(*room.HERE, REMOVED).when(READMIT, room.LAN_HERE).then(READMITTED)
    ready(*room.HERE).when(READMIT, room.LAN_HERE).then_refused("NOT_REMOVED")
    ready(*room.HERE, REMOVED, READMITTED).when(REMOVE, room.LAN_HERE).then(REMOVED)
    admitted_anew = ready(*room.HERE, REMOVED, READMITTED).when(JOIN_AGAIN, room.HOA_HERE)
    assert isinstance(admitted_anew.of, list), admitted_anew.of


@pytest.mark.parametrize("order", [MUTE, UNMUTE, REMOVE, READMIT], ids=lambda one: type(one).__name__)
def test_nobody_orders_but_the_chair_and_who_answers_for_it(order: Command) -> None:
    ready(*room.HERE).when(order, room.HOA_HERE).then_refused("NOT_RESPONSIBLE")
    nobody = order.model_copy(update={"participant_id": UUID(int=999)})
    ready(*room.HERE).when(nobody, room.LAN_HERE).then_refused("PARTICIPANT_NOT_ADMITTED")


@pytest.mark.parametrize("order", [MUTE, REMOVE], ids=lambda one: type(one).__name__)
def test_in_an_examination_of_its_own_either_end_orders(order: Command) -> None:
    opened = room.OPENED.model_copy(
        update={"consultation_id": None, "examination_id": UUID(int=31), "partner_id": THAI_NGUYEN}
    )
    history = (opened, *room.HERE[1:])
    for context in (room.LAN_HERE, room.HOA_HERE):
        assert isinstance(given(*history).when(order, context).of, list)
    given(*history).when(order, room.WATCHER_AT_HA_GIANG).then_refused("NOT_YOUR_FACILITY")


def test_order_is_kept_as_long_as_the_room_is_open() -> None:
    over = {"consultation": (*LIVE, ConsultationCancelled(reason="Mất điện"))}
    ready(*room.HERE, LiveSessionClosed(), **over).when(REMOVE, room.LAN_HERE).then_refused("NOT_IN_THIS_STATUS")
