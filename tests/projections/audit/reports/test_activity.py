"""The report on activity counts what the view counts, and nothing twice."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from domain._values import ConsultationKind, Tier
from domain.consultation import ConsultationCancelled, ConsultationOpened
from domain.examination import ExaminationAborted
from domain.facility import FacilityRegistered
from domain.referral import ReferralReturned
from projections.audit.reports._kit import Result
from projections.audit.reports.activity import report
from tests.history import LAUNCH_DAY, History, called
from tests.projections.audit.reports.facts import reported
from tests.projections.test_activity import BACH_MAI, examined
from tests.projections.test_consultation_board import planned
from tests.projections.test_referral_inbox import sent, submission

AUGUST = {"month": "2020-08"}


def totals(result: Result) -> dict[str, object]:
    return {figure.name: figure.value for figure in result.sections[0].figures}


def rows(result: Result, name: str) -> list[list[object]]:
    (table,) = [table for _, table in result.tables() if table.name == name]
    return [list(row.cells) for row in table.sorted_rows()]


def test_a_late_entry_counts_in_the_month_of_its_work_in_viet_nam() -> None:
    history, late = History(), datetime(2020, 8, 31, 16, 59, tzinfo=UTC)  # A minute before midnight in Viet Nam.
    examined(history, "august", late, recorded=datetime(2020, 11, 1, tzinfo=UTC))
    examined(history, "september", late + timedelta(minutes=1))
    found = reported(report, history.events, AUGUST)
    assert totals(found) == {"consultation": 0, "examination": 1, "referral": 0}
    assert rows(found, "by_day") == [["2020-08-31", 0, 1, 0]]
    assert rows(reported(report, history.events, {"month": "2020-09"}), "by_day") == [["2020-09-01", 0, 1, 0]]


def test_only_what_took_place_counts() -> None:
    history = History()
    examined(history, "aborted", LAUNCH_DAY)
    history.happened(called("aborted"), ExaminationAborted(reason="Máy hỏng"))
    history.happened(called("only planned"), planned())
    for name in ("held", "opened and cancelled"):
        history.happened(called(name), planned())
        history.happened(called(name), ConsultationOpened())
    history.happened(called("opened and cancelled"), ConsultationCancelled(reason="Mất điện"))
    found = reported(report, history.events, AUGUST)
    assert totals(found) == {"consultation": 1, "examination": 0, "referral": 0}
    assert rows(found, "by_mode") == [["remote_consultation", 1, 0, 0]]


def test_a_referral_that_was_sent_twice_counts_once_as_it_was_sent_last() -> None:
    history = History()
    stream = sent(history, "sent twice")
    history.happened(stream, ReferralReturned(reason="Sai chuyên khoa"))
    again = submission(number=2).model_copy(update={"speciality": "neurology"})
    history.happened(stream, again, at=LAUNCH_DAY + timedelta(days=40))
    found = reported(report, history.events, AUGUST)
    assert totals(found) == {"consultation": 0, "examination": 0, "referral": 1}
    assert rows(found, "by_speciality") == [["neurology", 0, 0, 1]]


def test_activity_is_counted_by_province_and_can_be_asked_for_one() -> None:
    history = History()
    for name, code, province in (("Bach Mai", "01", "Hà Nội"), ("Sa Pa", "10", "Lào Cai")):
        registered = FacilityRegistered(
            national_code=code, name_vi=name, tier=Tier.DISTRICT, province_code=code, province=province
        )
        history.happened(called(name), registered)
    sent(history, "a referral")
    examined(history, "one", LAUNCH_DAY)
    found = reported(report, history.events, AUGUST)
    assert rows(found, "by_helping_province") == [["01", 0, 1, 1]]
    assert rows(found, "by_asking_province") == [["10", 0, 1, 1]]
    assert rows(found, "by_helping_facility") == [[str(BACH_MAI), 0, 1, 1]]
    assert found.labels["province"]["10"].vi == "Lào Cai"
    assert found.labels["kind"].keys() <= set(ConsultationKind)
    assert totals(reported(report, history.events, {**AUGUST, "province": "10"}))["referral"] == 0
    assert totals(reported(report, history.events, {**AUGUST, "province": "01"}))["referral"] == 1
