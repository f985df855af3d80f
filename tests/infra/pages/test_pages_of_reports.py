"""The page of every report shows the figures of its sealed result, all of them and no others, in both languages."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from infra.audit.definitions import digest, installed
from infra.audit.pages.composing import Sealed, compose
from infra.audit.pages.document import Grid, Records, Signatures, Statements
from infra.audit.pages.html import html
from infra.audit.pages.legible import seen
from infra.audit.pages.numbers import Language, day, moment, month, number
from infra.audit.pages.pdf import pdf
from infra.mapper import to_recorded
from infra.memory import MemoryEventStore
from projections.audit._checkpoint import Checkpoint
from projections.audit._note import Note, Signature
from projections.audit.reports._kit import canonical, files_of
from tests.infra.pages.reading import text_of_html, text_of_pdf, without_spaces
from tests.product import ROOT
from tests.projections.audit.reports.facts import reported
from tests.projections.audit.reports.test_every_definition import ASKED
from tests.story_twists import everything
from tests.storyteller import Story

REPORTS = sorted(installed())
ORIGIN = "log.test/one"


def manifest_of(name: str, position: int) -> bytes:
    told = {"name": name, "version": 1, "sha256": digest(installed()[name].source)}
    return canonical({"position": position, "recorded_at": "2020-08-31T16:00:00.000000Z", "definition": told})


def note_of(size: int) -> str:
    text = Checkpoint(ORIGIN, size, b"\x07" * 32).text()
    return Note(text, [Signature(ORIGIN, b"\x01\x02\x03\x04", b"\x05" * 64)]).encoded()


@pytest.fixture(scope="module")
async def sealed() -> dict[str, Sealed]:
    """Every report on the story, as it would be sealed."""
    store = MemoryEventStore()
    await everything(Story(store))
    events, found = [to_recorded(row) for row in store.rows], {}
    for name, one in installed().items():
        files = files_of(one.definition, ASKED[name], reported(one.definition, events, ASKED[name]))
        size = len(events)
        found[name] = Sealed(files["result.json"], manifest_of(name, size), note_of(size), ("moh.test/witness",))
    return found


def written(told: dict[str, Any], value: Any, labels: dict[str, Any], language: Language) -> str:
    """The value as the language writes it, by its kind; told here once more, so that the pages are held against it."""
    if value is None:
        return "–"
    match told["kind"]:
        case "integer" | "decimal":
            unit = {"%": " %"}.get(told["unit"], told["unit"]) if language is Language.VI else told["unit"]
            return f"{number(value, language)}{unit}"
        case "date":
            return day(date.fromisoformat(value), language)
        case "month":
            return month(date.fromisoformat(f"{value}-01"), language)
        case "instant":
            return moment(datetime.fromisoformat(value), language)
        case "code" if value in labels.get(told["codes"], {}):
            return str(labels[told["codes"]][value][language])
        case _:
            return str(value)


def shown_values(result: dict[str, Any], language: Language) -> Iterator[str]:
    for section in result["sections"]:
        yield section["title"][language]
        yield from (note[language] for note in section["notes"])
        for figure in section["figures"]:
            yield figure["title"][language]
            yield written(figure, figure["value"], result["labels"], language)
        for table in section["tables"]:
            for row in table["rows"]:
                for column, value in zip(table["columns"], row, strict=True):
                    if value is not None:
                        yield written(column, value, result["labels"], language)


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("name", REPORTS)
def test_whatever_was_sealed_stands_in_both_pages(sealed: dict[str, Sealed], name: str, language: Language) -> None:
    result = json.loads(sealed[name].result)
    document = compose(sealed[name], language)
    for read in (text_of_html(html(document)), text_of_pdf(pdf(document))):
        squeezed = without_spaces(read)
        missing = [value for value in shown_values(result, language) if without_spaces(seen(value)) not in squeezed]
        assert missing == []
        assert digest(sealed[name].result) in squeezed
        assert digest(sealed[name].manifest) in squeezed


@pytest.mark.parametrize("name", REPORTS)
def test_every_row_stands_in_the_page_as_often_as_in_the_result(sealed: dict[str, Sealed], name: str) -> None:
    result = json.loads(sealed[name].result)
    parts = [part for section in compose(sealed[name], Language.EN).sections for part in section.parts]
    grids = [sorted(map(tuple, part.rows)) for part in parts if isinstance(part, Grid)]
    expected = [
        sorted(
            tuple(
                written(column, value, result["labels"], Language.EN)
                for column, value in zip(table["columns"], row, strict=True)
            )
            for row in table["rows"]
        )
        for section in result["sections"]
        for table in section["tables"]
    ]
    others = [part for part in parts if isinstance(part, Records | Statements | Signatures)]
    assert all(grid in expected for grid in grids)
    assert len(grids) + len(others) == len(expected)


@pytest.mark.parametrize("name", REPORTS)
def test_a_figure_that_was_changed_in_the_result_is_another_page(sealed: dict[str, Sealed], name: str) -> None:
    changed = json.loads(sealed[name].result)
    changed["title"]["vi"] += " (sửa)"
    other = Sealed(canonical(changed), sealed[name].manifest, sealed[name].checkpoint)
    assert html(compose(other, Language.VI)) != html(compose(sealed[name], Language.VI))
    assert digest(other.result) != digest(sealed[name].result)


@pytest.mark.parametrize("name", REPORTS)
def test_a_report_of_an_empty_log_has_a_page_that_says_so(name: str) -> None:
    definition = installed()[name].definition
    files = files_of(definition, ASKED[name], reported(definition, [], ASKED[name]))
    empty = Sealed(files["result.json"], manifest_of(name, 1), note_of(1))
    for language, nobody in ((Language.VI, "chưa có"), (Language.EN, "nobody yet")):
        document = compose(empty, language)
        assert nobody in text_of_html(html(document))
        assert pdf(document).startswith(b"%PDF-")


def test_the_minutes_have_the_parts_that_the_circular_asks_for(sealed: dict[str, Sealed]) -> None:
    read = text_of_html(html(compose(sealed["minutes"], Language.VI)))
    head = ["BỆNH VIỆN BẠCH MAI", "CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM", "Độc lập - Tự do - Hạnh phúc"]
    body = ["Thành phần tham dự", "Vấn đề 1.1", "Ý kiến", "Kết luận", "Chữ ký của các bên", "Đã ký điện tử lúc"]
    asked = [*head, *body]
    places = [read.find(part) for part in asked]
    assert -1 not in places
    assert places == sorted(places), "in this order"


PRINT = """
import json, sys
from hashlib import sha256
from infra.audit.pages.composing import Sealed, compose
from infra.audit.pages.html import html
from infra.audit.pages.numbers import Language
from infra.audit.pages.pdf import pdf
for name, told in json.load(sys.stdin).items():
    sealed = Sealed(told["result"].encode(), told["manifest"].encode(), told["checkpoint"], told["cosigned_by"])
    for language in Language:
        document = compose(sealed, language)
        print(name, language, sha256(html(document)).hexdigest(), sha256(pdf(document)).hexdigest())
"""


def test_the_same_seal_has_the_same_pages_in_every_zone_locale_and_hash_order(sealed: dict[str, Sealed]) -> None:
    told = {
        name: {key: value.decode() if isinstance(value, bytes) else value for key, value in asdict(one).items()}
        for name, one in sealed.items()
    }
    outputs = set()
    for zone, locale, seed in (("UTC", "C", "0"), ("Asia/Tokyo", "vi_VN.UTF-8", "4711")):
        around = {**os.environ, "TZ": zone, "LC_ALL": locale, "PYTHONHASHSEED": seed, "PYTHONUTF8": "1"}
        done = subprocess.run(
            [sys.executable, "-c", PRINT], cwd=ROOT, env=around, input=json.dumps(told), capture_output=True,
            text=True, check=True,
        )  # fmt: skip
        outputs.add(done.stdout)
    assert len(outputs) == 1
    assert len(outputs.pop().splitlines()) == 2 * len(REPORTS)


@pytest.mark.parametrize(
    ("value", "vi", "en"),
    [
        (0, "0", "0"),
        (1234567, "1.234.567", "1,234,567"),
        (-1234, "-1.234", "-1,234"),
        ("98.70", "98,70", "98.70"),
        ("1234.5", "1.234,5", "1,234.5"),
        ("no number", "no number", "no number"),
    ],
)
def test_a_number_is_written_as_its_readers_write_it(value: int | str, vi: str, en: str) -> None:
    assert (number(value, Language.VI), number(value, Language.EN)) == (vi, en)


def test_days_and_moments_are_those_of_viet_nam() -> None:
    late = datetime(2020, 8, 31, 17, 0, 1, tzinfo=UTC)
    assert moment(late, Language.VI) == "00:00:01 01/09/2020"
    assert moment(late, Language.EN) == "1 Sep 2020 00:00:01"
    assert moment(late - timedelta(seconds=2), Language.EN) == "31 Aug 2020 23:59:59"
    assert (day(date(2020, 8, 7), Language.VI), month(date(2020, 8, 1), Language.EN)) == ("07/08/2020", "Aug 2020")
