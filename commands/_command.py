"""What a command is, and how a decision is made: pure, from the past and the context alone."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from types import UnionType
from typing import Any, ClassVar, TypeAlias, Union, get_args, get_origin, get_type_hints
from uuid import UUID

from domain._catalogue import belongs_to, import_all
from domain._kernel import Actor, DomainError, Event, Metadata, Role, State, Value
from domain._reference import ReferenceData
from domain._values import local_day

CLOCK_LEEWAY = timedelta(minutes=5)


class RoleNotAllowed(DomainError, code="ROLE_NOT_ALLOWED"):
    """This may be done by: {allowed}."""


class UnknownReference(DomainError, code="UNKNOWN_REFERENCE"):
    """There is no {aggregate} with the id {id}."""


class ClinicalTimeInFuture(DomainError, code="CLINICAL_TIME_IN_FUTURE", field="clinicalTime"):
    """What is recorded must have happened: {clinical_time} is in the future."""


class Context(Value):
    """Everything a decision may know besides the past: who asks, what time it is, and the rules in force.

    `clinical_time` is when it happened, for an entry that comes late; without it, now.
    """

    actor: Actor
    now: datetime
    correlation_id: UUID
    causation_id: UUID | None = None
    on_behalf_of: UUID | None = None
    clinical_time: datetime | None = None
    reference: ReferenceData

    @property
    def happened_at(self) -> datetime:
        """When it happened, which is now unless the entry comes late."""
        return self.clinical_time or self.now

    @property
    def day(self) -> date:
        """The day on which it happened: the one whose rules hold."""
        return local_day(self.happened_at)

    def metadata(self, command_id: UUID, patient_id: UUID | None) -> Metadata:
        return Metadata(
            actor=self.actor,
            on_behalf_of=self.on_behalf_of,
            command_id=command_id,
            causation_id=self.causation_id,
            correlation_id=self.correlation_id,
            clinical_time=self.happened_at,
            patient_id=patient_id,
        )


@dataclass(frozen=True)
class Reference:
    """A parameter of `decide` that names another aggregate which the decision rests on."""

    name: str
    kind: type[State[Any]]
    many: bool = False
    optional: bool = False

    def argument(self, states: Mapping[UUID, State[Any]]) -> Any:
        """What `decide` gets. Refuses ids behind which there is nothing."""
        begun = {id_: state for id_, state in states.items() if state.status is not None}
        if self.optional:
            return next(iter(begun.values()), None)
        missing = next(iter(states.keys() - begun.keys()), None)
        if missing is not None or not (states or self.many):
            raise UnknownReference(aggregate=self.kind.kind, id=missing, field=f"{self.name}_id")
        return begun if self.many else next(iter(begun.values()))


COMMANDS: dict[str, type[Command]] = {}


class Command(Value):
    """A request to make something happen. `decide` answers with facts, or raises a DomainError.

    Further parameters of `decide` name other aggregates that the decision rests on: `patient: Patient` is loaded
    from `patient_id` of the command or else of the state, `Patient | None` may be missing, `Mapping[UUID, Patient]`
    is loaded from `patient_ids`; `actor: Practitioner` is who asks. The append fails if any of them has moved
    meanwhile. Ids that follow from others are given by `refers_to`.
    """

    of: ClassVar[type[State[Any]]]
    by: ClassVar[frozenset[Role]]
    rests_on: ClassVar[tuple[Reference, ...]]
    leads_to: ClassVar[frozenset[type[Event]]]
    decide: ClassVar[Callable[..., Iterator[Any]]]

    def __init_subclass__(cls, *, of: type[State[Any]], by: set[Role], **config: Any) -> None:
        super().__init_subclass__(**config)
        cls.of, cls.by = of, frozenset(by)
        hints = get_type_hints(cls.decide)
        outcome = get_args(hints.pop("return"))[0]
        cls.leads_to = frozenset(get_args(outcome) or (outcome,))
        parameters = list(hints.items())[2:]
        cls.rests_on = tuple(_reference(name, hint) for name, hint in parameters)
        if cls.__name__ in COMMANDS:
            raise TypeError(f"two commands are called {cls.__name__}")
        COMMANDS[cls.__name__] = cls

    @property
    def stream_id(self) -> UUID:
        found: UUID = getattr(self, f"{self.of.kind}_id")
        return found

    def refers_to(self, state: Any) -> Mapping[str, UUID | Iterable[UUID] | None]:
        """The ids of references that no field of the same name gives."""
        return {}

    def references(self, state: State[Any], context: Context) -> Mapping[Reference, tuple[UUID, ...]]:
        if not self.rests_on:
            return {}
        derived = {"actor": context.actor.id, **self.refers_to(state)}
        return {reference: _ids(reference, derived, self, state) for reference in self.rests_on}


def _ids(
    reference: Reference, derived: Mapping[str, UUID | Iterable[UUID] | None], *sources: object
) -> tuple[UUID, ...]:
    ids = derived.get(reference.name)
    suffix = "_ids" if reference.many else "_id"
    for source in sources:
        if ids is None and reference.name not in derived:
            ids = getattr(source, reference.name + suffix, None)
    if ids is None:
        return ()
    return (ids,) if isinstance(ids, UUID) else tuple(ids)


def _reference(name: str, hint: Any) -> Reference:
    if get_origin(hint) in (Union, UnionType):
        (kind,) = [part for part in get_args(hint) if part is not type(None)]
        return Reference(name, kind, optional=True)
    if get_origin(hint) is not None:
        return Reference(name, get_args(hint)[1], many=True)
    return Reference(name, hint)


Found: TypeAlias = Mapping[str, Mapping[UUID, State[Any]]]


def decide(command: Command, state: State[Any], context: Context, found: Found) -> list[Event]:
    """The new events, each admitted by the lifecycle in the state that the earlier ones lead to.

    `found` holds the states behind the references. A missing one is refused after role and status: on a stream that
    has not begun no reference is known, and the answer is that there is no such stream.
    """
    if context.actor.roles.isdisjoint(command.by):
        raise RoleNotAllowed(allowed=", ".join(sorted(command.by)))
    if context.clinical_time is not None and context.clinical_time > context.now + CLOCK_LEEWAY:
        raise ClinicalTimeInFuture(clinical_time=context.clinical_time.isoformat())
    state.admit(*command.leads_to)
    others = {reference.name: reference.argument(found.get(reference.name, {})) for reference in command.rests_on}
    new: list[Event] = []
    for event in command.decide(state, context, **others):
        # Most commands lead to one event, and then nobody asks for the state behind it here.
        state = state.after(new[-1:])
        state.admit(type(event))
        new.append(event)
    return new


def every_command() -> Mapping[str, type[Command]]:
    """All commands of the product by their names: each is in a file of this package."""
    import_all("commands")
    return {name: kind for name, kind in sorted(COMMANDS.items()) if belongs_to("commands", kind)}


def camel(name: str) -> str:
    """The name of a command as its mutation, of a field as its input field."""
    head, *tail = re.findall(r"[A-Z]?[a-z0-9]+", name)
    return "".join([head.lower(), *(part.capitalize() for part in tail)])
