"""The bus: refusals rest on what is so now, acceptances on nothing that moved, and an id has one effect."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest

from commands._bus import TRIES, Accepted, Append, Appended, Bus, Conflict, Rejected
from commands._command import Command
from commands._ids import derived_id
from domain._kernel import Recorded, Role
from infra.memory import MemoryEventStore
from tests.ward import FreeBed, GrantLicence, NoteBed, OpenBed, SuspendLicence, TakeBed, context, wish

BED, LICENCE = UUID(int=100), UUID(int=200)


async def send(bus: Bus, command: Command, id_: UUID | None = None, expected: int | None = None) -> Accepted | Rejected:
    return await bus.handle(command, context(), id_ or uuid4(), expected)


async def accepted(bus: Bus, command: Command, id_: UUID | None = None) -> Accepted:
    answer = await send(bus, command, id_)
    assert isinstance(answer, Accepted), answer
    return answer


def code(answer: Accepted | Rejected) -> str:
    assert isinstance(answer, Rejected), answer
    return answer.code


class Interrupted(MemoryEventStore):
    """Lets something happen between a decision and its append, as often as told."""

    def __init__(self) -> None:
        super().__init__()
        self.meanwhile: list[Append] = []
        self.loads = 0

    async def load(self, after: Mapping[UUID, int]) -> Mapping[UUID, Sequence[Recorded]]:
        self.loads += 1
        return await super().load(after)

    async def append(self, wish: Append) -> Appended:
        if self.meanwhile:
            await super().append(self.meanwhile.pop(0))
        return await super().append(wish)


@pytest.fixture
def store() -> Interrupted:
    return Interrupted()


@pytest.fixture
def bus(store: Interrupted) -> Bus:
    return Bus(store)


async def ready(bus: Bus) -> None:
    await accepted(bus, GrantLicence(licence_id=LICENCE))
    await accepted(bus, OpenBed(bed_id=BED))


async def test_an_accepted_command_says_where_its_events_stand(bus: Bus) -> None:
    await ready(bus)
    answer = await accepted(bus, TakeBed(bed_id=BED, licence_id=LICENCE))
    assert answer == Accepted(aggregate_id=BED, version=2, position=3)


async def test_nobody_is_refused_for_what_is_no_longer_so(bus: Bus, store: Interrupted) -> None:
    await ready(bus)
    await accepted(bus, TakeBed(bed_id=BED, licence_id=LICENCE))
    await accepted(Bus(store), FreeBed(bed_id=BED))
    # The first bus still remembers the bed as taken.
    assert (await accepted(bus, TakeBed(bed_id=BED, licence_id=LICENCE))).version == 4


async def test_nothing_is_thought_needless_for_what_is_no_longer_so(bus: Bus, store: Interrupted) -> None:
    await ready(bus)
    await accepted(bus, NoteBed(bed_id=BED, note="fasting"))
    await accepted(Bus(store), NoteBed(bed_id=BED, note="may eat"))
    assert (await accepted(bus, NoteBed(bed_id=BED, note="fasting"))).version == 4


async def test_a_command_without_events_is_accepted_and_leaves_nothing(bus: Bus, store: Interrupted) -> None:
    await ready(bus)
    first = await accepted(bus, NoteBed(bed_id=BED, note="fasting"))
    assert await accepted(bus, NoteBed(bed_id=BED, note="fasting")) == first
    assert len(store.rows) == 3


async def test_a_command_whose_own_effect_makes_it_needless_gets_its_first_answer(bus: Bus, store: Interrupted) -> None:
    await ready(bus)
    id_ = uuid4()
    first = await accepted(bus, NoteBed(bed_id=BED, note="fasting"), id_)
    await accepted(bus, TakeBed(bed_id=BED, licence_id=LICENCE))
    assert await accepted(Bus(store), NoteBed(bed_id=BED, note="fasting"), id_) == first


async def test_a_command_whose_own_effect_refuses_it_gets_its_first_answer(bus: Bus, store: Interrupted) -> None:
    await ready(bus)
    id_ = uuid4()
    take = TakeBed(bed_id=BED, licence_id=LICENCE)
    first = await accepted(bus, take, id_)
    for other in (bus, Bus(store)):
        assert await send(other, take, id_) == first
    assert len(store.rows) == 3


async def test_a_refused_command_may_be_accepted_later_under_the_same_id(bus: Bus) -> None:
    await ready(bus)
    id_, take = uuid4(), TakeBed(bed_id=BED, licence_id=LICENCE)
    await accepted(bus, take)
    assert code(await send(bus, take, id_)) == "NOT_IN_THIS_STATUS"
    await accepted(bus, FreeBed(bed_id=BED))
    first = await accepted(bus, take, id_)
    assert await send(bus, take, id_) == first


async def test_an_id_that_was_used_for_another_request_is_refused(bus: Bus, store: Interrupted) -> None:
    await ready(bus)
    id_ = uuid4()
    await accepted(bus, NoteBed(bed_id=BED, note="a"), id_)
    others = (
        NoteBed(bed_id=BED, note="b"),  # would be accepted
        NoteBed(bed_id=BED, note="c"),
        OpenBed(bed_id=BED),  # would be refused
        FreeBed(bed_id=BED),
    )
    for other in others:
        for one in (bus, Bus(store)):
            assert code(await send(one, other, id_)) == "COMMAND_ID_REUSED"
    await accepted(bus, NoteBed(bed_id=BED, note="x"))
    assert code(await send(bus, NoteBed(bed_id=BED, note="x"), id_)) == "COMMAND_ID_REUSED"
    assert len(store.rows) == 4


async def test_the_expected_version_must_be_the_actual_one(bus: Bus, store: Interrupted) -> None:
    await ready(bus)
    answer = await send(bus, NoteBed(bed_id=BED, note="a"), expected=4)
    assert isinstance(answer, Rejected)
    assert (answer.code, answer.field) == ("VERSION_CONFLICT", "expectedVersion")
    assert answer.details == {"aggregate": "bed", "actual": "1", "expected": "4"}
    await accepted(Bus(store), NoteBed(bed_id=BED, note="b"))
    assert isinstance(await send(bus, NoteBed(bed_id=BED, note="c"), expected=2), Accepted)
    store.meanwhile = [wish(BED, 3)]
    assert code(await send(bus, NoteBed(bed_id=BED, note="d"), expected=3)) == "VERSION_CONFLICT"


async def test_a_decision_is_made_anew_when_its_stream_moved(bus: Bus, store: Interrupted) -> None:
    await ready(bus)
    store.meanwhile = [wish(BED, 1), wish(BED, 2)]
    assert (await accepted(bus, TakeBed(bed_id=BED, licence_id=LICENCE))).version == 4


async def test_too_much_contention_is_said_and_nothing_is_left(bus: Bus, store: Interrupted) -> None:
    await ready(bus)
    store.meanwhile = [wish(BED, 1 + n) for n in range(TRIES)]
    id_, note = uuid4(), NoteBed(bed_id=BED, note="mine")
    assert code(await send(bus, note, id_)) == "TOO_MUCH_CONTENTION"
    assert all(b"mine" not in row.state for row in store.rows)
    assert (await accepted(bus, note, id_)).version == 1 + TRIES + 1


async def test_a_licence_that_is_suspended_between_load_and_append_cannot_win(bus: Bus, store: Interrupted) -> None:
    await ready(bus)

    async def suspended_meanwhile() -> None:
        assert isinstance(await send(Bus(store), SuspendLicence(licence_id=LICENCE)), Accepted)

    original = store.append
    suspended = False

    async def append(one: Append) -> Appended:
        nonlocal suspended
        if not suspended:
            suspended = True
            await suspended_meanwhile()
        return await original(one)

    store.append = append  # type: ignore[method-assign, assignment]
    assert code(await send(bus, TakeBed(bed_id=BED, licence_id=LICENCE))) == "BED_LICENCE_MISSING"
    assert [row.name for row in store.rows] == ["licence.granted", "bed.opened", "licence.suspended"]


async def test_a_licence_that_does_not_exist_is_named(bus: Bus) -> None:
    await ready(bus)
    answer = await send(bus, TakeBed(bed_id=BED, licence_id=UUID(int=9)))
    assert isinstance(answer, Rejected)
    assert (answer.code, answer.field) == ("UNKNOWN_REFERENCE", "licence_id")


async def test_an_id_that_belongs_to_something_else_begins_nothing(bus: Bus, store: Interrupted) -> None:
    await ready(bus)
    for one in (bus, Bus(store)):
        assert code(await send(one, OpenBed(bed_id=LICENCE))) == "ID_IN_USE"
        assert code(await send(one, TakeBed(bed_id=BED, licence_id=BED))) == "UNKNOWN_REFERENCE"
    assert len(store.rows) == 2


async def test_only_the_roles_of_a_command_may_send_it(bus: Bus) -> None:
    answer = await bus.handle(OpenBed(bed_id=BED), context(Role.DOCTOR, Role.NURSE), uuid4())
    assert code(answer) == "ROLE_NOT_ALLOWED"
    answer = await bus.handle(OpenBed(bed_id=BED), context(Role.DOCTOR, Role.OPERATOR), uuid4())
    assert isinstance(answer, Accepted)


@pytest.mark.parametrize(("minutes", "legal"), [(-600, True), (4, True), (6, False)])
async def test_what_is_recorded_has_happened(bus: Bus, store: Interrupted, minutes: int, legal: bool) -> None:
    now = datetime(2026, 1, 1, tzinfo=UTC)
    happened = now + timedelta(minutes=minutes)
    answer = await bus.handle(OpenBed(bed_id=BED), context(now=now, clinical_time=happened), uuid4())
    if legal:
        assert (await store.load({BED: 0}))[BED][0].happened_at == happened
    else:
        assert code(answer) == "CLINICAL_TIME_IN_FUTURE"


async def test_a_repeated_answer_is_not_taken_for_what_was_decided_here(bus: Bus, store: Interrupted) -> None:
    """The same command over two buses, decided at two times: what is remembered must be what is in the log."""
    await ready(bus)
    second = Bus(store)
    id_, take = uuid4(), TakeBed(bed_id=BED, licence_id=LICENCE)
    await send(second, take, expected=77)  # it looks at the bed and remembers it as free
    early, late = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 2, tzinfo=UTC)
    first = await bus.handle(take, context(now=early), id_)
    assert await second.handle(take, context(now=late), id_) == first
    remembered = await second._fold({BED: TakeBed.of}, fresh=True)
    assert remembered[BED].state.taken_at == early  # type: ignore[attr-defined]


async def test_a_busy_stream_is_not_read_again(bus: Bus, store: Interrupted) -> None:
    await ready(bus)
    store.loads = 0
    for n in range(10):
        await accepted(bus, NoteBed(bed_id=BED, note=str(n)))
    assert store.loads == 0


async def test_the_bus_forgets_the_streams_that_were_not_asked_for_longest(store: Interrupted) -> None:
    bus = Bus(store, remembered=2)
    beds = [uuid4() for _ in range(3)]
    for bed in beds:
        await accepted(bus, OpenBed(bed_id=bed))
    store.loads = 0
    await accepted(bus, NoteBed(bed_id=beds[2], note="x"))
    await accepted(bus, NoteBed(bed_id=beds[1], note="x"))
    assert store.loads == 0
    await accepted(bus, NoteBed(bed_id=beds[0], note="x"))
    assert store.loads == 1


async def test_many_callers_of_several_buses_take_a_bed_in_turn(store: Interrupted) -> None:
    buses = [Bus(store) for _ in range(4)]
    await ready(buses[0])

    async def once(bus: Bus) -> bool:
        taken = await send(bus, TakeBed(bed_id=BED, licence_id=LICENCE))
        await asyncio.sleep(0)
        if isinstance(taken, Accepted):
            await accepted(bus, FreeBed(bed_id=BED))
        return isinstance(taken, Accepted)

    won = await asyncio.gather(*(once(bus) for _ in range(20) for bus in buses))
    names = [row.name for row in store.rows[2:]]
    assert names == ["bed.taken", "bed.freed"] * sum(won)
    assert sum(won) >= 1


async def test_control_an_append_without_guards_lets_the_suspended_licence_win(store: Interrupted) -> None:
    """What the guard is good for: the same append without it goes through."""
    await ready(Bus(store))
    await accepted(Bus(store), SuspendLicence(licence_id=LICENCE))
    with pytest.raises(Conflict):
        await store.append(wish(BED, 1, guards={LICENCE: 1}))
    assert (await store.append(wish(BED, 1))).version == 2


async def test_nobody_takes_the_id_of_a_command_that_the_system_will_give_itself(bus: Bus) -> None:
    foreseen = derived_id(BED, "somebody guessed it")
    assert code(await send(bus, OpenBed(bed_id=BED), foreseen)) == "COMMAND_ID_RESERVED"
    as_system = context(Role.SYSTEM, Role.OPERATOR)
    assert isinstance(await bus.handle(OpenBed(bed_id=BED), as_system, foreseen), Accepted)
