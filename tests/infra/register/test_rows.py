"""A register file is judged row by row: every bad row is named, and costs itself only."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from domain._values import Tier
from infra.register.rows import FileRefused, RegisterFile, in_waves, read

HEADER = "national_code,name_vi,tier,province_code,parent_code,latitude,longitude\n"
GOOD = "10088,Bệnh viện Sa Pa,district,10,,22.3,103.8\n"


def written(folder: Path, *lines: str | bytes, header: str = HEADER) -> RegisterFile:
    file = folder / "register.csv"
    file.write_bytes(b"".join(one if isinstance(one, bytes) else one.encode() for one in (header, *lines)))
    return read(file)


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("10089,Trạm,commune,10\n", "WRONG_NUMBER_OF_FIELDS"),
        ("10089,,commune,10,,,\n", "MISSING"),
        (",Trạm,commune,10,,,\n", "MISSING"),
        ("10089,Trạm,commune,10,,22.3,\n", "HALF_A_PLACE"),
        ("10088,Trạm,commune,10,,,\n", "CODE_TWICE"),
        (b"10089,Tr\xe1\xbam,commune,10,,,\n", "NOT_UTF8"),
        ("10089," + "x" * 20_000 + ",commune,10,,,\n", "NOT_A_ROW"),
    ],
)
def test_a_bad_row_is_named_with_its_line_and_the_others_are_kept(tmp_path: Path, line: str | bytes, code: str) -> None:
    found = written(tmp_path, GOOD, line, "10090,Trạm khác,commune,10,,,\n")
    assert [row.line for row in found.rows] == [2, 3, 4]
    assert [row.bad.code if row.bad else None for row in found.rows] == [None, code, None]


def test_a_row_over_several_lines_is_known_by_its_first(tmp_path: Path) -> None:
    found = written(tmp_path, '10088,"Bệnh viện\nSa Pa",district,10,,,\n', "\n", "10089,,commune,10,,,\n")
    assert [(row.line, row.given.get("name_vi")) for row in found.rows] == [(2, "Bệnh viện Sa Pa"), (5, None)]


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_a_file_may_be_packed_and_separated_as_offices_do(tmp_path: Path, separator: str) -> None:
    file = tmp_path / "register.csv.gz"
    file.write_bytes(gzip.compress(("\ufeff" + HEADER + GOOD).replace(",", separator).encode()))
    (row,) = read(file).rows
    assert (row.bad, row.code, row.tier(None)) == (None, "10088", Tier.DISTRICT)


def test_letters_that_look_the_same_are_the_same(tmp_path: Path) -> None:
    (row,) = written(tmp_path, "10088,  Be\u0323\u0302nh   vie\u0323\u0302n Sa Pa ,district,10,,,\n").rows
    assert row.given["name_vi"] == "Bệnh viện Sa Pa"


def test_columns_have_the_names_that_files_give_them_and_the_others_are_told(tmp_path: Path) -> None:
    found = written(
        tmp_path, "H-1,Trạm,commune-station,10,derived\n", header="code,name,kind,province_code,provenance\n"
    )
    assert found.not_used == ["provenance"]
    assert (found.rows[0].code, found.rows[0].tier(None)) == ("H-1", Tier.COMMUNE)


@pytest.mark.parametrize(
    ("header", "told"),
    [
        ("", "empty"),
        ("name_vi,tier\n", "national_code or code or id"),
        ("code,id,name,province_code\n", "more than one"),
    ],
)
def test_a_file_without_what_is_needed_is_refused_as_a_whole(tmp_path: Path, header: str, told: str) -> None:
    with pytest.raises(FileRefused, match=told):
        written(tmp_path, header=header)


def test_a_file_that_is_no_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileRefused, match="No such file"):
        read(tmp_path / "nothing.csv")
    (tmp_path / "broken.gz").write_bytes(gzip.compress(HEADER.encode())[:20])
    with pytest.raises(FileRefused, match=r"broken\.gz cannot be read"):
        read(tmp_path / "broken.gz")


def test_parents_come_before_those_that_belong_to_them_and_circles_are_named(tmp_path: Path) -> None:
    rows = [f"{code},Nơi {code},commune,10,{parent},,\n" for code, parent in ("CB", "BA", "A-", "XY", "YX", "DD")]
    found = written(tmp_path, *(row.replace(",-,", ",,") for row in rows))
    waves = [[row.code for row in wave] for wave in in_waves(found.rows)]
    assert waves == [["A"], ["B"], ["C"]]
    assert {row.code: row.bad.code for row in found.rows if row.bad} == dict.fromkeys("XYD", "PARENT_CIRCLE")


def test_namesakes_in_one_place_are_told_and_kept(tmp_path: Path) -> None:
    found = written(tmp_path, GOOD, "10089,BỆNH VIỆN SA PA,district,10,,,\n", "01001,Bệnh viện Sa Pa,district,01,,,\n")
    assert [row.bad for row in found.rows] == [None] * 3
    assert [bool(row.notes) for row in found.rows] == [False, True, False]
