"""The label of a live picture follows the gate of the day, without flickering."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import date
from decimal import Decimal
from itertools import repeat

from hypothesis import given
from hypothesis import strategies as st

from infra.reference import load
from media.facts import LegNumbers
from media.quality_gate import LOST_AFTER, REACHED_AFTER, Gate, leg_quality

REFERENCE, DAY = load(), date(2020, 8, 27)
GOOD = LegNumbers(4000, 0.2, 60, 5, 1280, 720, 30.0)
POOR = replace(GOOD, loss_percent=1.5)


def gate() -> Gate:
    return Gate(lambda measured: REFERENCE.diagnostic_quality(measured, DAY))


def labels(one: Gate, seconds: Iterable[LegNumbers]) -> list[bool]:
    return [label for second in seconds if (label := one.measured(second)) is not None]


def test_a_picture_has_no_label_before_it_was_measured_for_a_while() -> None:
    one = gate()
    assert labels(one, repeat(GOOD, REACHED_AFTER - 1)) == []
    assert labels(one, [GOOD]) == [True]
    assert labels(one, repeat(GOOD, 100)) == []


def test_below_the_gate_it_is_soon_not_for_diagnosis_and_later_again_for_it() -> None:
    one = gate()
    labels(one, repeat(GOOD, REACHED_AFTER))
    assert labels(one, repeat(POOR, LOST_AFTER - 1)) == []
    assert labels(one, [POOR]) == [False]
    assert labels(one, repeat(GOOD, REACHED_AFTER - 1)) == []
    assert labels(one, [GOOD]) == [True]


def test_single_seconds_do_not_make_it_flicker() -> None:
    one = gate()
    labels(one, repeat(GOOD, REACHED_AFTER))
    assert labels(one, [POOR, GOOD] * 100) == []


def test_each_limit_of_the_gate_counts() -> None:
    for changed in (
        replace(GOOD, bitrate_kbps=1999),
        replace(GOOD, rtt_ms=402),
        replace(GOOD, width=1279),
        replace(GOOD, height=719),
        replace(GOOD, frames_per_second=24.9),
    ):
        assert labels(gate(), repeat(changed, LOST_AFTER)) == [False], changed


@given(st.lists(st.booleans(), max_size=300))
def test_labels_alternate_and_rest_on_a_second_of_their_own_side(seconds: list[bool]) -> None:
    one, last = gate(), None
    for good in seconds:
        label = one.measured(GOOD if good else POOR)
        if label is not None:
            assert label is good
            assert label is not last
            last = label


def test_one_way_is_half_of_the_round_trip_and_never_less() -> None:
    leg = leg_quality(replace(GOOD, rtt_ms=401, loss_percent=0.123456))
    assert (leg.delay_ms, leg.rtt_ms, leg.loss_percent) == (201, 401, Decimal("0.12"))
