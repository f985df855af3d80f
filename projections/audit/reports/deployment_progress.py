"""Tiến độ triển khai điểm cầu: the points connected at the end of a day, against the targets, and how long it took.

Rules: each connection, suspension and restoration is a step of plus or minus one on the day in Viet Nam on which it
happened, so that a late entry counts on its own day. The lead time of a point runs from its entry in the register to
its first connection, in whole days begun or not. The targets are those of the national programme: the first stage,
the thousandth point, and every facility down to the communes. (The view `deployment_progress` counts the same.)
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from projections.audit.reports._kit import (
    Cells,
    Chart,
    Column,
    Definition,
    Fact,
    Figure,
    Network,
    Parameter,
    Result,
    Row,
    Section,
    Table,
    Value,
    Words,
    day_of,
    labelled,
    percent,
    ranked,
)

TARGETS = (600, 1_000, 14_000)
GROUPS = {
    "province": Words("Theo tỉnh, thành phố", "By province"),
    "tier": Words("Theo tuyến", "By tier"),
}
COUNTED = {
    "registered": Words("Cơ sở đã đăng ký", "Facilities registered"),
    "connected": Words("Điểm cầu đang hoạt động", "Points in use"),
    "suspended": Words("Điểm cầu tạm ngừng", "Points suspended"),
}


@dataclass(slots=True)
class Point:
    """A facility, since when it is known, and the days of its steps until the asked day."""

    province: str
    tier: str
    registered: str
    first_connected: str | None = None
    in_use: int = 0
    suspended: int = 0

    @property
    def lead_days(self) -> int | None:
        if self.first_connected is None:
            return None
        return max(0, (date.fromisoformat(self.first_connected) - date.fromisoformat(self.registered)).days)


class Points(Network):
    def __init__(self, parameters: Mapping[str, str], reference: Mapping[str, Any]) -> None:
        super().__init__(parameters, reference)
        self.day = parameters["day"]
        self.points: dict[str, Point] = {}

    def cells(self, point: Point) -> Cells:
        """What it counts for. One that was entered later and connected earlier counts as connected."""
        amounts = (int(point.registered <= self.day), point.in_use, point.suspended)
        found: dict[tuple[str, ...], int] = {}
        for name, amount in zip(COUNTED, amounts, strict=True):
            if amount:
                found["total", name] = found["province", point.province, name] = amount
                found["tier", point.tier, name] = amount
        if point.first_connected is not None:
            found["month", point.first_connected[:7], "connected_first"] = 1
        return found

    def change(self, fact: Fact, point: Point, before: Cells) -> None:
        after = self.cells(point)
        self.tally.move(fact, before, after)
        if before != after:
            for of in (("total",), ("province", point.province), ("tier", point.tier)):
                for name in ("connected_percent", "median_days", "p90_days"):
                    self.tally.touch(fact, (*of, name))
            for target in TARGETS:
                self.tally.touch(fact, ("target", str(target)))
            if self.tally.moves is not None:
                since = (point.first_connected or "")[:7]
                for month in self.tally.rows("month"):
                    if month >= since:
                        self.tally.touch(fact, ("month", month, "connected_until_then"))


report = Definition(
    "deployment_progress",
    version=1,
    title=Words("Báo cáo tiến độ triển khai điểm cầu", "Report on the deployment of points"),
    parameters=[Parameter("day", "date", Words("Đến hết ngày", "At the end of the day"))],
    reference=["specialities"],
    start=Points,
    withdrawing=["facility.point_suspended"],
)


report.older("facility.registered", version=1)(Points.registered_before_lists)


@report.takes("facility.registered", version=2)
def registered(state: Points, fact: Fact) -> None:
    state.facility_registered(fact)
    point = Point(fact.fields["province_code"], fact.fields["tier"], day_of(fact.happened_us))
    state.points[fact.stream] = point
    state.change(fact, point, {})


@report.takes("facility.point_connected", version=1)
@report.takes("facility.point_restored", version=1)
@report.takes("facility.point_suspended", version=1)
def stepped(state: Points, fact: Fact) -> None:
    day = day_of(fact.happened_us)
    if day > state.day:
        return
    point = state.points[fact.stream]
    before = state.cells(point)
    if fact.name == "facility.point_suspended":
        point.in_use, point.suspended = point.in_use - 1, point.suspended + 1
    else:
        point.in_use += 1
        point.suspended -= fact.name == "facility.point_restored"
        point.first_connected = point.first_connected or day
    state.change(fact, point, before)


@report.results
def result(state: Points) -> Result:
    sections = [_total(state), _targets(state), _months(state)]
    sections += [Section(group, title, tables=[_grouped(state, group, title)]) for group, title in GROUPS.items()]
    return labelled(sections, state.words())


def _total(state: Points) -> Section:
    tally, leads = state.tally, list(_leads(state.points.values()))
    figures = [
        Figure(name, title, "integer", tally.of("total", name), of=("total", name)) for name, title in COUNTED.items()
    ]
    provinces = sum(found.get("connected", 0) > 0 for found in tally.rows("province").values())
    figures += [
        Figure(
            "provinces_connected", Words("Tỉnh, thành phố có điểm cầu", "Provinces with a point"), "integer",
            provinces, of=("total", "connected"),
        ),
        Figure(
            "median_days", Words("Trung vị ngày từ đăng ký đến kết nối", "Median days from register to connection"),
            "integer", ranked(leads, 50), of=("total", "median_days"),
        ),
        Figure(
            "p90_days", Words("90 % kết nối trong số ngày", "90 % connected within days"), "integer",
            ranked(leads, 90), of=("total", "p90_days"),
        ),
    ]  # fmt: skip
    return Section("total", Words("Tổng số", "Totals"), figures=figures)


def _targets(state: Points) -> Section:
    connected = state.tally.of("total", "connected")
    columns = [
        Column("target", "integer", Words("Mục tiêu", "Target")),
        Column("connected", "integer", COUNTED["connected"]),
        Column("percent", "decimal", Words("Đạt", "Reached"), unit="%"),
        Column("missing", "integer", Words("Còn thiếu", "Missing")),
    ]
    rows = [
        Row([target, connected, percent(connected, target), max(0, target - connected)], of=("target", str(target)))
        for target in TARGETS
    ]
    title = Words("So với mục tiêu", "Against the targets")
    return Section("targets", title, tables=[Table("targets", title, columns, ["target"], rows)])


def _months(state: Points) -> Section:
    columns = [
        Column("month", "month", Words("Tháng", "Month")),
        Column("connected_first", "integer", Words("Kết nối lần đầu", "First connected")),
        Column("connected_until_then", "integer", Words("Lũy kế", "Until then")),
    ]
    rows, until_then = [], 0
    for month, found in sorted(state.tally.rows("month").items()):
        until_then += found["connected_first"]
        rows.append(Row([month, found["connected_first"], until_then], of=("month", month)))
    title = Words("Điểm cầu kết nối lần đầu theo tháng", "Points first connected, by month")
    chart = Chart("line", title, "month", ["connected_until_then"])
    return Section("months", title, tables=[Table("by_month", title, columns, ["month"], rows, [chart])])


def _grouped(state: Points, group: str, title: Words) -> Table:
    members: dict[str, list[Point]] = {}
    for point in state.points.values():
        members.setdefault(getattr(point, group), []).append(point)
    head = Words(title.vi.removeprefix("Theo ").capitalize(), title.en.removeprefix("By ").capitalize())
    columns = [
        Column(group, "code", head, group),
        *(Column(name, "integer", words) for name, words in COUNTED.items()),
        Column("connected_percent", "decimal", Words("Tỷ lệ kết nối", "Share connected"), unit="%"),
        Column("median_days", "integer", Words("Trung vị ngày", "Median days")),
        Column("p90_days", "integer", Words("90 % trong ngày", "90 % within days")),
    ]
    rows = [Row(_cells(state, group, value, points), of=(group, value)) for value, points in members.items()]
    return Table(f"by_{group}", title, columns, [group], rows, [Chart("bar", title, group, ["connected"])])


def _cells(state: Points, group: str, value: str, points: list[Point]) -> list[Value]:
    counts = [state.tally.of(group, value, name) for name in COUNTED]
    leads = list(_leads(points))
    return [value, *counts, percent(counts[1], counts[0]), ranked(leads, 50), ranked(leads, 90)]


def _leads(points: Iterable[Point]) -> Iterable[int]:
    return (point.lead_days for point in points if point.lead_days is not None)
