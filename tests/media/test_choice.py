"""Which layer a viewer gets: steady on a steady line, down when it is congested, up by trying, and patient after a try
that failed."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from media.choice import FIRST_WAIT_SECONDS, LONGEST_WAIT_SECONDS, Choice

RATES = (150.0, 500.0, 1_500.0)


def ranks(seconds: Iterable[tuple[float | None, float]], start: int = 0, choice: Choice | None = None) -> list[int]:
    """The rank of each second, for (estimate, loss) of each."""
    choice, rank, found = choice or Choice(), start, []
    for estimate, loss in seconds:
        rank = choice.next_rank(rank, RATES, estimate, loss)
        found.append(rank)
    return found


def test_a_clean_line_rises_to_the_best_and_stays() -> None:
    found = ranks([(None, 0.0)] * 60)
    assert found == sorted(found)
    assert found[-30:] == [2] * 30


def test_an_estimate_with_room_is_believed_sooner_than_a_try() -> None:
    tried = ranks([(None, 0.0)] * 20).index(2)
    known = ranks([(5_000.0, 0.0)] * 20).index(2)
    assert known < tried


def test_loss_takes_a_layer_away_after_two_seconds() -> None:
    assert ranks([(None, 0.2)] * 5, start=2) == [2, 1, 1, 0, 0]


def test_one_bad_second_changes_nothing() -> None:
    assert ranks([(None, 0.2), (None, 0.0), (None, 0.2), (None, 0.0)], start=2) == [2, 2, 2, 2]


def test_an_estimate_that_is_low_and_grows_is_no_reason_to_go_down() -> None:
    growing = [(200.0 + 20 * second, 0.0) for second in range(10)]
    assert min(ranks(growing, start=1)) == 1


def test_an_estimate_that_falls_below_what_is_sent_is() -> None:
    falling = [(1_600.0 * 0.8**second, 0.0) for second in range(6)]
    assert ranks(falling, start=2)[-1] < 2


def test_each_try_that_fails_makes_the_next_one_wait_longer() -> None:
    choice, rank, second = Choice(), 0, 0
    tries: list[int] = []
    while len(tries) < 4:
        # The line carries the poorest layer, and nothing above it.
        before, rank = rank, choice.next_rank(rank, RATES, None, 0.3 if rank > 0 else 0.0)
        if rank > before:
            tries.append(second)
        second += 1
    pauses = [later - earlier for earlier, later in pairwise(tries)]
    assert pauses == sorted(pauses)
    assert pauses[-1] > 2 * pauses[0]
    assert choice.wait_seconds <= LONGEST_WAIT_SECONDS


def test_a_ceiling_is_kept_at_once() -> None:
    choice = Choice(ceiling=0)
    assert ranks([(None, 0.0)] * 10, start=2, choice=choice) == [0] * 10
    choice.ceiling = -1
    assert ranks([(None, 0.0)], choice=choice) == [-1]


@given(st.one_of(st.none(), st.floats(1, 1e5)), st.floats(0, 1), st.integers(0, 2))
def test_a_steady_line_comes_to_rest(estimate: float | None, loss: float, start: int) -> None:
    found = ranks([(estimate, loss)] * 300, start=start)
    changes = sum(a != b for a, b in pairwise(found[100:]))
    assert changes == 0


@given(st.lists(st.tuples(st.one_of(st.none(), st.floats(0, 1e6)), st.floats(0, 1)), max_size=60))
def test_a_rank_is_always_one_that_is_there_and_next_to_the_last(seconds: list[tuple[float | None, float]]) -> None:
    found = ranks(seconds)
    assert all(0 <= rank < len(RATES) for rank in found)
    assert all(abs(a - b) <= 1 for a, b in zip([0, *found], found, strict=False))


def test_the_first_wait_is_seconds_and_not_minutes() -> None:
    assert FIRST_WAIT_SECONDS <= ranks([(None, 0.0)] * 20).index(1) + 1 <= 2 * FIRST_WAIT_SECONDS
