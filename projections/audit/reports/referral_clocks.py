"""Thời hạn trả lời yêu cầu hội chẩn: how long referrals waited for a first answer, and whether the loop was closed.

Rules: each submission has a clock of its own, in the month in Viet Nam in which it was sent; the first answer stops
it: accepted, returned, declined or answered. What was dated before the submission waited for no time. A submission is
late when its first answer came after it was due, or when the lapse was recorded and no answer came; whether it was
answered is told by what happened, not by when it was entered. A referral counts once, with its first submission: its
loop is closed by the outcome that the asking side reports, and one that was cancelled has no loop to close.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from projections.audit.reports._kit import (
    URGENCIES,
    Cells,
    Chart,
    Column,
    Definition,
    Fact,
    Figure,
    Key,
    Network,
    Parameter,
    Result,
    Row,
    Section,
    Table,
    Value,
    Words,
    labelled,
    microseconds,
    month_of,
    ones,
    percent,
    quotient,
    ranked,
)

MINUTE = 60_000_000
WAITS = ((15, "15 phút", "15 min"), (60, "1 giờ", "1 h"), (240, "4 giờ", "4 h"), (1440, "1 ngày", "1 d"),
         (4320, "3 ngày", "3 d"))  # fmt: skip
BINS = {
    **{f"{at}": Words(f"đến {vi}", f"up to {en}") for at, (_, vi, en) in enumerate(WAITS)},
    f"{len(WAITS)}": Words("trên 3 ngày", "over 3 d"),
}
GROUPS = {
    "month": Words("Theo tháng gửi", "By month of submission"),
    "urgency": Words("Theo mức độ khẩn", "By urgency"),
    "speciality": Words("Theo chuyên khoa", "By speciality"),
    "province": Words("Theo tỉnh của bên hỏi", "By province of the asking side"),
    "facility": Words("Theo cơ sở nhận", "By receiving facility"),
}
COUNTED = {
    "sent": Words("Lượt gửi", "Submissions"),
    "answered": Words("Đã trả lời", "Answered"),
    "late": Words("Quá hạn", "Late"),
    "waiting": Words("Đang chờ", "Waiting"),
    "returned": Words("Trả lại", "Returned"),
    "other_speciality": Words("Sai chuyên khoa", "Wrong speciality"),
}


@dataclass(slots=True)
class Clock:
    """One submission, and what became of it. Times in microseconds."""

    groups: Mapping[str, str]
    sent: int
    due: int
    answer: int | None = None
    returned: bool = False
    other_speciality: bool = False
    lapse_recorded: bool = False
    withdrawn: bool = False

    @property
    def wait(self) -> int | None:
        return None if self.answer is None else max(0, self.answer - self.sent)

    @property
    def late(self) -> bool:
        return self.answer > self.due if self.answer is not None else self.lapse_recorded


@dataclass(slots=True)
class Referral:
    clocks: list[Clock] = field(default_factory=list)
    answered: bool = False
    closed: bool = False
    cancelled: bool = False


class Clocks(Network):
    def __init__(self, parameters: Mapping[str, str], reference: Mapping[str, Any]) -> None:
        super().__init__(parameters, reference)
        self.since, self.until = parameters["since"], parameters["until"]
        self.province = parameters.get("province")
        self.referrals: dict[str, Referral] = {}

    def counts(self, clock: Clock) -> bool:
        return self.since <= clock.groups["month"] <= self.until and self.province in (None, clock.groups["province"])

    def cells(self, referral: Referral) -> Cells:
        """What it counts for, with all its submissions."""
        found: dict[Key, int] = {}
        for clock in filter(self.counts, referral.clocks):
            for key in self.keys_of(clock):
                found[key] = found.get(key, 0) + 1
        if referral.clocks and self.counts(referral.clocks[0]):
            loop = ("cancelled",) if referral.cancelled else ("opened", *(["closed"] if referral.closed else []))
            found |= ones(*(("loop", one) for one in loop))
        return found

    def keys_of(self, clock: Clock) -> Iterable[Key]:
        counted = ["sent"]
        if clock.answer is not None:
            counted.append("answered")
        elif not clock.withdrawn:
            counted.append("waiting")
        counted += [name for name in ("late", "returned", "other_speciality") if getattr(clock, name)]
        yield from (("total", name) for name in counted)
        if clock.lapse_recorded:
            yield ("total", "lapse_recorded")
        for group, value in clock.groups.items():
            yield from ((group, value, name) for name in counted)
        if clock.wait is not None:
            yield ("wait", bin_of(clock.wait), clock.groups["urgency"])
            yield ("wait", bin_of(clock.wait), "all")

    def change(self, fact: Fact, referral: Referral, before: Cells) -> None:
        """The referral is another one now; what is no sum and made of these submissions has changed with it."""
        after = self.cells(referral)
        self.tally.move(fact, before, after)
        if before != after:
            for clock in filter(self.counts, referral.clocks):
                self.tally.touch(fact, ("total", "wait"))
                for group, value in clock.groups.items():
                    self.tally.touch(fact, (group, value, "on_time_percent"))
                    self.tally.touch(fact, (group, value, "median_minutes"))
                    self.tally.touch(fact, (group, value, "p90_minutes"))
            self.tally.touch(fact, ("loop", "rate"))


def bin_of(wait: int) -> str:
    return str(next((at for at, (minutes, _, _) in enumerate(WAITS) if wait <= minutes * MINUTE), len(WAITS)))


report = Definition(
    "referral_clocks",
    version=1,
    title=Words("Báo cáo thời hạn trả lời yêu cầu hội chẩn", "Report on referral clocks and closed loops"),
    parameters=[
        Parameter("since", "month", Words("Từ tháng", "From month")),
        Parameter("until", "month", Words("Đến tháng", "To month")),
        Parameter("province", "code", Words("Mã tỉnh của bên hỏi", "Province code of the asking side"), False),
    ],
    reference=["specialities"],
    start=Clocks,
    withdrawing=["referral.cancelled"],
)
report.takes("facility.registered", version=2)(Clocks.facility_registered)
report.older("facility.registered", version=1)(Clocks.registered_before_lists)


@report.takes("referral.submitted", version=1)
def submitted(state: Clocks, fact: Fact) -> None:
    told = fact.fields
    referral = state.referrals.setdefault(fact.stream, Referral())
    before = state.cells(referral)
    groups = {
        "month": month_of(fact.happened_us),
        "urgency": told["urgency"],
        "speciality": told["speciality"],
        "province": state.province_of.get(told["asking_facility_id"], ""),
        "facility": told["receiving_facility_id"],
    }
    referral.clocks.append(Clock(groups, fact.happened_us, microseconds(told["answer_due_at"])))
    state.change(fact, referral, before)


def _answered(state: Clocks, fact: Fact) -> None:
    referral = state.referrals[fact.stream]
    before, clock = state.cells(referral), referral.clocks[-1]
    if clock.answer is None:
        clock.answer = fact.happened_us
        clock.returned = fact.name == "referral.returned"
        clock.other_speciality = fact.fields.get("suggested_speciality") is not None
    state.change(fact, referral, before)


for _answer in ("referral.accepted", "referral.returned", "referral.declined", "referral.answered"):
    report.takes(_answer, version=1)(_answered)


@report.takes("referral.answer_overdue", version=1)
def lapsed(state: Clocks, fact: Fact) -> None:
    referral = state.referrals[fact.stream]
    before = state.cells(referral)
    referral.clocks[fact.fields["submission"] - 1].lapse_recorded = True
    state.change(fact, referral, before)


@report.takes("referral.cancelled", version=1)
def cancelled(state: Clocks, fact: Fact) -> None:
    referral = state.referrals.get(fact.stream)
    if referral is None:  # a draft that was never sent
        return
    before = state.cells(referral)
    referral.cancelled = referral.clocks[-1].withdrawn = True
    state.change(fact, referral, before)


@report.takes("referral.outcome_reported", version=1)
def closed(state: Clocks, fact: Fact) -> None:
    referral = state.referrals[fact.stream]
    before = state.cells(referral)
    referral.closed = True
    state.change(fact, referral, before)


@report.results
def result(state: Clocks) -> Result:
    clocks = [one for referral in state.referrals.values() for one in referral.clocks if state.counts(one)]
    sections = [_total(state, clocks), _distribution(state)]
    for group, title in GROUPS.items():
        sections.append(Section(group, title, tables=[_grouped(state, clocks, group, title)]))
    return labelled(sections, {**state.words(), "wait": BINS})


def _total(state: Clocks, clocks: list[Clock]) -> Section:
    tally, waits = state.tally, [one.wait for one in clocks if one.wait is not None]
    answered, late = tally.of("total", "answered"), sum(one.late for one in clocks if one.answer is not None)
    counted = [
        Figure(name, title, "integer", tally.of("total", name), of=("total", name)) for name, title in COUNTED.items()
    ]
    lapses = Figure(
        "lapse_recorded", Words("Cảnh báo quá hạn đã ghi", "Lapses recorded"), "integer",
        tally.of("total", "lapse_recorded"), of=("total", "lapse_recorded"),
    )  # fmt: skip
    on_time = Figure(
        "on_time_percent", Words("Trả lời đúng hạn", "Answered on time"), "decimal",
        percent(answered - late, answered), of=("total", "wait"), unit="%",
    )  # fmt: skip
    rate = Figure(
        "closed_percent", Words("Đã có kết quả cuối", "Loop closed"), "decimal",
        percent(tally.of("loop", "closed"), tally.of("loop", "opened")), of=("loop", "rate"), unit="%",
    )  # fmt: skip
    median = Figure(
        "median_minutes", Words("Trung vị thời gian chờ (phút)", "Median wait (min)"), "decimal",
        _minutes(ranked(waits, 50)), of=("total", "wait"),
    )  # fmt: skip
    notes = [
        Words(
            "Mỗi lần gửi có đồng hồ riêng; câu trả lời đầu tiên (nhận, trả lại, từ chối, trả lời) dừng đồng hồ.",
            "Each submission has its own clock, which the first answer stops: accepted, returned, declined, answered.",
        ),
        Words(
            "Vòng khép kín: số yêu cầu có kết quả do bên hỏi báo lại trên số yêu cầu đã gửi và không hủy.",
            "Loop closed: referrals whose outcome the asking side reported, of those sent and not cancelled.",
        ),
    ]
    return Section("total", Words("Tổng số", "Totals"), notes, [*counted, lapses, on_time, rate, median])


def _distribution(state: Clocks) -> Section:
    counts = state.tally.rows("wait")
    columns = [Column("wait", "code", Words("Thời gian chờ", "Wait"), "wait")]
    columns += [Column(name, "integer", title) for name, title in URGENCIES.items()]
    columns.append(Column("all", "integer", Words("Tất cả", "All")))
    rows = []
    for at in BINS:
        rows.append(Row([at, *(counts.get(at, {}).get(name, 0) for name in (*URGENCIES, "all"))], of=("wait", at)))
    title = Words("Phân bố thời gian chờ câu trả lời đầu tiên", "Distribution of waits for the first answer")
    chart = Chart("histogram", title, "wait", ["all"])
    return Section("waits", title, tables=[Table("waits", title, columns, ["wait"], rows, [chart])])


def _grouped(state: Clocks, clocks: list[Clock], group: str, title: Words) -> Table:
    of_value: dict[str, list[Clock]] = {}
    for clock in clocks:
        of_value.setdefault(clock.groups[group], []).append(clock)
    head = Words(title.vi.removeprefix("Theo ").capitalize(), title.en.removeprefix("By ").capitalize())
    first = Column(group, "month", head) if group == "month" else Column(group, "code", head, group)
    columns = [
        first,
        *(Column(name, "integer", words) for name, words in COUNTED.items()),
        Column("on_time_percent", "decimal", Words("Đúng hạn", "On time"), unit="%"),
        Column("median_minutes", "decimal", Words("Trung vị (phút)", "Median (min)")),
        Column("p90_minutes", "decimal", Words("90 % trong (phút)", "90 % within (min)")),
    ]
    rows = [Row(_cells(state, group, value, found), of=(group, value)) for value, found in of_value.items()]
    form = "line" if group == "month" else "bar"
    return Table(f"by_{group}", title, columns, [group], rows, [Chart(form, title, group, ["sent", "late"])])


def _cells(state: Clocks, group: str, value: str, clocks: list[Clock]) -> list[Value]:
    waits = [one.wait for one in clocks if one.wait is not None]
    late = sum(one.late for one in clocks if one.answer is not None)
    return [
        value,
        *(state.tally.of(group, value, name) for name in COUNTED),
        percent(len(waits) - late, len(waits)),
        _minutes(ranked(waits, 50)),
        _minutes(ranked(waits, 90)),
    ]


def _minutes(us: int | None) -> str | None:
    return None if us is None else quotient(us, MINUTE)
