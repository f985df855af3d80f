"""From the sealed bytes of a result to a document: the same for every report, guided by the kinds of its columns.

Rules: everything is read from `result.json`, the manifest and the checkpoint as they were sealed, so that a page can
be made again by whoever holds them, and no figure on it comes from elsewhere. Rows are put into an order for people,
by size or by time. None is left out, but for a chart, which may show the largest alone, and a very long table in print:
both say so.
"""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from fractions import Fraction
from hashlib import sha256
from typing import Any, TypeAlias

from infra.audit.pages import words
from infra.audit.pages.charts import Chart, Series
from infra.audit.pages.document import (
    MOST_PRINTED,
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
    Signature,
    Signatures,
    Statements,
)
from infra.audit.pages.layouts import NUMERALS, Layout, layout_of
from infra.audit.pages.numbers import Language, day, moment, month, number
from infra.audit.pages.words import word
from projections.audit._checkpoint import read_checkpoint
from projections.audit._note import read_note

Data: TypeAlias = "Mapping[str, Any]"
NONE = "–"
MOST_BARS = 12
WIDE = 8
NUMBERS = ("integer", "decimal")
WIDEST_COLUMN = 36


@dataclass(frozen=True, slots=True)
class Sealed:
    """What was sealed, as bytes: the result, the manifest that names it, and the cosigned checkpoint."""

    result: bytes
    manifest: bytes
    checkpoint: str
    cosigned_by: Sequence[str] = ()


def compose(sealed: Sealed, language: Language) -> Document:
    result, manifest = json.loads(sealed.result), json.loads(sealed.manifest)
    page = _Page(result, language, layout_of(result["definition"]["name"]))
    written = datetime.fromisoformat(manifest["recorded_at"])
    title, digest = page.words(result["title"]), sha256(sealed.result).hexdigest()
    sections, position = list(page.sections()), number(manifest["position"], language)
    name = f"{result['definition']['name']} v{result['definition']['version']}"
    return Document(
        language=language,
        office=page.office(),
        motto=words.MOTTO[language],
        number=f"{word('number', language)}: {digest[:12]}",
        place=words.dated(written, language),
        title=title,
        subtitle=[*page.parameters(), words.as_of(manifest["position"], written, language)],
        written=written,
        sections=sections,
        proof_title=word("proof", language),
        proof=_proof(sealed, manifest, name, language),
        how_to_verify=[word("verify", language)],
        foot=f"{title} · {name} · {word('position', language)} {position} · {digest[:16]}",
        page_word=word("page", language),
        wide=any(len(part.columns) >= WIDE for one in sections for part in one.parts if isinstance(part, Grid)),
    )


def _proof(sealed: Sealed, manifest: Data, name: str, language: Language) -> list[tuple[str, str]]:
    checkpoint = read_checkpoint(read_note(sealed.checkpoint).text)
    size = word("events", language, size=number(checkpoint.size, language), origin=checkpoint.origin)
    cosigned = ", ".join(sealed.cosigned_by) or word("nobody", language)
    return [
        (word("result", language), sha256(sealed.result).hexdigest()),
        (word("manifest", language), sha256(sealed.manifest).hexdigest()),
        (word("definition", language), f"{name}, {manifest['definition']['sha256']}"),
        (word("position", language), number(manifest["position"], language)),
        (word("checkpoint", language), size),
        (word("root", language), b64encode(checkpoint.root).decode()),
        (word("cosigned_by", language), cosigned),
    ]


class _Page:
    """The parts of one result in one language."""

    def __init__(self, result: Data, language: Language, layout: Layout) -> None:
        self._result, self._language, self._layout = result, language, layout

    def words(self, both: Data) -> str:
        return str(both[self._language])

    def office(self) -> list[str]:
        """Whose document it is: the Ministry's, or that of the facility which the layout names."""
        for section in self._result["sections"]:
            for figure in section["figures"]:
                if figure["name"] == self._layout.office:
                    return [words.NETWORK[self._language], self._value(figure, figure["value"]).upper()]
        return [words.MINISTRY[self._language], words.NETWORK[self._language]]

    def parameters(self) -> Iterator[str]:
        for name, value in sorted(self._result["parameters"].items()):
            yield f"{word(name, self._language)}: {self._parameter(name, value)}"

    def _parameter(self, name: str, value: str) -> str:
        match name:
            case "month" | "since" | "until":
                return month(date.fromisoformat(f"{value}-01"), self._language)
            case "day":
                return day(date.fromisoformat(value), self._language)
            case _:
                found = self._result["labels"].get(name, {}).get(value)
                return self.words(found) if found else str(value)

    # Sections ------------------------------------------------------------------------------------------------

    def sections(self) -> Iterator[Section]:
        counted = 0
        for section in self._result["sections"]:
            level = self._layout.level(section["name"])
            counted += level == 1
            title = self.words(section["title"])
            shown = f"{NUMERALS[counted - 1]}. {title}" if level == 1 and counted <= len(NUMERALS) else title
            yield Section(shown, list(self._parts(section)), level)

    def _parts(self, section: Data) -> Iterator[Part]:
        yield from (Note(self.words(note)) for note in section["notes"])
        before = [one for one in section["figures"] if one["name"] not in self._layout.afterwards]
        yield from self._figures(before)
        for table in section["tables"]:
            yield from self._table(section["name"], table, alone=table["title"] == section["title"])
        yield from self._figures([one for one in section["figures"] if one["name"] in self._layout.afterwards])

    def _figures(self, figures: Sequence[Data]) -> Iterator[Part]:
        shown = [(self.words(one["title"]), self._value(one, one["value"]), one["kind"] in NUMBERS) for one in figures]
        if facts := [(title, value) for title, value, is_number in shown if not is_number or self._layout.plain]:
            yield Facts(facts, strong=figures[0]["name"] in self._layout.afterwards)
        if counts := [(title, value) for title, value, is_number in shown if is_number and not self._layout.plain]:
            yield Headlines(counts)

    def _value(self, told: Data, value: str | int | None) -> str:
        if value is None:
            return NONE
        match told["kind"]:
            case "integer" | "decimal":
                return f"{number(value, self._language)}{self._unit(told['unit'])}"
            case "date":
                return day(date.fromisoformat(str(value)), self._language)
            case "month":
                return month(date.fromisoformat(f"{value}-01"), self._language)
            case "instant":
                return moment(datetime.fromisoformat(str(value)), self._language)
            case "code":
                found = self._result["labels"].get(told["codes"], {}).get(value)
                return self.words(found) if found else str(value)
            case _:
                return str(value)

    def _unit(self, unit: str) -> str:
        return " %" if unit == "%" and self._language is Language.VI else unit

    # Tables and charts ---------------------------------------------------------------------------------------

    def _table(self, section: str, table: Data, alone: bool) -> Iterator[Part]:
        rows, title, empty = self._ordered(table), self.words(table["title"]), word("empty", self._language)
        charts = [self._chart(table, hint, rows) for hint in table["charts"]] if len(rows) > 1 else []
        if not alone:
            yield Caption(title)
        yield from (Picture(chart, chart.title != title) for chart in charts)
        if table["name"] in self._layout.signatures and rows:
            shown = sorted((self._told(table, row) for row in rows), key=lambda told: told["signed_at"][0])
            yield Signatures([self._signature(told) for told in shown])
        elif table["name"] in self._layout.statements:
            yield Statements("", [self._statement(table, row) for row in rows], empty)
        elif table["name"] in self._layout.records:
            yield Records("", [self._record(table, row) for row in rows], empty)
        else:
            cells = [[self._value(c, v) for c, v in zip(table["columns"], row, strict=True)] for row in rows]
            columns = [self._column(c, [row[at] for row in cells]) for at, c in enumerate(table["columns"])]
            yield Grid(title, columns, cells, empty, heard=True, cut=self._cut(f"{section}-{table['name']}", len(rows)))

    def _cut(self, name: str, rows: int) -> str:
        shown, all_ = number(MOST_PRINTED, self._language), number(rows, self._language)
        return word("cut", self._language, shown=shown, all=all_, file=f"tables/{name}.csv")

    def _column(self, column: Data, cells: Sequence[str]) -> Column:
        """Its weight is about how many characters stand beside each other in it; longer texts are broken."""
        named = column["kind"] != "code" or column["codes"] is not None
        title, broken = self.words(column["title"]), column["kind"] == "instant" or not named
        longest = max((len(word) for cell in cells for word in (cell.split() if broken else [cell])), default=0)
        weight = max(min(WIDEST_COLUMN, longest), len(title) // 2, *map(len, title.split())) + 2
        return Column(title, column["kind"] in NUMBERS, not named, weight)

    def _record(self, table: Data, row: Sequence[Any]) -> list[tuple[str, str]]:
        pairs = zip(table["columns"], row, strict=True)
        return [
            (self.words(column["title"]), self._value(column, value)) for column, value in pairs if value is not None
        ]

    def _statement(self, table: Data, row: Sequence[Any]) -> tuple[str, str]:
        pairs = list(zip(table["columns"], row, strict=True))
        head = [self._value(column, value) for column, value in pairs if column["kind"] != "text" and value is not None]
        return " · ".join(head), "\n".join(self._value(c, v) for c, v in pairs if c["kind"] == "text")

    def _told(self, table: Data, row: Sequence[Any]) -> dict[str, tuple[Any, str]]:
        pairs = zip(table["columns"], row, strict=True)
        return {column["name"]: (value, self._value(column, value)) for column, value in pairs}

    def _signature(self, told: Mapping[str, tuple[Any, str]]) -> Signature:
        shown = {name: text for name, (_, text) in told.items()}
        signed = word("signed_electronically", self._language, moment=shown["signed_at"])
        version = word("version", self._language, version=shown["version"])
        return Signature(shown["facility"], [shown["practitioner"], signed, version, shown["content_sha256"]])

    def _ordered(self, table: Data) -> list[Sequence[Any]]:
        """For people: in time, or in the order of the codes where that means something, else the largest first."""
        rows, columns = list(table["rows"]), table["columns"]
        first, kinds = columns[0], [column["kind"] for column in columns]
        if first["kind"] != "code" or first["codes"] in self._layout.ordinal or "integer" not in kinds:
            known = self._layout.orders.get(first["codes"] or "")
            return (
                sorted(rows, key=lambda row: known.index(row[0]) if row[0] in known else len(known)) if known else rows
            )
        at = kinds.index("integer")
        return sorted(rows, key=lambda row: (-(row[at] or 0), self._value(first, row[0])))

    def _chart(self, table: Data, hint: Data, rows: Sequence[Sequence[Any]]) -> Chart:
        columns = {column["name"]: (at, column) for at, column in enumerate(table["columns"])}
        shown, title = rows, self.words(hint["title"])
        if hint["kind"] == "bar" and len(rows) > MOST_BARS:
            shown = rows[:MOST_BARS]
            title = word("largest", self._language, title=title, shown=MOST_BARS, all=len(rows))
        at, label = columns[hint["x"]]
        labels = [self._value(label, row[at]) for row in shown]
        series = [
            Series(
                self.words(columns[name][1]["title"]),
                [None if row[columns[name][0]] is None else Fraction(row[columns[name][0]]) for row in shown],
            )
            for name in hint["y"]
        ]
        return Chart(hint["kind"], title, self._described(labels, series), labels, series)

    def _described(self, labels: Sequence[str], series: Sequence[Series]) -> str:
        """The figures of the picture in words, for whoever cannot see it."""
        told = []
        for at, label in enumerate(labels):
            values = ", ".join(f"{one.name} {NONE if (v := one.values[at]) is None else v}" for one in series)
            told.append(word("described", self._language, label=label, values=values))
        return "; ".join(told)
