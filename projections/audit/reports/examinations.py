"""Báo cáo khám từ xa và chất lượng hình ảnh: examinations, their images, and the line on which the images came.

Rules: an examination counts in the month in Viet Nam in which it was started, once, and not when it was given up. An
image is diagnostic or not as the gate in force judged it when it was captured; the measured values are those of that
moment. The line of a point is told by the median of its images and by the worst of them. (The view
`examination_timeline` holds the same examinations one by one.)
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
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
    quotient,
    ranked,
)

GROUPS = {
    "facility": Words("Theo điểm cầu của người bệnh", "By the patient's point"),
    "speciality": Words("Theo chuyên khoa", "By speciality"),
    "device": Words("Theo thiết bị", "By device"),
}
COUNTED = {
    "examinations": Words("Ca khám", "Examinations"),
    "with_images": Words("Ca có ảnh", "With images"),
    "images": Words("Số ảnh", "Images"),
    "not_for_diagnosis": Words("Ảnh không dùng chẩn đoán", "Images not for diagnosis"),
}
STAGES = {
    "signed": Words("Đã ký", "Signed"),
    "amended": Words("Có đính chính", "Amended"),
    "decided": Words("Bác sĩ tại chỗ đã quyết định", "Decided by the local doctor"),
}
BITRATES = ((1000, "1"), (2000, "2"), (4000, "4"), (8000, "8"))
BINS = {
    **{f"{at}": Words(f"dưới {upto} Mbit/s", f"below {upto} Mbit/s") for at, (_, upto) in enumerate(BITRATES)},
    f"{len(BITRATES)}": Words("từ 8 Mbit/s", "8 Mbit/s or more"),
}
DEVICES = {"US": Words("Siêu âm", "Ultrasound"), "": Words("Không rõ", "Unknown")}
HUNDREDTH = 100


@dataclass(frozen=True, slots=True)
class Image:
    """`loss` in hundredths of a percent, rounded half up."""

    device: str
    diagnostic: bool
    bitrate: int
    delay: int
    loss: int


@dataclass(slots=True)
class Examination:
    point: str
    speciality: str
    day: str | None = None
    devices: dict[str, str] = field(default_factory=dict)
    images: list[Image] = field(default_factory=list)
    stages: set[str] = field(default_factory=set)


class Examinations(Network):
    def __init__(self, parameters: Mapping[str, str], reference: Mapping[str, Any]) -> None:
        super().__init__(parameters, reference)
        self.month, self.province = parameters["month"], parameters.get("province")
        self.examinations: dict[str, Examination] = {}

    def counts(self, one: Examination) -> bool:
        where = self.province_of.get(one.point, "")
        return one.day is not None and one.day[:7] == self.month and self.province in (None, where)

    def cells(self, one: Examination) -> Cells:
        """What it counts for."""
        found: dict[Key, int] = {}
        if not self.counts(one):
            return found
        for group, value, images in _shares(one):
            poor = sum(not image.diagnostic for image in images)
            amounts = (1, int(bool(images)), len(images), poor)
            found |= {(group, value, name): amount for name, amount in zip(COUNTED, amounts, strict=True)}
        found |= {("total", name): found["facility", one.point, name] for name in COUNTED}
        found |= {("total", stage): 1 for stage in one.stages}
        found["day", one.day or "", "examinations"] = 1
        found["day", one.day or "", "images"] = len(one.images)
        for image in one.images:
            key = ("bitrate", bin_of(image.bitrate), "images")
            found[key] = found.get(key, 0) + 1
        return found

    def change(self, fact: Fact, one: Examination, before: Cells) -> None:
        """The examination is another one now; what is made of its images and is no sum has changed with them."""
        after = self.cells(one)
        self.tally.move(fact, before, after)
        if before != after:
            self.tally.touch(fact, ("total", "line"))
            for group, value, _ in _shares(one):
                for name in ("not_for_diagnosis_percent", "median_kbps", "least_kbps", "worst_delay", "worst_loss"):
                    self.tally.touch(fact, (group, value, name))


def _shares(one: Examination) -> Iterable[tuple[str, str, list[Image]]]:
    """The examination by each group: its images, or those of one kind of device."""
    yield "facility", one.point, one.images
    yield "speciality", one.speciality, one.images
    for kind in sorted(set(one.devices.values())):
        yield "device", kind, [image for image in one.images if image.device == kind]


def bin_of(bitrate: int) -> str:
    return str(next((at for at, (upto, _) in enumerate(BITRATES) if bitrate < upto), len(BITRATES)))


report = Definition(
    "examinations",
    version=1,
    title=Words("Báo cáo khám từ xa và chất lượng hình ảnh", "Report on remote examinations and the quality of images"),
    parameters=[
        Parameter("month", "month", Words("Tháng", "Month")),
        Parameter("province", "code", Words("Mã tỉnh của điểm cầu", "Province code of the point"), False),
    ],
    reference=["specialities"],
    start=Examinations,
    withdrawing=["examination.aborted"],
    correcting=["examination.amended"],
)
report.takes("facility.registered", version=2)(Examinations.facility_registered)
report.older("facility.registered", version=1)(Examinations.registered_before_lists)


@report.takes("examination.ordered", version=1)
def ordered(state: Examinations, fact: Fact) -> None:
    state.examinations[fact.stream] = Examination(fact.fields["point_id"], fact.fields["speciality"])


@report.takes("examination.started", version=1)
@report.takes("examination.aborted", version=1)
def took_place(state: Examinations, fact: Fact) -> None:
    one = state.examinations[fact.stream]
    before = state.cells(one)
    one.day = day_of(fact.happened_us) if fact.name == "examination.started" else None
    state.change(fact, one, before)


@report.takes("examination.device_connected", version=1)
def connected(state: Examinations, fact: Fact) -> None:
    one = state.examinations[fact.stream]
    before = state.cells(one)
    one.devices[fact.fields["device_id"]] = fact.fields["device_kind"]
    state.change(fact, one, before)


@report.takes("examination.image_captured", version=1)
def captured(state: Examinations, fact: Fact) -> None:
    one, told = state.examinations[fact.stream], fact.fields
    before, line = state.cells(one), told["measured"]
    loss = int(Fraction(line["loss_percent"]) * HUNDREDTH + Fraction(1, 2))
    device = one.devices.get(told["device_id"], "")
    one.images.append(Image(device, told["diagnostic"], line["bitrate_kbps"], line["delay_ms"], loss))
    state.change(fact, one, before)


@report.takes("examination.signed", version=1)
@report.takes("examination.amended", version=1)
@report.takes("examination.decision_taken", version=1)
def reached(state: Examinations, fact: Fact) -> None:
    one = state.examinations[fact.stream]
    before = state.cells(one)
    one.stages.add({"decision_taken": "decided"}.get(fact.name.partition(".")[2], fact.name.partition(".")[2]))
    state.change(fact, one, before)


@report.results
def result(state: Examinations) -> Result:
    counted = [one for one in state.examinations.values() if state.counts(one)]
    sections = [_total(state), _by_day(state), _line(state)]
    sections += [
        Section(group, title, tables=[_grouped(state, counted, group, title)]) for group, title in GROUPS.items()
    ]
    return labelled(sections, {**state.words(), "bitrate": BINS, "device": DEVICES})


def _total(state: Examinations) -> Section:
    tally = state.tally
    figures = [
        Figure(name, title, "integer", tally.of("total", name), of=("total", name))
        for name, title in (COUNTED | STAGES).items()
    ]
    share = Figure(
        "not_for_diagnosis_percent", Words("Tỷ lệ ảnh không dùng chẩn đoán", "Share of images not for diagnosis"),
        "decimal", percent(tally.of("total", "not_for_diagnosis"), tally.of("total", "images")), of=("total", "line"),
        unit="%",
    )  # fmt: skip
    note = Words(
        "Ảnh chụp khi đường truyền dưới ngưỡng chất lượng được ghi nhãn không dùng để chẩn đoán.",
        "An image that came over a line below the quality gate is labelled not for diagnosis.",
    )
    return Section("total", Words("Tổng số", "Totals"), [note], [*figures, share])


def _by_day(state: Examinations) -> Section:
    title = Words("Theo ngày", "By day")
    columns = [
        Column("day", "date", Words("Ngày", "Day")),
        Column("examinations", "integer", COUNTED["examinations"]),
        Column("images", "integer", COUNTED["images"]),
    ]
    rows = [
        Row([day, found.get("examinations", 0), found.get("images", 0)], of=("day", day))
        for day, found in state.tally.rows("day").items()
    ]
    chart = Chart("line", title, "day", ["examinations", "images"])
    return Section("day", title, tables=[Table("by_day", title, columns, ["day"], rows, [chart])])


def _line(state: Examinations) -> Section:
    title = Words("Băng thông khi chụp ảnh", "Bit rate while images were captured")
    columns = [
        Column("bitrate", "code", Words("Băng thông", "Bit rate"), "bitrate"),
        Column("images", "integer", COUNTED["images"]),
    ]
    found = state.tally.rows("bitrate")
    rows = [Row([at, found.get(at, {}).get("images", 0)], of=("bitrate", at)) for at in BINS]
    chart = Chart("histogram", title, "bitrate", ["images"])
    return Section("line", title, tables=[Table("by_bitrate", title, columns, ["bitrate"], rows, [chart])])


def _grouped(state: Examinations, counted: list[Examination], group: str, title: Words) -> Table:
    images: dict[str, list[Image]] = {}
    for one in counted:
        for kind, value, shown in _shares(one):
            if kind == group:
                images.setdefault(value, []).extend(shown)
    head = Words(title.vi.removeprefix("Theo ").capitalize(), title.en.removeprefix("By ").capitalize())
    columns = [
        Column(group, "code", head, group),
        *(Column(name, "integer", words) for name, words in COUNTED.items()),
        Column("not_for_diagnosis_percent", "decimal", Words("Tỷ lệ", "Share"), unit="%"),
        Column("median_kbps", "integer", Words("Trung vị kbit/s", "Median kbit/s")),
        Column("least_kbps", "integer", Words("Thấp nhất kbit/s", "Least kbit/s")),
        Column("worst_delay", "integer", Words("Trễ lớn nhất ms", "Worst delay ms")),
        Column("worst_loss", "decimal", Words("Mất gói lớn nhất", "Worst loss"), unit="%"),
    ]
    rows = [Row(_cells(state, group, value, found), of=(group, value)) for value, found in images.items()]
    chart = Chart("bar", title, group, ["images", "not_for_diagnosis"])
    return Table(f"by_{group}", title, columns, [group], rows, [chart])


def _cells(state: Examinations, group: str, value: str, images: list[Image]) -> list[Value]:
    counts = [state.tally.of(group, value, name) for name in COUNTED]
    loss = max((image.loss for image in images), default=None)
    return [
        value,
        *counts,
        percent(counts[3], counts[2]),
        ranked((image.bitrate for image in images), 50),
        min((image.bitrate for image in images), default=None),
        max((image.delay for image in images), default=None),
        None if loss is None else quotient(loss, HUNDREDTH, 2),
    ]
