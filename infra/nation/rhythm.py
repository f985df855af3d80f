"""When people come: a nation's week and day.

Rules: the busiest day is a Monday with 62,000 consultations at 14,000 facilities, its busiest hour has 6,000; a
consultation here is one patient for whom one facility asks another, alone or within a session of many points.
Published figures of the largest system of this kind, by the number of its points, lead to this height.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from itertools import accumulate

from domain._values import VIETNAM_TIME
from infra.nation.chance import Chance
from infra.nation.geography import WHOLE_NATION

PEAK_DAY = 62_000
WEEK = (1.0, 0.93, 0.88, 0.86, 0.83, 0.45, 0.28)

# Of a hundred consultations of a day, how many begin in which hour of Viet Nam.
HOURS = (
    *(0.3, 0.3, 0.2, 0.2, 0.3, 0.7, 1.6, 5.6),
    *(9.68, 9.6, 8.9, 5.6, 3.6, 6.6, 8.7, 8.3),
    *(7.3, 4.8, 4.3, 4.9, 4.2, 2.5, 1.2, 0.62),
)
REACHED = tuple(accumulate(HOURS))

# The doctors of a day are on duty from then on, so that nobody examines before.
ROSTERS_AT, DUTY_FROM, DUTY_UNTIL = time(6, 30), time(6, 45), time(21, 45)
ROSTERS_PER_SECOND = 500


def midnight(day: date) -> datetime:
    return datetime.combine(day, time(), VIETNAM_TIME)


def at(day: date, when: time) -> datetime:
    return datetime.combine(day, when, VIETNAM_TIME)


def consultations(seed: int, day: date, facilities: int) -> int:
    """How many of a day; no two Mondays are alike, and none is above the peak."""
    height = WEEK[day.weekday()] * (1 - 0.06 * Chance(seed, "day", day).draw())
    return max(1, round(PEAK_DAY * facilities / WHOLE_NATION * height))


def beginnings(seed: int, day: date, number: int) -> Iterator[datetime]:
    """When each of so many consultations begins, in order: spread by the hours of the day."""
    chance, start = Chance(seed, "beginnings", day), midnight(day)
    for n in range(number):
        reached = (n + chance.draw()) / number * REACHED[-1]
        hour = min(bisect_right(REACHED, reached), len(HOURS) - 1)
        into = (reached - (REACHED[hour] - HOURS[hour])) / HOURS[hour]
        yield start + timedelta(seconds=int(3600 * (hour + min(max(into, 0.0), 0.999))))


def within_duty(moment: datetime) -> datetime:
    """This moment, or the next at which somebody is on duty: a little after the shift has begun."""
    local = moment.astimezone(VIETNAM_TIME)
    if local.time() < DUTY_FROM:
        return at(local.date(), DUTY_FROM) + timedelta(minutes=1 + local.minute / 4)
    # An examination takes up to an hour and a half.
    if local.time() > time(20, 0):
        return at(local.date() + timedelta(days=1), DUTY_FROM) + timedelta(minutes=1 + local.minute / 2)
    return local
