"""What a nation does follows from its seed, has the rhythm of a nation, and is told in order of time."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import pytest

from domain._values import VIETNAM_TIME, Tier
from infra.nation.chance import Chance
from infra.nation.days import Days, TooEarly
from infra.nation.founding import founding
from infra.nation.geography import MOST, WHOLE_NATION, sites
from infra.nation.pace import NoSuchSpeed, Pace
from infra.nation.people import OFFERED
from infra.nation.rhythm import PEAK_DAY, ROSTERS_AT, beginnings, consultations
from infra.nation.step import Step
from infra.reference import load
from infra.settings import ROOT
from tests.infra.nation.playing import DAYS, FACILITIES, FIRST, SEED, days, script

MONDAY = date(2026, 3, 2)
DIGEST = """
import hashlib
from tests.infra.nation.playing import script
digest = hashlib.sha256()
for window in script():
    for step in window.steps:
        digest.update(step.id.bytes)
        digest.update(step.command("0" * 64).model_dump_json().encode())
        digest.update(step.at.isoformat().encode())
print(digest.hexdigest())
"""


def test_the_same_seed_gives_the_same_commands_in_any_process() -> None:
    found = {
        subprocess.run(
            [sys.executable, "-c", DIGEST],
            cwd=ROOT,
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            check=True,
            text=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(found) == 1


def test_another_seed_and_another_size_share_no_id() -> None:
    def ids(seed: int, facilities: int) -> set[object]:
        reference = load()
        played = Days(seed, facilities, reference).steps(FIRST, 1)
        return {step.id for window in founding(seed, facilities) for step in window.steps} | {one.id for one in played}

    one, other, larger = ids(1, 12), ids(2, 12), ids(1, 13)
    assert one.isdisjoint(other)
    assert one.isdisjoint(larger)


def test_no_two_steps_share_an_id_but_for_who_comes_back() -> None:
    steps = [step for window in script() for step in window.steps]
    twice = [id_ for id_, times in Counter(step.id for step in steps).items() if times > 1]
    shared = {step.id for step in steps if step.shared}
    assert twice, "somebody comes back"
    assert set(twice) <= shared


def test_a_longer_run_begins_with_the_shorter_one() -> None:
    def ids(days: int) -> list[object]:
        return [step.id for step in Days(SEED, FACILITIES, load()).steps(FIRST, days)]

    one, two = ids(1), ids(2)
    assert two[: len(one)] == one


def test_steps_are_told_in_order_of_time_and_end_with_the_last_day() -> None:
    told = list(days())
    assert all(one.at <= other.at for one, other in pairwise(told))
    end = datetime(2026, 3, 2 + DAYS, tzinfo=VIETNAM_TIME)
    assert all(step.at < end for step in told)


def test_the_whole_nation_has_all_tiers_in_all_provinces_and_nobody_twice() -> None:
    network = sites(1, WHOLE_NATION)
    assert len(network) == WHOLE_NATION
    assert len({site.id for site in network}) == len({site.code for site in network}) == WHOLE_NATION
    assert len({site.province.code for site in network}) == 63
    share = Counter(site.tier for site in network)
    assert share[Tier.COMMUNE] > 10 * share[Tier.DISTRICT] > 10 * share[Tier.PROVINCIAL] > 10 * share[Tier.CENTRAL]


@pytest.mark.parametrize("facilities", [6, 50, 1_400, WHOLE_NATION, MOST])
def test_everybody_who_asks_has_a_helper_for_everything_that_is_asked(facilities: int) -> None:
    network = sites(1, facilities)
    assert len(network) == facilities
    asked = {speciality for site in network for speciality in OFFERED[Tier.PROVINCIAL]}
    for site in network:
        if site.tier is not Tier.CENTRAL:
            offered = {one for number in site.helpers for one in OFFERED[network[number].tier]}
            assert offered >= asked


def test_a_network_is_neither_too_small_nor_too_large() -> None:
    for facilities in (5, MOST + 1):
        with pytest.raises(ValueError, match="a nation has 6 to"):
            sites(1, facilities)


def test_nobody_plays_before_the_network_stands() -> None:
    with pytest.raises(TooEarly):
        next(Days(1, 6, load()).steps(date(2025, 12, 31), 1))


def test_the_peak_day_and_its_busiest_hour_are_those_that_were_asked() -> None:
    mondays = [consultations(1, MONDAY + timedelta(weeks=n), WHOLE_NATION) for n in range(52)]
    assert 0.98 * PEAK_DAY < max(mondays) <= PEAK_DAY
    hours = Counter(moment.hour for moment in beginnings(1, MONDAY, PEAK_DAY))
    busiest, number = hours.most_common(1)[0]
    assert busiest == 8
    assert 5_900 < number < 6_100
    assert consultations(1, MONDAY + timedelta(days=6), WHOLE_NATION) < PEAK_DAY / 3, "a Sunday is quiet"


def test_the_rosters_come_as_a_burst_of_five_hundred_a_second() -> None:
    per_second: Counter[datetime] = Counter()
    for step in Days(1, WHOLE_NATION, load()).steps(MONDAY, 1):
        if step.at.time() > ROSTERS_AT.replace(second=20):
            break
        per_second[step.at.replace(microsecond=0)] += 1
    assert max(per_second.values()) >= 500


def test_chance_is_even_and_depends_on_its_names_alone() -> None:
    draws = [Chance("a", n).draw() for n in range(4_000)]
    assert draws == [Chance("a", n).draw() for n in range(4_000)]
    assert 0.48 < sum(draws) / len(draws) < 0.52
    one = Chance("b")
    assert len({one.draw() for _ in range(1_000)}) == 1_000
    assert sorted(Chance("c", n).around(100, 0.9) for n in range(2_001))[1_000] == pytest.approx(100, rel=0.1)


def step_at(second: int) -> Step:
    told = next(days())
    return Step(FAR + timedelta(seconds=second), told.chain, told.id, told.by, told.kind, told.given)


FAR = datetime(2026, 3, 2, tzinfo=UTC)


async def test_the_pace_changes_when_and_never_what() -> None:
    wall = FAR + timedelta(days=100)
    chains = [[step_at(0), step_at(30)], [step_at(10)]]
    at_once = [part async for part in Pace().parts(chains)]
    assert at_once == [chains]
    slow = Pace(times=1e6, now=lambda: wall)
    parts = [part async for part in slow.parts(chains)]
    assert [step.at for part in parts for chain in part for step in chain] == [FAR, *(one[-1].at for one in chains)]


async def test_like_life_means_that_what_is_due_by_now_is_sent_at_once() -> None:
    pace = Pace(times=1, real=True, now=lambda: FAR + timedelta(seconds=20))
    first = await anext(aiter(pace.parts([[step_at(0), step_at(30)], [step_at(10)]])))
    assert [step.at for chain in first for step in chain] == [FAR, FAR + timedelta(seconds=10)]


@pytest.mark.parametrize("speed", ["", "fast", "0", "-1", "nan", "x", "1e9"])
def test_what_is_no_speed_is_said(speed: str) -> None:
    with pytest.raises(NoSuchSpeed):
        Pace.of(speed)
