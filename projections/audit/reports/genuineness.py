"""Tính xác thực của các buổi hội chẩn: which consultations somebody attended, by the evidence, and which nobody did.

Rules: only what is in the log is evidence: who was on the line and when, what each side wrote and when it was stored,
what it sent into the live room, what devices and images showed in examinations of the consultation, and who signed. A
consultation is judged once it is closed, in the month in Viet Nam in which it was opened; a cancelled one is not. A
flag is a reason to ask, never a verdict on a person, and the thresholds below belong to this version of the definition,
so that any past month can be judged by the same measure. Typing counts by its author; the words are not read.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
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
    labelled,
    month_of,
    ones,
    percent,
    quotient,
)

FLAGGED = ("centre", "together_minutes", "authors", "evidence")
MINUTE = 60_000_000
SHORTEST = 5 * MINUTE  # no case was ever presented, discussed and concluded in less
AT_ONCE = MINUTE  # the whole content stored within a minute was not written while people talked
FEW = 3
LATE = 24 * 60 * MINUTE
FLAGS = {
    "no_point": Words("Không điểm cầu nào vào phiên", "No point was ever on the line"),
    "no_overlap": Words("Hai bên không có mặt cùng lúc", "Both sides were never on the line together"),
    "short": Words("Có mặt cùng lúc dưới 5 phút", "Together on the line for less than 5 minutes"),
    "nothing_presented": Words("Không trình bày ca bệnh nào", "No case was presented"),
    "silent_side": Words("Một bên không ghi gì", "One of the sides wrote nothing"),
    "one_author": Words("Toàn bộ nội dung do một người ghi", "One person wrote all of it"),
    "written_at_once": Words("Nội dung được ghi trong vòng một phút", "All of it was stored within a minute"),
    "entered_late": Words("Nội dung ghi muộn hơn 24 giờ", "It was stored more than 24 hours late"),
    "one_signer": Words("Một người ký cho hai bên", "One person signed for two sides"),
}
UNATTENDED = ("no_point", "no_overlap")
EVIDENCE = {
    "joined": Words("Hai bên đều vào phiên", "Both sides joined"),
    "together": Words("Có mặt cùng lúc từ 5 phút", "Together for 5 minutes or more"),
    "both_wrote": Words("Hai bên đều ghi nội dung", "Both sides wrote"),
    "concluded": Words("Có kết luận", "There is a conclusion"),
    "seen_and_heard": Words("Hai bên đều truyền hình hoặc tiếng", "Both sides sent pictures or sound"),
    "measured": Words("Có thiết bị, chỉ số hoặc ảnh", "There are devices, observations or images"),
    "signed": Words("Hai bên đã ký, khác người", "Both sides signed, by different people"),
}
OVERLAPS = ((0, "không", "none"), (5, "đến 5 phút", "up to 5 min"), (15, "đến 15 phút", "up to 15 min"),
            (30, "đến 30 phút", "up to 30 min"), (60, "đến 60 phút", "up to 60 min"))  # fmt: skip
BINS = {str(at): Words(vi, en) for at, (_, vi, en) in enumerate(OVERLAPS)}
BINS[str(len(OVERLAPS))] = Words("trên 60 phút", "over 60 min")
STATUSES = {
    "judged": Words("Đã kết thúc, được xét", "Closed, and judged"),
    "open": Words("Chưa kết thúc, chưa xét", "Not closed, not judged"),
    "flagged": Words("Cần xem lại", "Flagged"),
    "unattended": Words("Không có người tham dự", "Attended by nobody"),
}


@dataclass(slots=True)
class Session:
    """One consultation, as far as the log holds evidence of it. Times in microseconds."""

    centre: str
    kind: str
    teaching: bool
    opened: int | None = None
    closed: int | None = None
    cancelled: bool = False
    steps: dict[str, list[tuple[int, int, int]]] = field(default_factory=dict)
    observers: set[str] = field(default_factory=set)
    wrote: list[tuple[str, str, int, int]] = field(default_factory=list)  # side, author, happened, recorded
    cases: int = 0
    conclusions: int = 0
    measured: int = 0
    sent: set[str] = field(default_factory=set)
    signers: dict[str, str] = field(default_factory=dict)

    @property
    def points(self) -> list[str]:
        return [one for one in self.steps if one != self.centre and one not in self.observers]

    def on_line(self, facilities: Iterable[str]) -> list[tuple[int, int]]:
        """The spans in which at least one of them was on the line, in their order and apart from each other."""
        spans: list[tuple[int, int]] = []
        for facility in facilities:
            since: int | None = None
            for at, _, joined in sorted(self.steps.get(facility, ())):
                if joined and since is None:
                    since = at
                elif not joined and since is not None:
                    spans.append((since, at))
                    since = None
            if since is not None and self.closed is not None:
                spans.append((since, max(since, self.closed)))
        merged: list[tuple[int, int]] = []
        for since_, until in sorted(spans):
            if merged and since_ <= merged[-1][1]:
                merged[-1] = (merged[-1][0], max(merged[-1][1], until))
            else:
                merged.append((since_, until))
        return merged

    def together(self) -> int:
        """How long the centre and at least one point were on the line at the same time."""
        points = self.on_line(self.points)
        return sum(
            max(0, min(until, other_until) - max(since, other_since))
            for since, until in self.on_line([self.centre])
            for other_since, other_until in points
        )

    def flags(self) -> list[str]:
        stored = [recorded for _, _, _, recorded in self.wrote]
        held = {
            "no_point": not self.points,
            "no_overlap": bool(self.points) and self.together() == 0,
            "short": 0 < self.together() < SHORTEST,
            "nothing_presented": not self.cases and not self.teaching and self.kind != "training",
            "silent_side": bool(self.wrote) and not self.both_wrote,
            "one_author": len(self.wrote) >= FEW and len({author for _, author, _, _ in self.wrote}) == 1,
            "written_at_once": len(self.wrote) >= FEW and max(stored) - min(stored) < AT_ONCE,
            "entered_late": any(recorded - happened > LATE for _, _, happened, recorded in self.wrote),
            "one_signer": len(set(self.signers.values())) < len(self.signers),
        }
        return [flag for flag in FLAGS if held[flag]]

    @property
    def both_wrote(self) -> bool:
        sides = {side for side, _, _, _ in self.wrote}
        return self.centre in sides and len(sides) > 1

    def evidence(self) -> list[str]:
        signed = len(self.signers) > 1 and len(set(self.signers.values())) == len(self.signers)
        held = {
            "joined": bool(self.points) and self.centre in self.steps,
            "together": self.together() >= SHORTEST,
            "both_wrote": self.both_wrote,
            "concluded": self.conclusions > 0,
            "seen_and_heard": self.centre in self.sent and len(self.sent) > 1,
            "measured": self.measured > 0,
            "signed": signed and self.centre in self.signers,
        }
        return [one for one in EVIDENCE if held[one]]


class Sessions(Network):
    def __init__(self, parameters: Mapping[str, str], reference: Mapping[str, Any]) -> None:
        super().__init__(parameters, reference)
        self.month, self.province = parameters["month"], parameters.get("province")
        self.sessions: dict[str, Session] = {}
        self.examined_in: dict[str, str] = {}
        self.room_of: dict[str, str] = {}
        self.facility_of: dict[tuple[str, str], str] = {}

    def counts(self, one: Session) -> bool:
        where = self.province_of.get(one.centre, "")
        held = one.opened is not None and not one.cancelled
        return held and month_of(one.opened or 0) == self.month and self.province in (None, where)

    def cells(self, one: Session) -> Cells:
        """What it counts for."""
        if not self.counts(one):
            return {}
        if one.closed is None:
            return ones(("total", "held"), ("total", "open"))
        flags, counted = one.flags(), ["held", "judged"]
        counted += ["flagged"] if flags else []
        counted += ["unattended"] if any(flag in UNATTENDED for flag in flags) else []
        return ones(
            *(("total", name) for name in counted),
            *(("centre", one.centre, name) for name in counted),
            *(("flag", flag, "consultations") for flag in flags),
            *(("evidence", held, "consultations") for held in one.evidence()),
            ("overlap", bin_of(one.together()), "consultations"),
        )

    def change(self, fact: Fact, consultation: str, before: Cells) -> None:
        after = self.cells(one := self.sessions[consultation])
        self.tally.move(fact, before, after)
        if before or after:
            self.tally.touch_row(fact, ("consultation", consultation), FLAGGED)
            self.tally.touch(fact, ("total", "share"))
            self.tally.touch(fact, ("centre", one.centre, "flagged_percent"))


def bin_of(overlap: int) -> str:
    return str(next((at for at, (upto, _, _) in enumerate(OVERLAPS) if overlap <= upto * MINUTE), len(OVERLAPS)))


report = Definition(
    "genuineness",
    version=1,
    title=Words("Báo cáo tính xác thực của các buổi hội chẩn", "Report on the genuineness of consultations"),
    parameters=[
        Parameter("month", "month", Words("Tháng", "Month")),
        Parameter("province", "code", Words("Mã tỉnh của bên hỗ trợ", "Province code of the helping side"), False),
    ],
    reference=["specialities"],
    start=Sessions,
    withdrawing=["consultation.cancelled"],
)
report.takes("facility.registered", version=2)(Sessions.facility_registered)
report.older("facility.registered", version=1)(Sessions.registered_before_lists)


@report.takes("consultation.planned", version=1)
def planned(state: Sessions, fact: Fact) -> None:
    told = fact.fields
    state.sessions[fact.stream] = Session(told["centre_id"], told["kind"], told["teaching"])


@report.takes("consultation.opened", version=1)
@report.takes("consultation.closed", version=1)
@report.takes("consultation.cancelled", version=1)
def course(state: Sessions, fact: Fact) -> None:
    one = state.sessions[fact.stream]
    before = state.cells(one)
    match fact.name.partition(".")[2]:
        case "opened":
            one.opened = fact.happened_us
            one.steps.setdefault(one.centre, []).append((fact.happened_us, fact.position, 1))
        case "closed":
            one.closed = fact.happened_us
        case _:
            one.cancelled = True
    state.change(fact, fact.stream, before)


@report.takes("consultation.point_joined", version=1)
@report.takes("consultation.point_left", version=1)
def on_the_line(state: Sessions, fact: Fact) -> None:
    one, facility = state.sessions[fact.stream], fact.fields["facility_id"]
    before = state.cells(one)
    joined = fact.name == "consultation.point_joined"
    if joined and fact.fields["role"] == "observer":
        one.observers.add(facility)
    one.steps.setdefault(facility, []).append((fact.happened_us, fact.position, int(joined)))
    state.change(fact, fact.stream, before)


def _wrote(state: Sessions, fact: Fact) -> None:
    one = state.sessions[fact.stream]
    before = state.cells(one)
    # The conclusion is the chair's, who sits at the centre.
    side = fact.fields.get("facility_id", one.centre)
    one.wrote.append((side, fact.actor, fact.happened_us, fact.recorded_us))
    one.cases += fact.name == "consultation.case_presented"
    one.conclusions += fact.name == "consultation.issue_concluded"
    state.change(fact, fact.stream, before)


for _part in ("case_presented", "issue_raised", "opinion_given", "issue_concluded"):
    report.takes(f"consultation.{_part}", version=1)(_wrote)


@report.takes("consultation.minutes_signed", version=1)
def signed(state: Sessions, fact: Fact) -> None:
    one = state.sessions[fact.stream]
    before = state.cells(one)
    one.signers[fact.fields["facility_id"]] = fact.fields["practitioner_id"]
    state.change(fact, fact.stream, before)


@report.takes("examination.ordered", version=1)
def examined(state: Sessions, fact: Fact) -> None:
    if fact.fields["consultation_id"] in state.sessions:
        state.examined_in[fact.stream] = fact.fields["consultation_id"]


def _measured(state: Sessions, fact: Fact) -> None:
    consultation = state.examined_in.get(fact.stream)
    if consultation is None:
        return
    before = state.cells(state.sessions[consultation])
    state.sessions[consultation].measured += 1
    state.change(fact, consultation, before)


for _evidence in ("device_connected", "observation_recorded", "image_captured"):
    report.takes(f"examination.{_evidence}", version=1)(_measured)


@report.takes("live_session.opened", version=1)
def room_opened(state: Sessions, fact: Fact) -> None:
    if fact.fields["consultation_id"] in state.sessions:
        state.room_of[fact.stream] = fact.fields["consultation_id"]


@report.takes("live_session.participant_admitted", version=1)
@report.takes("live_session.admission_changed", version=1)
def admitted(state: Sessions, fact: Fact) -> None:
    facility = fact.fields["facility_id"]
    if fact.stream in state.room_of and facility is not None:
        state.facility_of[fact.stream, fact.fields["participant_id"]] = facility


@report.takes("live_session.track_published", version=1)
def sent(state: Sessions, fact: Fact) -> None:
    facility = state.facility_of.get((fact.stream, fact.fields["participant_id"]))
    if facility is None:
        return
    consultation = state.room_of[fact.stream]
    before = state.cells(state.sessions[consultation])
    state.sessions[consultation].sent.add(facility)
    state.change(fact, consultation, before)


@report.results
def result(state: Sessions) -> Result:
    flags, evidence = Words("Dấu hiệu cần xem lại", "Flags"), Words("Bằng chứng có mặt", "Evidence of presence")
    overlap = Words("Thời gian hai bên cùng có mặt", "Time on the line together")
    sections = [
        _total(state),
        _occurrences(state, "flag", flags, Words("Dấu hiệu", "Flag"), FLAGS, "bar"),
        _occurrences(state, "evidence", evidence, Words("Bằng chứng", "Evidence"), EVIDENCE, "bar"),
        _occurrences(state, "overlap", overlap, Words("Thời gian", "Time"), BINS, "histogram", "bin"),
        _by_centre(state),
    ]
    return labelled([*sections, _flagged(state)], {**state.words(), "flag": FLAGS, "evidence": EVIDENCE, "bin": BINS})


def _total(state: Sessions) -> Section:
    tally = state.tally
    titles = {"held": Words("Buổi đã mở", "Consultations opened"), **STATUSES}
    figures = [
        Figure(name, title, "integer", tally.of("total", name), of=("total", name)) for name, title in titles.items()
    ]
    share = Figure(
        "flagged_percent", Words("Tỷ lệ cần xem lại", "Share flagged"), "decimal",
        percent(tally.of("total", "flagged"), tally.of("total", "judged")), of=("total", "share"), unit="%",
    )  # fmt: skip
    note = Words(
        "Dấu hiệu là lý do để hỏi lại, không phải kết luận về một người.",
        "A flag is a reason to ask, and no verdict on a person.",
    )
    return Section("total", Words("Tổng số", "Totals"), [note], [*figures, share])


def _occurrences(
    state: Sessions, group: str, title: Words, head: Words, all_of: Mapping[str, Words], form: str, codes: str = ""
) -> Section:
    counts = state.tally.rows(group)
    columns = [
        Column(group, "code", head, codes or group),
        Column("consultations", "integer", Words("Số buổi", "Consultations")),
    ]
    rows = [Row([one, counts.get(one, {}).get("consultations", 0)], of=(group, one)) for one in all_of]
    chart = Chart(form, title, group, ["consultations"])
    return Section(group, title, tables=[Table(f"by_{group}", title, columns, [group], rows, [chart])])


def _by_centre(state: Sessions) -> Section:
    counted = {name: STATUSES[name] for name in ("judged", "flagged", "unattended")}
    columns = [
        Column("centre", "code", Words("Bên hỗ trợ", "Centre"), "facility"),
        *(Column(name, "integer", title) for name, title in counted.items()),
        Column("flagged_percent", "decimal", Words("Tỷ lệ cần xem lại", "Share flagged"), unit="%"),
    ]
    rows = []
    for centre, found in state.tally.rows("centre").items():
        counts = [found.get(name, 0) for name in counted]
        rows.append(Row([centre, *counts, percent(counts[1], counts[0])], of=("centre", centre)))
    title = Words("Theo bên hỗ trợ", "By centre")
    return Section("centre", title, tables=[Table("by_centre", title, columns, ["centre"], rows)])


def _flagged(state: Sessions) -> Section:
    columns = [
        Column("consultation", "code", Words("Mã buổi hội chẩn", "Consultation")),
        Column("flag", "code", Words("Dấu hiệu", "Flag"), "flag"),
        Column("centre", "code", Words("Bên hỗ trợ", "Centre"), "facility"),
        Column("together_minutes", "decimal", Words("Cùng có mặt (phút)", "Together (min)")),
        Column("authors", "integer", Words("Số người ghi", "Authors")),
        Column("evidence", "integer", Words("Bằng chứng (trên 7)", "Evidence (of 7)")),
    ]
    rows = []
    for consultation, one in state.sessions.items():
        if not state.counts(one) or one.closed is None:
            continue
        authors = len({author for _, author, _, _ in one.wrote})
        shown = [one.centre, quotient(one.together(), MINUTE), authors, len(one.evidence())]
        rows += [Row([consultation, flag, *shown], of=("consultation", consultation)) for flag in one.flags()]
    title = Words("Các buổi cần xem lại, theo từng dấu hiệu", "Flagged consultations, one line for each reason")
    return Section("flagged", title, tables=[Table("flagged", title, columns, ["consultation", "flag"], rows)])
