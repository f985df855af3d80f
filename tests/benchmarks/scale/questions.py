"""What people ask all day, asked of a large log: deployment and activity, by the views' own queries.

Rules: each question is asked many times in a row over one connection, with other days and places each time, chosen by
chance that can be repeated; the answer counts when it is in the caller's hands.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping
from datetime import date, timedelta
from typing import Any

from infra.nation.chance import Chance
from infra.nation.geography import identity, sites
from infra.nation.run import FIRST_MONDAY
from infra.postgres import Connection, connect
from projections._page import EVERYTHING
from projections.activity import Dimension, activity
from projections.deployment_progress import deployment_progress
from tests.benchmarks.figure import percentile
from tests.benchmarks.scale.loading import SEED, facilities_for

TIMES, WARMING = 300, 10
LAUNCH = date(2020, 8, 27)
MONTH = (date(2026, 3, 1), date(2026, 3, 31))
YEAR = (date(2026, 1, 1), date(2026, 12, 31))

Ask = Callable[[Connection, Chance], Awaitable[object]]


def asked(facilities: int) -> Mapping[str, Ask]:
    network = sites(identity(SEED, facilities), facilities)
    a, month, speciality = Dimension.ACTIVITY, Dimension.MONTH, Dimension.SPECIALITY
    helping, asking = Dimension.HELPING_PROVINCE, Dimension.ASKING_PROVINCE
    return {
        "deployment of a day": deployment,
        "activity of a year, by month": counted(lambda chance: YEAR, a, month),
        "activity of some days, by speciality": counted(some_days, a, speciality),
        "activity of a month, by helping province": counted(lambda chance: MONTH, a, helping),
        "activity of a month, by asking province": counted(lambda chance: MONTH, a, asking),
        "activity of some days, by asking province": counted(some_days, asking),
        "activity of one facility's year, by month and speciality": lambda db, chance: activity(
            db,
            EVERYTHING,
            *YEAR,
            [month, speciality],
            helping_facility_id=network[chance.below(len(network) // 10)].id,
        ),
        "activity of a province's month, by speciality": lambda db, chance: activity(
            db, EVERYTHING, *MONTH, [speciality], asking_province_code=chance.one_of(network).province.code
        ),
    }


def counted(when: Callable[[Chance], tuple[date, date]], *by: Dimension) -> Ask:
    return lambda db, chance: activity(db, EVERYTHING, *when(chance), by)


def deployment(db: Connection, chance: Chance) -> Awaitable[object]:
    return deployment_progress(db, EVERYTHING, LAUNCH + timedelta(days=chance.below(2_000)))


def some_days(chance: Chance) -> tuple[date, date]:
    first = FIRST_MONDAY + timedelta(days=chance.below(5))
    return first, first + timedelta(days=chance.below(3))


async def answered(events: int, dsn: str) -> dict[str, Any]:
    """In milliseconds."""
    db = await connect(dsn)
    found = {}
    for name, ask in asked(facilities_for(events)).items():
        chance, taken = Chance("questions", name), []
        for n in range(WARMING + TIMES):
            began = time.perf_counter()
            await ask(db, chance)
            if n >= WARMING:
                taken.append(1_000 * (time.perf_counter() - began))
        found[name] = {share: round(percentile(taken, at), 2) for share, at in (("p50", 0.5), ("p99", 0.99))}
    await db.close(timeout=5)
    return {"asked": TIMES, "ms": found}
