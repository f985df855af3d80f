"""Everything that is defined can be reached: commands and questions through GraphQL, statuses through events."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

import pytest
from graphql import GraphQLSchema

from commands._command import camel, every_command
from domain._kernel import Event, State
from graphql_api.schema import build_schema, executable
from projections._view import Content, every_view
from tests.product import events


@pytest.fixture(scope="module")
def schema() -> GraphQLSchema:
    return executable(build_schema())


def fields(of: Any) -> Mapping[str, Any]:
    found: Mapping[str, Any] = of.fields if of is not None else {}
    return found


def states() -> list[type[State[Any]]]:
    return sorted({command.of for command in every_command().values()}, key=lambda kind: kind.kind)


def own_statuses(kind: type[State[Any]]) -> set[Any]:
    """All statuses of the aggregate, whether the lifecycle knows them or not."""
    statuses: type[StrEnum] = type(next(status for status in kind.lifecycle if status is not None))
    return set(statuses)


def reached(lifecycle: Mapping[Any, Mapping[type[Event], Any]]) -> set[Any]:
    """The statuses that events lead to, from before the beginning on."""
    found, todo = set(), [None]
    while todo:
        for after in lifecycle.get(todo.pop(), {}).values():
            if after not in found:
                found.add(after)
                todo.append(after)
    return found


def test_every_command_is_a_mutation_and_every_mutation_a_command(schema: GraphQLSchema) -> None:
    mutations = fields(schema.mutation_type)
    assert set(mutations) == {camel(name) for name in every_command()}
    assert len(mutations) == len(every_command())


def test_every_mutation_says_what_it_does(schema: GraphQLSchema) -> None:
    assert [name for name, field in fields(schema.mutation_type).items() if not field.description] == []


def test_every_question_of_a_view_can_be_asked(schema: GraphQLSchema) -> None:
    asked = {camel(name) for view in every_view() for name in view.queries}
    assert asked <= set(fields(schema.query_type))
    assert [name for name, field in fields(schema.query_type).items() if not field.description] == []


def test_every_live_view_can_be_subscribed_to(schema: GraphQLSchema) -> None:
    lives = {camel(live.name) for view in every_view() for live in view.lives}
    assert lives | {"events"} == set(fields(schema.subscription_type))


def test_a_view_that_nobody_may_read_asks_nothing() -> None:
    assert [view.name for view in every_view() if view.content is Content.INTERNAL and view.queries] == []


@pytest.mark.parametrize("event", events(), ids=lambda event: event.name)
def test_every_event_can_happen_in_some_status_and_comes_of_some_command(event: type[Event]) -> None:
    assert any(event in row for kind in states() for row in kind.lifecycle.values())
    assert any(event in command.leads_to for command in every_command().values())


@pytest.mark.parametrize("kind", states(), ids=lambda kind: kind.kind)
def test_every_status_can_be_reached(kind: type[State[Any]]) -> None:
    assert reached(kind.lifecycle) == own_statuses(kind)


def test_a_status_that_cannot_be_reached_is_found() -> None:
    something = events()[0]
    assert reached({None: {something: "open"}, "lost": {something: "open"}}) == {"open"}
