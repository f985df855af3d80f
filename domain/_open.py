"""The open form of events: which of their fields leave to analysts, and how coarse.

Rules: a field's own mark decides (`Leaves`), then its class of personal data, then its type. Ids leave as pseudonyms
and times of the work to the minute, because waits are what analysts ask for; of a person's days at most the month or a
band of years leaves, of a diagnosis its category, of places the province. What nothing decides about does not leave,
and a test of the architecture refuses it. The envelope is told in the same way as the facts.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import Enum
from functools import cache
from types import NoneType, UnionType
from typing import Annotated, Any, Union, get_args, get_origin
from uuid import UUID

from pydantic import AwareDatetime, BaseModel
from pydantic.fields import FieldInfo

from domain._leaving import Leaves
from domain._personal import DataClass, Personal

BY_CLASS: Mapping[DataClass, Leaves] = {
    DataClass.IDENTITY: Leaves.DROPPED,
    DataClass.CONTACT: Leaves.DROPPED,
    DataClass.CLINICAL: Leaves.DROPPED,
    DataClass.MEDIA: Leaves.DROPPED,
}
BY_TYPE: Mapping[Any, Leaves] = {
    bool: Leaves.AS_IT_IS,
    UUID: Leaves.PSEUDONYM,
    AwareDatetime: Leaves.TO_THE_MINUTE,
    datetime: Leaves.TO_THE_MINUTE,
    date: Leaves.TO_THE_MONTH,
}
REPEATED = (list, tuple, frozenset, set)


@dataclass(frozen=True)
class Way:
    """How one field leaves. `how` is None where its parts decide (`inside`), or where nothing does."""

    how: Leaves | None
    hint: Any
    many: bool = False
    optional: bool = False
    inside: Mapping[str, Way] | None = None

    @property
    def undecided(self) -> bool:
        return self.how is None and self.inside is None

    @property
    def leaves(self) -> bool:
        if self.inside is not None:
            return any(way.leaves for way in self.inside.values())
        return self.how not in (None, Leaves.DROPPED)


@cache
def ways_of(model: type[BaseModel]) -> Mapping[str, Way]:
    """How each field of an event or value leaves."""
    return {
        name: _way(field.annotation, tuple(field.metadata), optional=not field.is_required())
        for name, field in model.model_fields.items()
    }


def way_of(hint: Any) -> Way:
    """How a value of this annotation leaves, be it a field of an event or a column of a view."""
    return _way(hint, ())


def undecided(model: type[BaseModel]) -> Iterator[str]:
    """The fields about which nothing decides, as dotted paths."""
    for name, way in ways_of(model).items():
        if way.undecided:
            yield name
        elif way.inside is not None:
            yield from (f"{name}.{path}" for path in undecided(way.hint))


def _way(hint: Any, marks: tuple[Any, ...], *, many: bool = False, optional: bool = False) -> Way:
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Annotated:
        return _way(arguments[0], (*_flat(arguments[1:]), *marks), many=many, optional=optional)
    if origin in (Union, UnionType):
        parts = [part for part in arguments if part is not NoneType]
        return _way(parts[0] if len(parts) == 1 else object, marks, many=many, optional=NoneType in arguments)
    if origin in REPEATED and not many:
        return _way(arguments[0], marks, many=True, optional=optional)
    how = _decided(hint, marks)
    inside = ways_of(hint) if how is None and isinstance(hint, type) and issubclass(hint, BaseModel) else None
    return Way(how, hint, many, optional, inside)


def _decided(hint: Any, marks: tuple[Any, ...]) -> Leaves | None:
    own = [mark for mark in marks if isinstance(mark, Leaves)]
    classes = [mark.of for mark in marks if isinstance(mark, Personal)]
    if own:
        return own[-1]
    if classes:
        return BY_CLASS[classes[-1]]
    if isinstance(hint, type) and issubclass(hint, Enum):
        return Leaves.AS_IT_IS
    return BY_TYPE.get(hint)


def _flat(marks: tuple[Any, ...]) -> list[Any]:
    """`Field(ge=1)` in an annotation holds its marks in a list of its own."""
    return [one for mark in marks for one in (mark.metadata if isinstance(mark, FieldInfo) else [mark])]
