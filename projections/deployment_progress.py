"""How far has the network come: how many points were connected on a day, where, and against which targets?

Each connection, suspension and restoration is a step of plus or minus one on its day, so that any day can be asked
about, late entries count on the day on which they happened, and steps of different points add up in any order.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Annotated
from uuid import UUID

from domain._kernel import Recorded
from domain._leaving import Leaves
from domain._values import Count, local_day
from domain.facility import PointConnected, PointRestored, PointSuspended
from projections._page import Condition
from projections._provinces import provinces_on
from projections._table import Row
from projections._view import Connection, Content, View


@dataclass(slots=True, kw_only=True)
class ConnectionStep(Row):
    """A point came into use or went out of it."""

    facility_id: UUID
    version: Count
    day: Annotated[date, Leaves.AS_IT_IS]
    step: Count


@dataclass(frozen=True)
class ProvinceProgress:
    """The facilities of a province, and how many of them were connected.

    Those whose province in the list of the day cannot be told are counted together, without a province.
    """

    province_code: str | None
    province: str | None
    registered: int
    connected: int


@dataclass(frozen=True)
class DeploymentTarget:
    """A number of points to reach, and how many of a hundred percent are there."""

    points: int
    percent: float
    reached: bool


@dataclass(frozen=True)
class DeploymentProgress:
    """The network at the end of a day in Viet Nam."""

    day: date
    connected: int
    provinces_connected: int
    by_province: list[ProvinceProgress]
    targets: list[DeploymentTarget]


TARGETS = (600, 1_000, 14_000)

view = View("deployment_progress", version=1, content=Content.NETWORK)
steps = view.table(ConnectionStep, ("facility_id", "version"), indexes=["day"])


@steps.inserts(PointConnected)
def connected(event: PointConnected, at: Recorded) -> ConnectionStep:
    return _step(at, 1)


@steps.inserts(PointRestored)
def restored(event: PointRestored, at: Recorded) -> ConnectionStep:
    return _step(at, 1)


@steps.inserts(PointSuspended)
def suspended(event: PointSuspended, at: Recorded) -> ConnectionStep:
    return _step(at, -1)


def _step(at: Recorded, step: int) -> ConnectionStep:
    return ConnectionStep(facility_id=at.stream_id, version=at.version, day=local_day(at.happened_at), step=step)


BY_PROVINCE = """
    select province_code, min(province) as province, count(*) as registered, coalesce(sum(in_use), 0) as connected
      from {provinces} as lies
      left join (select facility_id, sum(step) as in_use from deployment_progress
                  where day <= $1 group by facility_id) as connection using (facility_id)
     group by province_code
     order by connected desc, province_code
"""


@view.query
async def deployment_progress(
    db: Connection, visible: Condition, day: date, provinces_of: date | None = None
) -> DeploymentProgress:
    """The points connected at the end of this day by province, and in all against 600, 1,000 and 14,000 points.

    Provinces are those of the list of that day, or of the day `provincesOf`. The targets are those of the national
    programme for remote examination and treatment: the first stage, the thousandth point, and every facility down to
    the communes.
    """
    rows = await db.fetch(BY_PROVINCE.format(provinces=provinces_on(provinces_of or day)), day)
    provinces = [
        ProvinceProgress(row["province_code"], row["province"], row["registered"], int(row["connected"]))
        for row in rows
    ]
    connected = sum(one.connected for one in provinces)
    return DeploymentProgress(
        day=day,
        connected=connected,
        provinces_connected=sum(one.connected > 0 for one in provinces if one.province_code is not None),
        by_province=provinces,
        targets=[
            DeploymentTarget(target, round(100 * connected / target, 1), connected >= target) for target in TARGETS
        ],
    )
