"""How a rule is told: given(history).when(command).then(events), or .then_refused(code)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from commands._command import Command, Context, decide
from domain._kernel import DomainError, Event, State


@dataclass(frozen=True)
class given:  # noqa: N801 - reads as the first word of a sentence
    """The past of the stream; `and_also` tells the past of another stream that the decision rests on."""

    history: tuple[Event, ...]
    others: Mapping[UUID, State[Any]]

    def __init__(self, *history: Event, others: Mapping[UUID, State[Any]] | None = None) -> None:
        object.__setattr__(self, "history", history)
        object.__setattr__(self, "others", others or {})

    def and_also(self, stream_id: UUID, kind: type[State[Any]], *history: Event) -> given:
        return given(*self.history, others={**self.others, stream_id: kind().after(history)})

    def when(self, command: Command, context: Context) -> Outcome:
        state = command.of().after(self.history)
        found = {
            reference.name: {id_: self.others.get(id_, reference.kind()) for id_ in ids}
            for reference, ids in command.references(state, context).items()
        }
        try:
            return Outcome(decide(command, state, context, found))
        except DomainError as refusal:
            return Outcome(refusal)


@dataclass(frozen=True)
class Outcome:
    of: list[Event] | DomainError

    def then(self, *events: Event) -> None:
        assert self.of == list(events), self.of

    def then_refused(self, code: str, field: str | None = None) -> None:
        assert isinstance(self.of, DomainError), self.of
        assert self.of.code == code, self.of
        assert field is None or self.of.field == field, self.of.field
