"""From the types of events and rows to the types of Parquet columns, with what turns a value into theirs.

Rules: what a type is in Python decides what it is in the file, so that a new event or a new version of one needs no
line here. A value within a value becomes columns of its own (`measured.bitrate_kbps` is `measured_bitrate_kbps`), a
list stays a list. What leaves at all is decided before, by the marks on events and rows (domain/_open.py).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from operator import attrgetter
from types import NoneType, UnionType
from typing import Annotated, Any, ClassVar, Union, get_args, get_origin, get_type_hints
from uuid import UUID

import pyarrow as pa
from pydantic import AwareDatetime, BaseModel

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


class NoShape(TypeError):
    """A type for which nobody has said yet what it is in a file."""


def columns_of(model: type[BaseModel], prefix: str = "", reach: Convert | None = None) -> Iterator[Column]:
    """The columns for the fields of a value; `reach` gets to it from the outermost one."""
    for name, hint in get_type_hints(model).items():
        if get_origin(hint) is ClassVar:
            continue
        step = attrgetter(name) if reach is None else _through(reach, attrgetter(name))
        inner = bare(hint)
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            yield from columns_of(inner, f"{prefix}{name}_", step)
        else:
            shape = shape_of(inner)
            yield Column(prefix + name, shape.type, shaped(step, shape))


def shape_of(hint: Any) -> Shape:
    """What a value of this type is in a file. Raises NoShape."""
    inner = bare(hint)
    if inner in PLAIN:
        return PLAIN[inner]
    if isinstance(inner, type) and issubclass(inner, StrEnum):
        return Shape(pa.string(), str)
    if get_origin(inner) in (list, tuple, frozenset, set):
        return list_of(shape_of(get_args(inner)[0]))
    if isinstance(inner, type) and issubclass(inner, BaseModel):
        hints = {name: hint for name, hint in get_type_hints(inner).items() if get_origin(hint) is not ClassVar}
        return struct_of([(name, shape_of(hint), attrgetter(name)) for name, hint in hints.items()])
    raise NoShape(f"{hint} has no shape in a file")


def list_of(element: Shape) -> Shape:
    return Shape(pa.list_(element.type), lambda values: [element.of(value) for value in values])


def struct_of(parts: Sequence[tuple[str, Shape, Convert]]) -> Shape:
    """Named parts, each with what gets it out of the whole."""
    made = pa.struct([(name, shape.type) for name, shape, _ in parts])
    return Shape(made, lambda value: {name: shape.of(get(value)) for name, shape, get in parts})


def bare(hint: Any) -> Any:
    """The type without its marks and without "or None"."""
    while True:
        if get_origin(hint) is Annotated:
            hint = get_args(hint)[0]
        elif get_origin(hint) in (Union, UnionType):
            (hint,) = [part for part in get_args(hint) if part is not NoneType]
        else:
            return hint


def _through(reach: Convert, get: Convert) -> Convert:
    def value(whole: Any) -> Any:
        part = reach(whole)
        return None if part is None else get(part)

    return value


def shaped(get: Convert, shape: Shape) -> Convert:
    convert = shape.convert
    if convert is None:
        return get

    def value(whole: Any) -> Any:
        found = get(whole)
        return None if found is None else convert(found)

    return value
