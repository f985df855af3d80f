"""From the types of events and rows to the types of Parquet columns, with what turns a value into theirs.

Rules: what a type is in Python decides what it is in the file, so that a new event or a new version of one needs no
line here. A value within a value becomes columns of its own (`measured.bitrate_kbps` is `measured_bitrate_kbps`), a
list stays a list. What is personal, what somebody wrote freely, and text of which no type says what it is, has no
shape: it never gets into a file. The id of a patient gets there as a pseudonym only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from operator import attrgetter, itemgetter
from types import NoneType, UnionType
from typing import Annotated, Any, ClassVar, Union, get_args, get_origin, get_type_hints, is_typeddict
from uuid import UUID

import pyarrow as pa
from pydantic import AwareDatetime, BaseModel, StringConstraints

from domain._personal import Personal
from domain._values import PROSE

MOMENT = pa.timestamp("us", tz="UTC")
# 24 digits before and 12 behind the point are the most that a measured number has (domain/_values.py).
NUMBER = pa.decimal128(38, 12)

Convert = Callable[[Any], Any]


@dataclass(frozen=True)
class Shape:
    """A Parquet type, and how a value of Python becomes one of it. None as `convert`: it is one already."""

    type: Any
    convert: Convert | None = None

    def of(self, value: Any) -> Any:
        return value if value is None or self.convert is None else self.convert(value)


@dataclass(frozen=True)
class Column:
    """A column of a table: its name, its type, and how to get its value out of an event or row."""

    name: str
    type: Any
    value: Convert


PLAIN: Mapping[Any, Shape] = {
    bool: Shape(pa.bool_()),
    int: Shape(pa.int64()),
    float: Shape(pa.float64()),
    str: Shape(pa.string()),
    UUID: Shape(pa.string(), str),
    datetime: Shape(MOMENT),
    AwareDatetime: Shape(MOMENT),
    date: Shape(pa.date32()),
    Decimal: Shape(NUMBER),
}


# The ids by which people are known who come to be treated, and those who stand by them.
PEOPLE = frozenset({"patient_id", "surviving_id", "merged_id", "relative_id"})


class NoShape(TypeError):
    """A type for which nobody has said yet what it is in a file."""


def columns_of(model: Any, pseudonym: Convert, prefix: str = "", reach: Convert | None = None) -> Iterator[Column]:
    """The columns for the fields of an event, value or row; `reach` gets to it from the outermost one."""
    for name, hint, get in _fields(model):
        inner, marks = bare(hint)
        if _stays(inner, marks):
            continue
        step = get if reach is None else _through(reach, get)
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            yield from columns_of(inner, pseudonym, f"{prefix}{name}_", step)
        elif (shape := shape_of(hint, pseudonym, name)) is not None:
            yield Column(prefix + name, shape.type, _shaped(step, shape))


def shape_of(hint: Any, pseudonym: Convert, name: str = "") -> Shape | None:
    """What a value of this type is in a file; None when it stays at home. Raises NoShape."""
    inner, marks = bare(hint)
    if _stays(inner, marks):
        return None
    if name in PEOPLE:
        return Shape(pa.string(), pseudonym)
    if inner in PLAIN:
        return PLAIN[inner]
    if isinstance(inner, type) and issubclass(inner, StrEnum):
        return Shape(pa.string(), str)
    if get_origin(inner) in (list, tuple, frozenset, set):
        return _list(get_args(inner)[0], pseudonym)
    if is_typeddict(inner) or (isinstance(inner, type) and issubclass(inner, BaseModel)):
        return _struct(inner, pseudonym)
    raise NoShape(f"{hint} has no shape in a file")


def _list(hint: Any, pseudonym: Convert) -> Shape | None:
    element = shape_of(hint, pseudonym)
    if element is None:
        return None
    return Shape(pa.list_(element.type), lambda values: [element.of(value) for value in values])


def _struct(kind: Any, pseudonym: Convert) -> Shape | None:
    shapes = ((name, shape_of(hint, pseudonym, name), get) for name, hint, get in _fields(kind))
    parts = [(name, shape, get) for name, shape, get in shapes if shape is not None]
    if not parts:
        return None
    made = pa.struct([(name, shape.type) for name, shape, _ in parts])
    return Shape(made, lambda value: {name: shape.of(get(value)) for name, shape, get in parts})


def _fields(model: Any) -> Iterator[tuple[str, Any, Convert]]:
    get: Callable[[str], Convert] = itemgetter if is_typeddict(model) else attrgetter
    for name, hint in get_type_hints(model, include_extras=True).items():
        if get_origin(hint) is not ClassVar:
            yield name, hint, get(name)


def bare(hint: Any) -> tuple[Any, tuple[Any, ...]]:
    """The type without its marks and without "or None", and the marks."""
    marks: tuple[Any, ...] = ()
    while True:
        if get_origin(hint) is Annotated:
            hint, *found = get_args(hint)
            marks += tuple(found)
        elif get_origin(hint) in (Union, UnionType):
            (hint,) = [part for part in get_args(hint) if part is not NoneType]
        else:
            return hint, marks


def _stays(inner: Any, marks: tuple[Any, ...]) -> bool:
    if inner is str and not any(isinstance(mark, StringConstraints) for mark in marks):
        return True
    return any(isinstance(mark, Personal) or mark is PROSE for mark in marks)


def _through(reach: Convert, get: Convert) -> Convert:
    def value(whole: Any) -> Any:
        part = reach(whole)
        return None if part is None else get(part)

    return value


def _shaped(get: Convert, shape: Shape) -> Convert:
    convert = shape.convert
    if convert is None:
        return get

    def value(whole: Any) -> Any:
        found = get(whole)
        return None if found is None else convert(found)

    return value
