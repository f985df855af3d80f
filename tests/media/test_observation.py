"""What is measured of tracks every second becomes facts only where it crosses a limit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

from infra.media_tokens import Source
from infra.reference import load
from media.facts import GateCrossed, RoomFact, RungChanged
from media.observation import Observation
from media.quality_gate import LOST_AFTER, REACHED_AFTER
from media.tracks import Kind, Measured, Tap, TrackDescription

NINE = datetime(2020, 8, 27, 2, tzinfo=UTC)
SESSION, POINT, PERSON = uuid4(), uuid4(), uuid4()
GOOD = Measured(
    kbit_per_second=4000.0,
    frames_per_second=30.0,
    width=1280,
    height=720,
    loss_before=0.02,
    loss_after=0.001,
    jitter_ms=4.0,
    rtt_ms=50.0,
    freezes=0,
    nacks=0,
    key_frames=1,
)
POOR = replace(GOOD, loss_after=0.06)
SOUND = replace(GOOD, kbit_per_second=32.0, frames_per_second=0.0, width=0, height=0)


@dataclass
class Published:
    """A track whose numbers are given by hand."""

    now: Measured
    kind: Kind = Kind.VIDEO
    participant_id: UUID = PERSON

    def __post_init__(self) -> None:
        self.description = TrackDescription(
            track_id=uuid4(),
            session_id=SESSION,
            point_id=POINT,
            participant_id=self.participant_id,
            kind=self.kind,
            source=Source.CAMERA,
            codec="VP8",
            clock_rate=90_000,
            payload_type=96,
            fmtp={},
        )

    def measured(self) -> Measured:
        return self.now

    def add_tap(self, tap: Tap) -> None:
        raise NotImplementedError

    def remove_tap(self, tap: Tap) -> None:
        raise NotImplementedError

    def ask_key_frame(self) -> None:
        raise NotImplementedError


class Notes:
    """A reporter that keeps what it was told."""

    def __init__(self) -> None:
        self.facts: list[RoomFact] = []

    def tell(self, fact: RoomFact) -> None:
        self.facts.append(fact)


def told(seconds: int, *tracks: Published, observation: Observation | None = None) -> Sequence[RoomFact]:
    notes = Notes()
    seen = observation or Observation(notes, load())
    seen.reporter = notes
    for second in range(seconds):
        seen.look(tracks, NINE + timedelta(seconds=second))
    return notes.facts


def test_a_good_picture_is_one_fact_and_no_more() -> None:
    picture = Published(GOOD)
    (fact,) = told(60, picture, Published(SOUND, Kind.AUDIO))
    assert isinstance(fact, GateCrossed)
    assert (fact.track_id, fact.diagnostic, fact.number) == (picture.description.track_id, True, 1)
    assert fact.at == NINE + timedelta(seconds=REACHED_AFTER - 1)


def test_a_lossy_sound_takes_the_participant_down_and_not_the_picture_s_label() -> None:
    facts = told(3, Published(GOOD), Published(replace(SOUND, loss_after=0.06), Kind.AUDIO))
    (fact,) = facts
    assert isinstance(fact, RungChanged)
    assert (fact.participant_id, fact.rung, fact.reason) == (PERSON, "low", "loss")
    assert fact.measured.loss_percent == 6.0
    assert fact.measured.frames_per_second == 30.0


def test_a_poor_picture_is_labelled_with_the_numbers_of_its_second() -> None:
    facts = told(LOST_AFTER, Published(POOR))
    assert [type(fact) for fact in facts] == [GateCrossed, RungChanged]
    assert isinstance(facts[0], GateCrossed)
    assert facts[0].diagnostic is False
    assert facts[0].measured.loss_percent == 6.0


def test_participants_are_held_to_ladders_of_their_own() -> None:
    other = uuid4()
    facts = told(3, Published(GOOD), Published(POOR, participant_id=other))
    assert {fact.participant_id for fact in facts if isinstance(fact, RungChanged)} == {other}


def test_whoever_comes_back_begins_anew() -> None:
    observation = Observation(Notes(), load())
    told(3, Published(POOR), observation=observation)
    told(1, observation=observation)
    facts = told(3, Published(POOR), observation=observation)
    assert [fact.number for fact in facts if isinstance(fact, RungChanged)] == [1]
