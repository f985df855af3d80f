"""GraphQL types from the Python types of rows, values and commands, so that nobody writes them twice.

Dataclasses, TypedDicts and pydantic models become object types or, for commands, input types; their docstrings become
descriptions. `int` becomes Int, except where the name says that it is larger: a position, or a time stamp of RTP.
"""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from types import NoneType, UnionType
from typing import Annotated, Any, NewType, Union, get_args, get_origin, get_type_hints, is_typeddict
from uuid import UUID

import strawberry
from pydantic import AwareDatetime, BaseModel
from strawberry.types.field import StrawberryField

from graphql_api._scalars import Json, Position, RtpTimestamp

PLAIN = (UUID, str, bool, float, datetime, date, Decimal)
LARGE: Mapping[str, Any] = {"position": Position, "rtp_timestamp": RtpTimestamp}
ENUMS: dict[type, Any] = {}


class Types:
    """The GraphQL types made so far. `nested` makes the fields of a row's type that are read on demand.

    They are made with the type, because they may answer with rows that have such fields themselves.
    """

    def __init__(self, nested: Callable[[Types, type], Mapping[str, StrawberryField]] = lambda types, row: {}) -> None:
        self._made: dict[tuple[type, bool], Any] = {}
        self._nested = nested

    def output(self, hint: Any, name: str = "") -> Any:
        return self._type(hint, name, as_input=False)

    def input(self, hint: Any, name: str = "") -> Any:
        return self._type(hint, name, as_input=True)

    def _type(self, hint: Any, name: str, as_input: bool) -> Any:
        origin, arguments = get_origin(hint), get_args(hint)
        if origin is Annotated:
            return self._type(arguments[0], name, as_input)
        if isinstance(hint, NewType):
            return hint
        if origin in (Union, UnionType):
            (inner,) = [part for part in arguments if part is not NoneType]
            return self._type(inner, name, as_input) | None
        if origin in (list, tuple, frozenset, set, Sequence):
            return list[self._type(arguments[0], name, as_input)]  # type: ignore[misc]
        if hint is int:
            return next((large for end, large in LARGE.items() if name.endswith(end)), int)
        if hint is AwareDatetime:
            return datetime
        if hint in PLAIN:
            return hint
        if isinstance(hint, type) and issubclass(hint, Enum):
            return enum_of(hint)
        if isinstance(hint, type) and (
            is_typeddict(hint) or dataclasses.is_dataclass(hint) or issubclass(hint, BaseModel)
        ):
            return self._object(hint, as_input)
        return Json

    def _object(self, kind: type, as_input: bool) -> Any:
        known = self._made.get((kind, as_input))
        if known is not None:
            return known
        name = kind.__name__ + ("Input" if as_input else "")
        members: dict[str, Any] = {"__annotations__": {}}
        for field, (hint, required) in fields_of(kind).items():
            made = self._type(hint, field, as_input)
            members["__annotations__"][field] = made if required or not as_input else made | None
            if as_input and not required:
                members[field] = strawberry.UNSET
        if not as_input:
            members.update(self._nested(self, kind))
        decorate = strawberry.input if as_input else strawberry.type
        description = inspect.cleandoc(kind.__doc__ or "") or None
        if description and description.startswith(f"{kind.__name__}("):
            description = None  # What dataclasses write when nobody else wrote anything.
        made = decorate(type(name, (), members), name=name, description=description)
        self._made[kind, as_input] = made
        return made


def enum_of(kind: type[Enum]) -> Any:
    """The GraphQL enum of this one, made once for the schema."""
    if kind not in ENUMS:
        description = inspect.cleandoc(kind.__doc__ or "") or None
        ENUMS[kind] = strawberry.enum(kind, name=_enum_name(kind), description=description)
    return ENUMS[kind]


def _enum_name(kind: type[Enum]) -> str:
    """Every aggregate has its own Status; the schema tells them apart by the aggregate's name."""
    if kind.__name__ != "Status":
        return kind.__name__
    aggregate = kind.__module__.rpartition(".")[2]
    return aggregate.title().replace("_", "") + "Status"


def fields_of(kind: type) -> Mapping[str, tuple[Any, bool]]:
    """The fields of a row, value or command: type, and whether a caller must give it."""
    if issubclass(kind, BaseModel):
        return {name: (field.annotation, field.is_required()) for name, field in kind.model_fields.items()}
    return {name: (hint, True) for name, hint in get_type_hints(kind).items()}


def resolver(name: str, answer: Callable[..., Any], arguments: Mapping[str, tuple[Any, Any]], returns: Any) -> Any:
    """A resolver with this name and these arguments (type, default), for strawberry to read.

    What the caller leaves out is left out of the call too, so that the answering function's own defaults hold.

    Strawberry keys fields by the resolver's `__name__`: without one of its own, each would replace the one before.
    """

    async def resolve(self: Any, info: strawberry.Info, **given: Any) -> Any:
        return await answer(self, info, **{n: value for n, value in given.items() if value is not strawberry.UNSET})

    resolve.__name__ = name
    resolve.__annotations__ = {
        "info": strawberry.Info,
        **{n: hint for n, (hint, _) in arguments.items()},
        "return": returns,
    }
    parameters = [
        inspect.Parameter("self", inspect.Parameter.POSITIONAL_OR_KEYWORD),
        inspect.Parameter("info", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=strawberry.Info),
        *(
            inspect.Parameter(n, inspect.Parameter.KEYWORD_ONLY, annotation=hint, default=_unset(default))
            for n, (hint, default) in arguments.items()
        ),
    ]
    resolve.__signature__ = inspect.Signature(parameters, return_annotation=returns)  # type: ignore[attr-defined]
    return resolve


def _unset(default: Any) -> Any:
    return strawberry.UNSET if default is None else default


def plain(value: Any) -> Any:
    """An input object as the dict that a pydantic model reads; what was not given is left out."""
    if isinstance(value, list):
        return [plain(one) for one in value]
    if hasattr(type(value), "__strawberry_definition__") and not isinstance(value, Enum):
        return {name: plain(one) for name, one in vars(value).items() if one is not strawberry.UNSET}
    return value
