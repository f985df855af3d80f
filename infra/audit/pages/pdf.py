"""The page as PDF, set by typst: PDF/A-2a and PDF/UA-1, so that it can be archived for decades and read aloud.

Rules: the template is fixed and texts go into it as data, so that no text can be markup. Only the fonts that come
within typst are used, whatever the machine has, and the date in the file is the document's own: the same document
has the same bytes everywhere.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC
from itertools import count
from pathlib import Path
from typing import Any, TypeAlias

import typst

from infra.audit.pages.charts import Chart, draw, shape_of
from infra.audit.pages.document import (
    MOST_PRINTED,
    Caption,
    Document,
    Facts,
    Grid,
    Headlines,
    Note,
    Part,
    Picture,
    Records,
    Signatures,
    Statements,
)
from infra.audit.pages.legible import breakable, printed
from infra.audit.pages.numbers import Language

TEMPLATE = Path(__file__).with_name("page.typ")
STANDARDS: list[Any] = ["a-2a", "ua-1"]

Shown: TypeAlias = "dict[str, Any]"


def pdf(document: Document) -> bytes:
    fonts = typst.Fonts(include_system_fonts=False)
    compiler = typst.Compiler(font_paths=fonts)
    data = json.dumps(_document(document), ensure_ascii=False, sort_keys=True)
    pages = compiler.compile(
        input=TEMPLATE.read_bytes(), format="pdf", pdf_standards=STANDARDS, timestamp=0, sys_inputs={"data": data}
    )
    assert isinstance(pages, bytes)
    return pages


def heading(text: str) -> str:
    """A heading is never empty, for whoever has the page read aloud finds the way by it."""
    return _t(text).strip() or "–"


def _t(text: str) -> str:
    return breakable(printed(text))


def _document(document: Document) -> Shown:
    charts = count(1)
    written = document.written.astimezone(UTC)
    return {
        "language": document.language,
        "office": _lines(document.office),
        "motto": _lines(document.motto),
        "number": _t(document.number),
        "place": _t(document.place),
        "title": heading(document.title),
        "subtitle": _lines(document.subtitle),
        "written": [written.year, written.month, written.day, written.hour, written.minute, written.second],
        "sections": [
            {
                "title": heading(section.title),
                "level": min(section.level, 3),
                "parts": [_part(part, document.language, charts) for part in section.parts],
            }
            for section in document.sections
        ],
        "proof_title": heading(document.proof_title),
        "proof": _pairs(document.proof),
        "how_to_verify": _lines(document.how_to_verify),
        "foot": _t(document.foot),
        "page_word": _t(document.page_word),
        "wide": document.wide,
    }


def _part(part: Part, language: Language, charts: count[int]) -> Shown:
    match part:
        case Facts():
            return {"kind": "facts", "rows": _pairs(part.rows), "strong": part.strong}
        case Headlines():
            return {"kind": "headlines", "rows": _pairs(part.rows)}
        case Grid():
            return _grid(part)
        case Records():
            rows = [_pairs(row) for row in part.rows]
            return {"kind": "records", "title": _t(part.title), "rows": rows, "empty": _t(part.empty)}
        case Picture():
            return {**_picture(part.chart, language, next(charts)), "titled": part.titled}
        case Statements():
            said = _pairs(part.rows)
            return {"kind": "statements", "title": _t(part.title), "rows": said, "empty": _t(part.empty)}
        case Caption():
            return {"kind": "caption", "text": _t(part.text)}
        case Note():
            return {"kind": "note", "text": _t(part.text)}
        case Signatures():
            rows_ = [{"heading": _t(one.heading), "lines": _lines(one.lines)} for one in part.rows]
            return {"kind": "signatures", "rows": rows_}


def _grid(grid: Grid) -> Shown:
    columns = [
        {"title": _t(column.title), "number": column.number, "mono": column.mono, "weight": column.weight}
        for column in grid.columns
    ]
    rows = [_lines(row) for row in grid.rows[:MOST_PRINTED]]
    return {
        "kind": "grid", "title": _t(grid.title), "columns": columns, "rows": rows,
        "empty": _t(grid.empty), "heard": grid.heard,
        "cut": _t(grid.cut) if len(grid.rows) > MOST_PRINTED else "",
    }  # fmt: skip


def _picture(chart: Chart, language: Language, number: int) -> Shown:
    svg = draw(chart.in_letters(printed), language, number)
    return {
        "kind": "picture",
        "svg": svg,
        "shape": shape_of(svg),
        "title": heading(chart.title),
        "alt": printed(f"{chart.title}. {chart.description}"),
    }


def _lines(texts: Sequence[str]) -> list[str]:
    return [_t(text) for text in texts]


def _pairs(rows: Sequence[tuple[str, str]]) -> list[list[str]]:
    return [_lines(row) for row in rows]
