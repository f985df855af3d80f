"""The whole GraphQL schema, put together from the commands, the questions of the views, and the live views."""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any
from uuid import UUID

import strawberry
from graphql import GraphQLSchema
from strawberry.schema.config import StrawberryConfig
from strawberry.schema.name_converter import NameConverter
from strawberry.tools import create_type
from strawberry.types.field import StrawberryField

from commands._command import camel
from graphql_api._derive import Types, resolver
from graphql_api._scalars import SCALARS, Position
from graphql_api.log_event import LogEvent
from graphql_api.log_proofs import log_proof_fields
from graphql_api.mutations import mutation_fields
from graphql_api.oversight import oversight_fields
from graphql_api.queries import nested_fields, query_fields
from graphql_api.recording_tickets import recording_ticket_fields
from graphql_api.sources import LiveRows, LogEvents, Source
from projections._view import Live, every_view

AFTER = {"after": (Position | None, None)}


def _value(source: Any, name: str) -> Any:
    """Rows are objects, the values inside their JSON columns dicts."""
    return source.get(name) if isinstance(source, dict) else getattr(source, name)


class RememberedNames(NameConverter):
    """Strawberry asks for the public name of every field of every input, with every request; it never changes."""

    def __init__(self) -> None:
        super().__init__()
        self._known: dict[str, str] = {}

    def apply_naming_config(self, name: str) -> str:
        if name not in self._known:
            self._known[name] = super().apply_naming_config(name)
        return self._known[name]


def build_schema() -> strawberry.Schema:
    types = Types(nested_fields)
    return strawberry.Schema(
        query=create_type(
            "Query",
            [*query_fields(types), *log_proof_fields(), *oversight_fields(types), *recording_ticket_fields()],
        ),
        mutation=create_type("Mutation", mutation_fields(types)),
        subscription=create_type("Subscription", _subscription_fields(types)),
        config=StrawberryConfig(default_resolver=_value, scalar_map=SCALARS, name_converter=RememberedNames()),
    )


def executable(schema: strawberry.Schema) -> GraphQLSchema:
    found: GraphQLSchema = schema._schema
    return found


def sources() -> Sequence[Source]:
    return [LogEvents(), *(LiveRows(live) for view in every_view() for live in view.lives)]


def _subscription_fields(types: Types) -> list[StrawberryField]:
    return [_events_field(), *(_live_field(types, live) for view in every_view() for live in view.lives)]


@strawberry.type
class EventsUpdate:
    """The next events of the log that you may read. Resume with `after: position`."""

    position: Position
    events: list[LogEvent]


def _events_field() -> StrawberryField:
    arguments: dict[str, tuple[Any, Any]] = {
        **AFTER,
        "aggregates": (list[str] | None, None),
        "names": (list[str] | None, None),
        "stream_id": (UUID | None, None),
    }
    text = "The event feed: what came after the position, from history first, then live, without gap or double."
    return _field("events", EventsUpdate, arguments, text)


def _live_field(types: Types, live: Live) -> StrawberryField:
    node = types.output(live.table.row)
    rows: Any = list.__class_getitem__(node) if live.many else node | None

    def shown(root: Any) -> Any:
        return root.rows if live.many else next(iter(root.rows), None)

    shown.__annotations__["return"] = rows
    field, shown_as = camel(live.name), camel(live.field)
    name = field[0].upper() + field[1:] + "Update"
    members = {
        "__annotations__": {"position": Position, "events": list[LogEvent]},
        live.field: strawberry.field(resolver=shown, name=shown_as),
    }
    update = strawberry.type(
        type(name, (), members),
        name=name,
        description="What happened, and how things stand now. Resume with `after: position`.",
    )
    arguments: dict[str, tuple[Any, Any]] = {live.by: (types.input(live.table.hints[live.by]), inspect.Parameter.empty)}
    return _field(field, update, {**arguments, **AFTER}, inspect.cleandoc(live.description))


def _field(name: str, update: Any, arguments: Mapping[str, tuple[Any, Any]], description: str) -> StrawberryField:
    """The field's shape. Its events are made by the cohorts, so the resolver itself is never run."""

    async def never(_: Any, info: strawberry.Info, **given: Any) -> AsyncIterator[Any]:
        raise RuntimeError("subscriptions are executed by their cohorts")
        yield

    made = resolver(name, never, arguments, AsyncIterator[update])
    found: StrawberryField = strawberry.subscription(resolver=made, name=name, description=description)
    return found
