"""What holds for every aggregate: no status, fact or refusal that nobody can meet, and a sentence for each."""

from __future__ import annotations

import importlib
import pkgutil
import re
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import Any, cast, get_args

import pytest

import commands
import domain
from commands._command import COMMANDS, Command
from domain._kernel import EVENTS, REFUSALS, DomainError, Event, State

for package in (domain, commands):
    for module in pkgutil.iter_modules(package.__path__, package.__name__ + "."):
        importlib.import_module(module.name)

TESTS = Path(__file__).resolve().parent.parent
PRODUCT = ("domain.", "commands.")


def aggregates(kind: type[Any] = State) -> Iterator[type[State[Any]]]:
    for one in kind.__subclasses__():
        if "lifecycle" in vars(one) and one.__module__.startswith(PRODUCT):
            yield one
        yield from aggregates(one)


def statuses(aggregate: type[State[Any]]) -> set[StrEnum]:
    (kind,) = [part for part in get_args(aggregate.model_fields["status"].annotation) if part is not type(None)]
    return set(cast(type[StrEnum], kind))


def facts_of(aggregate: type[State[Any]]) -> set[type[Event]]:
    return {event for row in aggregate.lifecycle.values() for event in row}


AGGREGATES = sorted(set(aggregates()), key=lambda one: one.kind)
EVENTS_OF_THE_PRODUCT = [event for event in EVENTS.values() if event.__module__.startswith(PRODUCT)]
COMMANDS_OF_THE_PRODUCT = [command for command in COMMANDS.values() if command.__module__.startswith(PRODUCT)]
each_aggregate = pytest.mark.parametrize("aggregate", AGGREGATES, ids=lambda one: one.kind)


def test_the_network_has_its_five_aggregates() -> None:
    kinds = {aggregate.kind for aggregate in AGGREGATES}
    assert kinds >= {"facility", "agreement", "practitioner", "patient", "consent"}


@each_aggregate
def test_every_status_can_be_reached(aggregate: type[State[Any]]) -> None:
    reached: set[StrEnum | None] = {None}
    while more := {status for one in reached for status in aggregate.lifecycle.get(one, {}).values()} - reached:
        reached |= more
    assert reached - {None} == statuses(aggregate)
    assert set(aggregate.lifecycle) <= reached


@each_aggregate
def test_every_fact_follows_from_a_command(aggregate: type[State[Any]]) -> None:
    led_to = {event for command in COMMANDS_OF_THE_PRODUCT if command.of is aggregate for event in command.leads_to}
    assert facts_of(aggregate) == led_to


@each_aggregate
def test_every_fact_is_stored_under_the_name_of_its_aggregate(aggregate: type[State[Any]]) -> None:
    stored = {event for event in EVENTS_OF_THE_PRODUCT if event.name.partition(".")[0] == aggregate.kind}
    assert facts_of(aggregate) == stored


def test_every_fact_belongs_to_an_aggregate() -> None:
    known = {event for aggregate in AGGREGATES for event in facts_of(aggregate)}
    assert [event.name for event in EVENTS_OF_THE_PRODUCT if event not in known] == []


def sentence(kind: type[Any]) -> str:
    return str(vars(kind).get("__doc__") or "")


@pytest.mark.parametrize(
    "kind", [*EVENTS_OF_THE_PRODUCT, *COMMANDS_OF_THE_PRODUCT, *REFUSALS.values()], ids=lambda kind: kind.__name__
)
def test_every_fact_command_and_refusal_is_a_sentence(kind: type[Event] | type[Command] | type[DomainError]) -> None:
    assert re.match(r"[A-Z{].*\.", sentence(kind), re.DOTALL), f"{kind.__name__} says: {sentence(kind)!r}"


def test_every_refusal_is_met_in_a_spec() -> None:
    specs = "\n".join(path.read_text(encoding="utf-8") for path in TESTS.rglob("test_*.py"))
    rules = [refusal for refusal in REFUSALS.values() if refusal.__module__.startswith(PRODUCT)]
    assert [refusal.code for refusal in rules if f'"{refusal.code}"' not in specs] == []


def test_every_refusal_is_raised_by_a_rule() -> None:
    sources = [path for package in (domain, commands) for path in Path(package.__path__[0]).glob("*.py")]
    code = "\n".join(path.read_text(encoding="utf-8") for path in sources)
    raised = set(re.findall(r"(?<!class )\b([A-Z]\w+)\(", code))
    rules = [refusal for refusal in REFUSALS.values() if refusal.__module__.startswith(PRODUCT)]
    assert [refusal.code for refusal in rules if refusal.__name__ not in raised] == []
