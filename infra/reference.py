"""The reference data as files: one JSON list for each list of `ReferenceData`, one object for each row.

Rules: every row is validated, and an error names file and row; no two rows that answer the same question hold on the
same day, so that the data never gives two answers; the digest depends on the content alone, not on how it is laid out.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from itertools import combinations
from pathlib import Path
from typing import Any, cast, get_args

from pydantic import TypeAdapter, ValidationError

from domain._provinces import Rule
from domain._reference import ReferenceData

FOLDER = Path(__file__).resolve().parent.parent / "reference"

# What makes two rows answers to the same question, by list.
QUESTIONS: Mapping[str, Callable[[Any], object]] = {
    "urgency_clocks": lambda row: row.urgency,
    "code_systems": lambda row: (row.system, row.version),
    "remote_diseases": lambda row: row.code,
    "specialities": lambda row: row.code,
    "quality_gates": lambda row: "gate",
    "ladder_rungs": lambda row: row.rung,
    "picture_rules": lambda row: (row.category, row.destination),
    "line_requirements": lambda row: row.tier,
    "remote_services": lambda row: row.kind,
    "provinces": lambda row: row.code,
    "former_provinces": lambda row: row.code,
    "report_definitions": lambda row: row.name,
}


class ReferenceDataInvalid(ValueError):
    """The files cannot be used: every problem, one a line, with its file and row."""

    def __init__(self, problems: Iterable[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(self.problems))


def load(folder: Path = FOLDER) -> ReferenceData:
    """All rules of the folder's files. Raises ReferenceDataInvalid."""
    lists = {name: field.annotation for name, field in ReferenceData.model_fields.items() if name != "digest"}
    problems = [f"{path.name}: no such list" for path in sorted(folder.glob("*.json")) if path.stem not in lists]
    found: dict[str, tuple[Rule, ...]] = {}
    for name, annotation in lists.items():
        rule = get_args(annotation)[0]
        try:
            rows = _rows(folder / f"{name}.json")
        except ValueError as problem:
            problems.append(str(problem))
            continue
        found[name] = tuple(_validated(name, rule, rows, problems))
    problems.extend(_double_answers(found))
    if problems:
        raise ReferenceDataInvalid(problems)
    data = ReferenceData(**cast(dict[str, Any], found))
    return data.model_copy(update={"digest": digest_of(data)})


def digest_of(data: ReferenceData) -> str:
    """SHA-256 over the content: keys sorted, rows and sets in one order, no white space."""
    lists = data.model_dump(mode="json", exclude={"digest"})
    return hashlib.sha256(_canonical(lists).encode()).hexdigest()


def _canonical(content: Any) -> str:
    """JSON in which the order of lists does not count, for every list of the reference data is a set."""
    if isinstance(content, dict):
        pairs = (f"{json.dumps(key)}:{_canonical(content[key])}" for key in sorted(content))
        return "{" + ",".join(pairs) + "}"
    if isinstance(content, list):
        return "[" + ",".join(sorted(_canonical(one) for one in content)) + "]"
    return json.dumps(content, ensure_ascii=False)


def _rows(path: Path) -> list[Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ValueError(f"{path.name}: the file is missing") from None
    except ValueError as error:
        raise ValueError(f"{path.name}: not JSON, {error}") from None
    if not isinstance(content, list) or not content:
        raise ValueError(f"{path.name}: not a list of rows")
    return content


def _validated(name: str, rule: type[Rule], rows: list[Any], problems: list[str]) -> Iterable[Rule]:
    adapter = TypeAdapter(rule)
    for number, row in enumerate(rows, start=1):
        try:
            yield adapter.validate_json(json.dumps(row))
        except ValidationError as error:
            for one in error.errors(include_url=False):
                place = ".".join(str(part) for part in one["loc"])
                problems.append(f"{name}.json row {number}: {place or 'row'}: {one['msg']}")


def _double_answers(lists: Mapping[str, tuple[Rule, ...]]) -> Iterable[str]:
    for name, rows in lists.items():
        question = QUESTIONS[name]
        for (first, one), (second, other) in combinations(enumerate(rows, start=1), 2):
            if question(one) == question(other) and one.valid.overlaps(other.valid):
                yield f"{name}.json row {second}: holds on days of row {first} for {question(other)}"
