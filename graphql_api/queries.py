"""Every question of a view is a query field, derived from its signature; access and `minPosition` are added here."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, get_args, get_origin, get_type_hints

import strawberry
from strawberry.types.field import StrawberryField

from commands._command import camel
from domain._kernel import DomainError
from graphql_api._derive import Types, resolver
from graphql_api._scalars import Position
from graphql_api.access import visible
from graphql_api.viewer import RequestContext
from projections._page import Page
from projections._view import View, every_view

LARGEST_PAGE = 50
USUAL_PAGE = 20
WAIT_FOR_VIEWS_S = 2.0
NO_DEFAULT = inspect.Parameter.empty


class ViewsBehind(DomainError, code="VIEWS_BEHIND", field="minPosition"):
    """The views have not yet taken in position {position}. The write is safe; ask again in a moment."""


class PageTooLarge(DomainError, code="PAGE_TOO_LARGE", field="first"):
    """A page holds from 1 to {largest} rows."""


@strawberry.type
class PageInfo:
    """Where a page stands in its list, as in Relay."""

    has_next_page: bool
    has_previous_page: bool
    start_cursor: str | None
    end_cursor: str | None


@dataclass
class Edge:
    cursor: str
    node: Any


@dataclass
class Connection:
    edges: list[Edge]
    nodes: list[Any]
    page_info: PageInfo


def connection_of(page: Page[Any]) -> Connection:
    edges = [Edge(cursor, row) for cursor, row in zip(page.cursors, page.rows, strict=True)]
    ends = (page.cursors[0], page.cursors[-1]) if page.cursors else (None, None)
    info = PageInfo(
        has_next_page=page.has_next, has_previous_page=page.has_previous, start_cursor=ends[0], end_cursor=ends[1]
    )
    return Connection(edges, list(page.rows), info)


class Connections:
    """The Relay connection types, one per row type."""

    def __init__(self, types: Types) -> None:
        self._types = types
        self._made: dict[type, Any] = {}

    def of(self, row: type) -> Any:
        if row not in self._made:
            node = self._types.output(row)
            name = row.__name__
            edge = type(f"{name}Edge", (), {"__annotations__": {"cursor": str, "node": node}})
            members = {"edges": list[strawberry.type(edge)], "nodes": list[node], "page_info": PageInfo}  # type: ignore[misc,valid-type]
            made = type(f"{name}Connection", (), {"__annotations__": members})
            self._made[row] = strawberry.type(made, description=f"A page of {name} rows, as in Relay.")
        return self._made[row]


def nested_fields(types: Types, row: type) -> dict[str, StrawberryField]:
    """The fields of this row's type that views read on demand."""
    asked = ((name, *one) for view in every_view() for name, one in view.nested.items())
    return {name: _nested(types, name, ask) for name, of, ask in asked if of is row}


def _nested(types: Types, name: str, ask: Callable[..., Any]) -> StrawberryField:
    async def answer(row: Any, info: strawberry.Info, **given: Any) -> Any:
        request: RequestContext = info.context
        async with request.db() as db:
            return await ask(db, row, **given)

    hints = get_type_hints(ask)
    returns = types.output(hints.pop("return"))
    made = resolver(name, answer, _arguments(types, ask, hints, leave_out=2), returns)
    found: StrawberryField = strawberry.field(
        resolver=made, name=camel(name), description=inspect.cleandoc(ask.__doc__ or "")
    )
    return found


def query_fields(types: Types) -> list[StrawberryField]:
    connections = Connections(types)
    return [_query(types, connections, view, name, ask) for view in every_view() for name, ask in view.queries.items()]


def _query(types: Types, connections: Connections, view: View, name: str, ask: Callable[..., Any]) -> StrawberryField:
    hints = get_type_hints(ask)
    answers = hints.pop("return")
    paged = get_origin(answers) is Page
    returns = connections.of(get_args(answers)[0]) if paged else types.output(answers)
    arguments = _arguments(types, ask, hints, leave_out=2)
    if paged:
        arguments["first"] = (int, USUAL_PAGE)
    arguments["min_position"] = (Position | None, None)

    async def answer(_: Any, info: strawberry.Info, min_position: int | None = None, **given: Any) -> Any:
        request: RequestContext = info.context
        condition = visible(request.viewer, view)
        if min_position is not None:
            await _wait_for(request, min_position)
        if paged:
            given["size"] = _page_size(given.pop("first"))
        async with request.db() as db:
            found = await ask(db, condition, **given)
        return connection_of(found) if paged else found

    made = resolver(name, answer, arguments, returns)
    found: StrawberryField = strawberry.field(
        resolver=made, name=camel(name), description=inspect.cleandoc(ask.__doc__ or "")
    )
    return found


def _arguments(
    types: Types, ask: Callable[..., Any], hints: Mapping[str, Any], leave_out: int
) -> dict[str, tuple[Any, Any]]:
    """The parameters behind the first ones, which the API itself gives; `size` is the page's and becomes `first`."""
    parameters = list(inspect.signature(ask).parameters.values())[leave_out:]
    return {
        parameter.name: (types.input(hints[parameter.name], parameter.name), parameter.default)
        for parameter in parameters
        if parameter.name != "size"
    }


async def _wait_for(request: RequestContext, position: int) -> None:
    if position in request.waited_for:
        return
    if not await request.services.views.reached(position, WAIT_FOR_VIEWS_S):
        raise ViewsBehind(position=position)
    request.waited_for.add(position)


def _page_size(first: int) -> int:
    if not 1 <= first <= LARGEST_PAGE:
        raise PageTooLarge(largest=LARGEST_PAGE)
    return first
