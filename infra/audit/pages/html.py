"""The page as HTML: one file without scripts or anything from elsewhere, for the screen and for the printer.

Rules: every text passes `_t`, which makes it visible and escapes it; the markup is written here and nowhere else. A
text whose letters run from right to left stays within its cell.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape
from itertools import count
from pathlib import Path

from infra.audit.pages.charts import draw
from infra.audit.pages.document import (
    Caption,
    Column,
    Document,
    Facts,
    Grid,
    Headlines,
    Note,
    Part,
    Picture,
    Records,
    Section,
    Signatures,
    Statements,
)
from infra.audit.pages.legible import BREAK, breakable, seen
from infra.audit.pages.numbers import Language

STYLE = Path(__file__).with_name("page.css")


def html(document: Document) -> bytes:
    charts = count(1)
    body = [
        *_head(document),
        *(line for section in document.sections for line in _section(section, document.language, charts)),
        *_proof(document),
    ]
    return "\n".join(
        [
            "<!DOCTYPE html>",
            f'<html lang="{document.language}">',
            '<head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">',
            "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">",
            f"<title>{escape(seen(document.title))}</title>",
            f"<style>\n{STYLE.read_text(encoding='utf-8')}</style></head>",
            f'<body class="{"wide" if document.wide else "upright"}"><main>',
            *body,
            "</main></body></html>\n",
        ]
    ).encode()


def _t(text: str) -> str:
    return escape(breakable(seen(text))).replace(BREAK, "<wbr>").replace("\n", "<br>")


def _head(document: Document) -> Iterator[str]:
    yield '<header><div class="office">'
    yield from (f"<p>{_t(line)}</p>" for line in document.office)
    yield f'<p class="number">{_t(document.number)}</p></div><div class="motto">'
    yield from (f"<p>{_t(line)}</p>" for line in document.motto)
    yield f'<p class="place">{_t(document.place)}</p></div></header>'
    yield f"<h1>{_t(document.title)}</h1>"
    yield from (f'<p class="subtitle">{_t(line)}</p>' for line in document.subtitle)


def _section(section: Section, language: Language, charts: count[int]) -> Iterator[str]:
    level = min(section.level, 3) + 1
    yield f"<section><h{level}>{_t(section.title)}</h{level}>"
    for part in section.parts:
        yield from _part(part, language, charts)
    yield "</section>"


def _part(part: Part, language: Language, charts: count[int]) -> Iterator[str]:
    match part:
        case Facts():
            yield from _facts(part.rows, part.strong)
        case Headlines():
            yield '<div class="headlines">'
            yield from (f"<p><b>{_t(value)}</b> <span>{_t(name)}</span></p>" for name, value in part.rows)
            yield "</div>"
        case Grid():
            yield from _grid(part)
        case Records():
            yield from _records(part)
        case Picture():
            yield f"<figure>{draw(part.chart.in_letters(seen), language, next(charts))}"
            yield f"<figcaption>{_t(part.chart.title)}</figcaption></figure>" if part.titled else "</figure>"
        case Statements():
            yield from _statements(part)
        case Caption():
            yield f'<p class="caption">{_t(part.text)}</p>'
        case Note():
            yield f'<p class="note">{_t(part.text)}</p>'
        case Signatures():
            yield '<div class="signatures">'
            for one in part.rows:
                yield f"<div><h4>{_t(one.heading)}</h4>{''.join(f'<p>{_t(line)}</p>' for line in one.lines)}</div>"
            yield "</div>"


def _facts(rows: Sequence[tuple[str, str]], strong: bool = False) -> Iterator[str]:
    yield '<dl class="strong">' if strong else "<dl>"
    yield from (f"<div><dt>{_t(name)}</dt><dd>{_t(value)}</dd></div>" for name, value in rows)
    yield "</dl>"


def _grid(grid: Grid) -> Iterator[str]:
    heard = ' class="heard"' if grid.heard else ""
    yield f"<table><caption{heard}>{_t(grid.title)}</caption>"
    yield "<thead><tr>"
    yield from (f'<th scope="col"{_kind(column)}>{_t(column.title)}</th>' for column in grid.columns)
    yield "</tr></thead><tbody>"
    if not grid.rows:
        yield f'<tr><td class="empty" colspan="{len(grid.columns)}">{_t(grid.empty)}</td></tr>'
    for row in grid.rows:
        cells = (f"<td{_kind(column)}>{_t(cell)}</td>" for column, cell in zip(grid.columns, row, strict=True))
        yield f"<tr>{''.join(cells)}</tr>"
    yield "</tbody></table>"


def _kind(column: Column) -> str:
    if column.number:
        return ' class="number"'
    return ' class="mono"' if column.mono else ""


def _records(records: Records) -> Iterator[str]:
    if records.title:
        yield f'<p class="caption">{_t(records.title)}</p>'
    if not records.rows:
        yield f'<p class="empty">{_t(records.empty)}</p>'
    for row in records.rows:
        yield '<div class="record">'
        yield from _facts(row)
        yield "</div>"


def _statements(statements: Statements) -> Iterator[str]:
    if statements.title:
        yield f'<p class="caption">{_t(statements.title)}</p>'
    if not statements.rows:
        yield f'<p class="empty">{_t(statements.empty)}</p>'
    for head, words in statements.rows:
        yield f'<div class="record"><p class="said-by">{_t(head)}</p><p>{_t(words)}</p></div>'


def _proof(document: Document) -> Iterator[str]:
    yield f'<footer><h2>{_t(document.proof_title)}</h2><div class="proof">'
    yield from _facts(document.proof)
    yield "</div>"
    yield from (f"<p>{_t(line)}</p>" for line in document.how_to_verify)
    yield f'<p class="foot">{_t(document.foot)}</p></footer>'
