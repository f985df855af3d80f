"""A consultation that nobody attended is flagged with the reason, and one with its evidence is not."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from uuid import UUID

import pytest

from domain._kernel import Actor, Role
from domain._live import Part, ParticipantKind, Source
from domain._points import LeaveReason, PointRole
from domain._values import ConsultationKind
from domain.consultation import (
    CasePresented,
    ConsultationCancelled,
    ConsultationClosed,
    ConsultationOpened,
    IssueConcluded,
    IssueRaised,
    MinutesSigned,
    OpinionGiven,
    PointJoined,
    PointLeft,
)
from domain.examination import DeviceConnected, ExaminationOrdered
from domain.live_session import LiveSessionOpened, ParticipantAdmitted, TrackPublished
from projections.audit.reports._kit import Result
from projections.audit.reports.genuineness import EVIDENCE, FLAGS, report
from tests.history import LAUNCH_DAY, History, called
from tests.projections.audit.reports.facts import figures_of, reported, rows_of
from tests.projections.test_consultation_board import planned

BACH_MAI, SA_PA, SESSION = called("Bach Mai"), called("Sa Pa"), called("a consultation")
NGA = Actor(id=called("Dr Nga"), roles=frozenset({Role.DOCTOR}), facility_id=BACH_MAI)
MAY = Actor(id=called("Dr May"), roles=frozenset({Role.DOCTOR}), facility_id=SA_PA)
ISSUE, CASE = called("an issue"), called("a case")
AUGUST = {"month": "2020-08"}


class Told:
    """A genuine consultation of forty minutes; a test changes what it is about."""

    def __init__(self) -> None:
        self.joined, self.left, self.closed = 1, 40, 40
        self.cases = True
        self.presenter, self.adviser, self.signer = MAY, NGA, MAY.id
        self.entry_delay = timedelta(0)
        self.entered_at: datetime | None = None
        self.examined = True
        self.senders: tuple[UUID, ...] = (BACH_MAI, SA_PA)
        self.point: UUID | None = SA_PA
        self.teaching = False

    def events(self) -> History:
        history = History()
        plan = planned().model_copy(update={"teaching": self.teaching, "kind": ConsultationKind.CONSULTATION})
        history.happened(SESSION, plan, at=LAUNCH_DAY)
        history.happened(SESSION, ConsultationOpened(), at=LAUNCH_DAY)
        if self.point is not None:
            joined = PointJoined(facility_id=self.point, role=PointRole.BRIDGE_POINT, place=2, rejoined=False)
            history.happened(SESSION, joined, at=self.minute(self.joined))
            left = PointLeft(facility_id=self.point, reason=LeaveReason.LEFT, gave_back_floor=False)
            history.happened(SESSION, left, at=self.minute(self.left))
        if self.cases:
            self._discuss(history)
        if self.examined:
            self._examine(history)
        self._send(history)
        history.happened(
            SESSION,
            ConsultationClosed(minutes_version=1, content_sha256="ab" * 32, sides=(BACH_MAI, SA_PA)),
            at=self.minute(self.closed),
        )
        for facility, signer in ((BACH_MAI, NGA.id), (SA_PA, self.signer)):
            signed = MinutesSigned(
                facility_id=facility, practitioner_id=signer, minutes_version=1, content_sha256="ab" * 32
            )
            history.happened(SESSION, signed, at=self.minute(50))
        return history

    def _discuss(self, history: History) -> None:
        at_point, patient = self.presenter.facility_id or SA_PA, called("a patient")
        told = [
            (
                CasePresented(case_id=CASE, patient_id=patient, facility_id=at_point, summary="Đau ngực."),
                self.presenter,
            ),
            (IssueRaised(issue_id=ISSUE, case_id=CASE, facility_id=at_point, question="Mổ không?"), self.presenter),
            (
                OpinionGiven(
                    issue_id=ISSUE,
                    facility_id=self.adviser.facility_id or BACH_MAI,
                    practitioner_id=self.adviser.id,
                    speciality="cardiology",
                    opinion="Chưa mổ.",
                ),
                self.adviser,
            ),
            (IssueConcluded(issue_id=ISSUE, conclusion="Theo dõi."), self.adviser),
        ]
        for number, (event, by) in enumerate(told):
            at = self.minute(5 + 5 * number)
            recorded = (self.entered_at or at) + self.entry_delay
            history.happened(SESSION, event, at=at, by=by, recorded=recorded)

    def _send(self, history: History) -> None:
        room = called("a room")
        history.happened(room, LiveSessionOpened(consultation_id=SESSION, facility_id=BACH_MAI), at=self.minute(0))
        for facility in self.senders:
            admitted = ParticipantAdmitted(
                participant_id=facility,
                person_id=facility,
                kind=ParticipantKind.POINT,
                part=Part.SPEAKER,
                facility_id=facility,
            )
            track = TrackPublished(
                track_id=facility, participant_id=facility, source=Source.CAMERA, codec="h264", people=()
            )
            history.happened(room, admitted, at=self.minute(1))
            history.happened(room, track, at=self.minute(2))

    def _examine(self, history: History) -> None:
        ordered = ExaminationOrdered(
            patient_id=called("a patient"),
            point_id=SA_PA,
            remote_facility_id=BACH_MAI,
            remote_doctor_id=NGA.id,
            kind=ConsultationKind.TELE_IMAGING,
            speciality="cardiology",
            consultation_id=SESSION,
        )
        history.happened(called("an examination"), ordered, at=self.minute(10))
        device = DeviceConnected(device_id=called("device"), device_kind="US", maker="M")
        history.happened(called("an examination"), device, at=self.minute(11))

    @staticmethod
    def minute(number: int) -> datetime:
        return LAUNCH_DAY + timedelta(minutes=number)


def result_of(told: Told) -> Result:
    return reported(report, told.events().events, AUGUST)


def flagged(result: Result) -> list[object]:
    return [row["flag"] for row in rows_of(result, "flagged")]


def test_a_consultation_with_its_evidence_is_not_flagged() -> None:
    result = result_of(Told())
    assert flagged(result) == []
    assert figures_of(result)["flagged_percent"] == "0.0"
    assert {row["evidence"]: row["consultations"] for row in rows_of(result, "by_evidence")} == dict.fromkeys(
        EVIDENCE, 1
    )
    assert [row["consultations"] for row in rows_of(result, "by_overlap")] == [0, 0, 0, 0, 1, 0]


def test_what_only_one_side_sent_into_the_room_is_no_evidence_of_both() -> None:
    told = Told()
    told.senders = (SA_PA,)
    evidence = {row["evidence"]: row["consultations"] for row in rows_of(result_of(told), "by_evidence")}
    assert evidence == {**dict.fromkeys(EVIDENCE, 1), "seen_and_heard": 0}


def never_came(told: Told) -> None:
    told.point = None


def came_when_all_had_gone(told: Told) -> None:
    told.joined, told.left = 40, 45


def stayed_for_four_minutes(told: Told) -> None:
    told.left = 5


def nothing_was_presented(told: Told) -> None:
    told.cases = False


def the_centre_wrote_for_both(told: Told) -> None:
    told.presenter = Actor(id=called("Dr Hieu"), roles=NGA.roles, facility_id=BACH_MAI)


def one_person_wrote_for_both(told: Told) -> None:
    told.presenter = MAY
    told.adviser = Actor(id=MAY.id, roles=NGA.roles, facility_id=BACH_MAI)


def all_was_entered_at_once(told: Told) -> None:
    told.entered_at = Told.minute(39)


def all_was_entered_days_later(told: Told) -> None:
    told.entry_delay = timedelta(hours=24, seconds=1)


def one_person_signed_for_both(told: Told) -> None:
    told.signer = NGA.id


CAUSES: dict[str, Callable[[Told], None]] = {
    "no_point": never_came,
    "no_overlap": came_when_all_had_gone,
    "short": stayed_for_four_minutes,
    "nothing_presented": nothing_was_presented,
    "silent_side": the_centre_wrote_for_both,
    "one_author": one_person_wrote_for_both,
    "written_at_once": all_was_entered_at_once,
    "entered_late": all_was_entered_days_later,
    "one_signer": one_person_signed_for_both,
}


@pytest.mark.parametrize("flag", FLAGS)
def test_each_reason_to_ask_is_found_alone(flag: str) -> None:
    told = Told()
    CAUSES[flag](told)
    result = result_of(told)
    assert flagged(result) == [flag]
    assert figures_of(result)["unattended"] == int(flag in ("no_point", "no_overlap"))


def test_five_minutes_together_are_not_short() -> None:
    told = Told()
    told.left = 6
    assert flagged(result_of(told)) == []


def test_teaching_needs_no_case() -> None:
    told = Told()
    told.cases, told.teaching = False, True
    assert flagged(result_of(told)) == []


def test_what_is_not_closed_is_not_judged_and_what_was_cancelled_is_not_counted() -> None:
    events = Told().events().events
    opened = [at for at in events if not isinstance(at.event, ConsultationClosed | MinutesSigned)]
    found = figures_of(reported(report, opened, AUGUST))
    assert (found["held"], found["open"], found["judged"]) == (1, 1, 0)
    history = History()
    history.happened(SESSION, planned())
    history.happened(SESSION, ConsultationOpened())
    history.happened(SESSION, ConsultationCancelled(reason="Mất điện."))
    assert figures_of(reported(report, history.events, AUGUST))["held"] == 0


def test_the_time_together_is_that_of_the_centre_and_any_point_counted_once() -> None:
    told = Told()
    history = told.events()
    other = called("Hai Phong")
    before = [at for at in history.events if not isinstance(at.event, ConsultationClosed | MinutesSigned)]
    history.events = before
    joined = PointJoined(facility_id=other, role=PointRole.BRIDGE_POINT, place=3, rejoined=False)
    history.happened(SESSION, joined, at=Told.minute(20))
    away = PointLeft(facility_id=BACH_MAI, reason=LeaveReason.LINE_LOST, gave_back_floor=False)
    history.happened(SESSION, away, at=Told.minute(30))
    history.happened(
        SESSION, ConsultationClosed(minutes_version=1, content_sha256="ab" * 32, sides=()), at=Told.minute(60)
    )
    only = MinutesSigned(facility_id=BACH_MAI, practitioner_id=NGA.id, minutes_version=1, content_sha256="ab" * 32)
    history.happened(SESSION, only, at=Told.minute(61))
    same = MinutesSigned(facility_id=SA_PA, practitioner_id=NGA.id, minutes_version=1, content_sha256="ab" * 32)
    history.happened(SESSION, same, at=Told.minute(62))
    (row,) = rows_of(reported(report, history.events, AUGUST), "flagged")
    assert (row["flag"], row["together_minutes"]) == ("one_signer", "29.0")
