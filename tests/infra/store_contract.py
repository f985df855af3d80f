"""What every event store must keep, whatever it is made of. Inherited by the tests of each."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Protocol
from uuid import UUID, uuid4

import pytest

from commands._bus import Appended, Conflict
from commands._bus import EventStore as Store
from domain._kernel import Recorded
from infra.mapper import Stored
from tests.ward import BedNoted, BedOpened, BedTaken, wish


class Log(Protocol):
    """The log of the store under test, read and disturbed from outside."""

    async def rows(self) -> Sequence[Stored]: ...

    async def set_clock_of_the_last_event(self, at: datetime) -> None: ...


async def history(store: Store, stream_id: UUID, after: int = 0) -> Sequence[Recorded]:
    return (await store.load({stream_id: after})).get(stream_id, ())


class EventStoreContract:
    """Fixtures `store` and `log` come from the heir."""

    async def test_positions_are_dense_also_after_conflicts_and_failures(self, store: Store, log: Log) -> None:
        streams = [uuid4() for _ in range(5)]
        for round_ in range(4):
            for stream in streams:
                await store.append(wish(stream, round_))
                with pytest.raises(Conflict):
                    await store.append(wish(stream, round_ + 9))
                with pytest.raises(ValueError, match="needs an event"):
                    await store.append(wish(stream, round_ + 1).__class__(uuid4(), b"", stream, round_ + 1, []))
        assert [row.position for row in await log.rows()] == list(range(1, 21))

    async def test_versions_count_from_one_within_each_stream(self, store: Store, log: Log) -> None:
        one, other = uuid4(), uuid4()
        await store.append(wish(one, 0, BedOpened(), BedNoted(note="a")))
        await store.append(wish(other, 0, BedOpened()))
        answer = await store.append(wish(one, 2, BedNoted(note="b")))
        assert (answer.stream_id, answer.version, answer.position) == (one, 3, 4)
        assert [(row.stream_id, row.version) for row in await log.rows()] == [(one, 1), (one, 2), (other, 1), (one, 3)]

    @pytest.mark.parametrize("expected", [0, 2, 7])
    async def test_a_conflict_leaves_nothing(self, store: Store, log: Log, expected: int) -> None:
        stream = uuid4()
        await store.append(wish(stream, 0))
        refused = wish(stream, expected, BedOpened(), BedNoted(note="never"))
        with pytest.raises(Conflict):
            await store.append(refused)
        assert len(await log.rows()) == 1
        assert await store.answer_to(refused.command_id) is None

    async def test_a_stream_that_a_decision_rested_on_may_not_have_moved(self, store: Store) -> None:
        bed, licence = uuid4(), uuid4()
        await store.append(wish(licence, 0))
        await store.append(wish(licence, 1))
        with pytest.raises(Conflict):
            await store.append(wish(bed, 0, guards={licence: 1}))
        await store.append(wish(bed, 0, guards={licence: 2}))

    async def test_a_decision_may_rest_on_there_being_nothing_yet(self, store: Store) -> None:
        bed, nothing = uuid4(), uuid4()
        await store.append(wish(bed, 0, guards={nothing: 0}))
        await store.append(wish(nothing, 0))
        with pytest.raises(Conflict):
            await store.append(wish(bed, 1, guards={nothing: 0}))

    async def test_a_command_id_gets_its_first_answer_again_and_no_second_effect(self, store: Store, log: Log) -> None:
        stream, other = uuid4(), uuid4()
        command = wish(stream, 0, BedOpened(), BedNoted(note="a"), fingerprint=b"first")
        first = await store.append(command)
        await store.append(wish(stream, 2))
        assert not first.repeated
        # The same request, the same id with stale and with right versions, and the same id for something else.
        for again in (
            command,
            wish(stream, 3, command_id=command.command_id, fingerprint=b"second"),
            wish(other, 0, command_id=command.command_id, fingerprint=b"third"),
        ):
            answer = await store.append(again)
            assert answer == Appended(stream, 2, 2, b"first")
            assert answer.repeated
        assert await store.answer_to(command.command_id) == first
        assert await store.answer_to(uuid4()) is None
        assert len(await log.rows()) == 3

    async def test_a_command_that_met_a_conflict_may_come_again_under_its_id(self, store: Store, log: Log) -> None:
        stream, command_id = uuid4(), uuid4()
        with pytest.raises(Conflict):
            await store.append(wish(stream, 1, command_id=command_id))
        answer = await store.append(wish(stream, 0, command_id=command_id))
        assert answer.version == 1
        assert len(await log.rows()) == 1

    async def test_events_come_back_as_they_went_in(self, store: Store) -> None:
        stream = uuid4()
        at = datetime(2020, 8, 27, 9, 0, 0, 123456, tzinfo=UTC)
        events = (BedOpened(), BedNoted(note="sốt cao 39°, \N{HORSE} \x7f"), BedTaken(licence_id=uuid4(), at=at))
        command = wish(stream, 0, *events)
        await store.append(command)
        found = await history(store, stream)
        assert [one.event for one in found] == list(events)
        assert [one.metadata for one in found] == [new.metadata for new in command.events]
        assert [(one.stream_id, one.version, one.position) for one in found] == [(stream, n, n) for n in (1, 2, 3)]

    async def test_loading_gives_what_came_after_the_version_of_each_stream(self, store: Store) -> None:
        one, other, empty = uuid4(), uuid4(), uuid4()
        for version in range(4):
            await store.append(wish(one, version))
            await store.append(wish(other, version))
        found = await store.load({one: 1, other: 4, empty: 0})
        assert {stream: [event.version for event in events] for stream, events in found.items()} == {one: [2, 3, 4]}
        both = await asyncio.gather(history(store, one, 3), history(store, one, 0), history(store, other, 2))
        assert [[event.version for event in events] for events in both] == [[4], [1, 2, 3, 4], [3, 4]]

    async def test_the_time_of_record_never_runs_backwards(self, store: Store, log: Log) -> None:
        stream, far = uuid4(), datetime(2199, 1, 1, tzinfo=UTC)
        await store.append(wish(stream, 0))
        await log.set_clock_of_the_last_event(far)
        await store.append(wish(stream, 1))
        times = [row.recorded_at for row in await log.rows()]
        assert times[1] >= far
        assert times[0] <= times[1]

    async def test_of_many_who_race_for_one_stream_one_wins(self, store: Store, log: Log) -> None:
        stream = uuid4()
        results = await asyncio.gather(*(store.append(wish(stream, 0)) for _ in range(40)), return_exceptions=True)
        assert sum(isinstance(one, Appended) for one in results) == 1
        assert sum(isinstance(one, Conflict) for one in results) == 39
        assert len(await log.rows()) == 1

    async def test_of_two_decisions_that_rest_on_each_other_one_wins(self, store: Store) -> None:
        for _ in range(20):
            a, b = uuid4(), uuid4()
            pair = (wish(a, 0, guards={b: 0}), wish(b, 0, guards={a: 0}))
            results = await asyncio.gather(*(store.append(one) for one in pair), return_exceptions=True)
            assert sorted(type(one).__name__ for one in results) == ["Appended", "Conflict"]

    async def test_the_same_command_sent_twice_at_once_takes_effect_once(self, store: Store, log: Log) -> None:
        stream = uuid4()
        command = wish(stream, 0)
        answers = await asyncio.gather(*(store.append(command) for _ in range(8)))
        assert set(answers) == {Appended(stream, 1, 1, b"f")}
        assert len(await log.rows()) == 1
