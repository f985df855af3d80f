"""What the views say after the launch day and all that followed it: minutes, timeline, record, practitioner's day."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta

import pytest

from domain._kernel import Recorded
from domain.consultation import OpinionGiven, Status
from domain.examination import Status as ExaminationStatus
from infra.postgres import Connection
from projections import consultation_board, consultation_minutes, examination_timeline, patient_record, practitioner_day
from projections._page import EVERYTHING, NOTHING
from projections._timeline import Happening
from projections.patient_record import RecordAggregate
from tests.history import LAUNCH_DAY, called
from tests.projections.conftest import TakeIn
from tests.story_network import (
    BACH_MAI,
    CONSULTATION,
    DUNG,
    EXAMINATION,
    HIEU,
    MAY,
    NGA,
    PATIENT_OF_SA_PA,
    PATIENT_OF_THAI_NGUYEN,
    SA_PA,
    THAI_NGUYEN,
)
from tests.story_twists import SECOND_RECORD


@pytest.fixture
async def told(whole_story: Sequence[Recorded], take_in: TakeIn) -> None:
    await take_in(whole_story)


@pytest.mark.usefixtures("told")
async def test_the_minutes_hold_each_issue_with_its_opinions_and_conclusion(db: Connection) -> None:
    minutes = await consultation_minutes.consultation_minutes(db, EVERYTHING, CONSULTATION)
    assert minutes is not None
    assert [case["facility_id"] for case in minutes.cases] == [THAI_NGUYEN, SA_PA]
    assert [case["presented_by"] for case in minutes.cases] == [DUNG, MAY]
    for case in minutes.cases:
        (issue,) = case["issues"]
        assert [opinion["practitioner_id"] for opinion in issue["opinions"]] == [HIEU, case["presented_by"]]
        assert (issue["conclusion"], issue["concluded_by"]) == ("Chuyển can thiệp mạch vành cấp cứu.", NGA)
    came = await consultation_minutes.participants(db, minutes)
    assert [one.facility_id for one in came] == [BACH_MAI, THAI_NGUYEN, SA_PA]
    assert await consultation_minutes.consultation_minutes(db, NOTHING, CONSULTATION) is None


@pytest.mark.usefixtures("told")
async def test_every_version_of_the_minutes_stays_readable_with_its_signatures(db: Connection) -> None:
    minutes = await consultation_minutes.consultation_minutes(db, EVERYTHING, CONSULTATION)
    assert minutes is not None
    first, second = await consultation_minutes.versions(db, minutes)
    assert [signature["facility_id"] for signature in first.signatures] == [BACH_MAI, THAI_NGUYEN, SA_PA]
    assert first.completed_at is not None
    assert (second.signatures, second.completed_at, second.reason) == ([], None, "Ghi nhầm liều.")
    assert (minutes.minutes_version, minutes.status) == (2, Status.CLOSED)
    assert minutes.content_sha256 == second.content_sha256 != first.content_sha256
    assert minutes.genuine


async def test_minutes_that_show_another_text_than_was_signed_are_not_genuine(
    db: Connection, whole_story: Sequence[Recorded], take_in: TakeIn
) -> None:
    forged = [
        replace(at, event=at.event.model_copy(update={"opinion": "Một lời khác."}))
        if isinstance(at.event, OpinionGiven)
        else at
        for at in whole_story
    ]
    await take_in(forged, consultation_minutes.view)
    minutes = await consultation_minutes.consultation_minutes(db, EVERYTHING, CONSULTATION)
    assert minutes is not None
    assert not minutes.genuine


@pytest.mark.usefixtures("told")
async def test_the_timeline_tells_the_examination_in_order_with_its_images(db: Connection) -> None:
    page = await examination_timeline.examination_timeline(db, EVERYTHING, EXAMINATION)
    assert [entry.what for entry in page.rows] == [
        Happening.ORDERED,
        Happening.STARTED,
        Happening.DEVICE_CONNECTED,
        Happening.OBSERVATION_RECORDED,
        Happening.IMAGE_CAPTURED,
        Happening.IMAGE_CAPTURED,
        Happening.ASSESSMENT_RECORDED,
        Happening.DIAGNOSIS_MADE,
        Happening.DECISION_TAKEN,
        Happening.TREATMENT_ORDERED,
        Happening.DEVICE_DISCONNECTED,
        Happening.SIGNED,
        Happening.AMENDED,
    ]
    images = (
        await examination_timeline.examination_timeline(db, EVERYTHING, EXAMINATION, [Happening.IMAGE_CAPTURED])
    ).rows
    shown = [(entry.image["diagnostic"], entry.image["sha256"][:2]) for entry in images if entry.image]
    assert shown == [(True, "ab"), (False, "cd")]
    assert page.rows[6].assessment is not None
    assert page.rows[6].assessment["images_not_for_diagnosis"] == [called("blurred image")]
    assert {entry.actor_id for entry in page.rows} == {DUNG, NGA}


@pytest.mark.usefixtures("told")
async def test_a_subscriber_of_an_examination_asks_for_what_is_new_only(db: Connection) -> None:
    row = await examination_timeline.examination(db, EVERYTHING, EXAMINATION)
    assert row is not None
    assert (row.status, row.images, row.images_for_diagnosis, row.observations) == (ExaminationStatus.SIGNED, 2, 1, 1)
    assert (row.devices_connected, row.amendments) == ([], 1)
    assert [entry.version for entry in await examination_timeline.entries(db, row, after_version=11)] == [12, 13]
    assert len(await examination_timeline.entries(db, row)) == 13
    of_the_point = await examination_timeline.examinations(db, EVERYTHING, point_id=THAI_NGUYEN)
    assert [one.status for one in of_the_point.rows] == [ExaminationStatus.ABORTED, ExaminationStatus.SIGNED]


@pytest.mark.usefixtures("told")
async def test_the_record_holds_everything_about_one_patient_in_order(
    db: Connection, whole_story: Sequence[Recorded]
) -> None:
    expected = [at.position for at in whole_story if at.metadata.patient_id == PATIENT_OF_THAI_NGUYEN]
    seen: list[int] = []
    after = None
    while True:
        part = await patient_record.patient_record(db, EVERYTHING, PATIENT_OF_THAI_NGUYEN, size=10, after=after)
        seen += [entry.position for entry in part.rows]
        if not part.has_next:
            break
        after = part.cursors[-1]
    assert seen == expected
    examinations = [RecordAggregate.EXAMINATION]
    only = await patient_record.patient_record(db, EVERYTHING, PATIENT_OF_THAI_NGUYEN, examinations)
    assert {entry.aggregate for entry in only.rows} == {RecordAggregate.EXAMINATION}
    before = await patient_record.patient_record(db, EVERYTHING, PATIENT_OF_THAI_NGUYEN, until=LAUNCH_DAY)
    assert [entry.event for entry in before.rows] == ["patient.registered"]
    assert (await patient_record.patient_record(db, NOTHING, PATIENT_OF_THAI_NGUYEN)).rows == []


@pytest.mark.usefixtures("told")
async def test_the_surviving_record_includes_the_merged_one_and_not_the_other_way_round(db: Connection) -> None:
    survivor = await patient_record.patient_record(db, EVERYTHING, PATIENT_OF_SA_PA, [RecordAggregate.PATIENT])
    assert {entry.patient_id for entry in survivor.rows} == {PATIENT_OF_SA_PA, SECOND_RECORD}
    merged = await patient_record.patient_record(db, EVERYTHING, SECOND_RECORD)
    assert {entry.patient_id for entry in merged.rows} == {SECOND_RECORD}
    assert set(await patient_record.known_as(db, PATIENT_OF_SA_PA)) == {PATIENT_OF_SA_PA, SECOND_RECORD}


@pytest.mark.usefixtures("told")
async def test_a_practitioners_day_holds_duty_consultations_and_examinations(db: Connection) -> None:
    day = date(2020, 8, 27)
    nga = await practitioner_day.practitioner_day(db, EVERYTHING, NGA, day)
    assert [duty.facility_id for duty in nga.duties] == [BACH_MAI]
    titles = [one.title for one in nga.consultations]
    assert titles == ["Hội chẩn tim mạch ngày khai trương", "Hội chẩn buổi chiều"], "also what was handed over"
    assert EXAMINATION in [one.examination_id for one in nga.examinations]
    assert [
        one.consultation_id
        for one in (await practitioner_day.practitioner_day(db, EVERYTHING, DUNG, day)).consultations
    ] == []
    tomorrow = await practitioner_day.practitioner_day(db, EVERYTHING, MAY, day + timedelta(days=1))
    assert tomorrow.duties == [], "hours that were released before they began are gone"


@pytest.mark.usefixtures("told")
async def test_what_the_board_shows_is_what_the_minutes_say(db: Connection) -> None:
    board = await consultation_board.consultation_board(db, EVERYTHING, CONSULTATION)
    minutes = await consultation_minutes.consultation_minutes(db, EVERYTHING, CONSULTATION)
    assert board is not None
    assert minutes is not None
    said = {issue["issue_id"]: issue for case in minutes.cases for issue in case["issues"]}
    for issue in board.issues:
        assert issue["opinions"] == len(said[issue["issue_id"]]["opinions"])
        assert issue["conclusion"] == said[issue["issue_id"]]["conclusion"]
    assert board.status is minutes.status
