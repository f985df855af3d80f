"""The frame of policies: a fact in, commands out, and the same fact always gives the same commands with the same ids.

A reactor may meet a fact twice, after a crash or a rebalance; the derived command id makes the second time harmless.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, TypeVar
from uuid import UUID

from commands._command import Command
from commands._ids import derived_id
from domain._kernel import Event, Recorded

E = TypeVar("E", bound=Event)
Rule = Callable[[Any, Recorded], Iterator[Command]]


class Policy:
    """A set of rules, each the answer of the house to one kind of fact."""

    def __init__(self) -> None:
        self._rules: dict[type[Event], list[Rule]] = {}

    def on(self, kind: type[E]) -> Callable[[Callable[[E, Recorded], Iterator[Command]]], Rule]:
        """Register a rule for facts of this kind."""

        def register(rule: Callable[[E, Recorded], Iterator[Command]]) -> Rule:
            self._rules.setdefault(kind, []).append(rule)
            return rule

        return register

    @property
    def listens_to(self) -> frozenset[type[Event]]:
        return frozenset(self._rules)

    def reactions(self, recorded: Recorded) -> list[tuple[UUID, Command]]:
        """The commands that follow from this fact, each with its id."""
        return [
            (derived_id(recorded.stream_id, f"{recorded.version}:{rule.__name__}:{number}"), command)
            for rule in self._rules.get(type(recorded.event), ())
            for number, command in enumerate(rule(recorded.event, recorded))
        ]
