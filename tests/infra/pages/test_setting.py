"""What a page shows is the text that it was given, in any letters; the same page has the same bytes everywhere."""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import sys
from dataclasses import replace
from itertools import product
from xml.etree import ElementTree

import pytest
import typst
from hypothesis import example, given, settings
from hypothesis import strategies as st

from infra.audit.pages.document import MOST_PRINTED, Column, Grid, Section
from infra.audit.pages.html import html
from infra.audit.pages.legible import PRINTED, printed, seen
from infra.audit.pages.pdf import pdf
from tests.infra.pages.reading import tags_of_html, text_of_html, text_of_pdf, without_spaces
from tests.infra.pages.sheet import EMPTY, sheet
from tests.product import ROOT

VIETNAMESE = (
    "aàáảãạăằắẳẵặâầấẩẫậđeèéẻẽẹêềếểễệiìíỉĩịoòóỏõọôồốổỗộơờớởỡợuùúủũụưừứửữựyỳýỷỹỵ"
    "AÀÁẢÃẠĂẰẮẲẴẶÂẦẤẨẪẬĐEÈÉẺẼẸÊỀẾỂỄỆIÌÍỈĨỊOÒÓỎÕỌÔỒỐỔỖỘƠỜỚỞỠỢUÙÚỦŨỤƯỪỨỬỮỰYỲÝỶỸỴ"
)
HOSTILE = [
    "<script>alert(1)</script>",
    "</td></table><img src=x onerror=alert(1)>",
    "\" onload='x' &amp; &#60;b&#62;",
    '#import "x.typ" #read("/etc/passwd") $x$ *b* _i_ = h @ref <label> // \\ ] } `raw`',
    "\u202egnp.exe\u202c \u2066abc\u2069 \u200f",
    "\x1b[31mred\x07\x00",
    "العربية עברית 中文 😀 \ue000 \ufeff",
    "e\u0302\u0301 decomposed, soft\u00adhyphen, no\u00a0break, line\u2028end",
]
LONG = ["W" * 10_000, "một hai " * 1_250]


@settings(max_examples=60, deadline=None)
@given(st.text(min_size=1, max_size=300))
@example(HOSTILE[0])
@example(HOSTILE[4])
def test_any_text_stands_in_the_page_as_text(text: str) -> None:
    page = html(sheet(text))
    assert without_spaces(text_of_html(page)).count(without_spaces(seen(text))) >= 10 or not without_spaces(text)
    # Lines may end, and a label of a chart takes as many as it needs; otherwise no text adds a tag or an attribute.
    shape, plain = (
        [(tag, [name for name, _ in told]) for tag, told in tags_of_html(one) if tag not in {"br", "wbr", "text"}]
        for one in (page, html(sheet()))
    )
    assert shape == plain


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_text_is_shown_on_paper_and_nothing_of_it_is_carried_out(text: str) -> None:
    read = without_spaces(text_of_pdf(pdf(sheet(text))))
    assert without_spaces(printed(text)) in read


@pytest.mark.parametrize(("text", "letter"), list(zip(LONG, "Wộ", strict=True)), ids=["one word", "many words"])
def test_a_text_of_ten_thousand_characters_is_broken_into_lines_and_pages_and_nothing_is_cut(
    text: str, letter: str
) -> None:
    # Whatever takes the text of an event but the labels of the charts, which the table beside them holds in full.
    places = 16
    assert text_of_pdf(pdf(sheet(text))).count(letter) >= places * text.count(letter)
    assert text_of_html(html(sheet(text))).count(letter) >= places * text.count(letter)


@settings(max_examples=40, deadline=None)
@given(st.text(max_size=200))
def test_any_text_can_be_printed(text: str) -> None:
    assert pdf(sheet(text)).startswith(b"%PDF-")


@given(st.text())
def test_no_character_is_left_out_in_silence(text: str) -> None:
    for letters in (seen(text), printed(text)):
        assert all(character == "\n" or character.isprintable() or character == "\u00a0" for character in letters)
        assert letters.count("‹U+202E›") >= text.count("\u202e")
    assert seen("\u202e") == "‹U+202E›"


def test_every_vietnamese_letter_is_printed_as_itself() -> None:
    assert printed(VIETNAMESE) == VIETNAMESE
    read = without_spaces(text_of_pdf(pdf(sheet(VIETNAMESE))))
    assert VIETNAMESE in read


@pytest.mark.parametrize("weight", ["regular", "bold"])
def test_the_font_of_the_printed_page_holds_every_letter_that_is_said_to_be_printed(weight: str) -> None:
    letters = "".join(chr(code) for first, last in PRINTED for code in range(first, last + 1))
    source = """
        #set document(title: "letters", date: datetime(year: 2020, month: 1, day: 1, hour: 0, minute: 0, second: 0))
        #set text(font: "Libertinus Serif", fallback: false, weight: sys.inputs.weight)
        #for letter in sys.inputs.letters.codepoints() [a#letter ]
    """
    compiler = typst.Compiler(font_paths=typst.Fonts(include_system_fonts=False))

    def prints(text: str) -> bool:
        try:
            compiler.compile(
                input=source.encode(), format="pdf", pdf_standards="a-2a", timestamp=0,
                sys_inputs={"letters": text, "weight": weight},
            )  # fmt: skip
        except typst.TypstError:
            return False
        return True

    assert prints(letters)
    assert not prints("中"), "a letter that the font does not hold is found"


def test_a_long_table_repeats_its_header_on_every_page_and_loses_no_row() -> None:
    names = [f"Điểm cầu số {number}" for number in range(200)]
    read = text_of_pdf(pdf(sheet("Cơ sở", names)))
    pages = int(re.findall(r"Trang \d+/(\d+)", read)[0])
    assert pages >= 4
    assert read.count("Cơ sở Số Mã") >= pages - 2
    assert all(name in read for name in names)
    assert all(name in text_of_html(html(sheet("Cơ sở", names))) for name in names)


def test_a_table_that_nobody_would_read_on_paper_ends_there_with_the_place_of_the_others() -> None:
    names = [f"Điểm {number}" for number in range(MOST_PRINTED + 1)]
    told = sheet("Cơ sở")
    cut = Grid("Cơ sở", [Column("Cơ sở")], [(name,) for name in names], EMPTY, cut="Xem tệp tables/x.csv")
    document = replace(told, sections=[Section("Cơ sở", [cut])])
    on_paper, on_screen = text_of_pdf(pdf(document)), text_of_html(html(document))
    assert (names[-2] in on_paper, names[-1] in on_paper, "tables/x.csv" in on_paper) == (True, False, True)
    assert (names[-1] in on_screen, "tables/x.csv" in on_screen) == (True, False)
    whole = replace(document, sections=[Section("Cơ sở", [replace(cut, rows=cut.rows[:MOST_PRINTED])])])
    assert "tables/x.csv" not in text_of_pdf(pdf(whole))


def test_a_table_without_rows_says_so() -> None:
    assert EMPTY in text_of_html(html(sheet(rows=())))
    assert EMPTY in text_of_pdf(pdf(sheet(rows=())))


def test_the_page_asks_nothing_of_anybody_and_runs_nothing() -> None:
    page = html(sheet())
    tags = tags_of_html(page)
    assert not {tag for tag, _ in tags} & {"script", "link", "iframe", "img", "object", "form"}
    assert not [name for _, attributes in tags for name, _ in attributes if name.startswith("on") or name == "src"]
    addresses = set(re.findall(rb"https?://[^\"' >]+", page))
    assert addresses == {b"http://www.w3.org/2000/svg"}, "the name of SVG, which nobody asks for"


def test_every_picture_has_a_title_and_a_description() -> None:
    page = html(sheet("Bệnh viện")).decode()
    pictures = re.findall(r"<svg.*?</svg>", page, re.DOTALL)
    assert len(pictures) == 3
    names = set()
    for picture in pictures:
        root = ElementTree.fromstring(picture)
        titled = {one.get("id"): one.text for one in root if one.tag.endswith(("title", "desc"))}
        labelled = (root.get("aria-labelledby") or "").split()
        assert all(titled[name] == "Bệnh viện" for name in labelled)
        names |= set(labelled)
    assert len(names) == 6, "no two pictures of a page share a name"


PRINT = """
from hashlib import sha256
from infra.audit.pages.document import MOST_PRINTED, Column, Grid, Section
from infra.audit.pages.html import html
from infra.audit.pages.pdf import pdf
from tests.infra.pages.sheet import sheet
print(sha256(html(sheet())).hexdigest(), sha256(pdf(sheet())).hexdigest())
"""


def test_the_same_page_has_the_same_bytes_in_every_zone_locale_and_hash_order() -> None:
    digests = {f"{hashlib.sha256(html(sheet())).hexdigest()} {hashlib.sha256(pdf(sheet())).hexdigest()}"}
    for zone, locale, seed in zip(("UTC", "Asia/Tokyo"), ("C", "vi_VN.UTF-8"), ("0", "4711"), strict=True):
        around = {**os.environ, "TZ": zone, "LC_ALL": locale, "PYTHONHASHSEED": seed, "PYTHONUTF8": "1"}
        done = subprocess.run(
            [sys.executable, "-c", PRINT], cwd=ROOT, env={**around, "SOURCE_DATE_EPOCH": "1"}, capture_output=True,
            text=True, check=True,
        )  # fmt: skip
        digests.add(done.stdout.strip())
    assert len(digests) == 1
    assert len({pdf(sheet(text)) for text, _ in product(("a", "b"), range(2))}) == 2, "another page has other bytes"
