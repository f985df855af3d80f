"""The days of a nation, in the order of time: rosters in the morning, then whatever people come with.

Rules: a day's consultations are numbered, and each follows from its number alone; what has begun goes on over the
following days, and what is not over when the run ends is done by a run of more days. A fifth of the consultations are
presented in live sessions, the others are cases by themselves.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from heapq import heappop, heappush, heapreplace
from itertools import count
from typing import Any
from uuid import uuid5

from commands.practitioner import AssignPractitioner
from domain._reference import ReferenceData
from domain._values import Period, Tier
from infra.nation.case import Script
from infra.nation.founding import FOUNDED
from infra.nation.geography import Site, identity, namespace, sites
from infra.nation.people import coordinator, doctors
from infra.nation.rhythm import (
    DUTY_FROM,
    DUTY_UNTIL,
    ROSTERS_AT,
    ROSTERS_PER_SECOND,
    at,
    beginnings,
    consultations,
    midnight,
)
from infra.nation.sessions import FEWEST, MOST, session
from infra.nation.singles import single
from infra.nation.step import Step

IN_SESSIONS = 0.2
"""Of the consultations of a day, by the number of points that the average session has."""


class TooEarly(ValueError):
    """Days are played from 2026 on, when everybody is in the network."""


@dataclass
class Days:
    """`reference` holds the clocks of the urgencies."""

    seed: int
    facilities: int
    reference: ReferenceData
    _network: Sequence[Site] = field(init=False)

    def __post_init__(self) -> None:
        self.seed = identity(self.seed, self.facilities)
        self._network = sites(self.seed, self.facilities)
        self._by_tier: dict[Tier, Sequence[Site]] = {
            tier: [site for site in self._network if site.tier is tier] for tier in Tier
        }
        asked_by: dict[int, list[Site]] = {}
        for site in self._network:
            for number in dict.fromkeys(site.helpers):
                asked_by.setdefault(number, []).append(site)
        self._asked_by: dict[int, Sequence[Site]] = {
            number: ones for number, ones in asked_by.items() if len(ones) >= FEWEST
        }
        self._centres = [self._network[number] for number in sorted(self._asked_by)]

    def steps(self, first: date, days: int) -> Iterator[Step]:
        """All that happens from the first day until the end of the last, in order of time."""
        if first < FOUNDED:
            raise TooEarly(f"a nation is played from {FOUNDED} on, not from {first}")
        end = midnight(first + timedelta(days=days))
        open_: list[tuple[datetime, int, Step, Iterator[Step]]] = []
        serial = count()
        for n in range(days):
            day = first + timedelta(days=n)
            for begins, script in self._begun_on(day):
                yield from _until(open_, begins)
                opening = next(script, None)
                if opening is not None:
                    heappush(open_, (opening.at, next(serial), opening, script))
            yield from _until(open_, midnight(day + timedelta(days=1)))
        yield from _until(open_, end)

    def _begun_on(self, day: date) -> Iterator[tuple[datetime, Iterator[Step]]]:
        """Each with the moment from which on it may be asked for its steps, in order."""
        number = consultations(self.seed, day, self.facilities)
        average = (FEWEST + MOST) / 2
        meetings = round(number * IN_SESSIONS / average) if self._centres else 0
        alone = number - round(meetings * average)
        plans: list[tuple[datetime, Any]] = [(at(day, ROSTERS_AT), self._rosters(day))]
        for n in range(meetings):
            script = Script(self.seed, f"{day} session {n}")
            plans.append((at(day, time(6, 50)), session(script, day, self._centres, self._asked_by)))
        singles = iter(enumerate(beginnings(self.seed, day, alone)))
        waiting = next(singles, None)
        for begins, steps in plans:
            while waiting is not None and waiting[1] < begins:
                yield waiting[1], self._single(day, *waiting)
                waiting = next(singles, None)
            yield begins, steps
        while waiting is not None:
            yield waiting[1], self._single(day, *waiting)
            waiting = next(singles, None)

    def _single(self, day: date, n: int, begins: datetime) -> Iterator[Step]:
        return single(self.seed, self._network, self._by_tier, f"{day} {n}", begins, self.reference)

    def _rosters(self, day: date) -> Iterator[Step]:
        """The hospitals put their doctors on duty, all at half past six: the steepest rise of the day."""
        hours = Period(start=at(day, DUTY_FROM), end=at(day, DUTY_UNTIL))
        helping = [site for site in self._network if site.tier is not Tier.COMMUNE]
        n = 0
        for site in helping:
            who = coordinator(self.seed, site)
            for doctor in doctors(self.seed, site):
                id_ = uuid5(namespace(self.seed), f"duty {day} {doctor.id}")
                given = {
                    "practitioner_id": doctor.id,
                    "assignment_id": id_,
                    "facility_id": site.id,
                    "hours": hours,
                }
                moment = at(day, ROSTERS_AT) + timedelta(microseconds=1_000_000 // ROSTERS_PER_SECOND * n)
                yield Step(moment, doctor.id, id_, who, AssignPractitioner, given)
                n += 1


def _until(open_: list[tuple[datetime, int, Step, Iterator[Step]]], end: datetime) -> Iterator[Step]:
    """The steps of the open scripts before this moment, always the earliest next."""
    while open_ and open_[0][0] < end:
        _, serial, step, script = open_[0]
        yield step
        following = next(script, None)
        if following is None:
            heappop(open_)
        else:
            heapreplace(open_, (following.at, serial, following, script))
