"""The one way in which a command becomes events: load, decide, append.

The bus keeps the folded states of busy streams in memory. That is safe because the append validates the version of
every state that the decision rested on: an old state can cost a second try, never a wrong fact. A refusal is only
given after the state behind it was read again, so that nobody is refused because of what is no longer so.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar
from uuid import UUID

from pydantic import Field

from commands._command import Command, Context, Found, decide
from commands._ids import is_derived
from domain._kernel import DomainError, Event, Metadata, Recorded, Role, State, Value

K = TypeVar("K", bound=State[Any])

TRIES = 4
REMEMBERED_STREAMS = 20_000


class Accepted(Value):
    """The command took effect: its events stand at `position`, the stream is at `version`."""

    aggregate_id: UUID
    version: int
    position: int


class Rejected(Value):
    """The rules refused the command. `code` is stable; `field` names the part of the request to mend."""

    code: str
    message: str
    field: str | None = None
    details: dict[str, str] = Field(default_factory=dict)


class VersionConflict(DomainError, code="VERSION_CONFLICT", field="expectedVersion"):
    """The {aggregate} is at version {actual}, not at {expected}: read it again and decide anew."""


class CommandIdReused(DomainError, code="COMMAND_ID_REUSED", field="commandId"):
    """This command id was used for another request. A new request needs a new id."""


class CommandIdReserved(DomainError, code="COMMAND_ID_RESERVED", field="commandId"):
    """Command ids of UUID version 8 are the system's own. Choose a random one, of version 4 or 7."""


class IdInUse(DomainError, code="ID_IN_USE"):
    """This id belongs to something that is not a {aggregate}. Choose a new one."""


class TooMuchContention(DomainError, code="TOO_MUCH_CONTENTION"):
    """Others changed the {aggregate} again and again at the same moment. Send the same command id once more."""


class Unavailable(Exception):
    """The store takes no more for the moment; the same command id may be sent again after `retry_after` seconds."""

    def __init__(self, retry_after: float = 1.0) -> None:
        self.retry_after = retry_after
        super().__init__(f"retry after {retry_after} s")


@dataclass(frozen=True, slots=True)
class NewEvent:
    event: Event
    metadata: Metadata


@dataclass(frozen=True, slots=True)
class Append:
    """What one command wants to add, and the versions of all that its decision rested on."""

    command_id: UUID
    fingerprint: bytes
    stream_id: UUID
    expected_version: int
    events: Sequence[NewEvent]
    guards: Mapping[UUID, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Appended:
    """The first answer to a command id, whenever it is asked; `repeated` when it is not asked for the first time."""

    stream_id: UUID
    version: int
    position: int
    fingerprint: bytes
    repeated: bool = field(default=False, compare=False)


class Conflict(Exception):
    """A stream that the decision rested on has moved. Nothing was added."""


class EventStore(Protocol):
    """The log, as commands need it. Its in-memory twin is held to the same contract tests."""

    async def load(self, after: Mapping[UUID, int]) -> Mapping[UUID, Sequence[Recorded]]:
        """The events of each stream after the version, in order; streams without any are left out."""
        ...

    async def append(self, wish: Append) -> Appended:
        """Add all events, of which there is at least one, or none.

        The answer's fingerprint tells whether an earlier command had this id. Raises Conflict, or Unavailable.
        """
        ...

    async def answer_to(self, command_id: UUID) -> Appended | None: ...


@dataclass(frozen=True, slots=True)
class Folded:
    """A stream as far as it is known here."""

    state: State[Any]
    version: int = 0
    position: int = 0


class Bus:
    """Handles one command after the other; any number may be under way at once."""

    def __init__(self, store: EventStore, remembered: int = REMEMBERED_STREAMS) -> None:
        self._store = store
        self._known: OrderedDict[UUID, Folded] = OrderedDict()
        self._remembered = remembered

    async def handle(
        self, command: Command, context: Context, command_id: UUID, expected_version: int | None = None
    ) -> Accepted | Rejected:
        if is_derived(command_id) and Role.SYSTEM not in context.actor.roles:
            return rejected(CommandIdReserved())
        fingerprint = fingerprint_of(command)
        try:
            answer = await self._decide_and_append(command, context, command_id, expected_version, fingerprint)
        except DomainError as refusal:
            # The command may have been accepted before, and its own effect be what refuses it now.
            first = await self._store.answer_to(command_id)
            if first is None:
                return rejected(refusal)
            answer = first
        if answer.fingerprint != fingerprint:
            return rejected(CommandIdReused())
        return Accepted(aggregate_id=answer.stream_id, version=answer.version, position=answer.position)

    async def look(self, kind: type[K], stream_id: UUID) -> K:
        """How this stream stands now, read from the log; not begun if there is nothing of the kind."""
        state = (await self._fold({stream_id: kind}, fresh=True))[stream_id].state
        return state if isinstance(state, kind) else kind()

    async def _decide_and_append(
        self, command: Command, context: Context, command_id: UUID, expected: int | None, fingerprint: bytes
    ) -> Appended:
        fresh = False
        for _ in range(TRIES):
            main, others = await self._load(command, context, fresh)
            try:
                if main.version and main.state.status is None:
                    raise IdInUse(aggregate=command.of.kind, field=f"{command.of.kind}_id")
                if expected is not None and expected != main.version:
                    raise VersionConflict(aggregate=command.of.kind, actual=main.version, expected=expected)
                events = decide(command, main.state, context, states_of(others))
            except DomainError:
                if fresh:
                    raise
                fresh = True
                continue
            if not events:
                if not fresh:
                    # What this bus remembers may be over by now, and the command be needed after all.
                    fresh = True
                    continue
                nothing_new = Appended(command.stream_id, main.version, main.position, fingerprint)
                return await self._store.answer_to(command_id) or nothing_new
            wish, state = wish_of(command, events, main, others, context, command_id, fingerprint)
            try:
                answer = await self._store.append(wish)
            except Conflict:
                fresh = True
                continue
            # A repeated answer speaks of events that were decided elsewhere, perhaps others than these.
            if not answer.repeated:
                self._remember(command.stream_id, Folded(state, answer.version, answer.position))
            return answer
        raise TooMuchContention(aggregate=command.of.kind)

    async def _load(
        self, command: Command, context: Context, fresh: bool
    ) -> tuple[Folded, Mapping[str, Mapping[UUID, Folded]]]:
        own = (await self._fold({command.stream_id: command.of}, fresh))[command.stream_id]
        wanted = command.references(own.state, context)
        kinds = {id_: reference.kind for reference, ids in wanted.items() for id_ in ids}
        known = await self._fold(kinds, fresh) if kinds else {}
        return own, {reference.name: {id_: known[id_] for id_ in ids} for reference, ids in wanted.items()}

    async def _fold(self, kinds: Mapping[UUID, type[State[Any]]], fresh: bool) -> Mapping[UUID, Folded]:
        known = {id_: found for id_ in kinds if (found := self._recall(id_, kinds[id_])) is not None}
        to_read: Collection[UUID] = kinds if fresh else kinds.keys() - known.keys()
        if to_read:
            after = {id_: known[id_].version if id_ in known else 0 for id_ in to_read}
            for id_, history in (await self._store.load(after)).items():
                before = known.get(id_) or Folded(kinds[id_]())
                state = before.state.after(recorded.event for recorded in history)
                known[id_] = Folded(state, history[-1].version, history[-1].position)
                self._remember(id_, known[id_])
        return {id_: known.get(id_) or Folded(kind()) for id_, kind in kinds.items()}

    def _recall(self, stream_id: UUID, kind: type[State[Any]]) -> Folded | None:
        found = self._known.get(stream_id)
        if found is None or not isinstance(found.state, kind):
            return None
        self._known.move_to_end(stream_id)
        return found

    def _remember(self, stream_id: UUID, folded: Folded) -> None:
        known = self._known.get(stream_id)
        if known is not None and known.version > folded.version:
            return
        self._known[stream_id] = folded
        self._known.move_to_end(stream_id)
        if len(self._known) > self._remembered:
            self._known.popitem(last=False)


def fingerprint_of(command: Command) -> bytes:
    """What tells one request from another: the digest of the command's name and content."""
    body = command.__pydantic_serializer__.to_json(command)
    return hashlib.sha256(type(command).__name__.encode() + b"\0" + body).digest()


def rejected(refusal: DomainError) -> Rejected:
    details = {name: str(value) for name, value in refusal.details.items()}
    return Rejected(code=refusal.code, message=str(refusal), field=refusal.field, details=details)


def states_of(folded: Mapping[str, Mapping[UUID, Folded]]) -> Found:
    return {name: {id_: one.state for id_, one in ones.items()} for name, ones in folded.items()}


def wish_of(
    command: Command,
    events: Sequence[Event],
    main: Folded,
    others: Mapping[str, Mapping[UUID, Folded]],
    context: Context,
    command_id: UUID,
    fingerprint: bytes,
) -> tuple[Append, State[Any]]:
    """The decision as it goes into the log, guarded by all that it rested on, and the state behind it."""
    guards = {stream_id: folded.version for one in others.values() for stream_id, folded in one.items()}
    guards.pop(command.stream_id, None)
    new, state = _enveloped(main.state, events, context, command_id)
    return Append(command_id, fingerprint, command.stream_id, main.version, new, guards), state


def _enveloped(
    state: State[Any], events: Sequence[Event], context: Context, command_id: UUID
) -> tuple[Sequence[NewEvent], State[Any]]:
    """The events as they go into the log, and the state behind them."""
    found = []
    for event in events:
        state = state.after([event])
        found.append(NewEvent(event, context.metadata(command_id, state.about(event))))
    return found, state
