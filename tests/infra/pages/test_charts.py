"""A chart shows its figures in proportion from nought, tells series apart without colour, and says what is left out."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from fractions import Fraction
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.audit.pages.charts import WIDTH, Chart, Series, draw
from infra.audit.pages.composing import MOST_BARS, Sealed, compose
from infra.audit.pages.document import Grid, Picture
from infra.audit.pages.document import Section as PageSection
from infra.audit.pages.numbers import Language
from infra.audit.pages.pdf import pdf
from projections.audit.reports import _kit as kit
from projections.audit.reports._kit import Column, Definition, Result, Row, Section, State, Table, Words, canonical
from tests.infra.pages.reading import heights_in_pdf, text_of_pdf
from tests.infra.pages.sheet import sheet
from tests.infra.pages.test_pages_of_reports import note_of

COUNTS = st.lists(st.integers(0, 10**9), min_size=1, max_size=12)


def drawn(form: str, *series: list[int | None]) -> ElementTree.Element:
    labels = [f"{at}" for at in range(len(series[0]))]
    told = [Series(f"s{at}", [None if v is None else Fraction(v) for v in one]) for at, one in enumerate(series)]
    return ElementTree.fromstring(draw(Chart(form, "title", "text", labels, told), Language.EN))


def rectangles(picture: ElementTree.Element, side: str) -> list[int]:
    return [int(one.get(side, "")) for one in picture if one.tag.endswith("rect")]


@given(COUNTS)
def test_a_bar_is_as_long_as_its_figure_says(counts: list[int]) -> None:
    wide = rectangles(drawn("bar", list(counts)), "width")
    longest = max(counts) or 1
    assert all(abs(one * longest - count * max(wide)) <= longest for one, count in zip(wide, counts, strict=True))


@given(COUNTS)
def test_a_column_is_as_tall_as_its_figure_says_and_never_taller_than_the_plot(counts: list[int]) -> None:
    tall = rectangles(drawn("histogram", list(counts)), "height")
    assert max(tall) <= 200
    longest = max(counts) or 1
    assert all(abs(one * longest - count * max(tall)) <= longest for one, count in zip(tall, counts, strict=True))


@pytest.mark.parametrize("form", ["bar", "line", "histogram"])
@given(counts=COUNTS)
def test_nothing_is_drawn_outside_the_picture(form: str, counts: list[int]) -> None:
    picture = drawn(form, list(counts))
    height = int(picture.get("height", ""))
    for one in picture.iter():
        for side, most in (("x", WIDTH), ("x2", WIDTH), ("y", height), ("y2", height)):
            assert 0 <= int(one.get(side, 0)) <= most


def test_a_missing_figure_breaks_the_line_and_is_not_nought() -> None:
    picture = drawn("line", [1, 2, None, 4, 5])
    assert len([one for one in picture if one.tag.endswith("polyline")]) == 2
    assert len([one for one in picture if one.tag.endswith("circle")]) == 4


def test_lines_differ_in_dashes_and_in_the_shape_of_their_marks() -> None:
    told = draw(
        Chart("line", "t", "d", ["1", "2"], [Series(name, [Fraction(1), Fraction(2)]) for name in "abcd"]), Language.VI
    )
    dashes = set(re.findall(r'<polyline[^>]*?stroke="#1a1a1a" stroke-width="1.6"([^>]*)/>', told))
    assert len(dashes) == 4
    picture = ElementTree.fromstring(told)
    assert {one.tag.rpartition("}")[2] for one in picture} >= {"circle", "rect", "path"}


@pytest.mark.parametrize("wide", [False, True])
def test_the_tallest_chart_fits_the_page_with_its_title(wide: bool) -> None:
    names = [f"Bệnh viện Đa khoa Trung ương Quốc tế Hữu nghị Việt Nam – Cu Ba Đồng Hới cơ sở điều trị số {at} X{at}X"
             for at in range(MOST_BARS)]  # fmt: skip
    series = [Series(f"Hàng {at}", [Fraction(at)] * MOST_BARS) for at in range(3)]
    picture = Picture(Chart("bar", "Nhan đề của hình", "text", names, series))
    document = replace(sheet("Cơ sở"), sections=[PageSection("Cơ sở", [picture])], wide=wide)
    made = pdf(document)
    assert text_of_pdf(made).count("Bệnh viện Đa khoa") == MOST_BARS
    legend, foot = heights_in_pdf(made, "Hàng"), heights_in_pdf(made, "Trang")
    assert len(legend) == len(series)
    assert max(lower for _, lower in legend) < min(upper for upper, _ in foot), "what is cut off stands below"


@pytest.mark.parametrize("rows", [1, MOST_BARS, MOST_BARS + 8])
def test_a_chart_of_many_rows_shows_the_largest_and_says_so_and_the_table_shows_all(rows: int) -> None:
    same = Words("Theo cơ sở", "By facility")
    columns = [Column("facility", "code", same, "facility"), Column("count", "integer", same)]
    chart = kit.Chart("bar", same, "facility", ["count"])
    table = Table("t", same, columns, ["facility"], [Row([f"f{at:02}", at * 10]) for at in range(rows)], [chart])
    labels = {"facility": {f"f{at:02}": Words(f"Cơ sở {at}", f"Facility {at}") for at in range(rows)}}
    definition = Definition("thing", version=1, title=same, start=State)
    result = canonical(kit.plain(definition, {}, Result([Section("s", same, tables=[table])], labels)))
    told = {"name": "thing", "version": 1, "sha256": "ab" * 32}
    manifest = json.dumps({"position": 1, "recorded_at": "2020-08-31T16:00:00.000000Z", "definition": told})
    (section,) = compose(Sealed(result, manifest.encode(), note_of(1)), Language.EN).sections
    (grid,) = [part for part in section.parts if isinstance(part, Grid)]
    assert [row[0] for row in grid.rows] == [f"Facility {at}" for at in reversed(range(rows))], "the largest first"
    pictures = [part.chart for part in section.parts if isinstance(part, Picture)]
    if rows == 1:
        assert pictures == [], "one bar tells nothing"
        return
    assert len(pictures[0].labels) == min(rows, MOST_BARS)
    assert pictures[0].title == ("By facility" if rows <= MOST_BARS else "By facility (the 12 largest of 20 rows)")
