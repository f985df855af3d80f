"""A table of a view: its row model, and the pure handlers that fold events into rows.

A row model is a dataclass; its annotations are the columns. A handler knows nothing of SQL: it makes a row from an
event, or changes the row that it is given. So the same handlers serve the live worker, a rebuild and a test.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, fields
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from types import NoneType, UnionType
from typing import Any, Generic, TypeVar, Union, get_args, get_origin, get_type_hints
from uuid import UUID

from domain._kernel import Event, Recorded
from projections._restore import of_column

SQL_TYPES = {
    UUID: "uuid",
    str: "text",
    int: "bigint",
    bool: "boolean",
    datetime: "timestamptz",
    date: "date",
    Decimal: "numeric",
}


@dataclass(slots=True, kw_only=True)
class Row:
    """What every row knows: the position of the last event that it took in."""

    position: int = 0


R = TypeVar("R", bound=Row)
E = TypeVar("E", bound=Event)
Key = tuple[Any, ...]
KeyOf = Callable[[Any, Recorded], Any]


@dataclass(frozen=True)
class Handler:
    """`row` is None for handlers that make rows; `keys` then follow from the rows they make."""

    fold: Callable[..., Any]
    keys: Callable[[Any, Recorded], Sequence[Key]] | None


class Table(Generic[R]):
    """`key` names the columns that identify a row; `indexes` are column lists for secondary indexes."""

    def __init__(self, name: str, row: type[R], key: Sequence[str], indexes: Sequence[str] = ()) -> None:
        self.name, self.row, self.key, self.indexes = name, row, tuple(key), tuple(indexes)
        self.hints = hints = get_type_hints(row)
        self.columns = tuple(field.name for field in fields(row))
        self.types = {column: _sql_type(hints[column]) for column in self.columns}
        self.nullable = {column: NoneType in get_args(hints[column]) for column in self.columns}
        self.restores = [(column, restore) for column in self.columns if (restore := of_column(hints[column]))]
        self.handlers: dict[type[Event], Handler] = {}

    def inserts(self, kind: type[E]) -> Callable[[Callable[[E, Recorded], R | Sequence[R]]], Any]:
        """The decorated function makes the new row, or rows, of this event."""

        def register(fold: Callable[[E, Recorded], R | Sequence[R]]) -> Any:
            self._register(kind, Handler(fold, None))
            return fold

        return register

    def updates(self, *kinds: type[Event], key: KeyOf | None = None) -> Callable[[Callable[..., None]], Any]:
        """The decorated function changes the row of this event: that of its stream, or the one that `key` names.

        `key` answers with one key, or with a list of keys; a key of several columns is a tuple.
        """

        def register(fold: Callable[..., None]) -> Any:
            for kind in kinds:
                self._register(kind, Handler(fold, _keys_by(key)))
            return fold

        return register

    def read(self, record: Iterable[tuple[str, Any]]) -> R:
        """The row that was stored so, with the types of its row model."""
        values = dict(record)
        for column, restore in self.restores:
            if values[column] is not None:
                values[column] = restore(values[column])
        return self.row(**values)

    def key_of(self, row: R) -> Key:
        return tuple(getattr(row, column) for column in self.key)

    def ddl(self, physical: str) -> list[str]:
        columns = ", ".join(
            f"{column} {self.types[column]}{'' if self.nullable[column] else ' not null'}" for column in self.columns
        )
        create = f"create table {physical} ({columns}, primary key ({', '.join(self.key)}))"
        return [create, *(f"create index on {physical} ({index})" for index in self.indexes)]

    def _register(self, kind: type[Event], handler: Handler) -> None:
        if kind in self.handlers:
            raise TypeError(f"{self.name} has two handlers for {kind.name}")
        self.handlers[kind] = handler


def _keys_by(key: KeyOf | None) -> Callable[[Any, Recorded], Sequence[Key]]:
    if key is None:
        return lambda event, at: [(at.stream_id,)]

    def keys(event: Any, at: Recorded) -> Sequence[Key]:
        found = key(event, at)
        many = found if isinstance(found, list) else [found]
        return [one if isinstance(one, tuple) else (one,) for one in many if one is not None]

    return keys


def _sql_type(hint: Any) -> str:
    if get_origin(hint) in (Union, UnionType):
        (hint,) = [part for part in get_args(hint) if part is not NoneType]
    if isinstance(hint, type) and issubclass(hint, StrEnum):
        return "text"
    return SQL_TYPES.get(hint, "jsonb")
