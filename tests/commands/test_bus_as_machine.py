"""Random lives of a ward over several buses with stale memories, lost replies, crashes and doubled requests.

The model is the plain truth about one bed after the other; whatever bus is asked, its answer must be the model's.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from commands._bus import Accepted, Append, Appended, Bus, EventStore, Rejected
from commands._command import Command
from domain._kernel import Recorded
from infra.event_store import PostgresEventStore
from infra.memory import MemoryEventStore
from tests.ward import FreeBed, GrantLicence, NoteBed, OpenBed, SuspendLicence, TakeBed, context

BEDS = LICENCES = 2


class Lost(Exception):
    """The caller learns nothing: the process died before the append, or the reply was lost behind it."""


@dataclass
class Fragile:
    """A store whose next append can be made to fail before or after it took effect."""

    store: EventStore
    fate: str = "sound"

    async def load(self, after: Mapping[UUID, int]) -> Mapping[UUID, Sequence[Recorded]]:
        return await self.store.load(after)

    async def answer_to(self, command_id: UUID) -> Appended | None:
        return await self.store.answer_to(command_id)

    async def append(self, wish: Append) -> Appended:
        fate, self.fate = self.fate, "sound"
        if fate == "crash":
            raise Lost()
        answer = await self.store.append(wish)
        if fate == "lost reply":
            raise Lost()
        return answer


@dataclass
class Model:
    """What is so: versions and statuses by id, and the first answers by command id."""

    position: int = 0
    versions: dict[UUID, int] = field(default_factory=dict)
    last: dict[UUID, int] = field(default_factory=dict)
    status: dict[UUID, str] = field(default_factory=dict)
    notes: dict[UUID, str] = field(default_factory=dict)
    effects: dict[UUID, tuple[Command, Accepted]] = field(default_factory=dict)

    def refusal(self, command: Command) -> str | None:
        status = self.status.get(command.stream_id)
        beginning = isinstance(command, OpenBed | GrantLicence)
        if status is None:
            return None if beginning else "NOT_FOUND"
        legal = {
            TakeBed: status == "free",
            FreeBed: status == "taken",
            NoteBed: True,
            SuspendLicence: status == "valid",
        }
        if not legal.get(type(command), False):
            return "NOT_IN_THIS_STATUS"
        if isinstance(command, TakeBed) and command.licence_id not in self.status:
            return "UNKNOWN_REFERENCE"
        if isinstance(command, TakeBed) and self.status[command.licence_id] == "suspended":
            return "BED_LICENCE_MISSING"
        return None

    def needless(self, command: Command) -> bool:
        return isinstance(command, NoteBed) and self.notes.get(command.bed_id, "") == command.note

    def take_in(self, command: Command, command_id: UUID) -> Accepted:
        stream = command.stream_id
        self.position += 1
        self.versions[stream] = self.versions.get(stream, 0) + 1
        self.last[stream] = self.position
        match command:
            case OpenBed() | FreeBed():
                self.status[stream] = "free"
            case TakeBed():
                self.status[stream] = "taken"
            case NoteBed(note=note):
                self.notes[stream] = note
            case GrantLicence():
                self.status[stream] = "valid"
            case SuspendLicence():
                self.status[stream] = "suspended"
        answer = Accepted(aggregate_id=stream, version=self.versions[stream], position=self.position)
        self.effects[command_id] = (command, answer)
        return answer

    def answer(self, command: Command, command_id: UUID) -> Accepted | str:
        """What a caller must be told, and what becomes so by it."""
        if command_id in self.effects:
            first, answer = self.effects[command_id]
            return answer if first == command else "COMMAND_ID_REUSED"
        if refusal := self.refusal(command):
            return refusal
        if self.needless(command):
            stream = command.stream_id
            return Accepted(aggregate_id=stream, version=self.versions[stream], position=self.last[stream])
        return self.take_in(command, command_id)


class BusMachine(RuleBasedStateMachine):
    """Heirs say which store."""

    def open_store(self) -> Any:
        raise NotImplementedError

    async def head(self) -> int:
        raise NotImplementedError

    @initialize(buses=st.integers(1, 3), remembered=st.sampled_from([1, 2, 100]))
    def begin(self, buses: int, remembered: int) -> None:
        self.runner = asyncio.Runner()
        self.store = self.open_store()
        self.fragile = Fragile(self.store)
        self.buses = [Bus(self.fragile, remembered) for _ in range(buses)]
        self.model = Model(position=self.runner.run(self.head()))
        self.beds, self.licences = [uuid4() for _ in range(BEDS)], [uuid4() for _ in range(LICENCES)]
        self.sent: list[tuple[Command, UUID]] = []

    def teardown(self) -> None:
        if hasattr(self, "runner"):
            self.runner.run(self.store.close())
            self.runner.close()

    def command(self, kind: type[Command], a: int, b: int, note: str) -> Command:
        choices = {"bed_id": self.beds[a], "licence_id": self.licences[b], "note": note}
        return kind.model_validate({name: choices[name] for name in kind.model_fields})

    def send(self, command: Command, id_: UUID, bus: int, fate: str = "sound") -> None:
        self.fragile.fate = fate
        self.sent.append((command, id_))
        try:
            answer = self.runner.run(self.buses[bus % len(self.buses)].handle(command, context(), id_))
        except Lost:
            # The caller knows nothing; the model does.
            if fate == "lost reply":
                self.model.answer(command, id_)
            return
        finally:
            self.fragile.fate = "sound"
        told = answer.code if isinstance(answer, Rejected) else answer
        assert told == self.model.answer(command, id_)

    kinds = st.sampled_from([OpenBed, TakeBed, TakeBed, FreeBed, NoteBed, GrantLicence, SuspendLicence])
    fates = st.sampled_from(["sound", "sound", "sound", "crash", "lost reply"])
    two = st.integers(0, 1)
    some_bus = st.integers(0, 2)

    @rule(kind=kinds, a=two, b=two, note=st.sampled_from("xy"), bus=some_bus, fate=fates)
    def asks(self, kind: type[Command], a: int, b: int, note: str, bus: int, fate: str) -> None:
        self.send(self.command(kind, a, b, note), uuid4(), bus, fate)

    @precondition(lambda self: bool(getattr(self, "sent", ())))
    @rule(which=st.integers(0, 1000), bus=some_bus, fate=fates)
    def asks_again(self, which: int, bus: int, fate: str) -> None:
        command, id_ = self.sent[which % len(self.sent)]
        self.send(command, id_, bus, fate)

    @precondition(lambda self: bool(getattr(self, "sent", ())))
    @rule(which=st.integers(0, 1000), bus=some_bus, kind=kinds, a=two, b=two)
    def uses_an_id_for_something_else(self, which: int, bus: int, kind: type[Command], a: int, b: int) -> None:
        _, id_ = self.sent[which % len(self.sent)]
        self.send(self.command(kind, a, b, "z"), id_, bus)

    @precondition(lambda self: hasattr(self, "buses"))
    @rule(bus=some_bus)
    def a_process_starts_anew(self, bus: int) -> None:
        self.buses[bus % len(self.buses)] = Bus(self.fragile)

    @invariant()
    def the_log_holds_each_effect_once(self) -> None:
        if hasattr(self, "runner"):
            assert self.runner.run(self.head()) == self.model.position


class MemoryMachine(BusMachine):
    store: MemoryEventStore

    def open_store(self) -> MemoryEventStore:
        return MemoryEventStore()

    async def head(self) -> int:
        return len(self.store.rows)


def test_any_life_of_the_ward_is_told_as_it_was() -> None:
    run_state_machine_as_test(MemoryMachine, settings=settings(max_examples=200, stateful_step_count=40, deadline=None))


def test_any_life_of_the_ward_is_told_as_it_was_over_postgresql(log_database: str) -> None:
    class PostgresMachine(BusMachine):
        store: PostgresEventStore

        def open_store(self) -> PostgresEventStore:
            return PostgresEventStore(log_database)

        async def head(self) -> int:
            rows = await (await self.store._load_line.get()).fetch("select position from head")
            return int(rows[0]["position"])

    few = settings(max_examples=25, stateful_step_count=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    run_state_machine_as_test(PostgresMachine, settings=few)
