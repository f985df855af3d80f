"""What every aggregate is made of: events, the envelope around them, states, lifecycles and refusals.

Rules of this package: facts and rules only. Nothing here or beside it asks a clock, makes an id, or touches the
outside world, so that folding the same events always gives the same state, on any machine, in any year.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar, Generic, Self, TypeAlias, TypeVar
from uuid import UUID

from pydantic import BaseModel, ConfigDict


class Value(BaseModel):
    """An immutable value that refuses fields it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


# Facts -------------------------------------------------------------------------------------------------------

EVENTS: dict[str, type[Event]] = {}
STORED_NAME = re.compile(r"[a-z]+(_[a-z]+)*\.[a-z]+(_[a-z]+)*")


class Event(Value):
    """A fact of the clinic. Who, when and where in the log it happened stands in the envelope around it.

    The stored name is `aggregate.past_tense`; it is public and never changes. A changed shape raises
    `schema_version` and brings `upcast`, so that every reader only ever meets today's shape.
    """

    name: ClassVar[str]
    schema_version: ClassVar[int]

    def __init_subclass__(cls, *, name: str, schema_version: int = 1, **config: Any) -> None:
        super().__init_subclass__(**config)
        if not STORED_NAME.fullmatch(name):
            raise TypeError(f"{name!r} is not of the form aggregate.past_tense")
        if name in EVENTS:
            raise TypeError(f"two events are stored as {name!r}")
        cls.name, cls.schema_version = name, schema_version
        EVENTS[name] = cls

    @staticmethod
    def upcast(fields: dict[str, Any], from_version: int) -> dict[str, Any]:
        """Bring the fields of an older shape to today's. Overridden by events whose shape has changed."""
        return fields

    def to_json(self) -> bytes:
        return self.__pydantic_serializer__.to_json(self)


class UnknownEvent(LookupError):
    """The stored name is none that this version of the product knows."""


def decode(name: str, schema_version: int, state: bytes) -> Event:
    """The event that was stored under this name. Raises UnknownEvent, or pydantic's ValidationError."""
    kind = EVENTS.get(name)
    if kind is None or schema_version > kind.schema_version:
        raise UnknownEvent(f"{name} of schema version {schema_version}")
    if schema_version == kind.schema_version:
        return kind.model_validate_json(state)
    # Stored JSON holds ids and times as text, so the upcast fields are read in JSON's way again.
    return kind.model_validate_json(json.dumps(kind.upcast(json.loads(state), schema_version)))


class Role(StrEnum):
    """What somebody may be in the system; a person can be several."""

    DOCTOR = "doctor"
    NURSE = "nurse"
    COORDINATOR = "coordinator"
    REGISTRAR = "registrar"
    PATIENT = "patient"
    AUDITOR = "auditor"
    ANALYST = "analyst"
    OPERATOR = "operator"
    SYSTEM = "system"


class Actor(Value):
    """Who acts: the person or service of the verified token, at the facility where it works."""

    id: UUID
    roles: frozenset[Role]
    facility_id: UUID | None = None
    patient_id: UUID | None = None


class Metadata(Value):
    """What is known of every event besides its fact.

    `clinical_time` says when it happened at the bedside, `recorded_at` in the envelope when the store took it.
    `patient_id` is the pseudonym of the person whom the event is about, where there is exactly one.
    """

    actor: Actor
    on_behalf_of: UUID | None = None
    command_id: UUID
    causation_id: UUID | None = None
    correlation_id: UUID
    clinical_time: datetime
    patient_id: UUID | None = None

    def to_json(self) -> bytes:
        return self.__pydantic_serializer__.to_json(self, exclude_none=True)


@dataclass(frozen=True, slots=True)
class Recorded:
    """The envelope: one event at its place in the log.

    `version` counts within the stream from 1, `position` over the whole log from 1, both without a hole.
    """

    event: Event
    stream_id: UUID
    version: int
    position: int
    recorded_at: datetime
    metadata: Metadata

    @property
    def happened_at(self) -> datetime:
        return self.metadata.clinical_time


# Refusals ----------------------------------------------------------------------------------------------------

REFUSALS: dict[str, type[DomainError]] = {}


class DomainError(Exception):
    """A request that the rules refuse: an answer for the user, never a fault of the system.

    The docstring of a subclass is the sentence for the user; `code` is stable and public; `field` names the part
    of the request to mend, where there is one.
    """

    code: ClassVar[str]
    field: str | None = None

    def __init_subclass__(cls, *, code: str, field: str | None = None) -> None:
        if code in REFUSALS:
            raise TypeError(f"two refusals have the code {code}")
        cls.code, cls.field = code, field
        REFUSALS[code] = cls

    def __init__(self, *, field: str | None = None, **details: object) -> None:
        self.details = details
        if field is not None:
            self.field = field
        super().__init__((self.__doc__ or self.code).format(**details))


class NotFound(DomainError, code="NOT_FOUND"):
    """There is no such {aggregate}."""


class NotInThisStatus(DomainError, code="NOT_IN_THIS_STATUS"):
    """{event} cannot happen while the {aggregate} is {status}."""


# Lifecycle and state -----------------------------------------------------------------------------------------

S = TypeVar("S", bound=StrEnum)
Lifecycle: TypeAlias = "Mapping[Any, Mapping[type[Event], Any]]"


def stays(status: S, *kinds: type[Event]) -> dict[type[Event], S]:
    """The part of a lifecycle's row whose events leave the status as it is."""
    return dict.fromkeys(kinds, status)


class State(Value, Generic[S]):
    """What the rules of one aggregate need to know of its past, and nothing else.

    `lifecycle` alone decides what is legal when: {status: {event: next status}}, None being "not begun".
    """

    kind: ClassVar[str]
    lifecycle: ClassVar[Lifecycle]
    status: S | None = None
    patient_id: UUID | None = None

    def __init_subclass__(cls, **config: Any) -> None:
        super().__init_subclass__(**config)
        cls.kind = re.sub(r"(?<!^)(?=[A-Z])", "_", cls.__name__.partition("[")[0]).lower()

    def on(self, event: Any) -> Self:
        """Take in what a rule needs from the event. It never refuses: the fact has happened."""
        return self

    def about(self, event: Event) -> UUID | None:
        """The patient whom this event of this stream is about, where there is exactly one."""
        return getattr(event, "patient_id", None) or self.patient_id

    def with_(self, **changes: Any) -> Self:
        """A copy with these changes. They come from facts, which were valid when they were decided."""
        # What pydantic's own copy does for a frozen model without extra or private values, in a third of the time:
        # folding a stream is mostly this.
        changed = object.__new__(type(self))
        object.__setattr__(changed, "__dict__", {**self.__dict__, **changes})
        object.__setattr__(changed, "__pydantic_fields_set__", self.__pydantic_fields_set__ | changes.keys())
        object.__setattr__(changed, "__pydantic_extra__", None)
        object.__setattr__(changed, "__pydantic_private__", None)
        return changed

    def after(self, events: Iterable[Event]) -> Self:
        state = self
        for event in events:
            # Validated when the event was decided; a stored fact is never refused, whatever the table says today.
            status = self.lifecycle.get(state.status, {}).get(type(event), state.status)
            state = state.on(event)
            if status is not state.status:
                state = state.with_(status=status)
        return state

    def admit(self, *kinds: type[Event]) -> None:
        """Refuse when none of these can happen in this status."""
        legal = self.lifecycle.get(self.status, {})
        if not any(kind in legal for kind in kinds):
            if self.status is None:
                raise NotFound(aggregate=self.kind)
            names = ", ".join(sorted(kind.name for kind in kinds))
            raise NotInThisStatus(event=names, aggregate=self.kind, status=self.status)
