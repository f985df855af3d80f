"""What is said over the data channels of a room by stock peers: recorded, refused, and ordered by the chair."""

from __future__ import annotations

import json
from uuid import UUID, uuid4

import pytest

from commands.consultation import GiveFloor
from commands.live_session_talk import MuteParticipant, ReadmitParticipant, RemoveParticipant, UnmuteParticipant
from domain.live_session import (
    MessagePosted,
    ParticipantLeft,
    ParticipantRemoved,
)
from media.channel_limits import MESSAGES_AT_ONCE
from media.channel_messages import LARGEST_MESSAGE
from tests.media.consulting import Consulting
from tests.media.stock import offer_of, post
from tests.media.talkers import (
    dung_point,
    peer,
    sending,
    until_told,
)
from tests.story_live import ROOM, seat_of
from tests.story_network import BACH_MAI, CONSULTATION, DUNG, MAY, NGA


async def test_what_is_written_is_recorded_and_then_read_by_everybody_once(consulting: Consulting) -> None:
    id_ = str(uuid4())
    async with peer(consulting, NGA) as nga, peer(consulting, DUNG) as dung:
        nga.say(type="chat", id=id_, text="Bệnh nhân có sốt không?")
        (recorded,) = await nga.hears("recorded")
        (read,), (own,) = await dung.hears("chat"), await nga.hears("chat")
        assert (recorded["id"], recorded["version"]) == (id_, read["version"])
        assert read == own
        assert (read["id"], read["participantId"], read["pointId"]) == (id_, str(seat_of(NGA)), str(BACH_MAI))
        assert read["text"] == "Bệnh nhân có sốt không?"
        nga.say(type="chat", id=id_, text="Bệnh nhân có sốt không?")
        assert (await nga.hears("recorded", 2))[1] == recorded, "the same message is the same fact"
        nga.say(type="chat", id=id_, text="something else")
        assert (await nga.hears("refused"))[0]["code"] == "COMMAND_ID_REUSED"
    (posted,) = await consulting.told(MessagePosted)
    assert (posted.message_id, posted.participant_id) == (UUID(id_), seat_of(NGA))
    (at,) = [at for at in (await consulting.store.load({ROOM: 0}))[ROOM] if at.event == posted]
    assert at.metadata.on_behalf_of == NGA, "the worker wrote for the person"


async def test_messages_keep_their_order(consulting: Consulting) -> None:
    async with peer(consulting, NGA) as nga, peer(consulting, DUNG) as dung:
        for number in range(5):
            nga.say(type="chat", id=str(uuid4()), text=f"{number}")
        read = await dung.hears("chat", 5)
        assert [one["text"] for one in read] == ["0", "1", "2", "3", "4"]
        assert [one["version"] for one in read] == sorted(one["version"] for one in read)


async def test_whoever_comes_late_is_told_from_where_to_read(consulting: Consulting) -> None:
    async with peer(consulting, NGA) as nga:
        nga.say(type="chat", id=str(uuid4()), text="before")
        (before,) = await nga.hears("chat")
        nga.say(type="hand", up=True)
        await nga.hears("hands")
        async with peer(consulting, DUNG) as dung:
            (room,) = dung.of("room")
            assert room["version"] >= before["version"]
            assert room["hands"] == [str(seat_of(NGA))]
            nga.say(type="chat", id=str(uuid4()), text="after")
            assert [one["text"] for one in await dung.hears("chat")] == ["after"]


# What is not taken -------------------------------------------------------------------------------------------


def pointing(x: float) -> str:
    return json.dumps({"type": "pointer", "trackId": str(uuid4()), "x": x, "y": 0})


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        ("nonsense", "MESSAGE_MALFORMED"),
        ("[1, 2]", "MESSAGE_MALFORMED"),
        (b"\x00\xff", "MESSAGE_MALFORMED"),
        ('{"type": "chat"}', "MESSAGE_MALFORMED"),
        ('{"type": "chat", "id": "x", "text": "y"}', "MESSAGE_MALFORMED"),
        (pointing(x=2), "MESSAGE_MALFORMED"),
        ('{"type": "dance"}', "MESSAGE_UNKNOWN"),
        (json.dumps({"type": "hand", "up": True, "x": "á" * LARGEST_MESSAGE}), "MESSAGE_TOO_LARGE"),
        (pointing(x=0), "NO_SUCH_TRACK"),
    ],
    ids=lambda one: str(one)[:24],
)
async def test_what_is_not_understood_gets_a_clear_answer_and_the_channel_goes_on(
    consulting: Consulting, sent: str | bytes, code: str
) -> None:
    async with peer(consulting, NGA) as nga:
        nga.channel.send(sent)
        (fault,) = await nga.hears("error")
        assert fault["code"] == code
        assert fault["message"]
        nga.say(type="chat", id=str(uuid4()), text="still here")
        await nga.hears("recorded")


async def test_who_writes_too_fast_is_told_when_to_go_on_and_not_taken(consulting: Consulting) -> None:
    sent = int(MESSAGES_AT_ONCE) + 10
    async with peer(consulting, NGA) as nga:
        for number in range(sent):
            nga.say(type="chat", id=str(uuid4()), text=f"{number}")
        too_fast = [one for one in await nga.hears("error") if one["code"] == "TOO_FAST"]
        assert all(one["retryAfterMs"] > 0 for one in too_fast)
        await nga.hears("recorded", int(MESSAGES_AT_ONCE))
    assert len(await consulting.told(MessagePosted)) < sent


async def test_a_flood_ends_the_connection_and_nobody_elses(consulting: Consulting) -> None:
    async with peer(consulting, NGA) as nga, peer(consulting, DUNG) as dung:
        large = "x" * 60_000
        for _ in range(80):
            dung.channel.send(large)
        await consulting.ward.until(
            lambda: not any(one.grant.participant_id == seat_of(DUNG) for one in consulting.ward.engine.peers.values()),
            60,
        )
        nga.say(type="chat", id=str(uuid4()), text="goes on")
        await nga.hears("recorded")


# The chair's hand --------------------------------------------------------------------------------------------


async def test_who_is_sent_out_goes_and_comes_back_only_when_the_chair_says_so(consulting: Consulting) -> None:
    ward, dungs = consulting.ward, {"live_session_id": ROOM, "participant_id": seat_of(DUNG)}
    async with peer(consulting, NGA) as nga, peer(consulting, DUNG) as dung:
        ticket = consulting.token(DUNG)
        await consulting.order(RemoveParticipant(**dungs, reason="Nhầm phòng"))
        assert (await dung.hears("removed"))[0]["code"] == "REMOVED_FROM_THE_ROOM"
        await ward.until(lambda: not any(one.grant.point_id == dung_point() for one in ward.engine.peers.values()), 60)
        again = await post(ward.whip(), ticket, await offer_of(sending()))
        assert (again.status_code, again.json()["code"]) == (403, "REMOVED_FROM_THE_ROOM")
        await until_told(consulting, ParticipantLeft)
        (left,) = await consulting.told(ParticipantLeft)
        assert (left.participant_id, left.cause) == (seat_of(DUNG), "removed")
        assert await consulting.told(ParticipantRemoved)
        await consulting.order(ReadmitParticipant(**dungs))
        room = ward.engine.rooms[ROOM]
        await ward.until(lambda: not room.orders.removed, 60)
        async with peer(consulting, DUNG) as back:
            back.say(type="chat", id=str(uuid4()), text="Xin lỗi")
            await nga.hears("chat")


async def test_an_order_is_told_to_everybody(consulting: Consulting) -> None:
    dungs = {"live_session_id": ROOM, "participant_id": seat_of(DUNG)}
    async with peer(consulting, NGA) as nga:
        await consulting.order(MuteParticipant(**dungs))
        assert (await nga.hears("muted"))[0]["participantIds"] == [str(seat_of(DUNG))]
        await consulting.order(UnmuteParticipant(**dungs))
        assert (await nga.hears("muted", 2))[1]["participantIds"] == []


async def test_a_hand_goes_down_with_the_floor_and_with_its_owner(consulting: Consulting) -> None:
    async with peer(consulting, NGA) as nga:
        async with peer(consulting, DUNG) as dung, peer(consulting, MAY) as may:
            dung.say(type="hand", up=True)
            await nga.hears("hands")
            may.say(type="hand", up=True)
            both = (await nga.hears("hands", 2))[1]["participantIds"]
            assert both == [str(seat_of(DUNG)), str(seat_of(MAY))]
            await consulting.order(GiveFloor(consultation_id=CONSULTATION, facility_id=dung_point()))
            assert (await nga.hears("floor"))[0]["pointId"] == str(dung_point())
            assert (await nga.hears("hands", 3))[2]["participantIds"] == [str(seat_of(MAY))]
        assert (await nga.hears("hands", 4))[3]["participantIds"] == []
