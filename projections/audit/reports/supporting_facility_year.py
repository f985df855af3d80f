"""Báo cáo năm của cơ sở hỗ trợ: what one supporting facility did for others in a year (Decree 96/2023, Art 88).

Rules: the facility supports as the centre of a consultation, as the remote side of an examination, or as the receiving
side of a referral; each of these counts once, in the year in Viet Nam in which it took place, as in the report on
activity. A referral belongs to whom it was sent last, in the year in which it was sent first. A partner without an
agreement that held on a day of the year is shown as such: a session of two facilities needs one (Art 87(11)).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from projections.audit.reports._kit import (
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
    day_of,
    labelled,
    percent,
)

COUNTED = {
    "consultations": Words("Hội chẩn", "Consultations"),
    "cases": Words("Ca bệnh hội chẩn", "Cases discussed"),
    "examinations": Words("Khám từ xa", "Examinations"),
    "referrals": Words("Yêu cầu nhận", "Referrals received"),
    "answered": Words("Đã trả lời", "Answered"),
    "outcomes": Words("Có kết quả cuối", "Outcomes reported"),
    "received": Words("Chuyển đến", "Patients received"),
    "avoided": Words("Không phải chuyển", "Transfers avoided"),
}
ROW = ("agreed_from", "agreed_until", *COUNTED)
SHOWN = ("consultations", "examinations", "referrals")


@dataclass(slots=True)
class Help:
    """One consultation, examination or referral in which the facility may be the supporting side."""

    activity: str
    kind: str
    mode: str | None
    speciality: str
    supporting: str
    asking: str | None
    day: str | None = None
    joined: set[str] = field(default_factory=set)
    cases: dict[str, int] = field(default_factory=dict)
    reached: set[str] = field(default_factory=set)
    practitioners: set[str] = field(default_factory=set)


class Year(Network):
    def __init__(self, parameters: Mapping[str, str], reference: Mapping[str, Any]) -> None:
        super().__init__(parameters, reference)
        self.facility, self.year = parameters["facility"], parameters["year"]
        self.helps: dict[str, Help] = {}
        self.terms: dict[str, list[tuple[str, str | None]]] = {}
        self.partner_in: dict[str, str] = {}

    def counts(self, one: Help) -> bool:
        return one.supporting == self.facility and one.day is not None and one.day[:4] == self.year

    def cells(self, one: Help) -> Cells:
        """What it counts for."""
        found: dict[Key, int] = {}
        if not self.counts(one):
            return found
        counted = {one.activity: 1, **dict.fromkeys(one.reached, 1)}
        if cases := sum(one.cases.values()):
            counted["cases"] = cases
        groups = {"month": (one.day or "")[:7], "speciality": one.speciality, "kind": one.kind}
        if one.mode is not None:
            groups["mode"] = one.mode
        for name, amount in counted.items():
            found["total", name] = amount
            found |= {(group, value, name): amount for group, value in groups.items()}
        for partner in one.joined:
            found["partner", partner, "consultations"] = 1
            if partner in one.cases:
                found["partner", partner, "cases"] = one.cases[partner]
        if one.asking is not None:
            found |= {("partner", one.asking, name): amount for name, amount in counted.items()}
        return found

    def change(self, fact: Fact, one: Help, before: Cells) -> None:
        after = self.cells(one)
        self.tally.move(fact, before, after)
        if before != after:
            self.tally.touch(fact, ("total", "outcome_rate"))
            self.tally.touch(fact, ("total", "partners"))
        if self.counts(one):
            self.tally.touch(fact, ("total", "practitioners"))


report = Definition(
    "supporting_facility_year",
    version=1,
    title=Words("Báo cáo năm của cơ sở hỗ trợ khám, chữa bệnh từ xa", "Yearly report of a supporting facility"),
    parameters=[
        Parameter("facility", "id", Words("Cơ sở hỗ trợ", "Supporting facility")),
        Parameter("year", "year", Words("Năm", "Year")),
    ],
    reference=["specialities"],
    start=Year,
    withdrawing=["consultation.cancelled", "examination.aborted", "agreement.ended"],
)
report.takes("facility.registered", version=2)(Year.facility_registered)
report.older("facility.registered", version=1)(Year.registered_before_lists)


@report.takes("agreement.signed", version=1)
def agreed(state: Year, fact: Fact) -> None:
    told = fact.fields
    pair = {told["facility_id"], told["partner_id"]}
    if state.facility in pair:
        (partner,) = pair - {state.facility}
        state.terms.setdefault(partner, []).append((told["term"]["first"], told["term"]["last"]))
        state.partner_in[fact.stream] = partner
        state.tally.touch_row(fact, ("partner", partner), ROW)


@report.takes("agreement.ended", version=1)
def ended(state: Year, fact: Fact) -> None:
    partner = state.partner_in.get(fact.stream)
    if partner is None:
        return
    day = fact.fields["last_day"]
    begun = [(first, last) for first, last in state.terms[partner] if first <= day]
    state.terms[partner] = [(first, day if last is None else min(day, last)) for first, last in begun]
    state.tally.touch_row(fact, ("partner", partner), ROW)


@report.takes("consultation.planned", version=1)
def planned(state: Year, fact: Fact) -> None:
    told = fact.fields
    state.helps[fact.stream] = Help(
        "consultations", told["kind"], told["mode"], told["speciality"], told["centre_id"], None
    )


@report.takes("examination.ordered", version=1)
def ordered(state: Year, fact: Fact) -> None:
    told = fact.fields
    state.helps[fact.stream] = Help(
        "examinations", told["kind"], None, told["speciality"], told["remote_facility_id"], told["point_id"]
    )


@report.takes("referral.submitted", version=1)
def sent(state: Year, fact: Fact) -> None:
    told = fact.fields
    one = state.helps.get(fact.stream)
    if one is None:
        one = Help("referrals", told["service"], None, told["speciality"], "", told["asking_facility_id"])
        state.helps[fact.stream] = one
    before = state.cells(one)
    one.kind, one.speciality, one.supporting = told["service"], told["speciality"], told["receiving_facility_id"]
    one.day = one.day or day_of(fact.happened_us)
    state.change(fact, one, before)


@report.takes("consultation.opened", version=1)
@report.takes("examination.started", version=1)
@report.takes("consultation.cancelled", version=1)
@report.takes("examination.aborted", version=1)
def took_place(state: Year, fact: Fact) -> None:
    one = state.helps[fact.stream]
    before = state.cells(one)
    took = fact.name in ("consultation.opened", "examination.started")
    one.day = day_of(fact.happened_us) if took else None
    state.change(fact, one, before)


@report.takes("consultation.point_joined", version=1)
@report.takes("consultation.case_presented", version=1)
def took_part(state: Year, fact: Fact) -> None:
    one, facility = state.helps[fact.stream], fact.fields["facility_id"]
    before = state.cells(one)
    if facility != one.supporting:
        one.joined.add(facility)
    if fact.name == "consultation.case_presented":
        one.cases[facility] = one.cases.get(facility, 0) + 1
    state.change(fact, one, before)


REACHED = {
    "referral.answered": "answered",
    "referral.outcome_reported": "outcomes",
    "referral.patient_received": "received",
    "referral.transfer_avoided": "avoided",
}


def _reached(state: Year, fact: Fact) -> None:
    one = state.helps[fact.stream]
    before = state.cells(one)
    one.reached.add(REACHED[fact.name])
    state.change(fact, one, before)


for _name in REACHED:
    report.takes(_name, version=1)(_reached)


@report.takes("consultation.opinion_given", version=1)
@report.takes("examination.assessment_recorded", version=1)
def advised(state: Year, fact: Fact) -> None:
    one = state.helps[fact.stream]
    if fact.fields.get("facility_id", one.supporting) == one.supporting:
        one.practitioners.add(fact.fields["practitioner_id"])
        state.change(fact, one, state.cells(one))


@report.results
def result(state: Year) -> Result:
    sections = [_total(state), _partners(state)]
    titles = {
        "month": Words("Theo tháng", "By month"),
        "kind": Words("Theo loại hoạt động", "By kind of activity"),
        "mode": Words("Theo hình thức", "By legal mode"),
        "speciality": Words("Theo chuyên khoa", "By speciality"),
    }
    sections += [Section(group, title, tables=[_grouped(state, group, title)]) for group, title in titles.items()]
    return labelled(sections, state.words())


def _total(state: Year) -> Section:
    tally = state.tally
    counted = [one for one in state.helps.values() if state.counts(one)]
    practitioners = {person for one in counted for person in one.practitioners}
    name = Words("Cơ sở hỗ trợ", "Supporting facility")
    figures = [Figure("facility", name, "code", state.facility, codes="facility")]
    figures += [
        Figure(name, title, "integer", tally.of("total", name), of=("total", name)) for name, title in COUNTED.items()
    ]
    figures += [
        Figure(
            "outcome_percent", Words("Tỷ lệ có kết quả cuối", "Share with an outcome"), "decimal",
            percent(tally.of("total", "outcomes"), tally.of("total", "referrals")), of=("total", "outcome_rate"),
            unit="%",
        ),
        Figure(
            "partners", Words("Cơ sở được hỗ trợ", "Facilities supported"), "integer", len(tally.rows("partner")),
            of=("total", "partners"),
        ),
        Figure(
            "practitioners", Words("Bác sĩ tham gia hỗ trợ", "Practitioners who advised"), "integer",
            len(practitioners), of=("total", "practitioners"),
        ),
    ]  # fmt: skip
    return Section("total", Words("Tổng số", "Totals"), figures=figures)


def _partners(state: Year) -> Section:
    columns = [
        Column("partner", "code", Words("Cơ sở được hỗ trợ", "Facility supported"), "facility"),
        Column("agreed_from", "date", Words("Hợp đồng từ", "Agreement from")),
        Column("agreed_until", "date", Words("Hợp đồng đến", "Agreement until")),
        *(Column(name, "integer", title) for name, title in COUNTED.items()),
    ]
    found = state.tally.rows("partner")
    rows = []
    for partner in found.keys() | state.terms.keys():
        held = [
            (first, last)
            for first, last in state.terms.get(partner, [])
            if first[:4] <= state.year <= (last or "9999")[:4]
        ]
        first, last = held[-1] if held else (None, None)
        counts: list[Value] = [found.get(partner, {}).get(name, 0) for name in COUNTED]
        if held or partner in found:
            rows.append(Row([partner, first, last, *counts], of=("partner", partner)))
    title = Words("Các cơ sở được hỗ trợ", "Facilities supported")
    note = Words(
        "Dòng không có ngày hợp đồng: không có hợp đồng nào có hiệu lực trong năm.",
        "A line without dates of an agreement: none was in force in this year.",
    )
    chart = Chart("bar", title, "partner", list(SHOWN))
    return Section("partners", title, [note], tables=[Table("partners", title, columns, ["partner"], rows, [chart])])


def _grouped(state: Year, group: str, title: Words) -> Table:
    head = Words(title.vi.removeprefix("Theo ").capitalize(), title.en.removeprefix("By ").capitalize())
    first = Column(group, "month", head) if group == "month" else Column(group, "code", head, group)
    names = SHOWN[:1] if group == "mode" else SHOWN
    columns = [first, *(Column(name, "integer", COUNTED[name]) for name in names)]
    rows = [
        Row([value, *(found.get(name, 0) for name in names)], of=(group, value))
        for value, found in state.tally.rows(group).items()
    ]
    form = "line" if group == "month" else "bar"
    return Table(f"by_{group}", title, columns, [group], rows, [Chart(form, title, group, list(names))])
