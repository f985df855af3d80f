"""What the product consists of, grouped as a reader looks for it: by aggregate."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from commands._command import Command, every_command
from domain._catalogue import every_event, import_all
from domain._kernel import REFUSALS, DomainError, Event, State

ORDER = (
    *("referral", "consultation", "examination", "live_session", "patient", "consent"),
    *("facility", "agreement", "practitioner"),
)


@cache
def states() -> Sequence[type[State[Any]]]:
    """The aggregates, care before people before network; a new one stands at the end until it has its place here."""
    found = {command.of for command in every_command().values()}
    return sorted(found, key=lambda kind: (ORDER.index(kind.kind) if kind.kind in ORDER else len(ORDER), kind.kind))


def told_by_file(kind: type) -> str:
    """What the file of this class says about itself."""
    paragraphs = (sys.modules[kind.__module__].__doc__ or "").split("\n\n")
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in paragraphs).strip()


def events_of(state: type[State[Any]]) -> Sequence[type[Event]]:
    return [event for event in every_event().values() if event.name.partition(".")[0] == state.kind]


def commands_of(state: type[State[Any]]) -> Sequence[type[Command]]:
    return [command for command in every_command().values() if command.of is state]


def refusals_by_file() -> Mapping[str, Sequence[type[DomainError]]]:
    """All refusals, those of one file together, the files in the order of the aggregates."""
    for package in ("domain", "commands", "projections", "graphql_api"):
        import_all(package)
    found: dict[str, list[type[DomainError]]] = {}
    for refusal in REFUSALS.values():
        found.setdefault(refusal.__module__, []).append(refusal)
    return found
