"""Reading rows: by key, by condition, and page by page as Relay's connections ask (keyset, never offset)."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Generic

from pydantic import TypeAdapter, ValidationError

from domain._kernel import DomainError
from projections._table import R, Table
from projections._view import Connection


class BadCursor(DomainError, code="BAD_CURSOR", field="after"):
    """This cursor is not one of this list."""


@dataclass(frozen=True)
class Condition:
    """A piece of SQL over a view's columns. Its arguments are written `{}`, in order, and numbered when used."""

    sql: str = "true"
    arguments: tuple[Any, ...] = ()

    def __and__(self, other: Condition) -> Condition:
        return Condition(f"({self.sql}) and ({other.sql})", self.arguments + other.arguments)

    def __or__(self, other: Condition) -> Condition:
        return Condition(f"({self.sql}) or ({other.sql})", self.arguments + other.arguments)

    def numbered(self, first: int = 1) -> str:
        return self.sql.format(*(f"${n}" for n in range(first, first + len(self.arguments))))


def matching(**wanted: Any) -> Condition:
    """Rows whose columns have these values; a list or tuple means any of them, None that anything will do."""
    given = {column: value for column, value in wanted.items() if value is not None}
    several = {column for column, value in given.items() if isinstance(value, list | tuple)}
    parts = [f"{column} = any({{}})" if column in several else f"{column} = {{}}" for column in given]
    return Condition(" and ".join(parts) or "true", tuple(given.values()))


EVERYTHING = Condition()
NOTHING = Condition("false")


@dataclass(frozen=True)
class Page(Generic[R]):
    """Some rows in order, and whether more stand behind them; `cursors` stand beside the rows."""

    rows: Sequence[R]
    cursors: Sequence[str]
    has_next: bool
    has_previous: bool


async def select(
    db: Connection, table: Table[R], condition: Condition = EVERYTHING, order: Sequence[str] = (), limit: int = 1_000
) -> list[R]:
    """The rows for which the condition holds, in the given order, ties broken by the key."""
    return await _read(db, table, condition, ", ".join((*order, *table.key)), limit)


async def first(db: Connection, table: Table[R], condition: Condition) -> R | None:
    return next(iter(await select(db, table, condition, limit=1)), None)


async def page(
    db: Connection,
    table: Table[R],
    condition: Condition,
    order: Sequence[str],
    *,
    size: int,
    after: str | None = None,
    descending: bool = False,
) -> Page[R]:
    """The `size` rows behind the cursor `after`. Columns of `order` must not be null."""
    columns = (*order, *(column for column in table.key if column not in order))
    direction = " desc" if descending else ""
    if after is not None:
        values = read_cursor(table, columns, after)
        places = ", ".join("{}" for _ in columns)
        condition &= Condition(f"({', '.join(columns)}) {'<' if descending else '>'} ({places})", tuple(values))
    rows = await _read(db, table, condition, ", ".join(column + direction for column in columns), size + 1)
    kept = rows[:size]
    return Page(
        kept,
        [write_cursor(table, columns, row) for row in kept],
        has_next=len(rows) > size,
        has_previous=after is not None,
    )


async def _read(db: Connection, table: Table[R], condition: Condition, ordered: str, limit: int) -> list[R]:
    rows = await db.fetch(
        f"select * from {table.name} where {condition.numbered()} order by {ordered} limit {limit:d}",
        *condition.arguments,
    )
    return [table.read(row.items()) for row in rows]


def _shape(table: Table[Any], columns: Sequence[str]) -> TypeAdapter[tuple[Any, ...]]:
    shape: Any = tuple.__class_getitem__(tuple(table.hints[column] for column in columns))
    return TypeAdapter(shape)


def write_cursor(table: Table[R], columns: Sequence[str], row: R) -> str:
    values = tuple(getattr(row, column) for column in columns)
    return base64.urlsafe_b64encode(_shape(table, columns).dump_json(values)).decode().rstrip("=")


def read_cursor(table: Table[Any], columns: Sequence[str], cursor: str) -> tuple[Any, ...]:
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        values = _shape(table, columns).validate_json(base64.urlsafe_b64decode(padded))
    except (ValueError, ValidationError) as fault:
        raise BadCursor() from fault
    if any(isinstance(value, str) and "\x00" in value for value in values):
        raise BadCursor()  # No row holds such a text, and PostgreSQL does not even compare it.
    return values
