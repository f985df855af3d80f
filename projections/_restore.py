"""Values as PostgreSQL gives them back, made into what the row model says they are.

Enums are stored as text and nested values as JSON, in which ids, times and enums are text too. A handler that meets
`UUID` in the batch that wrote it and `str` in the next one would compare the two and be wrong only sometimes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from types import NoneType, UnionType
from typing import Any, TypeAlias, Union, get_args, get_origin, get_type_hints, is_typeddict
from uuid import UUID

Restore: TypeAlias = "Callable[[Any], Any]"

FROM_TEXT: Mapping[Any, Restore] = {
    UUID: UUID,
    datetime: datetime.fromisoformat,
    date: date.fromisoformat,
    Decimal: Decimal,
}


def of_column(hint: Any) -> Restore | None:
    """What to do with the value of a column of this type; None when the driver already gives the right type."""
    hint = _without_none(hint)
    return None if hint in FROM_TEXT else in_json(hint)


def in_json(hint: Any) -> Restore | None:
    """What to do with a value of this type that was stored as JSON."""
    hint = _without_none(hint)
    if hint in FROM_TEXT:
        return FROM_TEXT[hint]
    if isinstance(hint, type) and issubclass(hint, StrEnum):
        return hint
    if is_typeddict(hint):
        return _fields(hint)
    if get_origin(hint) is list:
        return _elements(get_args(hint)[0])
    return None


def _without_none(hint: Any) -> Any:
    if get_origin(hint) in (Union, UnionType):
        (hint,) = [part for part in get_args(hint) if part is not NoneType]
    return hint


def _fields(kind: Any) -> Restore | None:
    hints = get_type_hints(kind)
    restores = {name: restore for name, hint in hints.items() if (restore := in_json(hint)) is not None}
    if not restores:
        return None

    def restore_fields(value: dict[str, Any]) -> dict[str, Any]:
        for name, restore in restores.items():
            if value.get(name) is not None:
                value[name] = restore(value[name])
        return value

    return restore_fields


def _elements(hint: Any) -> Restore | None:
    restore = in_json(hint)
    return None if restore is None else lambda values: [restore(value) for value in values]
