"""The rows of a register file: read, and judged one by one.

Rules: UTF-8, one header line, separated by commas, semicolons or tabs, also packed with gzip. A column may have one of
several names (`COLUMNS`); others are not used, and told. A blank means that nothing is said, never that something is
erased. A row that cannot be used is named with its line, a stable code and the reason, and the others are kept.
"""

from __future__ import annotations

import csv
import gzip
import io
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from domain._values import Tier

# The columns that are read, each with the names that it may have in a file.
COLUMNS: Mapping[str, tuple[str, ...]] = {
    "national_code": ("national_code", "code", "id"),
    "name_vi": ("name_vi", "name"),
    "name_en": ("name_en",),
    "tier": ("tier", "level"),
    "kind": ("kind",),
    "province_code": ("province_code",),
    "province": ("province",),
    "district_code": ("district_code",),
    "district": ("district",),
    "commune_code": ("commune_code",),
    "latitude": ("latitude",),
    "longitude": ("longitude",),
    "parent_code": ("parent_code",),
    "former_code": ("former_code",),
}
REQUIRED = ("national_code", "name_vi", "province_code")

# What a kind of facility tells of its tier where the file does not: the circular on tiers, and not the name, decides.
TIER_OF_KIND: Mapping[str, Tier] = {
    "commune-station": Tier.COMMUNE,
    "polyclinic": Tier.DISTRICT,
    "health-centre": Tier.DISTRICT,
    "disease-control": Tier.PROVINCIAL,
    "institute": Tier.CENTRAL,
}
LARGEST_FIELD = 10_000


class FileRefused(Exception):
    """Nothing of this file can be used; the message says why."""


@dataclass(frozen=True)
class Bad:
    """Why a row cannot be used: a stable code, and a sentence."""

    code: str
    reason: str


@dataclass
class Row:
    """One row: `given` holds what it says, `bad` why it cannot be used, `notes` what somebody should look at."""

    line: int
    given: Mapping[str, str]
    bad: Bad | None = None
    notes: list[str] = field(default_factory=list)

    @property
    def code(self) -> str:
        return self.given.get("national_code", "")

    def tier(self, default: Tier | None) -> Tier | None:
        """What the row says, else what its kind tells, else the default."""
        told = self.given.get("tier", "").lower()
        if told in set(Tier):
            return Tier(told)
        if told:
            self.notes.append(f"{told} is no tier, so its kind tells it, or the default")
        return TIER_OF_KIND.get(self.given.get("kind", "").lower(), default)


@dataclass(frozen=True)
class RegisterFile:
    """All rows of a file in their order, and the columns of it that nobody reads."""

    rows: Sequence[Row]
    not_used: Sequence[str]


def read(path: Path) -> RegisterFile:
    """Raises FileRefused."""
    try:
        content = path.read_bytes()
        if content[:2] == b"\x1f\x8b":
            content = gzip.decompress(content)
    except (OSError, EOFError) as fault:
        raise FileRefused(f"{path.name} cannot be read: {getattr(fault, 'strerror', None) or fault}") from None
    # A byte that is no UTF-8 stays what it is until its row is judged, so that it costs that row only.
    text = content.decode("utf-8-sig", errors="surrogateescape")
    lines = text.splitlines(keepends=True)
    if not lines:
        raise FileRefused(f"{path.name} is empty")
    places, not_used = _columns(path, next(csv.reader([lines[0]], delimiter=_separator(lines[0]))))
    rows = list(_rows(text, _separator(lines[0]), places))
    _find_doubles(rows)
    return RegisterFile(rows, not_used)


def _separator(header: str) -> str:
    return max(",;\t", key=header.count)


def _columns(path: Path, header: Sequence[str]) -> tuple[Sequence[str | None], Sequence[str]]:
    """What each column of the file is for us, and the names of those that are nothing."""
    names = [name.strip().lower() for name in header]
    meant = {alias: column for column, aliases in COLUMNS.items() for alias in aliases}
    places = [meant.get(name) for name in names]
    missing = [COLUMNS[column] for column in REQUIRED if column not in places]
    if missing:
        raise FileRefused(f"{path.name} lacks columns: {', '.join(' or '.join(one) for one in missing)}")
    twice = sorted({one for one in places if one is not None and places.count(one) > 1})
    if twice:
        raise FileRefused(f"{path.name} has more than one column for: {', '.join(twice)}")
    return places, [name for name, place in zip(names, places, strict=True) if place is None]


def _rows(text: str, separator: str, places: Sequence[str | None]) -> Iterator[Row]:
    csv.field_size_limit(LARGEST_FIELD)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator)
    next(reader)
    while True:
        line = reader.line_num + 1
        try:
            fields = next(reader)
        except StopIteration:
            return
        except csv.Error as fault:
            yield Row(line, {}, Bad("NOT_A_ROW", f"the row cannot be read: {fault}"))
            continue
        if any(one.strip() for one in fields):
            yield _row(line, fields, places)


def _row(line: int, fields: Sequence[str], places: Sequence[str | None]) -> Row:
    told = zip(places, fields, strict=False)
    given = {place: clean for place, value in told if place is not None and (clean := _clean(value))}
    row = Row(line, given)
    if len(fields) != len(places):
        row.bad = Bad("WRONG_NUMBER_OF_FIELDS", f"the row has {len(fields)} fields, the header {len(places)}")
    elif any("\udc80" <= sign <= "\udcff" for value in fields for sign in value):
        # What is no text is not repeated in a report, which is text.
        row.given = {}
        row.bad = Bad("NOT_UTF8", "the row holds bytes that are not UTF-8")
    else:
        lacking = [column for column in REQUIRED if column not in given]
        if lacking:
            row.bad = Bad("MISSING", f"the row says nothing of: {', '.join(lacking)}")
        elif ("latitude" in given) != ("longitude" in given):
            row.bad = Bad("HALF_A_PLACE", "latitude and longitude are given together or not at all")
    return row


def _clean(value: str) -> str:
    """One form for what looks the same: composed letters (NFC), single blanks."""
    return " ".join(unicodedata.normalize("NFC", value).split())


def _find_doubles(rows: Sequence[Row]) -> None:
    """The second row of a code is bad, whatever it says; the same name in one province is only told."""
    first_of: dict[str, Row] = {}
    named: dict[tuple[Any, ...], Row] = {}
    for row in (row for row in rows if row.bad is None):
        first = first_of.setdefault(row.code, row)
        if first is not row:
            row.bad = Bad("CODE_TWICE", f"line {first.line} has the same national code {row.code}")
            continue
        given = row.given
        place = (given["province_code"], given.get("district_code"), given.get("commune_code"))
        other = named.setdefault((given["name_vi"].casefold(), *place), row)
        if other is not row:
            row.notes.append(f"line {other.line} has the same name in the same place")


def in_waves(rows: Iterable[Row]) -> Iterator[Sequence[Row]]:
    """The good rows so that a parent comes before those that belong to it; what goes round in a circle is bad."""
    left = {row.code: row for row in rows if row.bad is None}
    while left:
        wave = [row for row in left.values() if row.given.get("parent_code") not in left]
        if not wave:
            for row in left.values():
                row.bad = Bad("PARENT_CIRCLE", f"{row.code} belongs to itself over {row.given['parent_code']}")
            return
        yield wave
        for row in wave:
            del left[row.code]
