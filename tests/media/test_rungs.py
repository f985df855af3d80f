"""What a rung lets through, and in real browsers: each step is a fact, and what is sent agrees with it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from itertools import pairwise
from typing import Any
from uuid import UUID, uuid4

import pytest
from playwright.async_api import Browser

from domain._live import Destination, Rung
from infra.media_tokens import MediaRole, Source
from infra.reference import load
from media.facts import RoomFact, RungChanged
from media.observation import Observation
from media.rungs import NOTHING, POOREST, asked, ceiling
from media.tracks import Kind
from tests.media.line import Line
from tests.media.screens import Screen, screen
from tests.media.test_session_door import enter, sees, told
from tests.media.ward import Ward

AS_IT_LIKES = 1_000_000


@pytest.mark.parametrize("examining", [True, False])
@pytest.mark.parametrize("source", Source)
@pytest.mark.parametrize("kind", Kind)
def test_no_rung_lets_more_through_than_the_one_above_it(source: Source, kind: Kind, *, examining: bool) -> None:
    allowed = [ceiling(rung, source, kind, examining=examining) for rung in Rung]
    heights = [AS_IT_LIKES if one is None else one for one in allowed]
    assert heights == sorted(heights, reverse=True)
    assert (allowed[0], allowed[-1]) == (None, NOTHING)


@pytest.mark.parametrize(("above", "below"), list(pairwise(Rung)))
def test_every_step_changes_what_is_sent(above: Rung, below: Rung) -> None:
    places = [(source, kind) for source in Source for kind in Kind]
    for examining in (True, False):
        before, after = ([ceiling(one, *place, examining=examining) for place in places] for one in (above, below))
        assert before != after


def test_sound_outlives_all_pictures_but_words_and_stills() -> None:
    for rung in (Rung.TWO_WAY_HD, Rung.LOW, Rung.AUDIO):
        assert ceiling(rung, Source.CAMERA, Kind.AUDIO, examining=False) is None


def test_the_ultrasound_is_the_last_picture_to_be_cut_for_those_who_examine() -> None:
    def allowed(source: Source, *, examining: bool) -> list[int | None]:
        return [ceiling(rung, source, Kind.VIDEO, examining=examining) for rung in Rung]

    assert allowed(Source.CAMERA, examining=True) == [None, POOREST, NOTHING, NOTHING]
    assert allowed(Source.ULTRASOUND, examining=True) == [None, None, POOREST, NOTHING]
    assert allowed(Source.ULTRASOUND, examining=False) == [None, POOREST, NOTHING, NOTHING]
    assert [asked(rung, Source.ULTRASOUND).kbit for rung in Rung] == [None, None, 700, 0]
    assert [asked(rung, Source.CAMERA).kbit for rung in Rung] == [None, 250, 0, 0]


@dataclass
class Watch:
    """Looks at a ward as its worker does, only more often; keeps the facts.

    On a busy machine other lines may be bad too, so that steps are asked for of the participant whose line is meant.
    """

    ward: Ward
    who: UUID
    facts: list[RoomFact] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.seen = Observation(self, load(), self.ward.engine.hold, self.ward.engine.standing)

    def tell(self, fact: RoomFact) -> None:
        self.facts.append(fact)

    @property
    def steps(self) -> list[RungChanged]:
        return [fact for fact in self.facts if isinstance(fact, RungChanged) and fact.participant_id == self.who]

    def stands_on(self, rung: Rung) -> bool:
        return bool(self.steps) and self.steps[-1].rung == rung.value

    async def until(self, true: Callable[[], bool], seconds: float = 90) -> None:
        async with asyncio.timeout(seconds):
            while not true():
                rooms = tuple(self.ward.engine.rooms.values())
                self.seen.look(
                    [track for room in rooms for track in room.tracks.values()],
                    watching=[viewer for room in rooms for viewer in room.viewers.values()],
                )
                await asyncio.sleep(0.1)


def audible(ward: Ward) -> set[Kind]:
    """What is sent to the viewer now."""
    viewers = ward.engine.rooms[ward.session_id].viewers.values()
    return {seat.kind for viewer in viewers for seat in viewer.seats if seat.down and seat.down.wanted}


async def reached(bridge: Screen, rung: Rung, who: UUID) -> dict[str, Any]:
    """Waits until the screen was told that this participant came to this rung; answers the message."""
    async with asyncio.timeout(60):
        while True:
            news = [one for one in await told(bridge, "rung") if "cause" in one and one["participantId"] == str(who)]
            found = [one for one in news if one["rung"] == rung.value]
            if found:
                return found[-1]
            await asyncio.sleep(0.05)


async def test_a_bad_line_leads_down_to_words_and_a_good_one_up_again(chromium: Browser, ward: Ward) -> None:
    me = uuid4()
    line, watch = Line(ward.engine), Watch(ward, me)
    layers = [["h", 1, 500_000], ["l", 2, 150_000]]
    async with screen(chromium, ward) as camera, screen(chromium, ward) as bridge:
        await camera.publish(layers=layers)
        await enter(ward, bridge, participant_id=me)
        await sees(bridge, ward.point_id)
        await watch.until(lambda: audible(ward) == {Kind.VIDEO, Kind.AUDIO})
        line.outward = 0.7
        for rung, sent in (
            (Rung.LOW, {Kind.VIDEO, Kind.AUDIO}),
            (Rung.AUDIO, {Kind.AUDIO}),
            (Rung.CHAT_AND_STILLS, set[Kind]()),
        ):
            await watch.until(partial(watch.stands_on, rung))
            assert audible(ward) == sent
            message = await reached(bridge, rung, me)
            assert message["cause"] == watch.steps[-1].reason
            assert message["measured"]["lossPercent"] == round(watch.steps[-1].measured.loss_percent, 2)
        assert {one["source"]: one["kbit"] for one in message["send"]}["camera"] == 0
        line.outward = 0.0
        await watch.until(lambda: watch.steps[-1].rung == Rung.TWO_WAY_HD.value, seconds=90)
        await sees(bridge, ward.point_id)
        assert audible(ward) == {Kind.VIDEO, Kind.AUDIO}
        await reached(bridge, Rung.TWO_WAY_HD, me)
    lossy = [fact for fact in watch.facts if isinstance(fact, RungChanged) and fact.reason == "loss"]
    assert {fact.participant_id for fact in lossy} == {me}, "only the line that is bad is held lower"
    places = [Rung(fact.rung).place for fact in watch.steps]
    assert all(abs(one - other) == 1 for one, other in pairwise([0, *places]))


async def test_whoever_comes_back_over_a_new_connection_is_where_the_line_was(chromium: Browser, ward: Ward) -> None:
    me = uuid4()
    async with screen(chromium, ward) as camera, screen(chromium, ward) as bridge, screen(chromium, ward) as again:
        await camera.publish()
        await enter(ward, bridge, participant_id=me)
        await sees(bridge, ward.point_id)
        ward.engine.hold(ward.session_id, me, Rung.AUDIO, None)
        await enter(ward, again, participant_id=me)
        viewers = ward.engine.rooms[ward.session_id].viewers
        await ward.until(lambda: len(viewers) == 2)
        assert {viewer.rung for viewer in viewers.values()} == {Rung.AUDIO}
        await ward.until(lambda: all(seat.down for viewer in viewers.values() for seat in viewer.seats))
        assert audible(ward) == {Kind.AUDIO}


async def test_a_publisher_on_a_low_rung_is_asked_for_less_and_sends_less(chromium: Browser, ward: Ward) -> None:
    me = uuid4()
    async with screen(chromium, ward) as camera:
        await camera.publish(grant={"participant_id": me}, width=1280, height=720)
        track = ward.engine.rooms[ward.session_id].track(ward.point_id, Source.CAMERA, Kind.VIDEO)
        assert track is not None
        await ward.until(lambda: track.measured().kbit_per_second > 600, seconds=90)
        ward.engine.hold(ward.session_id, me, Rung.LOW, None)
        await ward.until(lambda: track.measured().kbit_per_second < 400, seconds=90)
        ward.engine.hold(ward.session_id, me, Rung.TWO_WAY_HD, None)
        await ward.until(lambda: track.measured().kbit_per_second > 600, seconds=90)


async def test_what_a_sender_says_of_its_line_counts_while_the_line_limits_it(chromium: Browser, ward: Ward) -> None:
    me = uuid4()
    watch = Watch(ward, me)
    async with screen(chromium, ward) as camera:
        await camera.publish(grant={"participant_id": me})
        await enter(ward, camera, participant_id=me)
        telemetry = {"type": "telemetry", "source": "camera", "availableKbit": 500, "limitedBy": "cpu"}
        await camera.page.evaluate("one => say('room', one)", telemetry)
        track = ward.engine.rooms[ward.session_id].track(ward.point_id, Source.CAMERA, Kind.VIDEO)
        assert track is not None
        await camera.page.evaluate("one => say('room', one)", {**telemetry, "limitedBy": "bandwidth"})
        await ward.until(lambda: track.measured().capacity_kbit == 500)
        await watch.until(lambda: any(step.reason == "bitrate" for step in watch.steps))
        assert Rung(watch.steps[0].rung) is Rung.LOW
        await camera.page.evaluate("one => say('room', one)", {**telemetry, "limitedBy": "cpu"})
        await ward.until(lambda: track.measured().capacity_kbit is None)


async def test_observers_lose_the_ultrasound_before_those_who_examine(chromium: Browser, ward: Ward) -> None:
    examiner, observer = uuid4(), uuid4()
    async with screen(chromium, ward) as probe, screen(chromium, ward) as doctor, screen(chromium, ward) as student:
        await probe.publish(Source.ULTRASOUND, audio=False)
        await enter(ward, doctor, participant_id=examiner)
        await enter(ward, student, participant_id=observer, role=MediaRole.VIEWER, audience=Destination.OBSERVER)
        await sees(doctor, ward.point_id, Source.ULTRASOUND)
        await sees(student, ward.point_id, Source.ULTRASOUND)
        for who in (examiner, observer):
            ward.engine.hold(ward.session_id, who, Rung.AUDIO, None)
        sent = {
            viewer.grant.participant_id: any(seat.down and seat.down.wanted for seat in viewer.seats)
            for viewer in ward.engine.rooms[ward.session_id].viewers.values()
        }
        assert sent == {examiner: True, observer: False}
        await sees(doctor, ward.point_id, Source.ULTRASOUND)
