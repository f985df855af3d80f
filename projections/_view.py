"""A view answers one question of a reader. This file says what a view is; `_fold.py` how events get into it.

Rules: a view is never migrated. A change of shape raises `version`, and the view is filled anew from the log beside
the old one. Handlers take in only what their own event holds; joins happen in the query. One worker may see the
events of different streams in any order, those of one stream always in theirs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

import asyncpg

from domain._catalogue import belongs_to, import_all
from domain._kernel import Event
from projections._table import R, Row, Table
from projections._tally import Tally

if TYPE_CHECKING:
    Connection: TypeAlias = asyncpg.Connection[asyncpg.Record]
else:
    # The API reads the signatures of queries at run time, when asyncpg's class takes no parameters.
    Connection = asyncpg.Connection


Ask = TypeVar("Ask", bound=Callable[..., Any])


class Content(StrEnum):
    """What a view shows, from which follows who may read it (graphql_api/access.py)."""

    CASE = "case"  # about patients: for those who have to do with the case
    NETWORK = "network"  # about facilities and staff: for everybody who works in the network
    FIGURES = "figures"  # counts in which nobody can be recognised
    OVERSIGHT = "oversight"  # who asked for what: for auditors and operators, and everybody's own
    INTERNAL = "internal"  # for the system itself: nobody reads it through the API


@dataclass(frozen=True)
class Live:
    """A subscription to a view: the rows in which the column `by` has the subscriber's value, and their events.

    The GraphQL field is `name`, its argument `by`, the rows in its updates `field`; `many` says whether one value
    of `by` has one row or many.
    """

    name: str
    view: View
    table: Table[Any]
    by: str
    field: str
    many: bool
    description: str


VIEWS: dict[str, View] = {}


class View:
    """`stream` names the column that holds the id of the case, by which access to a row is decided.

    `patient` names the column that holds whom a row is about, where rows of one case are about different people;
    `owner` the column of the person who may read a row that is for oversight besides those who oversee.
    """

    def __init__(
        self,
        name: str,
        *,
        version: int,
        content: Content,
        stream: str | None = None,
        patient: str | None = None,
        owner: str | None = None,
    ) -> None:
        if name in VIEWS:
            raise TypeError(f"two views are called {name}")
        if content is Content.CASE and stream is None:
            raise TypeError(f"{name} shows cases, so it must name the column of the case")
        if (content is Content.OVERSIGHT) is not (owner is not None):
            raise TypeError(f"{name} must name the column of the owner when it is for oversight, and only then")
        self.name, self.version, self.content = name, version, content
        self.stream, self.patient, self.owner = stream, patient, owner
        self.tables: list[Table[Any]] = []
        self.tallies: list[Tally] = []
        self.queries: dict[str, Callable[..., Any]] = {}
        self.nested: dict[str, tuple[type, Callable[..., Any]]] = {}
        self.lives: list[Live] = []
        VIEWS[name] = self

    def table(self, row: type[R], key: str | Sequence[str], *, part: str = "", indexes: Sequence[str] = ()) -> Table[R]:
        """The main table has the name of the view, a further one `<view>_<part>`."""
        name = f"{self.name}_{part}" if part else self.name
        table = Table(name, row, (key,) if isinstance(key, str) else key, indexes)
        self.tables.append(table)
        return table

    def tally(
        self, table: Table[Any], part: str, columns: Sequence[str], where: str = "true", indexes: Sequence[str] = ()
    ) -> Tally:
        """Let the database count the rows of the table by these columns, see Tally."""
        tally = Tally(f"{self.name}_{part}", table, tuple(columns), where, tuple(indexes))
        self.tallies.append(tally)
        return tally

    def query(self, ask: Ask) -> Ask:
        """A question of a reader: `async def name(db, visible, …)`, where `visible` is what the reader may see.

        It becomes the GraphQL field of that name, with the further parameters as arguments, and the docstring as its
        description. One that answers with a Page takes `size` and `after` and becomes a Relay connection.
        """
        self.queries[ask.__name__] = ask
        return ask

    def on_demand(self, row: type[Row]) -> Callable[[Ask], Ask]:
        """A field of the row's GraphQL type that is read only when asked for: `async def name(db, row, …)`."""

        def register(ask: Ask) -> Ask:
            self.nested[ask.__name__] = (row, ask)
            return ask

        return register

    def live(self, name: str, table: Table[Any], *, by: str, field: str, many: bool = False) -> None:
        """Let clients subscribe, see Live. The docstring of the row is the description."""
        self.lives.append(Live(name, self, table, by, field, many, table.row.__doc__ or ""))

    @property
    def handled(self) -> frozenset[type[Event]]:
        return frozenset(kind for table in self.tables for kind in table.handlers)

    @property
    def aggregates(self) -> frozenset[str]:
        """The aggregates whose events this view takes in."""
        return frozenset(kind.name.partition(".")[0] for kind in self.handled)

    def physical(self, table: Table[Any] | Tally, generation: int) -> str:
        return f"{table.name}_v{self.version}_g{generation}"

    def physicals(self, generation: int) -> list[str]:
        both: list[Table[Any] | Tally] = [*self.tables, *self.tallies]
        return [self.physical(table, generation) for table in both]

    def ddl(self, generation: int) -> list[str]:
        return self.ddl_as(lambda table: self.physical(table, generation))

    def ddl_as(self, called: Callable[[Table[Any] | Tally], str]) -> list[str]:
        """The statements that make all tables, under the names that they are called by."""
        tables = [statement for table in self.tables for statement in table.ddl(called(table))]
        return tables + [one for tally in self.tallies for one in tally.ddl(called(tally), called(tally.table))]

    def naming(self, generation: int) -> list[str]:
        """Statements after which the plain names, by which queries read, stand for this generation."""
        statements = []
        both: list[Table[Any] | Tally] = [*self.tables, *self.tallies]
        for table in both:
            statements.append(f"drop view if exists {table.name}")
            statements.append(f"create view {table.name} as select * from {self.physical(table, generation)}")
        return statements


def every_view() -> Sequence[View]:
    """All views of the product: each is a file of this package."""
    import_all("projections")
    own = (view for _, view in sorted(VIEWS.items()))
    return tuple(view for view in own if all(belongs_to("projections", table.row) for table in view.tables))


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
