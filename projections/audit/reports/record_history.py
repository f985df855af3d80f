"""Lịch sử hồ sơ của một người bệnh: who wrote what kind of entry into one patient's record, and what was corrected.

Rules: every fact that is about exactly this patient is an entry, in the order of the log, with the moment at which it
happened and the one at which it was stored; of its content only the kind is told, so that a history can be shown to
whoever may not read the record. A correction or withdrawal is an entry of its own: nothing is taken away. A record that
was merged into this one is named, and has its own history. Of reading, only that of recordings is a fact of this log,
and the report says so. (The view `patient_record` holds the same entries with their content.)
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from projections.audit.reports._kit import (
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
    instant_of,
    labelled,
    ones,
)

ENTRIES = {
    "patient.registered": Words("Lập hồ sơ", "Record opened"),
    "patient.identity_added": Words("Thêm giấy tờ định danh", "Identity added"),
    "patient.identity_withdrawn": Words("Thu hồi giấy tờ định danh", "Identity withdrawn"),
    "patient.merged": Words("Gộp vào hồ sơ khác", "Merged into another record"),
    "patient.relative_authorised": Words("Ủy quyền cho người thân", "Relative authorised"),
    "patient.relative_revoked": Words("Thu hồi ủy quyền", "Relative revoked"),
    "patient.died": Words("Ghi nhận tử vong", "Death recorded"),
    "consent.given": Words("Đồng ý", "Consent given"),
    "consent.sharing_requested": Words("Đề nghị chia sẻ dữ liệu", "Sharing requested"),
    "consent.relied_on": Words("Dùng sự đồng ý để ghi hình", "Consent relied on for a recording"),
    "consent.withdrawn": Words("Rút lại đồng ý", "Consent withdrawn"),
    "referral.drafted": Words("Soạn yêu cầu hội chẩn", "Referral drafted"),
    "referral.revised": Words("Sửa yêu cầu hội chẩn", "Referral revised"),
    "referral.submitted": Words("Gửi yêu cầu hội chẩn", "Referral submitted"),
    "referral.returned": Words("Trả lại yêu cầu", "Referral returned"),
    "referral.accepted": Words("Nhận yêu cầu", "Referral accepted"),
    "referral.declined": Words("Từ chối yêu cầu", "Referral declined"),
    "referral.scheduled": Words("Xếp lịch", "Referral scheduled"),
    "referral.answered": Words("Trả lời yêu cầu", "Referral answered"),
    "referral.outcome_reported": Words("Báo kết quả cuối", "Outcome reported"),
    "referral.cancelled": Words("Hủy yêu cầu", "Referral cancelled"),
    "referral.answer_overdue": Words("Quá hạn trả lời", "Answer overdue"),
    "referral.transfer_requested": Words("Đề nghị chuyển viện", "Transfer requested"),
    "referral.transfer_approved": Words("Đồng ý chuyển viện", "Transfer approved"),
    "referral.patient_departed": Words("Người bệnh rời viện", "Patient departed"),
    "referral.patient_received": Words("Tiếp nhận người bệnh", "Patient received"),
    "referral.transfer_avoided": Words("Không phải chuyển viện", "Transfer avoided"),
    "consultation.case_presented": Words("Trình bày ca bệnh", "Case presented"),
    "consultation.issue_raised": Words("Nêu vấn đề", "Issue raised"),
    "consultation.opinion_given": Words("Cho ý kiến", "Opinion given"),
    "consultation.issue_concluded": Words("Kết luận", "Issue concluded"),
    "consultation.minutes_amended": Words("Đính chính biên bản", "Minutes amended"),
    "examination.ordered": Words("Chỉ định khám", "Examination ordered"),
    "examination.started": Words("Bắt đầu khám", "Examination started"),
    "examination.device_connected": Words("Kết nối thiết bị", "Device connected"),
    "examination.device_disconnected": Words("Ngắt thiết bị", "Device disconnected"),
    "examination.observation_recorded": Words("Ghi chỉ số", "Observation recorded"),
    "examination.image_captured": Words("Chụp ảnh", "Image captured"),
    "examination.assessment_recorded": Words("Đánh giá từ xa", "Assessment recorded"),
    "examination.diagnosis_made": Words("Chẩn đoán", "Diagnosis made"),
    "examination.decision_taken": Words("Quyết định tại chỗ", "Decision taken"),
    "examination.treatment_ordered": Words("Chỉ định điều trị", "Treatment ordered"),
    "examination.signed": Words("Ký phiếu khám", "Examination signed"),
    "examination.amended": Words("Đính chính phiếu khám", "Examination amended"),
    "examination.aborted": Words("Dừng khám", "Examination aborted"),
    "live_session.opened": Words("Mở phòng trực tuyến", "Live session opened"),
    "live_session.closed": Words("Đóng phòng trực tuyến", "Live session closed"),
    "live_session.participant_admitted": Words("Cho vào phòng", "Participant admitted"),
    "live_session.admission_changed": Words("Đổi vai trong phòng", "Admission changed"),
    "live_session.participant_joined": Words("Vào phòng", "Participant joined"),
    "live_session.transport_changed": Words("Đổi đường truyền", "Came by another way"),
    "live_session.participant_left": Words("Rời phòng", "Participant left"),
    "live_session.participant_lost": Words("Mất kết nối", "Participant lost"),
    "live_session.message_posted": Words("Nhắn tin trong phòng", "Message posted"),
    "live_session.participant_muted": Words("Tắt tiếng người trong phòng", "Participant muted"),
    "live_session.participant_unmuted": Words("Mở tiếng người trong phòng", "Participant unmuted"),
    "live_session.participant_removed": Words("Mời ra khỏi phòng", "Participant removed"),
    "live_session.participant_readmitted": Words("Cho vào phòng lại", "Participant readmitted"),
    "live_session.room_placed": Words("Chọn máy chủ của phòng", "Room placed"),
    "live_session.room_released": Words("Máy chủ trả phòng", "Room released"),
    "live_session.worker_lost": Words("Mất máy chủ của phòng", "Media worker lost"),
    "live_session.track_published": Words("Bắt đầu truyền hình, tiếng", "Picture or sound published"),
    "live_session.track_ended": Words("Ngừng truyền hình, tiếng", "Picture or sound ended"),
    "live_session.person_shown": Words("Có thêm người trong hình", "Person shown"),
    "live_session.person_hidden": Words("Người rời khỏi hình", "Person no longer shown"),
    "live_session.quality_degraded": Words("Giảm chất lượng đường truyền", "Quality degraded"),
    "live_session.quality_restored": Words("Phục hồi chất lượng", "Quality restored"),
    "live_session.diagnostic_quality_reached": Words("Đạt chất lượng chẩn đoán", "Diagnostic quality reached"),
    "live_session.diagnostic_quality_lost": Words("Dưới chất lượng chẩn đoán", "Diagnostic quality lost"),
    "live_session.picture_frozen": Words("Dừng hình", "Picture frozen"),
    "live_session.picture_released": Words("Chạy lại hình", "Picture released"),
    "live_session.pointer_placed": Words("Chỉ trên hình", "Pointer placed"),
    "live_session.stroke_drawn": Words("Vẽ trên hình", "Stroke drawn"),
    "live_session.strokes_cleared": Words("Xóa nét vẽ", "Strokes cleared"),
    "live_session.still_captured": Words("Chụp ảnh từ hình trực tiếp", "Still captured"),
    "live_session.recording_consented": Words("Đồng ý ghi hình", "Recording consented"),
    "live_session.recording_refused": Words("Từ chối ghi hình", "Recording refused"),
    "live_session.recording_consent_withdrawn": Words("Rút đồng ý ghi hình", "Recording consent withdrawn"),
    "live_session.recording_authorised": Words("Cho phép ghi hình", "Recording authorised"),
    "live_session.recording_started": Words("Bắt đầu ghi hình", "Recording started"),
    "live_session.first_bytes_written": Words("Bản ghi bắt đầu được lưu", "First bytes written"),
    "live_session.recording_interrupted": Words("Bản ghi gián đoạn", "Recording interrupted"),
    "live_session.recording_stopped": Words("Ngừng ghi hình", "Recording stopped"),
    "live_session.recording_sealed": Words("Niêm phong bản ghi", "Recording sealed"),
    "live_session.recording_failed": Words("Ghi hình thất bại", "Recording failed"),
    "live_session.recording_viewed": Words("Xem bản ghi hình", "Recording viewed"),
    "live_session.recording_exported": Words("Xuất bản ghi hình", "Recording exported"),
}
# Whose fields have changed since; an entry tells none of them.
RAISED = {
    "consent.withdrawn": 2,
    "live_session.participant_joined": 2,
    "live_session.recording_interrupted": 3,
    "live_session.still_captured": 2,
}
CORRECTIONS = frozenset({"consultation.minutes_amended", "examination.amended", "referral.revised"})
WITHDRAWALS = frozenset(
    {
        "patient.identity_withdrawn",
        "patient.relative_revoked",
        "consent.withdrawn",
        "referral.cancelled",
        "examination.aborted",
        "live_session.recording_consent_withdrawn",
    }
)
READINGS = frozenset({"live_session.recording_viewed", "live_session.recording_exported"})
NATURES = {
    "entry": Words("Ghi mới", "Entry"),
    "correction": Words("Đính chính", "Correction"),
    "withdrawal": Words("Thu hồi", "Withdrawal"),
    "reading": Words("Xem", "Reading"),
}
# The columns of the rows that events make.
ENTRY = ("happened_at", "recorded_at", "writer", "facility", "entry", "nature", "on_behalf_of")
MERGED = ("record", "recorded_at", "writer")
READER = ("happened_at", "reader", "facility", "entry")
WRITER = ("entries", "corrected", "first", "last")
SYSTEM = Words("Hệ thống", "The system")


class Entries(Network):
    def __init__(self, parameters: Mapping[str, str], reference: Mapping[str, Any]) -> None:
        super().__init__(parameters, reference)
        self.patient = parameters["patient"]
        self.people: dict[str, Words] = {}
        self.entries: list[Row] = []
        self.merged: list[Row] = []


report = Definition(
    "record_history",
    version=1,
    title=Words("Lịch sử hồ sơ người bệnh", "History of a patient's record"),
    parameters=[Parameter("patient", "id", Words("Mã người bệnh", "Patient"))],
    reference=["specialities"],
    start=Entries,
    content="case",
    subject="patient",
    withdrawing=WITHDRAWALS,
    correcting=CORRECTIONS,
)
report.takes("facility.registered", version=2)(Entries.facility_registered)
report.older("facility.registered", version=1)(Entries.registered_before_lists)


@report.takes("practitioner.registered", version=1)
def practitioner_registered(state: Entries, fact: Fact) -> None:
    name = fact.fields["full_name"]
    if isinstance(name, str):  # otherwise it is sealed, and the id stands for the person
        state.people[fact.stream] = Words(name, name)


def nature_of(name: str) -> str:
    """What an event of this name is to the record."""
    found = {"correction": CORRECTIONS, "withdrawal": WITHDRAWALS, "reading": READINGS}
    return next((nature for nature, names in found.items() if name in names), "entry")


def entered(state: Entries, fact: Fact) -> None:
    if fact.name == "patient.merged" and fact.fields["surviving_id"] == state.patient:
        cells: list[Value] = [fact.position, fact.stream, instant_of(fact.recorded_us), fact.actor]
        state.merged.append(Row(cells, of=("merged", str(fact.position))))
        state.tally.touch_row(fact, ("merged", str(fact.position)), MERGED)
    if fact.metadata.get("patient_id") != state.patient:
        return
    if "system" in fact.metadata["actor"]["roles"]:
        state.people.setdefault(fact.actor, SYSTEM)
    facility, nature = fact.actor_facility or "", nature_of(fact.name)
    happened, recorded = instant_of(fact.happened_us), instant_of(fact.recorded_us)
    key = ("entry", str(fact.position))
    row: list[Value] = [fact.position, happened, recorded, fact.actor, facility, fact.name, nature]
    state.entries.append(Row([*row, fact.on_behalf_of], of=key))
    state.tally.touch_row(fact, key, ENTRY)
    if nature == "reading":
        state.tally.touch_row(fact, ("reading", str(fact.position)), READER)
    state.tally.move(fact, {}, ones(("total", "entries"), ("total", nature)))
    state.tally.touch_row(fact, ("writer", fact.actor, facility), WRITER)


for _name in ENTRIES:
    report.takes(_name, version=RAISED.get(_name, 1))(entered)
    for _version in range(1, RAISED.get(_name, 1)):
        report.older(_name, version=_version)(dict)


@report.results
def result(state: Entries) -> Result:
    sections = [_total(state), _writers(state), _entries(state), _merged(state), _readers(state)]
    facilities = {"": Words("Không thuộc cơ sở nào", "No facility"), **state.facilities}
    known = {"entry": ENTRIES, "nature": NATURES, "person": state.people, "facility": facilities}
    return labelled(sections, {**state.words(), **known})


def _total(state: Entries) -> Section:
    titles = {
        "entries": Words("Số lần ghi", "Entries"),
        "correction": Words("Đính chính", "Corrections"),
        "withdrawal": Words("Thu hồi", "Withdrawals"),
        "reading": Words("Lượt xem đã ghi", "Readings recorded"),
    }
    figures = [
        Figure(name, title, "integer", state.tally.of("total", name), of=("total", name))
        for name, title in titles.items()
    ]
    return Section("total", Words("Tổng số", "Totals"), figures=figures)


def _writers(state: Entries) -> Section:
    found: dict[tuple[str, str], list[Row]] = {}
    for row in state.entries:
        found.setdefault((str(row.cells[3]), str(row.cells[4])), []).append(row)
    columns = [
        Column("writer", "code", Words("Người ghi", "Writer"), "person"),
        Column("facility", "code", Words("Cơ sở", "Facility"), "facility"),
        Column("entries", "integer", Words("Số lần ghi", "Entries")),
        Column("corrected", "integer", Words("Đính chính, thu hồi", "Corrections, withdrawals")),
        Column("first", "instant", Words("Lần đầu", "First")),
        Column("last", "instant", Words("Lần cuối", "Last")),
    ]
    rows = []
    for (writer, facility), written in found.items():
        corrected = sum(row.cells[6] in ("correction", "withdrawal") for row in written)
        moments = [str(row.cells[2]) for row in written]
        cells: list[Value] = [writer, facility, len(written), corrected, min(moments), max(moments)]
        rows.append(Row(cells, of=("writer", writer, facility)))
    title = Words("Ai đã ghi vào hồ sơ", "Who wrote into the record")
    chart = Chart("bar", title, "writer", ["entries"])
    return Section("writers", title, tables=[Table("writers", title, columns, ["writer", "facility"], rows, [chart])])


def _entries(state: Entries) -> Section:
    columns = [
        Column("position", "integer", Words("Vị trí", "Position")),
        Column("happened_at", "instant", Words("Diễn ra lúc", "Happened")),
        Column("recorded_at", "instant", Words("Ghi lúc", "Recorded")),
        Column("writer", "code", Words("Người ghi", "Writer"), "person"),
        Column("facility", "code", Words("Cơ sở", "Facility"), "facility"),
        Column("entry", "code", Words("Nội dung", "Entry"), "entry"),
        Column("nature", "code", Words("Tính chất", "Nature"), "nature"),
        Column("on_behalf_of", "code", Words("Thay cho", "On behalf of"), "person"),
    ]
    title = Words("Các lần ghi theo thứ tự", "Entries in their order")
    return Section("entries", title, tables=[Table("entries", title, columns, ["position"], state.entries)])


def _merged(state: Entries) -> Section:
    columns = [
        Column("position", "integer", Words("Vị trí", "Position")),
        Column("record", "code", Words("Hồ sơ được gộp vào", "Record that was merged into this one")),
        Column("recorded_at", "instant", Words("Ghi lúc", "Recorded")),
        Column("writer", "code", Words("Người ghi", "Writer"), "person"),
    ]
    title = Words("Hồ sơ đã gộp", "Merged records")
    note = Words(
        "Mỗi hồ sơ được gộp giữ lịch sử riêng, xem báo cáo của hồ sơ đó.",
        "Each merged record keeps its own history: ask for the report of that record.",
    )
    return Section("merged", title, [note], tables=[Table("merged", title, columns, ["position"], state.merged)])


def _readers(state: Entries) -> Section:
    columns = [
        Column("position", "integer", Words("Vị trí", "Position")),
        Column("happened_at", "instant", Words("Lúc", "At")),
        Column("reader", "code", Words("Người xem", "Reader"), "person"),
        Column("facility", "code", Words("Cơ sở", "Facility"), "facility"),
        Column("entry", "code", Words("Nội dung", "Entry"), "entry"),
    ]
    rows = [
        Row([row.cells[0], row.cells[1], *row.cells[3:6]], of=("reading", str(row.cells[0])))
        for row in state.entries
        if row.cells[6] == "reading"
    ]
    note = Words(
        "Chỉ việc xem và xuất bản ghi hình được ghi thành sự kiện trong nhật ký này. Việc xem các phần khác của hồ sơ "
        "chưa được ghi, nên báo cáo không liệt kê được.",
        "Only the viewing and exporting of recordings are facts of this log. The reading of other parts of the record "
        "is not recorded yet, so this report cannot list it.",
    )
    title = Words("Ai đã xem hồ sơ", "Who read the record")
    return Section("readers", title, [note], tables=[Table("readers", title, columns, ["position"], rows)])
