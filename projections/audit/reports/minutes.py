"""Biên bản hội chẩn: one consultation with who took part, each issue, the opinions, the conclusion, and who signed.

Rules: the parts are those that Circular 49/2017/TT-BYT asks for in Art 7 and Annex I: a clear conclusion for each issue
raised, signed at both ends. The digest that was signed is computed again from the stored words, so that the report says
itself whether these are, character by character, the words that were signed. A later version adds an amendment with its
reason, and the former one stays readable. Patients stand by their pseudonym; names are in the record that it leads to.
(The view `consultation_minutes` shows the same.)
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import Any

from projections.audit.reports._kit import (
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
    instant_of,
    labelled,
)

NOTHING_WRITTEN = "0" * 64
ROLES = {
    "centre": Words("Điểm cầu trung tâm", "Centre"),
    "bridge_point": Words("Điểm cầu", "Bridge point"),
    "observer": Words("Điểm cầu dự thính", "Observer"),
}
STATUSES = {
    "planned": Words("Đã lên kế hoạch", "Planned"),
    "open": Words("Đang diễn ra", "Open"),
    "closed": Words("Đã kết thúc, chờ ký", "Ended, waiting for signatures"),
    "signed": Words("Các bên đã ký đủ", "Signed by all sides"),
    "cancelled": Words("Đã hủy", "Cancelled"),
}
ANSWERS = {
    "yes": Words("Đúng: nội dung trùng với nội dung đã ký", "Yes: these are the words that were signed"),
    "no": Words("SAI: nội dung khác với nội dung đã ký", "NO: these are not the words that were signed"),
}
# The columns of the rows that events make.
POINT = ("facility", "role", "joined_at", "left_at", "rejoined")
OPINION = ("practitioner", "facility", "speciality", "opinion", "given_at")
SIGNATURE = ("practitioner", "signed_at", "content_sha256")
VERSION = ("written_at", "written_by", "patient", "reason", "text", "content_sha256")

# Which figures of the session an event changes.
SESSION = ("title", "kind", "mode", "speciality", "centre", "chair", "responsible", "status")
CHANGED = {
    "planned": SESSION,
    "chair_handed_over": ("chair",),
    "opened": ("opened_at", "status"),
    "cancelled": ("status",),
    "closed": ("closed_at", "status"),
    "minutes_amended": ("status",),
    "minutes_completed": ("status",),
}


@dataclass(slots=True)
class Issue:
    facility: str
    question: str
    key: str
    opinions: list[Row] = field(default_factory=list)
    conclusion: str | None = None
    concluded_by: str | None = None
    concluded_at: str | None = None


@dataclass(slots=True)
class Case:
    told: dict[str, Any]
    by: str
    at: str
    key: str
    issues: dict[str, Issue] = field(default_factory=dict)


@dataclass(slots=True)
class Point:
    place: int
    role: str
    joined: str | None = None
    left: str | None = None
    rejoined: int = 0


class Minutes(Network):
    def __init__(self, parameters: Mapping[str, str], reference: Mapping[str, Any]) -> None:
        super().__init__(parameters, reference)
        self.consultation = parameters["consultation"]
        self.people: dict[str, Words] = {}
        self.planned: dict[str, Any] | None = None
        self.status = "planned"
        self.chair = self.opened = self.closed = None
        self.points: dict[str, Point] = {}
        self.cases: dict[str, Case] = {}
        self.issues: dict[str, Issue] = {}
        self.versions: list[Row] = []
        self.signatures: list[Row] = []
        self.version = 0
        self.digest, self.signed_digest = NOTHING_WRITTEN, None
        self.genuine = True

    chair: str | None
    opened: str | None
    closed: str | None
    signed_digest: str | None

    def write(self, name: str, content: Mapping[str, Any]) -> None:
        """Link what was written to the digest, as the consultation did: its name and its stored bytes."""
        body = json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode()
        self.digest = sha256(b"\0".join((self.digest.encode(), name.encode(), body))).hexdigest()

    def signed(self, digest: str) -> None:
        """Somebody wrote down or signed this digest: it is to be that of the words."""
        self.signed_digest = digest
        self.genuine = self.genuine and digest == self.digest


report = Definition(
    "minutes",
    version=1,
    title=Words("Biên bản hội chẩn từ xa", "Minutes of a remote consultation"),
    parameters=[Parameter("consultation", "id", Words("Mã buổi hội chẩn", "Consultation"))],
    reference=["specialities"],
    start=Minutes,
    content="case",
    subject="consultation",
    withdrawing=["consultation.cancelled"],
    correcting=["consultation.minutes_amended"],
)
report.takes("facility.registered", version=2)(Minutes.facility_registered)
report.older("facility.registered", version=1)(Minutes.registered_before_lists)


@report.takes("practitioner.registered", version=1)
def practitioner_registered(state: Minutes, fact: Fact) -> None:
    name = text_of(fact.fields["full_name"])
    state.people[fact.stream] = Words(name, name)


def text_of(value: Any) -> str:
    """A text as it was written; what is sealed or was erased by law says so."""
    return value if isinstance(value, str) else "[đã niêm phong hoặc đã xóa theo luật · sealed, or erased by law]"


def _course(state: Minutes, fact: Fact) -> None:
    """What leads from one status to the next, and who is on the line."""
    told, when = fact.fields, instant_of(fact.happened_us)
    match fact.name.partition(".")[2]:
        case "planned":
            state.planned, state.chair = told, told["chair_id"]
            state.write(fact.name, told)
        case "chair_handed_over":
            state.chair = told["chair_id"]
        case "opened":
            state.status, state.opened = "open", when
        case "cancelled":
            state.status = "cancelled"
        case "point_invited":
            state.points[told["facility_id"]] = Point(told["place"], told["role"])
        case "point_joined":
            point = state.points[told["facility_id"]]
            point.joined, point.left = point.joined or when, None
            point.rejoined += told["rejoined"]
        case "point_left":
            state.points[told["facility_id"]].left = when
    for name in CHANGED.get(fact.name.partition(".")[2], ()):
        state.tally.touch(fact, ("session", name))
    if "facility_id" in told:
        state.tally.touch_row(fact, ("point", told["facility_id"]), POINT)


def _content(state: Minutes, fact: Fact) -> None:
    """What was said. Each part is linked to the digest in the order in which it was written."""
    told, when = fact.fields, instant_of(fact.happened_us)
    state.write(fact.name, told)
    match fact.name.partition(".")[2]:
        case "case_presented":
            key = f"case_{len(state.cases) + 1:02}"
            state.cases[told["case_id"]] = Case(told, fact.actor, when, key)
        case "issue_raised":
            case = state.cases[told["case_id"]]
            key = f"issue_{case.key[5:]}_{len(case.issues) + 1:02}"
            issue = Issue(told["facility_id"], text_of(told["question"]), key)
            case.issues[told["issue_id"]] = state.issues[told["issue_id"]] = issue
        case "opinion_given":
            issue = state.issues[told["issue_id"]]
            cells: list[Value] = [len(issue.opinions) + 1, told["practitioner_id"], told["facility_id"]]
            cells += [told["speciality"], text_of(told["opinion"]), when]
            issue.opinions.append(Row(cells, of=(issue.key, str(len(issue.opinions) + 1))))
            state.tally.touch_row(fact, issue.opinions[-1].of, OPINION)
        case "issue_concluded":
            issue = state.issues[told["issue_id"]]
            issue.conclusion, issue.concluded_by = text_of(told["conclusion"]), fact.actor
            issue.concluded_at = when
    key = state.issues[told["issue_id"]].key if "issue_id" in told else state.cases[told["case_id"]].key
    state.tally.touch(fact, (key,))
    state.tally.touch(fact, ("version",))


def _signing(state: Minutes, fact: Fact) -> None:
    """Versions of the minutes, and who signed which."""
    told, when = fact.fields, instant_of(fact.happened_us)
    version = told["minutes_version"]
    key = ("version", str(version))
    match fact.name.partition(".")[2]:
        case "closed":
            state.status, state.closed, state.version = "closed", when, version
            state.versions.append(Row([version, when, fact.actor, None, None, None, told["content_sha256"]], of=key))
            state.signed(told["content_sha256"])
        case "minutes_amended":
            state.status, state.version = "closed", version
            reason, text = text_of(told["reason"]), text_of(told["text"])
            state.write("amendment", {"version": version, "reason": told["reason"], "text": told["text"]})
            patient = state.cases[told["case_id"]].told["patient_id"]
            cells = [version, when, fact.actor, patient, reason, text, told["content_sha256"]]
            state.versions.append(Row(cells, of=key))
            state.signed(told["content_sha256"])
        case "minutes_signed":
            facility, person = told["facility_id"], told["practitioner_id"]
            cells = [version, facility, person, when, told["content_sha256"]]
            state.signatures.append(Row(cells, of=("signature", str(version), facility)))
            state.tally.touch_row(fact, state.signatures[-1].of, SIGNATURE)
            state.signed(told["content_sha256"])
        case "minutes_completed":
            state.status = "signed"
    state.tally.touch(fact, ("version",))
    state.tally.touch_row(fact, key, VERSION)
    for name in CHANGED.get(fact.name.partition(".")[2], ()):
        state.tally.touch(fact, ("session", name))


HANDLERS = {
    _course: ("planned", "chair_handed_over", "opened", "cancelled", "point_invited", "point_joined", "point_left"),
    _content: ("case_presented", "issue_raised", "opinion_given", "issue_concluded"),
    _signing: ("closed", "minutes_signed", "minutes_completed", "minutes_amended"),
}


def _of_this_consultation(state: Minutes, fact: Fact) -> None:
    if fact.stream == state.consultation:
        what = fact.name.partition(".")[2]
        next(handle for handle, names in HANDLERS.items() if what in names)(state, fact)


for _name in (name for names in HANDLERS.values() for name in names):
    report.takes(f"consultation.{_name}", version=1)(_of_this_consultation)


@report.results
def result(state: Minutes) -> Result:
    if state.planned is None:
        note = Words("Đến vị trí này chưa có buổi hội chẩn với mã này.", "Until this position there is no such one.")
        return Result([Section("session", Words("Buổi hội chẩn", "The consultation"), [note])])
    sections = [_session(state, state.planned), _participants(state)]
    for number, case in enumerate(state.cases.values(), 1):
        sections.append(_case(number, case))
        sections += [_issue(number, at, issue) for at, issue in enumerate(case.issues.values(), 1)]
    sections += [_versions(state), _signatures(state)]
    known = {"person": state.people, "role": ROLES, "status": STATUSES, "answer": ANSWERS}
    return labelled(sections, {**state.words(), **known})


def _fact(name: str, vi: str, en: str, kind: str, value: Value, codes: str | None = None) -> Figure:
    return Figure(name, Words(vi, en), kind, value, of=("session", name), codes=codes)


def _session(state: Minutes, planned: dict[str, Any]) -> Section:
    figures = [
        _fact("title", "Tên buổi hội chẩn", "Title", "text", planned["title"]),
        _fact("kind", "Loại hoạt động", "Kind of activity", "code", planned["kind"], "kind"),
        _fact("mode", "Hình thức", "Legal mode", "code", planned["mode"], "mode"),
        _fact("speciality", "Chuyên khoa", "Speciality", "code", planned["speciality"], "speciality"),
        _fact("centre", "Điểm cầu trung tâm", "Centre", "code", planned["centre_id"], "facility"),
        _fact("chair", "Chủ tọa", "Chair", "code", state.chair, "person"),
        _fact("responsible", "Người chịu trách nhiệm", "Responsible", "code", planned["responsible_id"], "person"),
        _fact("opened_at", "Bắt đầu", "Opened", "instant", state.opened),
        _fact("closed_at", "Kết thúc", "Closed", "instant", state.closed),
        _fact("status", "Tình trạng biên bản", "Status", "code", state.status, "status"),
    ]
    return Section("session", Words("Thông tin buổi hội chẩn", "The consultation"), figures=figures)


def _participants(state: Minutes) -> Section:
    columns = [
        Column("place", "integer", Words("Thứ tự", "Place")),
        Column("facility", "code", Words("Cơ sở", "Facility"), "facility"),
        Column("role", "code", Words("Vai trò", "Role"), "role"),
        Column("joined_at", "instant", Words("Vào phiên", "Joined")),
        Column("left_at", "instant", Words("Rời phiên", "Left")),
        Column("rejoined", "integer", Words("Số lần vào lại", "Times back")),
    ]
    rows = [
        Row([one.place, facility, one.role, one.joined, one.left, one.rejoined], of=("point", facility))
        for facility, one in state.points.items()
        if one.joined is not None
    ]
    title = Words("Thành phần tham dự", "Participants")
    return Section("participants", title, tables=[Table("points", title, columns, ["place"], rows)])


def _case(number: int, case: Case) -> Section:
    told = case.told
    figures = [
        _fact("patient", "Mã người bệnh", "Patient", "code", told["patient_id"]),
        _fact("facility", "Cơ sở trình bày", "Presented by", "code", told["facility_id"], "facility"),
        _fact("presented_by", "Người trình bày", "Presenter", "code", case.by, "person"),
        _fact("presented_at", "Lúc", "At", "instant", case.at),
        _fact("referral", "Theo yêu cầu hội chẩn", "On the referral", "code", told.get("referral_id")),
        _fact("consent", "Theo đề nghị của người bệnh", "On the patient's request", "code", told.get("consent_id")),
        _fact("summary", "Tóm tắt bệnh án", "Summary", "text", text_of(told["summary"])),
    ]
    shown = [replace(one, of=(case.key,)) for one in figures if one.value is not None]
    return Section(case.key, Words(f"Ca bệnh {number}", f"Case {number}"), figures=shown)


def _issue(number: int, at: int, issue: Issue) -> Section:
    columns = [
        Column("number", "integer", Words("STT", "No.")),
        Column("practitioner", "code", Words("Bác sĩ", "Practitioner"), "person"),
        Column("facility", "code", Words("Cơ sở", "Facility"), "facility"),
        Column("speciality", "code", Words("Chuyên khoa", "Speciality"), "speciality"),
        Column("opinion", "text", Words("Ý kiến", "Opinion")),
        Column("given_at", "instant", Words("Lúc", "At")),
    ]
    figures = [
        Figure("question", Words("Vấn đề", "Issue"), "text", issue.question, of=(issue.key,)),
        Figure("raised_by", Words("Bên nêu", "Raised by"), "code", issue.facility, of=(issue.key,), codes="facility"),
        Figure("conclusion", Words("Kết luận", "Conclusion"), "text", issue.conclusion, of=(issue.key,)),
        Figure(
            "concluded_by", Words("Người kết luận", "Concluded by"), "code", issue.concluded_by, of=(issue.key,),
            codes="person",
        ),
        Figure("concluded_at", Words("Lúc kết luận", "Concluded at"), "instant", issue.concluded_at, of=(issue.key,)),
    ]  # fmt: skip
    opinions = Table("opinions", Words("Ý kiến", "Opinions"), columns, ["number"], issue.opinions)
    return Section(issue.key, Words(f"Vấn đề {number}.{at}", f"Issue {number}.{at}"), (), figures, [opinions])


def _versions(state: Minutes) -> Section:
    columns = [
        Column("version", "integer", Words("Phiên bản", "Version")),
        Column("written_at", "instant", Words("Lập lúc", "Written")),
        Column("written_by", "code", Words("Người lập", "Written by"), "person"),
        Column("patient", "code", Words("Mã người bệnh", "Patient")),
        Column("reason", "text", Words("Lý do đính chính", "Reason of the amendment")),
        Column("text", "text", Words("Nội dung đính chính", "Amendment")),
        Column("content_sha256", "code", Words("Mã băm SHA-256", "SHA-256")),
    ]
    genuine = None if state.signed_digest is None else "yes" if state.genuine else "no"
    figures = [
        Figure("version", Words("Phiên bản hiện hành", "Version in force"), "integer", state.version or None,
               of=("version",)),
        Figure("content_sha256", Words("Mã băm tính lại từ nội dung trên", "Digest computed again from these words"),
               "code", state.digest, of=("version",)),
        Figure("genuine", Words("Đúng nội dung đã ký", "As signed"), "code", genuine,
               of=("version",), codes="answer"),
    ]  # fmt: skip
    title = Words("Các phiên bản", "Versions")
    return Section("versions", title, (), figures, [Table("versions", title, columns, ["version"], state.versions)])


def _signatures(state: Minutes) -> Section:
    columns = [
        Column("version", "integer", Words("Phiên bản", "Version")),
        Column("facility", "code", Words("Bên ký", "Side"), "facility"),
        Column("practitioner", "code", Words("Người ký", "Signed by"), "person"),
        Column("signed_at", "instant", Words("Ký lúc", "Signed at")),
        Column("content_sha256", "code", Words("Mã băm SHA-256", "SHA-256")),
    ]
    title = Words("Chữ ký của các bên", "Signatures of the sides")
    table = Table("signatures", title, columns, ["version", "facility"], state.signatures)
    return Section("signatures", title, tables=[table])
