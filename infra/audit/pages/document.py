"""A page before it is set: parts in reading order, every text in the reader's language, nothing of HTML or of print.

Rules: whatever a page shows is in here, so that both settings show the same; what is a number was written as the
reader's language writes it, and no part computes anything.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

from infra.audit.pages.charts import Chart
from infra.audit.pages.numbers import Language

# Nobody reads a printed table of all facilities, and setting one takes a minute and a gigabyte.
MOST_PRINTED = 1_000


@dataclass(frozen=True)
class Facts:
    """Names with their values, one a line; `strong` sets off the first value, such as a conclusion."""

    rows: Sequence[tuple[str, str]]
    strong: bool = False


@dataclass(frozen=True)
class Headlines:
    """The few figures that a reader looks for first, large, each with what it counts."""

    rows: Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Column:
    """`number` columns stand to the right; `weight` is the share of the width that a column asks for."""

    title: str
    number: bool = False
    mono: bool = False
    weight: int = 2


@dataclass(frozen=True)
class Grid:
    """A table; `empty` is the sentence that stands for it when it has no rows. Its title is only heard, and not seen,
    where it stands above the table already (`heard`). On paper it ends after MOST_PRINTED rows with the sentence `cut`,
    which says where the others are; on the screen it has all."""

    title: str
    columns: Sequence[Column]
    rows: Sequence[Sequence[str]]
    empty: str
    heard: bool = False
    cut: str = ""


@dataclass(frozen=True)
class Records:
    """A table whose rows are read one by one, since their texts are long: each a list of names with their values."""

    title: str
    rows: Sequence[Sequence[tuple[str, str]]]
    empty: str


@dataclass(frozen=True)
class Statements:
    """What people said, one after the other: who, where and when in a line, and the words below it."""

    title: str
    rows: Sequence[tuple[str, str]]
    empty: str


@dataclass(frozen=True)
class Caption:
    """The title of what follows."""

    text: str


@dataclass(frozen=True)
class Picture:
    """A chart; its figures stand in a table beside it. Its title is not seen where it stands above it already."""

    chart: Chart
    titled: bool = True


@dataclass(frozen=True)
class Note:
    """A sentence about what is shown."""

    text: str


@dataclass(frozen=True)
class Signature:
    """Who signed for which side: lines below each other."""

    heading: str
    lines: Sequence[str]


@dataclass(frozen=True)
class Signatures:
    rows: Sequence[Signature]


Part: TypeAlias = Facts | Headlines | Grid | Records | Statements | Caption | Picture | Note | Signatures


@dataclass(frozen=True)
class Section:
    title: str
    parts: Sequence[Part]
    level: int = 1


@dataclass(frozen=True)
class Document:
    """`written` is the moment that the document bears: a fact of the log, never the clock of who prints it."""

    language: Language
    office: Sequence[str]
    motto: Sequence[str]
    number: str
    place: str
    title: str
    subtitle: Sequence[str]
    written: datetime
    sections: Sequence[Section]
    proof_title: str
    proof: Sequence[tuple[str, str]]
    how_to_verify: Sequence[str]
    foot: str
    page_word: str
    wide: bool = False
