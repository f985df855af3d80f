"""What the engine and the recorder tell gets into the log: in order, once, and however long the log is away."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest

from commands._bus import Append, Appended, Bus, Unavailable
from commands.live_session import JoinLiveSession
from domain._kernel import Recorded
from domain._live import LossCause, Source
from domain._live_session import LiveSession
from domain.live_session import ParticipantJoined, ParticipantLost, QualityDegraded, RoomPlaced, TrackPublished
from infra.mapper import to_recorded
from infra.media_tokens import MediaRole
from infra.media_tokens import Source as GrantedSource
from infra.memory import MemoryEventStore
from infra.reference import load
from media.facts import GateCrossed, LegNumbers, RungChanged
from media.reporter import Joined, LayerSwitched, Left, SpeakerChanged, TrackBegan, TrackEnded
from media.reporting import LogReporter
from media.told import Told, source_of
from media.tracks import Ended, Kind, TrackDescription
from tests.story import the_consultation_opens, the_patients_are_referred
from tests.story_live import ROOM, seat_of
from tests.story_network import AT, CONSULTATION, DUNG, NGA, the_network_is_built
from tests.storyteller import Story

RUN, BACH_MAI = uuid4(), AT[NGA].facility_id
POOR = LegNumbers(400, 9.0, 300, 20, 640, 360, 12.0)


class Faulty(MemoryEventStore):
    """A log that is away for a while, or takes an append in and then loses the answer."""

    def __init__(self) -> None:
        super().__init__()
        self.away, self.lost_answers = False, 0

    async def load(self, after: Mapping[UUID, int]) -> Mapping[UUID, Sequence[Recorded]]:
        if self.away:
            raise Unavailable(retry_after=0.01)
        return await super().load(after)

    async def append(self, wish: Append) -> Appended:
        if self.away:
            raise Unavailable(retry_after=0.01)
        answer = await super().append(wish)
        if self.lost_answers:
            self.lost_answers -= 1
            raise ConnectionResetError("the answer was lost on its way")
        return answer

    def told(self, since: int = 0) -> list[Recorded]:
        found = [to_recorded(row) for row in self.rows]
        return [at for at in found if at.stream_id == ROOM][since:]


@pytest.fixture
async def store() -> Faulty:
    """A consultation is open, and two doctors were let into its room."""
    store = Faulty()
    story = Story(store)
    for chapter in (the_network_is_built, the_patients_are_referred, the_consultation_opens):
        await chapter(story)
    for person in (NGA, DUNG):
        await story.tell(AT[person], JoinLiveSession(participant_id=seat_of(person), consultation_id=CONSULTATION))
    return store


@pytest.fixture
async def refused() -> list[tuple[Told, str]]:
    return []


@pytest.fixture
async def reporter(store: Faulty, refused: list[tuple[Told, str]]) -> AsyncIterator[LogReporter]:
    reporter = LogReporter(Bus(store), load(), "media-1", RUN, lambda fact, code: refused.append((fact, code)))
    yield reporter
    await reporter.close(within_s=0)


def joined(person: UUID) -> Joined:
    assert BACH_MAI is not None
    return Joined(ROOM, AT[person].facility_id or BACH_MAI, seat_of(person), MediaRole.PUBLISHER)


def left(person: UUID, reason: Ended) -> Left:
    assert BACH_MAI is not None
    return Left(ROOM, AT[person].facility_id or BACH_MAI, seat_of(person), reason)


def description(person: UUID, track_id: UUID, kind: Kind = Kind.VIDEO) -> TrackDescription:
    assert BACH_MAI is not None
    return TrackDescription(
        track_id=track_id,
        session_id=ROOM,
        point_id=BACH_MAI,
        participant_id=seat_of(person),
        kind=kind,
        source=GrantedSource.CAMERA,
        codec="VP8",
        clock_rate=90_000,
        payload_type=96,
        fmtp={},
    )


def rung(number: int = 1) -> RungChanged:
    return RungChanged(ROOM, datetime.now(UTC), seat_of(NGA), number, "low", "loss", POOR)


async def delivered(reporter: LogReporter) -> None:
    async with asyncio.timeout(20):
        while reporter.waiting:
            await asyncio.sleep(0.005)


async def test_what_happens_in_a_room_is_in_the_log_in_its_order(store: Faulty, reporter: LogReporter) -> None:
    before = len(store.told())
    for fact in (
        joined(NGA),
        TrackBegan(description(NGA, uuid4()), 1280, 720),
        TrackBegan(description(NGA, uuid4(), Kind.AUDIO), 0, 0),
        rung(),
        left(NGA, Ended.LOST),
    ):
        reporter.tell(fact)
    await delivered(reporter)
    events = [at.event for at in store.told(before)]
    assert [event.name.partition(".")[2] for event in events] == [
        "room_placed",
        "participant_joined",
        "track_published",
        "track_published",
        "quality_degraded",
        "track_ended",
        "track_ended",
        "participant_lost",
    ]
    assert events[0] == RoomPlaced(worker="media-1", run_id=RUN)
    assert [event.source for event in events if isinstance(event, TrackPublished)] == [Source.CAMERA, Source.AUDIO]
    assert events[-1] == ParticipantLost(participant_id=seat_of(NGA), stay=1, cause=LossCause.LINE_SILENT)


def test_each_sound_is_told_by_what_it_comes_with() -> None:
    sound = description(NGA, uuid4(), Kind.AUDIO)
    told = {one: source_of(replace(sound, source=one)) for one in GrantedSource}
    assert told == {
        GrantedSource.CAMERA: Source.AUDIO,
        GrantedSource.AUDIO: Source.AUDIO,
        GrantedSource.SCREEN: Source.SCREEN_SOUND,
        GrantedSource.ULTRASOUND: Source.DOPPLER,
    }


async def test_telemetry_is_no_fact(store: Faulty, reporter: LogReporter) -> None:
    before = len(store.told())
    reporter.tell(LayerSwitched(ROOM, uuid4(), uuid4(), 0, 1, 900.0, 0.0))
    reporter.tell(SpeakerChanged(ROOM, BACH_MAI))
    assert reporter.waiting == 0
    assert len(store.told()) == before


async def test_an_answer_that_was_lost_doubles_nothing(store: Faulty, reporter: LogReporter) -> None:
    store.lost_answers = 2
    reporter.tell(joined(NGA))
    await delivered(reporter)
    assert store.lost_answers == 0
    assert [type(at.event) for at in store.told()][-2:] == [RoomPlaced, ParticipantJoined]


async def test_facts_keep_their_order_and_their_time_while_the_log_is_away(
    store: Faulty, reporter: LogReporter
) -> None:
    store.away = True
    happened = datetime.now(UTC) - timedelta(minutes=3)
    reporter.tell(joined(NGA))
    reporter.tell(RungChanged(ROOM, happened, seat_of(NGA), 1, "low", "loss", POOR))
    reporter.tell(left(NGA, Ended.LEFT))
    await asyncio.sleep(0.05)
    assert reporter.waiting == 4
    store.away = False
    await delivered(reporter)
    told = store.told()[-3:]
    assert [at.event.name.partition(".")[2] for at in told] == [
        "participant_joined",
        "quality_degraded",
        "participant_left",
    ]
    assert told[1].happened_at == happened


async def test_what_the_rules_refuse_is_told_to_whoever_can_act_on_it(
    store: Faulty, reporter: LogReporter, refused: list[tuple[Told, str]]
) -> None:
    track = TrackBegan(description(DUNG, uuid4()), 1280, 720)
    reporter.tell(track)
    await delivered(reporter)
    assert refused == [(track, "PARTICIPANT_NOT_PRESENT")]


async def test_a_full_queue_gives_up_what_was_measured_before_what_happened(store: Faulty) -> None:
    store.away = True
    reporter = LogReporter(Bus(store), load(), "media-1", RUN, most=4)
    reporter.tell(joined(NGA))
    for number in (1, 2):
        reporter.tell(rung(number))
    reporter.tell(joined(DUNG))
    reporter.tell(left(DUNG, Ended.LEFT))
    assert (reporter.waiting, reporter.given_up) == (4, 2)
    reporter.tell(left(NGA, Ended.LEFT))
    assert (reporter.waiting, reporter.given_up) == (4, 3), "and then what comes last"
    store.away = False
    await delivered(reporter)
    await reporter.close(within_s=5)
    assert not [at for at in store.told() if isinstance(at.event, QualityDegraded)]
    joins = [at.event.participant_id for at in store.told() if isinstance(at.event, ParticipantJoined)]
    assert joins == [seat_of(NGA), seat_of(DUNG)]


async def test_the_next_run_closes_what_a_killed_one_left_open_and_only_once(store: Faulty) -> None:
    killed = LogReporter(Bus(store), load(), "media-1", RUN)
    killed.tell(joined(NGA))
    await delivered(killed)

    async def earlier() -> Sequence[tuple[UUID, UUID]]:
        return [(ROOM, RUN)]

    following = LogReporter(Bus(store), load(), "media-1", uuid4())
    assert await following.close_earlier_runs(earlier) == 1
    after_one = len(store.told())
    await following.close_earlier_runs(earlier)
    assert len(store.told()) == after_one
    state = LiveSession().after(at.event for at in store.told())
    assert not state.participants[seat_of(NGA)].present
    assert state.last_lost == RUN
    await killed.close(within_s=0)


async def test_a_worker_that_ends_in_good_order_gives_its_rooms_up(store: Faulty, reporter: LogReporter) -> None:
    reporter.tell(joined(NGA))
    await reporter.close(within_s=10)
    names = [at.event.name.partition(".")[2] for at in store.told()]
    assert names[-3:] == ["participant_joined", "participant_left", "room_released"]
    assert LiveSession().after(at.event for at in store.told()).runs == {}


async def test_one_room_that_waits_holds_no_other_up(store: Faulty, reporter: LogReporter) -> None:
    elsewhere = uuid4()
    for _ in range(50):
        reporter.tell(GateCrossed(elsewhere, datetime.now(UTC), uuid4(), 1, False, POOR))
    reporter.tell(joined(NGA))
    await delivered(reporter)
    assert isinstance(store.told()[-1].event, ParticipantJoined)


async def test_a_crossing_of_the_gate_is_told_with_its_numbers(store: Faulty, reporter: LogReporter) -> None:
    track_id = uuid4()
    reporter.tell(joined(NGA))
    reporter.tell(TrackBegan(description(NGA, track_id), 1280, 720))
    reporter.tell(GateCrossed(ROOM, datetime.now(UTC), track_id, 1, False, POOR))
    reporter.tell(TrackEnded(description(NGA, track_id), Ended.LEFT))
    await delivered(reporter)
    names = [at.event.name.partition(".")[2] for at in store.told()]
    assert names[-2:] == ["diagnostic_quality_lost", "track_ended"]
