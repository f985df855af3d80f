"""The reference data: what the files say of a day, and how a bad row is named."""

from __future__ import annotations

import json
import shutil
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from domain._reference import NoRuleInForce, ReferenceData
from domain._values import Coding, ConsultationKind, LinkQuality, RemoteMode, Tier, Urgency
from infra.reference import FOLDER, ReferenceDataInvalid, load

IN_2019, LAUNCH_DAY, IN_2024 = date(2019, 6, 1), date(2020, 8, 27), date(2024, 6, 1)
RULES = load()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(FOLDER, tmp_path / "reference"))


def change(folder: Path, name: str, row: int, **fields: Any) -> None:
    path = folder / f"{name}.json"
    rows = json.loads(path.read_text(encoding="utf-8"))
    rows[row - 1].update(fields)
    path.write_text(json.dumps(rows), encoding="utf-8")


def icd(code: str, version: str = "2019") -> Coding:
    return Coding(system="icd-10", version=version, code=code, display=code)


def problems(folder: Path) -> tuple[str, ...]:
    with pytest.raises(ReferenceDataInvalid) as refused:
        load(folder)
    return refused.value.problems


def test_every_list_has_rows_and_every_row_has_a_source() -> None:
    lists = [getattr(RULES, name) for name in ReferenceData.model_fields if name != "digest"]
    assert all(lists)
    assert all(row.source for rows in lists for row in rows)


def test_the_clocks_of_the_launch_day_run_15_minutes_4_hours_and_3_days() -> None:
    clocks = [RULES.first_answer_within(urgency, LAUNCH_DAY) for urgency in Urgency]
    assert clocks == [timedelta(minutes=15), timedelta(hours=4), timedelta(days=3)]


def test_no_clock_runs_before_the_first_rule() -> None:
    with pytest.raises(NoRuleInForce, match="urgency clock"):
        RULES.first_answer_within(Urgency.URGENT, date(2015, 1, 1))
    with pytest.raises(NoRuleInForce, match="quality gate"):
        RULES.diagnostic_quality(LinkQuality(bitrate_kbps=1, delay_ms=1, loss_percent=0), date(2015, 1, 1))


def test_the_allowed_diseases_hold_from_2024_on_and_not_in_2019() -> None:
    assert not RULES.treatable_remotely(icd("I10"), IN_2019)
    assert RULES.treatable_remotely(icd("I10"), IN_2024)
    assert RULES.treatable_remotely(icd("M17.1"), IN_2024)
    assert not RULES.treatable_remotely(icd("I21.0"), IN_2024)


def test_the_icd_version_follows_the_day() -> None:
    assert RULES.accepts(icd("K80.2", "2016"), date(2018, 6, 1))
    assert not RULES.accepts(icd("K80.2", "2016"), LAUNCH_DAY)
    assert RULES.accepts(icd("K80.2", "2019"), LAUNCH_DAY)
    assert not RULES.accepts(icd("K80.2", "vn"), LAUNCH_DAY)
    assert RULES.accepts(icd("K80.2", "vn"), IN_2024)


@pytest.mark.parametrize("code", ["k80.2", "K8", "K80.", "K80.234", "gallstones"])
def test_a_code_has_the_form_of_its_system(code: str) -> None:
    assert not RULES.accepts(icd(code), LAUNCH_DAY)


def test_direct_care_of_patients_is_a_service_of_2024_and_not_of_2019() -> None:
    kind, mode = ConsultationKind.CONSULTATION, RemoteMode.DIRECT_TO_PATIENT
    assert not RULES.allows_service(kind, mode, IN_2019)
    assert RULES.allows_service(kind, mode, IN_2024)
    assert {row.kind for row in RULES.remote_services} == set(ConsultationKind)


def test_every_tier_has_a_line_requirement() -> None:
    assert [RULES.line_needed(tier, LAUNCH_DAY) for tier in Tier] == [50_000, 4_000, 4_000, 4_000]


def test_there_is_a_speciality_for_each_service_of_the_launch() -> None:
    assert len(RULES.specialities) >= 35
    assert RULES.knows_speciality("cardiology", LAUNCH_DAY)
    assert not RULES.knows_speciality("alchemy", LAUNCH_DAY)


def test_a_picture_below_the_gate_is_not_for_diagnosis() -> None:
    good = {"bitrate_kbps": 2000, "delay_ms": 200, "loss_percent": 1, "width": 1280, "height": 720}
    passing = LinkQuality(**good, frames_per_second=25)
    assert RULES.diagnostic_quality(passing, LAUNCH_DAY)
    for worse in ({"bitrate_kbps": 1999}, {"delay_ms": 201}, {"loss_percent": 2}, {"width": 1279}, {"height": 719}):
        assert not RULES.diagnostic_quality(LinkQuality(**{**good, **worse}, frames_per_second=25), LAUNCH_DAY)
    assert not RULES.diagnostic_quality(LinkQuality(**good, frames_per_second=24), LAUNCH_DAY)


def test_the_digest_names_the_content_and_not_its_layout(folder: Path) -> None:
    path = folder / "specialities.json"
    rows = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps(rows[::-1], indent=3, sort_keys=True), encoding="utf-8")
    assert load(folder).digest == RULES.digest
    change(folder, "urgency_clocks", 1, first_answer_within_s=901)
    assert load(folder).digest != RULES.digest


def test_a_bad_row_is_named_with_its_file(folder: Path) -> None:
    change(folder, "urgency_clocks", 2, first_answer_within_s="soon")
    change(folder, "line_requirements", 3, tier="village", note="?")
    (soon, *village) = problems(folder)
    assert soon.startswith("urgency_clocks.json row 2: first_answer_within_s: ")
    assert [one.split(": ")[:2] for one in village] == [
        ["line_requirements.json row 3", "tier"],
        ["line_requirements.json row 3", "note"],
    ]


def test_a_validity_that_ends_before_it_begins_is_named(folder: Path) -> None:
    change(folder, "quality_gates", 1, valid={"first": "2020-01-02", "last": "2020-01-01"})
    assert [one.partition(": V")[0] for one in problems(folder)] == ["quality_gates.json row 1: valid"]


def test_a_pattern_that_is_none_is_named(folder: Path) -> None:
    change(folder, "code_systems", 4, pattern="[0-9")
    assert [one.partition(": V")[0] for one in problems(folder)] == ["code_systems.json row 4: pattern"]


def test_two_rows_never_answer_the_same_question_for_one_day(folder: Path) -> None:
    change(folder, "remote_services", 2, valid={"first": "2023-12-31"})
    (problem,) = problems(folder)
    assert problem.startswith("remote_services.json row 2: holds on days of row 1")


def test_a_missing_broken_empty_or_unknown_file_is_named(folder: Path) -> None:
    (folder / "specialities.json").unlink()
    (folder / "quality_gates.json").write_text("{", encoding="utf-8")
    (folder / "urgency_clocks.json").write_text("[]", encoding="utf-8")
    (folder / "recipes.json").write_text("[]", encoding="utf-8")
    found = problems(folder)
    assert found[0] == "recipes.json: no such list"
    assert sorted(one.partition(":")[0] for one in found[1:]) == [
        "quality_gates.json",
        "specialities.json",
        "urgency_clocks.json",
    ]
