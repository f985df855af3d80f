"""A view answers one question of a reader. This file says what a view is; `_fold.py` how events get into it.

Rules: a view is never migrated. A change of shape raises `version`, and the view is filled anew from the log beside
the old one. Handlers take in only what their own event holds; joins happen in the query. One worker may see the
events of different streams in any order, those of one stream always in theirs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any, TypeAlias

import asyncpg

from domain._kernel import Event
from projections._table import R, Table

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"


class Content(StrEnum):
    """What a view shows, from which follows who may read it (graphql_api/access.py)."""

    CASE = "case"  # about patients: for those who have to do with the case
    NETWORK = "network"  # about facilities and staff: for everybody who works in the network
    FIGURES = "figures"  # counts in which nobody can be recognised
    INTERNAL = "internal"  # for the system itself: nobody reads it through the API


VIEWS: dict[str, View] = {}


class View:
    """`stream` names the column that holds the id of the case, by which access to a row is decided."""

    def __init__(self, name: str, *, version: int, content: Content, stream: str | None = None) -> None:
        if name in VIEWS:
            raise TypeError(f"two views are called {name}")
        if content is Content.CASE and stream is None:
            raise TypeError(f"{name} shows cases, so it must name the column of the case")
        self.name, self.version, self.content, self.stream = name, version, content, stream
        self.tables: list[Table[Any]] = []
        VIEWS[name] = self

    def table(self, row: type[R], key: str | Sequence[str], *, part: str = "", indexes: Sequence[str] = ()) -> Table[R]:
        """The main table has the name of the view, a further one `<view>_<part>`."""
        name = f"{self.name}_{part}" if part else self.name
        table = Table(name, row, (key,) if isinstance(key, str) else key, indexes)
        self.tables.append(table)
        return table

    @property
    def handled(self) -> frozenset[type[Event]]:
        return frozenset(kind for table in self.tables for kind in table.handlers)

    @property
    def aggregates(self) -> frozenset[str]:
        """The aggregates whose events this view takes in."""
        return frozenset(kind.name.partition(".")[0] for kind in self.handled)

    def physical(self, table: Table[Any], generation: int) -> str:
        return f"{table.name}_v{self.version}_g{generation}"

    def physicals(self, generation: int) -> list[str]:
        return [self.physical(table, generation) for table in self.tables]

    def ddl(self, generation: int) -> list[str]:
        return [statement for table in self.tables for statement in table.ddl(self.physical(table, generation))]

    def naming(self, generation: int) -> list[str]:
        """Statements after which the plain names, by which queries read, stand for this generation."""
        statements = []
        for table in self.tables:
            statements.append(f"drop view if exists {table.name}")
            statements.append(f"create view {table.name} as select * from {self.physical(table, generation)}")
        return statements


async def generations(db: Connection) -> Mapping[str, tuple[int, int]]:
    """The (version, generation) of each view that is built."""
    rows = await db.fetch("select view, version, generation from projection_generation")
    return {row["view"]: (row["version"], row["generation"]) for row in rows}


async def create(db: Connection, view: View, generation: int) -> None:
    """Make the empty tables of a generation and let the view's names stand for them."""
    for statement in view.ddl(generation):
        await db.execute(statement)
    await adopt(db, view, generation)


async def adopt(db: Connection, view: View, generation: int) -> None:
    """Let the view's names stand for this generation; write its tables down, so that any version can drop them."""
    for statement in view.naming(generation):
        await db.execute(statement)
    await db.execute(
        "insert into projection_generation (view, version, generation, tables) values ($1, $2, $3, $4)"
        " on conflict (view) do update set version = $2, generation = $3, tables = $4, built_at = now()",
        view.name,
        view.version,
        generation,
        view.physicals(generation),
    )
