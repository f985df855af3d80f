"""What every sealed report is written with, and the program that computes one again from the bytes of a bundle.

Rules: standard library only, no import from the project, because this file and the definition's own travel in the
auditor's bundle and are run there by `python -I`; their digests stand in the sealed manifest. No clock, no locale, no
environment, no float, no order of a hash: the same facts and parameters give the same bytes on every machine.

A definition is one file beside this one that imports nothing but the standard library and this kit:

    report = Definition("activity", version=1, title=Words("…", "…"), parameters=[MONTH], start=Acts)

    @report.takes("consultation.opened", version=1)     # the newest stored shape that the handler reads
    def opened(state: Acts, fact: Fact) -> None: ...    # `fact.fields` is the event's JSON as it is stored

    @report.older("consultation.opened", version=1)     # only where version 2 is read: brings fields of 1 to 2
    def without_x(fields): return {**fields, "x": None}

    @report.results
    def result(state: Acts) -> Result: ...

`start(parameters, reference)` makes the state, a subclass of State. A fact of a shape that the definition does not read
ends the report with UnknownShape and is never passed over. What is counted goes through `state.tally.move(fact, before,
after)`: what the subject of the fact counted for until now, and what from now on. Cells have keys, tuples of texts; a
Figure or Row names by `of` the key that it is made of (a cell of a row: `of` and the column's name behind it), so that
the difference of two editions can name the facts that moved it. What is no sum is touched: `tally.touch(fact, key)`.
"""

from __future__ import annotations

import csv
import importlib.util
import io
import json
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta, timezone
from fractions import Fraction
from hashlib import sha256
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

FORMAT = "thx-report/v1"
MODULE = "projections.audit.reports._kit"
LARGEST_INTEGER = 2**53 - 1
# Viet Nam keeps UTC+7 all the year, so no table of time zones is asked, which would differ from machine to machine.
VIETNAM = timezone(timedelta(hours=7))
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)

Key = tuple[str, ...]
Cells = Mapping[Key, int]
Value = str | int | None


class Refused(Exception):
    """The report cannot be made so; `code` is stable."""

    code = "REPORT_REFUSED"


class ParameterRefused(Refused):
    """A parameter is missing, unknown or not of its form."""

    code = "REPORT_PARAMETER_REFUSED"


class UnknownShape(Refused):
    """The log holds an event in a shape that this version of the definition does not read."""

    code = "REPORT_SHAPE_UNKNOWN"


@dataclass(frozen=True, slots=True)
class Words:
    """A text for people in both languages."""

    vi: str
    en: str


# Facts -------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Fact:
    """One event at its place in the log. Times in microseconds since 1970, ids as texts, `fields` plain JSON."""

    position: int
    stream: str
    version: int
    name: str
    schema_version: int
    recorded_us: int
    fields: dict[str, Any]
    metadata: dict[str, Any]

    @property
    def happened_us(self) -> int:
        """When it happened, as somebody has said; `recorded_us` is when the log took it."""
        return microseconds(self.metadata["clinical_time"])

    @property
    def actor(self) -> str:
        return str(self.metadata["actor"]["id"])

    @property
    def actor_facility(self) -> str | None:
        found: str | None = self.metadata["actor"].get("facility_id")
        return found

    @property
    def on_behalf_of(self) -> str | None:
        found: str | None = self.metadata.get("on_behalf_of")
        return found


def fact_of(record: bytes, state: bytes, metadata: bytes) -> Fact:
    """From a `thx-leaf/v1` record and the stored bytes that it commits to (docs/audit-formats.md)."""
    parts, at = [], 0
    while at < len(record):
        length = int.from_bytes(record[at : at + 2], "big")
        parts.append(record[at + 2 : at + 2 + length])
        at += 2 + length
    stream = parts[2].hex()
    return Fact(
        int.from_bytes(parts[1], "big"),
        "-".join((stream[:8], stream[8:12], stream[12:16], stream[16:20], stream[20:])),
        int.from_bytes(parts[3], "big"),
        parts[4].decode(),
        int.from_bytes(parts[5], "big"),
        int.from_bytes(parts[6], "big"),
        json.loads(state),
        json.loads(metadata),
    )


def microseconds(instant: str) -> int:
    """Exact; the text is ISO 8601 with an offset, as it is stored."""
    return (datetime.fromisoformat(instant) - EPOCH) // MICROSECOND


def day_of(us: int) -> str:
    """The day in Viet Nam, as 2020-08-27."""
    return (EPOCH + us * MICROSECOND).astimezone(VIETNAM).date().isoformat()


def month_of(us: int) -> str:
    """The month in Viet Nam, as 2020-08."""
    return day_of(us)[:7]


def instant_of(us: int) -> str:
    """In UTC, always with six decimals: 2020-08-27T02:00:00.000000Z."""
    return f"{(EPOCH + us * MICROSECOND).strftime('%Y-%m-%dT%H:%M:%S.%f')}Z"


# Counting ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Moved:
    """A fact changed a cell by so much; by 0 where the cell is no sum. `corrects`: its subject had counted before."""

    fact: Fact
    key: Key
    amount: int
    corrects: bool


class Tally:
    """Running sums by key. Where `moves` is a list every change is kept with the fact that made it."""

    def __init__(self) -> None:
        self.sums: dict[Key, int] = {}
        self.moves: list[Moved] | None = None

    def move(self, fact: Fact, before: Cells, after: Cells) -> None:
        """The subject of this fact counted for `before` and counts for `after` from now on."""
        for key in before.keys() | after.keys():
            amount = after.get(key, 0) - before.get(key, 0)
            if not amount:
                continue
            total = self.sums.get(key, 0) + amount
            if total:
                self.sums[key] = total
            else:
                self.sums.pop(key, None)
            if self.moves is not None:
                self.moves.append(Moved(fact, key, amount, corrects=bool(before)))

    def touch(self, fact: Fact, key: Key, *, corrects: bool = False) -> None:
        """What is made of this key has changed, though it is no sum."""
        if self.moves is not None:
            self.moves.append(Moved(fact, key, 0, corrects))

    def touch_row(self, fact: Fact, of: Key, columns: Iterable[str]) -> None:
        """The same for these cells of the row that is made of the key."""
        for column in columns if self.moves is not None else ():
            self.touch(fact, (*of, column))

    def of(self, *key: str) -> int:
        return self.sums.get(key, 0)

    def rows(self, *prefix: str) -> dict[str, dict[str, int]]:
        """Cells (prefix, row, column) as {row: {column: sum}}."""
        found: dict[str, dict[str, int]] = {}
        for key, amount in self.sums.items():
            if len(key) == len(prefix) + 2 and key[:-2] == prefix:
                found.setdefault(key[-2], {})[key[-1]] = amount
        return found


def ones(*keys: Key) -> Cells:
    return dict.fromkeys(keys, 1)


def percent(part: int, whole: int) -> str | None:
    """With one decimal, halves rounded up, as an exact text; None of nothing."""
    return quotient(100 * part, whole)


def quotient(part: int | Fraction, whole: int, places: int = 1) -> str | None:
    """Of numbers that are not negative: with so many decimals, halves rounded up, as an exact text; None of nothing."""
    if not whole:
        return None
    units = int(Fraction(part, whole) * 10**places + Fraction(1, 2))
    if not places:
        return str(units)
    return f"{units // 10**places}.{units % 10**places:0{places}}"


def ranked(values: Iterable[int], percent: int) -> int | None:
    """The least of the values below or at which so many of a hundred lie (nearest rank); 50 is the median."""
    ordered = sorted(values)
    return ordered[max(0, -(-len(ordered) * percent // 100) - 1)] if ordered else None


class State:
    """What a definition remembers between facts."""

    def __init__(self, parameters: Mapping[str, str], reference: Mapping[str, Any]) -> None:
        self.parameters, self.reference, self.tally = parameters, reference, Tally()


class Network(State):
    """A state that also knows the facilities: their names, and in which province each is."""

    def __init__(self, parameters: Mapping[str, str], reference: Mapping[str, Any]) -> None:
        super().__init__(parameters, reference)
        self.facilities: dict[str, Words] = {}
        self.province_of: dict[str, str] = {}
        self.provinces: dict[str, Words] = {"": Words("Không rõ", "Unknown")}

    def facility_registered(self, fact: Fact) -> None:
        """Takes "facility.registered" of version 2, whose code of the province is of the list of its own day."""
        told = fact.fields
        self.facilities[fact.stream] = Words(told["name_vi"], told["name_en"] or told["name_vi"])
        self.province_of[fact.stream] = told["province_code"]
        self.provinces[told["province_code"]] = Words(told["province"], told["province"])

    @staticmethod
    def registered_before_lists(fields: Fields) -> Fields:
        """Brings "facility.registered" of version 1, of which nothing is read that version 2 tells in another way."""
        return fields

    def words(self) -> dict[str, Mapping[str, Words]]:
        """What the codes mean that several reports show."""
        specialities = {row["code"]: Words(row["name_vi"], row["name_en"]) for row in self.reference["specialities"]}
        return {
            "facility": self.facilities,
            "province": self.provinces,
            "speciality": specialities,
            "kind": KINDS,
            "mode": MODES,
            "urgency": URGENCIES,
            "tier": TIERS,
        }


KINDS = {
    "remote_advice": Words("Tư vấn từ xa", "Remote advice"),
    "consultation": Words("Hội chẩn khám, chữa bệnh", "Consultation on examination and treatment"),
    "tele_imaging": Words("Hội chẩn chẩn đoán hình ảnh", "Tele-imaging"),
    "tele_pathology": Words("Hội chẩn giải phẫu bệnh", "Tele-pathology"),
    "tele_surgery": Words("Hội chẩn phẫu thuật", "Tele-surgery consultation"),
    "training": Words("Đào tạo, chuyển giao kỹ thuật", "Training and technique transfer"),
}
MODES = {
    "direct_to_patient": Words("Trực tiếp với người bệnh", "Direct to patient"),
    "via_receiving_facility": Words("Qua cơ sở tiếp nhận người bệnh", "Via a receiving facility"),
    "inter_facility_support": Words("Hỗ trợ giữa các cơ sở", "Inter-facility support"),
    "remote_consultation": Words("Hội chẩn từ xa", "Remote consultation"),
}
URGENCIES = {
    "emergency": Words("Cấp cứu", "Emergency"),
    "urgent": Words("Khẩn", "Urgent"),
    "routine": Words("Thường quy", "Routine"),
}
TIERS = {
    "central": Words("Trung ương", "Central"),
    "provincial": Words("Tỉnh", "Provincial"),
    "district": Words("Huyện", "District"),
    "commune": Words("Xã", "Commune"),
}


# Definitions -------------------------------------------------------------------------------------------------

PATTERNS = {
    "month": re.compile(r"[0-9]{4}-(0[1-9]|1[0-2])"),
    "year": re.compile(r"[0-9]{4}"),
    "date": re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}"),
    "id": re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"),
    "code": re.compile(r"[^\x00-\x20\x7f]{1,64}"),
}


@dataclass(frozen=True, slots=True)
class Parameter:
    """`kind` is one of PATTERNS. One that is left out and not required does not narrow the report."""

    name: str
    kind: str
    title: Words
    required: bool = True


S = TypeVar("S", bound=State)
Fields = dict[str, Any]


class Definition:
    """`content` is "figures" where nobody can be recognised, and "case" where patients are; `subject` names the
    parameter that holds the id of the case. `reference` names the lists of reference data that are read."""

    def __init__(
        self,
        name: str,
        *,
        version: int,
        title: Words,
        start: Callable[[Mapping[str, str], Mapping[str, Any]], Any],
        parameters: Sequence[Parameter] = (),
        reference: Sequence[str] = (),
        content: str = "figures",
        subject: str | None = None,
        withdrawing: Iterable[str] = (),
        correcting: Iterable[str] = (),
    ) -> None:
        self.name, self.version, self.title, self.start = name, version, title, start
        self.parameters, self.reference = tuple(parameters), tuple(reference)
        self.content, self.subject = content, subject
        self.withdrawing, self.correcting = frozenset(withdrawing), frozenset(correcting)
        self.reads: dict[str, int] = {}
        self._handlers: dict[str, Callable[[Any, Fact], None]] = {}
        self._older: dict[tuple[str, int], Callable[[Fields], Fields]] = {}
        self.result: Callable[[Any], Result]

    def takes(self, name: str, *, version: int) -> Callable[[Callable[[S, Fact], None]], Callable[[S, Fact], None]]:
        def register(handler: Callable[[S, Fact], None]) -> Callable[[S, Fact], None]:
            self.reads[name], self._handlers[name] = version, handler
            return handler

        return register

    def older(self, name: str, *, version: int) -> Callable[[Callable[[Fields], Fields]], Callable[[Fields], Fields]]:
        """Brings the fields of this stored version to the next one, so far as the definition reads them."""

        def register(bring: Callable[[Fields], Fields]) -> Callable[[Fields], Fields]:
            self._older[name, version] = bring
            return bring

        return register

    def results(self, make: Callable[[S], Result]) -> Callable[[S], Result]:
        self.result = make
        return make

    def take(self, state: State, fact: Fact) -> None:
        """Fold the next fact, in the order of positions. Raises UnknownShape."""
        handler = self._handlers.get(fact.name)
        if handler is None:
            return
        while fact.schema_version < self.reads[fact.name]:
            bring = self._older.get((fact.name, fact.schema_version))
            if bring is None:
                break
            fact.fields, fact.schema_version = bring(fact.fields), fact.schema_version + 1
        if fact.schema_version != self.reads[fact.name]:
            raise UnknownShape(f"position {fact.position}: {fact.name} of version {fact.schema_version} is not read")
        handler(state, fact)

    def read_parameters(self, given: Mapping[str, str]) -> dict[str, str]:
        """The parameters in their one form. Raises ParameterRefused."""
        if unknown := sorted(given.keys() - {one.name for one in self.parameters}):
            raise ParameterRefused(f"{self.name} has no parameter {unknown[0]}")
        found = {}
        for one in self.parameters:
            text = given.get(one.name)
            if text is None:
                if one.required:
                    raise ParameterRefused(f"{self.name} needs the parameter {one.name}")
                continue
            text = text.lower() if one.kind == "id" else text
            if not PATTERNS[one.kind].fullmatch(text) or (one.kind == "date" and not _is_day(text)):
                raise ParameterRefused(f"{one.name} is not a {one.kind}")
            found[one.name] = text
        return found


def _is_day(text: str) -> bool:
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


# Results -----------------------------------------------------------------------------------------------------

CELL_KINDS = ("text", "integer", "decimal", "date", "month", "instant", "code")


@dataclass(frozen=True, slots=True)
class Figure:
    """A single named number or text; `kind` is one of CELL_KINDS, a decimal is a text. `unit` is shown behind it,
    and `codes` names the list of `Result.labels` that explains a code."""

    name: str
    title: Words
    kind: str
    value: Value
    of: Key = ()
    unit: str = ""
    codes: str | None = None


@dataclass(frozen=True, slots=True)
class Column:
    """`codes` names the list of `Result.labels` in which the values of a code are explained."""

    name: str
    kind: str
    title: Words
    codes: str | None = None
    unit: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    cells: Sequence[Value]
    of: Key = ()


@dataclass(frozen=True, slots=True)
class Chart:
    """A hint for pages: `kind` is bar, line or histogram, `x` and `y` are columns of the table."""

    kind: str
    title: Words
    x: str
    y: Sequence[str]


@dataclass(frozen=True, slots=True)
class Table:
    """Rows are told apart and sorted by the columns of `key`: nothing first, numbers by size, texts by code points."""

    name: str
    title: Words
    columns: Sequence[Column]
    key: Sequence[str]
    rows: Sequence[Row]
    charts: Sequence[Chart] = ()

    def sorted_rows(self) -> list[Row]:
        at = [[column.name for column in self.columns].index(name) for name in self.key]
        return sorted(self.rows, key=lambda row: [_rank(row.cells[n]) for n in at])

    def key_of(self, row: Row) -> tuple[Value, ...]:
        names = [column.name for column in self.columns]
        return tuple(row.cells[names.index(name)] for name in self.key)


@dataclass(frozen=True, slots=True)
class Section:
    """`notes` say what is counted and how, or hold the text of the section."""

    name: str
    title: Words
    notes: Sequence[Words] = ()
    figures: Sequence[Figure] = ()
    tables: Sequence[Table] = ()


@dataclass(frozen=True, slots=True)
class Result:
    """`labels`: {list of codes: {code: what it means}}, of the codes that occur."""

    sections: Sequence[Section]
    labels: Mapping[str, Mapping[str, Words]] = field(default_factory=dict)

    def tables(self) -> Iterator[tuple[Section, Table]]:
        for section in self.sections:
            for table in section.tables:
                yield section, table


def labelled(sections: Sequence[Section], known: Mapping[str, Mapping[str, Words]]) -> Result:
    """The result with the meaning of the codes that occur in it, as far as it is known."""
    used: dict[str, set[Value]] = {}
    for section in sections:
        for figure in section.figures:
            if figure.codes:
                used.setdefault(figure.codes, set()).add(figure.value)
        for table in section.tables:
            for at, column in enumerate(table.columns):
                if column.codes:
                    used.setdefault(column.codes, set()).update(row.cells[at] for row in table.rows)
    labels = {codes: {str(one): known[codes][str(one)] for one in found if one in known[codes]}
              for codes, found in used.items()}  # fmt: skip
    return Result(sections, labels)


def _rank(value: Value) -> tuple[int, int, str]:
    if value is None:
        return (0, 0, "")
    return (1, value, "") if isinstance(value, int) else (2, 0, value)


# Bytes -------------------------------------------------------------------------------------------------------


def canonical(value: object) -> bytes:
    """JSON of RFC 8785. Floats and integers that others would round are refused, for a report has none."""
    return _json(value).encode()


def _json(value: object) -> str:
    match value:
        case None | bool() | str():
            return json.dumps(value, ensure_ascii=False)
        case int():
            if abs(value) > LARGEST_INTEGER:
                raise ValueError("an integer beyond 2^53 is not the same number everywhere")
            return str(value)
        case Mapping():
            members = sorted(value.items(), key=lambda item: str(item[0]).encode("utf-16-be"))
            return "{" + ",".join(f"{_json(str(name))}:{_json(one)}" for name, one in members) + "}"
        case list() | tuple():
            return "[" + ",".join(map(_json, value)) + "]"
    raise ValueError(f"{type(value).__name__} is no part of a report")


def files_of(definition: Definition, parameters: Mapping[str, str], result: Result) -> dict[str, bytes]:
    """The result's files: `result.json`, and one `tables/NAME.csv` for each table."""
    found = {"result.json": canonical(plain(definition, parameters, result))}
    for section, table in result.tables():
        name = f"tables/{section.name}-{table.name}.csv"
        if name in found:
            raise ValueError(f"two tables are called {name}")
        found[name] = _csv(table)
    return found


def plain(definition: Definition, parameters: Mapping[str, str], result: Result) -> dict[str, Any]:
    """The result as JSON data. Raises ValueError for what no reader could rely on."""
    return {
        "format": FORMAT,
        "definition": {"name": definition.name, "version": definition.version},
        "title": _words(definition.title),
        "parameters": dict(parameters),
        "sections": [
            {
                "name": section.name,
                "title": _words(section.title),
                "notes": [_words(one) for one in section.notes],
                "figures": [_figure(one) for one in section.figures],
                "tables": [_table(one) for one in section.tables],
            }
            for section in result.sections
        ],
        "labels": {codes: {code: _words(one) for code, one in held.items()} for codes, held in result.labels.items()},
    }


def _figure(figure: Figure) -> dict[str, Any]:
    _check(figure.kind, figure.value)
    shown = {"name": figure.name, "title": _words(figure.title), "kind": figure.kind, "value": figure.value}
    return {**shown, "unit": figure.unit, "codes": figure.codes}


def _table(table: Table) -> dict[str, Any]:
    rows = table.sorted_rows()
    if len({table.key_of(row) for row in rows}) != len(rows):
        raise ValueError(f"two rows of {table.name} have one key")
    for row in rows:
        for column, value in zip(table.columns, row.cells, strict=True):
            _check(column.kind, value)
    return {
        "name": table.name,
        "title": _words(table.title),
        "columns": [
            {"name": c.name, "kind": c.kind, "title": _words(c.title), "codes": c.codes, "unit": c.unit}
            for c in table.columns
        ],
        "key": list(table.key),
        "rows": [list(row.cells) for row in rows],
        "charts": [{"kind": c.kind, "title": _words(c.title), "x": c.x, "y": list(c.y)} for c in table.charts],
    }


def _check(kind: str, value: Value) -> None:
    wanted = int if kind == "integer" else str
    if kind not in CELL_KINDS or (value is not None and (not isinstance(value, wanted) or isinstance(value, bool))):
        raise ValueError(f"{value!r} is not of the kind {kind}")


def _words(words: Words) -> dict[str, str]:
    return {"vi": words.vi, "en": words.en}


def _csv(table: Table) -> bytes:
    """RFC 4180, without a BOM. A text that a spreadsheet would take for a formula has an apostrophe before it."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow([column.name for column in table.columns])
    for row in table.sorted_rows():
        writer.writerow([_cell(column.kind, value) for column, value in zip(table.columns, row.cells, strict=True)])
    return out.getvalue().encode()


def _cell(kind: str, value: Value) -> str:
    text = "" if value is None else str(value)
    return f"'{text}" if kind in ("text", "code") and text[:1] in ("=", "+", "-", "@", "\t", "\r") else text


# The program -------------------------------------------------------------------------------------------------


def load(file: Path) -> Definition:
    """The definition in this file, with this very kit, under whatever name it runs."""
    sys.modules[MODULE] = sys.modules[__name__]
    spec = importlib.util.spec_from_file_location(f"report_{file.stem}", file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    # Dataclasses look their own module up by its name.
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    found: Definition = module.report
    return found


def computed(
    definition: Definition, parameters: Mapping[str, str], reference: Mapping[str, Any], facts: Iterable[Fact]
) -> Result:
    """The whole of it: a pure function. Raises Refused."""
    state: State = definition.start(definition.read_parameters(parameters), reference)
    for fact in facts:
        definition.take(state, fact)
    return definition.result(state)


def facts_in(records: BinaryIO, stored: BinaryIO, names: Iterable[str] | None, upto: int) -> Iterator[Fact]:
    """The facts of a bundle up to a position: `stored` holds the bytes of the records with these names, in order."""
    shown = None if names is None else frozenset(names)
    for record in _parts(records, 2):
        if shown is not None and _name(record) not in shown:
            continue
        state, metadata = next(_parts(stored, 4)), next(_parts(stored, 4))
        if int.from_bytes(record[15:23], "big") <= upto:
            yield fact_of(record, state, metadata)


def _name(record: bytes) -> str:
    length = int.from_bytes(record[51:53], "big")
    return record[53 : 53 + length].decode()


def _parts(file: BinaryIO, width: int) -> Iterator[bytes]:
    while head := file.read(width):
        yield file.read(int.from_bytes(head, "big"))


def main(folder: Path) -> int:
    """Computes the report whose `job.json`, `definition.py`, `records.bin`, `stored.bin` lie in the folder."""
    job = json.loads((folder / "job.json").read_text(encoding="utf-8"))
    definition = load(folder / "definition.py")
    with (folder / "records.bin").open("rb") as records, (folder / "stored.bin").open("rb") as stored:
        facts = facts_in(records, stored, job["stored"], job["position"])
        result = computed(definition, job["parameters"], job["reference"], facts)
    files = files_of(definition, definition.read_parameters(job["parameters"]), result)
    for name, content in files.items():
        target = folder / "computed" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
        print(sha256(content).hexdigest(), name)
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
