"""Báo cáo hoạt động: how much was done in a month, by kind, mode, speciality, facility and province.

Rules: a consultation counts once it was opened, an examination once it was started, a referral once it was sent, and
none of them when it was called off; each counts once, in the month in Viet Nam in which it happened, whenever it was
written down. Helping is the centre, the remote or the receiving facility, asking the point of the patient. A referral
that came back and was sent again counts on its first day, as it was sent last. (The view `activity` counts the same.)
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
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
    Words,
    day_of,
    labelled,
    ones,
)

ACTIVITIES = {
    "consultation": Words("Hội chẩn", "Consultations"),
    "examination": Words("Khám từ xa", "Examinations"),
    "referral": Words("Yêu cầu hội chẩn", "Referrals"),
}
MONTH = Parameter("month", "month", Words("Tháng", "Month"))
PROVINCE = Parameter("province", "code", Words("Mã tỉnh của bên hỗ trợ", "Province code of the helping side"), False)


@dataclass(slots=True)
class Act:
    """One consultation, examination or referral; it counts when `day` is known."""

    activity: str
    kind: str
    mode: str | None
    speciality: str
    helping: str
    asking: str | None
    day: str | None = None


class Acts(Network):
    def __init__(self, parameters: Mapping[str, str], reference: Mapping[str, Any]) -> None:
        super().__init__(parameters, reference)
        self.month, self.province = parameters["month"], parameters.get("province")
        self.acts: dict[str, Act] = {}

    def cells(self, act: Act) -> Cells:
        """What it counts for."""
        province = self.province_of.get(act.helping, "")
        if act.day is None or act.day[:7] != self.month or self.province not in (None, province):
            return {}
        keys = [
            ("total", act.activity),
            ("day", act.day, act.activity),
            ("kind", act.kind, act.activity),
            ("speciality", act.speciality, act.activity),
            ("helping_facility", act.helping, act.activity),
            ("helping_province", province, act.activity),
        ]
        if act.mode is not None:
            keys.append(("mode", act.mode, act.activity))
        if act.asking is not None:
            keys.append(("asking_facility", act.asking, act.activity))
            keys.append(("asking_province", self.province_of.get(act.asking, ""), act.activity))
        return ones(*keys)

    def change(self, fact: Fact, **changes: Any) -> None:
        """The act of this fact is another one now."""
        act = self.acts[fact.stream]
        before = self.cells(act)
        for name, value in changes.items():
            setattr(act, name, value)
        self.tally.move(fact, before, self.cells(act))


report = Definition(
    "activity",
    version=1,
    title=Words("Báo cáo hoạt động khám, chữa bệnh từ xa", "Report on telehealth activity"),
    parameters=[MONTH, PROVINCE],
    reference=["specialities"],
    start=Acts,
    withdrawing=["consultation.cancelled", "examination.aborted"],
)


report.takes("facility.registered", version=2)(Acts.facility_registered)
report.older("facility.registered", version=1)(Acts.registered_before_lists)


@report.takes("consultation.planned", version=1)
def planned(state: Acts, fact: Fact) -> None:
    told = fact.fields
    act = Act("consultation", told["kind"], told["mode"], told["speciality"], told["centre_id"], None)
    state.acts[fact.stream] = act


@report.takes("examination.ordered", version=1)
def ordered(state: Acts, fact: Fact) -> None:
    told = fact.fields
    helping, asking = told["remote_facility_id"], told["point_id"]
    state.acts[fact.stream] = Act("examination", told["kind"], None, told["speciality"], helping, asking)


@report.takes("consultation.opened", version=1)
@report.takes("examination.started", version=1)
def took_place(state: Acts, fact: Fact) -> None:
    state.change(fact, day=day_of(fact.happened_us))


@report.takes("consultation.cancelled", version=1)
@report.takes("examination.aborted", version=1)
def called_off(state: Acts, fact: Fact) -> None:
    state.change(fact, day=None)


@report.takes("referral.submitted", version=1)
def sent(state: Acts, fact: Fact) -> None:
    told = fact.fields
    kind, speciality, helping = told["service"], told["speciality"], told["receiving_facility_id"]
    if fact.stream in state.acts:
        state.change(fact, kind=kind, speciality=speciality, helping=helping)
        return
    state.acts[fact.stream] = Act("referral", kind, None, speciality, helping, told["asking_facility_id"])
    state.change(fact, day=day_of(fact.happened_us))


@report.results
def result(state: Acts) -> Result:
    total = Section(
        "total",
        Words("Tổng số", "Totals"),
        notes=[
            Words(
                "Tính theo ngày diễn ra tại Việt Nam, không theo ngày nhập; ca đã hủy không tính.",
                "Counted by the day in Viet Nam on which it took place, not by that of the entry; not if called off.",
            )
        ],
        figures=[
            Figure(name, title, "integer", state.tally.of("total", name), of=("total", name))
            for name, title in ACTIVITIES.items()
        ],
        tables=[_by_day(state)],
    )
    return labelled([total, _by_content(state), _by_place(state)], state.words())


def _by_day(state: Acts) -> Table:
    title = Words("Theo ngày", "By day")
    day = Column("day", "date", Words("Ngày", "Day"))
    return _counts(state, "day", title, day, [Chart("line", title, "day", list(ACTIVITIES))])


def _by_content(state: Acts) -> Section:
    columns = {
        "kind": Words("Loại hoạt động", "Kind of activity"),
        "mode": Words("Hình thức", "Legal mode"),
        "speciality": Words("Chuyên khoa", "Speciality"),
    }
    tables = [
        _counts(state, name, title, Column(name, "code", title, name), [Chart("bar", title, name, list(ACTIVITIES))])
        for name, title in columns.items()
    ]
    return Section("content", Words("Theo nội dung", "By content"), tables=tables)


def _by_place(state: Acts) -> Section:
    columns = {
        "helping_province": Words("Tỉnh của bên hỗ trợ", "Province of the helping side"),
        "asking_province": Words("Tỉnh của bên hỏi", "Province of the asking side"),
        "helping_facility": Words("Cơ sở hỗ trợ", "Helping facility"),
        "asking_facility": Words("Cơ sở hỏi", "Asking facility"),
    }
    tables = [
        _counts(state, name, title, Column(name, "code", title, name.partition("_")[2]))
        for name, title in columns.items()
    ]
    return Section("place", Words("Theo nơi", "By place"), tables=tables)


def _counts(state: Acts, by: str, title: Words, column: Column, charts: list[Chart] | None = None) -> Table:
    """One row for each value that occurs, one column for each activity."""
    rows = [
        Row([value, *(counts.get(name, 0) for name in ACTIVITIES)], of=(by, value))
        for value, counts in state.tally.rows(by).items()
    ]
    columns = [column, *(Column(name, "integer", words) for name, words in ACTIVITIES.items())]
    return Table(f"by_{by}", title, columns, [column.name], rows, charts or ())
