"""The ladder of rungs: down soon, up late, one at a time, and never swinging."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import date
from itertools import pairwise, repeat

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from domain._live import Rung, StepCause
from infra.reference import load
from media.facts import LegNumbers
from media.ladder import DOWN_AFTER, LONGEST_WAIT, UP_AFTER, WITH_A_PICTURE, WITH_SOUND, Ladder, Step

RUNGS = load().ladder(date(2020, 8, 27))
GOOD = LegNumbers(4000, 0.2, 60, 5, 1280, 720, 30.0, capacity_kbps=4000)
LOSSY = replace(GOOD, loss_percent=6.0)
DEAD = LegNumbers(0, 100.0, 2000, 500, capacity_kbps=0)

numbers = st.builds(
    LegNumbers,
    bitrate_kbps=st.integers(0, 6000),
    loss_percent=st.floats(0, 100),
    rtt_ms=st.integers(0, 2000),
    jitter_ms=st.integers(0, 300),
    width=st.just(1280),
    height=st.just(720),
    frames_per_second=st.floats(0, 60),
    capacity_kbps=st.integers(0, 6000),
)


def steps(ladder: Ladder, seconds: Iterable[LegNumbers]) -> list[Step]:
    return [step for one in seconds if (step := ladder.measured(one)) is not None]


def settled(constant: LegNumbers, rung: Rung = Rung.TWO_WAY_HD) -> Rung:
    ladder = Ladder(RUNGS, rung)
    steps(ladder, repeat(constant, 10 * LONGEST_WAIT))
    return ladder.rung


def test_a_good_way_stays_at_the_top() -> None:
    assert steps(Ladder(RUNGS), repeat(GOOD, 100)) == []


def test_a_bad_second_is_forgiven_and_some_lead_one_rung_down_with_their_cause() -> None:
    ladder = Ladder(RUNGS)
    assert steps(ladder, [LOSSY, GOOD] * 50) == []
    assert steps(ladder, repeat(LOSSY, DOWN_AFTER)) == [Step(Rung.TWO_WAY_HD, Rung.LOW, StepCause.LOSS, LOSSY)]


def test_each_limit_is_named_as_the_cause() -> None:
    for changed, cause in (
        (replace(GOOD, rtt_ms=450), StepCause.DELAY),
        (replace(GOOD, jitter_ms=80), StepCause.JITTER),
        (replace(GOOD, capacity_kbps=900), StepCause.BITRATE),
        (replace(GOOD, frames_per_second=12.0), StepCause.FRAMES),
    ):
        (step,) = steps(Ladder(RUNGS), repeat(changed, DOWN_AFTER))
        assert (step.now, step.cause) == (Rung.LOW, cause)


def test_a_dead_way_ends_at_words_and_stills_and_comes_back_to_the_top() -> None:
    ladder = Ladder(RUNGS)
    down = steps(ladder, repeat(DEAD, 60))
    assert [step.now for step in down] == [Rung.LOW, Rung.AUDIO, Rung.CHAT_AND_STILLS]
    up = steps(ladder, repeat(GOOD, 200))
    assert [step.now for step in up] == [Rung.AUDIO, Rung.LOW, Rung.TWO_WAY_HD]
    assert {step.cause for step in up} == {StepCause.RECOVERED}


def test_a_picture_in_which_nothing_moves_is_no_weak_way() -> None:
    still = replace(GOOD, bitrate_kbps=40, capacity_kbps=None)
    assert steps(Ladder(RUNGS), repeat(still, 100)) == []


def test_up_is_slower_than_down() -> None:
    ladder = Ladder(RUNGS)
    steps(ladder, repeat(LOSSY, DOWN_AFTER))
    assert steps(ladder, repeat(GOOD, UP_AFTER - 1)) == []
    assert [step.now for step in steps(ladder, [GOOD])] == [Rung.TWO_WAY_HD]
    assert UP_AFTER > DOWN_AFTER


def test_on_the_edge_of_a_limit_nothing_rises() -> None:
    edge = replace(GOOD, loss_percent=2.9)
    assert steps(Ladder(RUNGS), repeat(edge, 100)) == []
    assert steps(Ladder(RUNGS, Rung.LOW), repeat(edge, 1000)) == []


def test_a_way_that_breaks_after_each_rise_is_tried_ever_later() -> None:
    ladder, waits, second = Ladder(RUNGS, Rung.LOW), [], 0
    for _ in range(4):
        while ladder.rung is Rung.LOW:
            ladder.measured(GOOD)
            second += 1
        waits.append(second)
        while ladder.rung is Rung.TWO_WAY_HD:
            ladder.measured(LOSSY)
        second = 0
    assert waits == [UP_AFTER, 2 * UP_AFTER, 4 * UP_AFTER, 8 * UP_AFTER]


@settings(deadline=None)
@given(numbers, st.sampled_from(Rung))
def test_it_never_swings_on_constant_input(constant: LegNumbers, rung: Rung) -> None:
    taken = steps(Ladder(RUNGS, rung), repeat(constant, 600))
    places = [step.now.place for step in taken]
    assert places in (sorted(places), sorted(places, reverse=True)), "it only ever goes one way"
    assert len(taken) < len(Rung)


@settings(deadline=None)
@given(st.lists(numbers, max_size=200), st.sampled_from(Rung))
def test_it_takes_one_rung_at_a_time_and_sound_outlives_the_picture(seconds: list[LegNumbers], rung: Rung) -> None:
    ladder = Ladder(RUNGS, rung)
    taken = steps(ladder, seconds)
    assert all(step.before.is_beside(step.now) for step in taken)
    assert all(one.now is two.before for one, two in pairwise(taken))
    for step in taken:
        assert step.before in WITH_SOUND or step.now not in WITH_A_PICTURE, "the picture never comes before the sound"
        assert step.before not in WITH_A_PICTURE or step.now in WITH_SOUND, "the sound never goes with the picture"


@settings(deadline=None)
@given(numbers, numbers)
def test_a_better_way_never_ends_lower(one: LegNumbers, other: LegNumbers) -> None:
    worse = LegNumbers(
        min(one.bitrate_kbps, other.bitrate_kbps),
        max(one.loss_percent, other.loss_percent),
        max(one.rtt_ms, other.rtt_ms),
        max(one.jitter_ms, other.jitter_ms),
        1280,
        720,
        min(one.frames_per_second, other.frames_per_second),
        min(one.capacity_kbps or 0, other.capacity_kbps or 0),
    )
    # No frame at all means that there is no picture now, which is not worse than a bad one.
    assume(worse.frames_per_second > 0)
    assert settled(one).place <= settled(worse).place
