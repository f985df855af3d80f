"""A report and the live view that answers the same question hold the same figures, whatever happened."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Any, TypeVar

import pytest
from hypothesis import given, settings

from domain._kernel import Recorded
from domain._values import local_day
from domain.referral import Status
from infra.postgres import Connection
from projections import activity as activity_view
from projections import consultation_minutes, examination_timeline, patient_record, referral_inbox
from projections import deployment_progress as deployment_view
from projections._fold import Fold, take_in
from projections._page import EVERYTHING
from projections._table import Row, Table
from projections._view import View
from projections.activity import Act, ActivityKind
from projections.audit.reports import (
    activity,
    deployment_progress,
    examinations,
    genuineness,
    minutes,
    record_history,
    referral_clocks,
    supporting_facility_year,
)
from projections.audit.reports._kit import Definition, Value, instant_of, microseconds, ranked
from projections.consultation_minutes import Minutes, MinutesVersion
from projections.deployment_progress import ConnectionStep
from projections.examination_timeline import Examination
from projections.patient_record import RecordEntry
from projections.referral_inbox import Referral
from tests.projections.audit.reports.facts import figures_of, reported, rows_of
from tests.projections.audit.reports.histories import POINTS, histories
from tests.projections.conftest import TakeIn
from tests.story_network import BACH_MAI, CONSULTATION, PATIENT_OF_SA_PA, PATIENT_OF_THAI_NGUYEN

R = TypeVar("R", bound=Row)
MINUTE = 60_000_000


def viewed(view: View, table: Table[R], row: type[R], events: Sequence[Recorded]) -> list[R]:
    """The rows of a view's table, folded by the view's own handlers."""
    folds = [Fold(one, one.name, complete=True) for one in view.tables]
    for at in events:
        take_in(folds, at)
    (fold,) = [one for one in folds if one.table is table]
    return [one for one in fold.rows.values() if isinstance(one, row)]


def figures(definition: Definition, events: Sequence[Recorded], **parameters: str) -> dict[str, Value]:
    return figures_of(reported(definition, events, parameters))


def acts_in(events: Sequence[Recorded], month: str) -> list[Act]:
    rows = viewed(activity_view.view, activity_view.acts, Act, events)
    return [row for row in rows if row.day is not None and row.day.isoformat()[:7] == month]


def agree_on_activity(events: Sequence[Recorded], month: str) -> None:
    acts = acts_in(events, month)
    found = figures(activity.report, events, month=month)
    assert found == {kind.value: sum(act.activity is kind for act in acts) for kind in ActivityKind}


def agree_on_clocks(events: Sequence[Recorded]) -> None:
    rows = viewed(referral_inbox.view, referral_inbox.referrals, Referral, events)
    sent = [row for row in rows if row.submission]
    found = figures(referral_clocks.report, events, since="2000-01", until="2099-12")
    assert found["sent"] == sum(row.submission for row in sent)
    assert found["waiting"] == sum(row.status is Status.SUBMITTED for row in sent)
    if all(row.submission == 1 for row in sent):
        # The view keeps the last submission of a referral, so only of these it knows every wait.
        assert found["lapse_recorded"] == sum(row.overdue for row in sent)
        waits = [
            max(0, us(row.first_answer_at) - us(row.submitted_at))
            for row in sent
            if row.first_answer_at is not None and row.submitted_at is not None
        ]
        assert found["answered"] == len(waits)
        middle = ranked(waits, 50)
        assert found["median_minutes"] == (None if middle is None else f"{middle / MINUTE:.1f}")
    kept = [row for row in sent if row.status is not Status.CANCELLED]
    tenths = round(1000 * sum(row.closed_at is not None for row in kept) / len(kept)) if kept else None
    assert found["closed_percent"] == (None if tenths is None else f"{tenths // 10}.{tenths % 10}")


def us(moment: datetime) -> int:
    return microseconds(moment.isoformat())


def agree_on_examinations(events: Sequence[Recorded], month: str) -> None:
    made = {act.act_id for act in acts_in(events, month) if act.activity is ActivityKind.EXAMINATION}
    timeline = viewed(examination_timeline.view, examination_timeline.examinations_, Examination, events)
    rows = [row for row in timeline if row.examination_id in made]
    result = reported(examinations.report, events, {"month": month})
    found = figures_of(result)
    assert found["examinations"] == len(rows)
    assert found["images"] == sum(row.images for row in rows)
    assert found["not_for_diagnosis"] == sum(row.images - row.images_for_diagnosis for row in rows)
    by_point = {row["facility"]: row["images"] for row in rows_of(result, "by_facility")}
    assert by_point == {str(point): sum(row.images for row in rows if row.point_id == point)
                        for point in {row.point_id for row in rows}}  # fmt: skip


def agree_on_deployment(events: Sequence[Recorded], day: date) -> None:
    view = [one for one in viewed_steps(events) if one.day <= day]
    found = figures(deployment_progress.report, events, day=day.isoformat())
    assert found["connected"] == sum(one.step for one in view)


def viewed_steps(events: Sequence[Recorded]) -> list[ConnectionStep]:
    return viewed(deployment_view.view, deployment_view.steps, ConnectionStep, events)


def agree_on_a_year(events: Sequence[Recorded], facility: Any, year: str) -> None:
    rows = viewed(activity_view.view, activity_view.acts, Act, events)
    mine = [row for row in rows if row.day and str(row.day.year) == year and row.helping_facility_id == facility]
    found = figures(supporting_facility_year.report, events, facility=str(facility), year=year)
    for name, kind in (
        ("consultations", ActivityKind.CONSULTATION),
        ("examinations", ActivityKind.EXAMINATION),
        ("referrals", ActivityKind.REFERRAL),
    ):
        assert found[name] == sum(row.activity is kind for row in mine)


def agree_on_sessions(events: Sequence[Recorded], month: str) -> None:
    held = [act for act in acts_in(events, month) if act.activity is ActivityKind.CONSULTATION]
    assert figures(genuineness.report, events, month=month)["held"] == len(held)


def agree_on_everything(events: Sequence[Recorded]) -> None:
    for month in ("2020-06", "2020-07", "2020-08"):
        agree_on_activity(events, month)
        agree_on_examinations(events, month)
        agree_on_sessions(events, month)
    agree_on_clocks(events)
    for day in (date(2020, 6, 20), date(2020, 8, 31), date(2021, 1, 1)):
        agree_on_deployment(events, day)
    for facility in (*POINTS, BACH_MAI):
        agree_on_a_year(events, facility, "2020")


def test_reports_and_views_agree_on_the_story(whole_story: Sequence[Recorded]) -> None:
    agree_on_everything(whole_story)


@settings(max_examples=60, deadline=None)
@given(histories())
def test_reports_and_views_agree_whatever_happened(events: Sequence[Recorded]) -> None:
    agree_on_everything(events)


def test_the_minutes_are_those_of_the_view(whole_story: Sequence[Recorded]) -> None:
    view = consultation_minutes
    (row,) = [
        one for one in viewed(view.view, view.minutes_, Minutes, whole_story) if one.consultation_id == CONSULTATION
    ]
    versions = viewed(view.view, view.versions_, MinutesVersion, whole_story)
    result = reported(minutes.report, whole_story, {"consultation": str(CONSULTATION)})
    found = figures_of(result)
    assert (found["title"], found["status"], found["chair"]) == (row.title, row.status, str(row.chair_id))
    assert found["content_sha256"] == row.content_sha256
    assert found["genuine"] == ("yes" if row.genuine else "no") == "yes"
    said = [(section.figures[0].value, section.figures[2].value, [one.cells[4] for one in section.tables[0].rows])
            for section in result.sections if section.name.startswith("issue_")]  # fmt: skip
    assert said == [
        (issue["question"], issue["conclusion"], [opinion["opinion"] for opinion in issue["opinions"]])
        for case in row.cases
        for issue in case["issues"]
    ]
    signed = {(one["version"], one["facility"], one["practitioner"]) for one in rows_of(result, "signatures")}
    assert signed == {
        (version.minutes_version, str(one["facility_id"]), str(one["practitioner_id"]))
        for version in versions
        for one in version.signatures
    }


@pytest.mark.parametrize("patient", [PATIENT_OF_SA_PA, PATIENT_OF_THAI_NGUYEN])
def test_the_history_of_a_record_names_every_entry_of_the_view(whole_story: Sequence[Recorded], patient: Any) -> None:
    rows = viewed(patient_record.view, patient_record.record, RecordEntry, whole_story)
    mine = sorted((row for row in rows if row.patient_id == patient), key=lambda row: row.position)
    result = reported(record_history.report, whole_story, {"patient": str(patient)})
    shown = [(one["position"], one["entry"], one["writer"], one["happened_at"]) for one in rows_of(result, "entries")]
    assert shown == [(row.position, row.event, str(row.actor_id), instant_of(us(row.happened_at))) for row in mine]
    assert figures_of(result)["entries"] == len(mine)


async def test_the_share_of_a_target_is_written_as_the_view_writes_it(
    db: Connection, whole_story: Sequence[Recorded], take_in: TakeIn
) -> None:
    await take_in(whole_story)
    day = local_day(datetime(2020, 8, 31, tzinfo=UTC))
    view = await deployment_view.deployment_progress(db, EVERYTHING, day)
    result = reported(deployment_progress.report, whole_story, {"day": day.isoformat()})
    shown = [(row["target"], float(str(row["percent"]))) for row in rows_of(result, "targets")]
    assert shown == [(target.points, target.percent) for target in view.targets]
    provinces = {row["province"]: row["connected"] for row in rows_of(result, "by_province")}
    assert provinces == {one.province_code: one.connected for one in view.by_province}
