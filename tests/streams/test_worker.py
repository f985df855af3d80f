"""Into the views: each event exactly once, whatever Kafka delivers and whatever an event holds."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager, nullcontext
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from infra import progress
from infra.health import Vitals
from infra.mapper import Stored, to_recorded
from infra.postgres import connect
from infra.progress import Reached
from infra.rebuild import GROUP, ensure_views
from infra.topics import PARTITIONS, Place, partition_of
from projections import _fold
from projections._fold import LiveView
from projections._view import generations
from streams import worker as worker_file
from streams.envelope import Message, to_message
from streams.intake import Intake
from streams.worker import Projector
from tests.own_postgres import somebody_waits_for_a_lock
from tests.streams.ward import Log

BEDS = [UUID(int=n) for n in range(6)]


@dataclass(frozen=True)
class Record:
    """What the consumer gives away of one message."""

    offset: int
    key: bytes
    value: bytes
    headers: Sequence[tuple[str, bytes]]


def messages_of(events: Iterable[Stored]) -> list[Message]:
    last: dict[Place, int] = {}
    found = []
    for stored in events:
        place = Place(to_message(stored, 0).topic, partition_of(stored.stream_id))
        found.append(to_message(stored, last.get(place, 0)))
        last[place] = stored.position
    return found


def fetched(messages: Iterable[Message], first_offset: int = 0) -> dict[Place, list[Any]]:
    records: dict[Place, list[Any]] = {}
    for n, message in enumerate(messages, first_offset):
        place = Place(message.topic, message.partition)
        records.setdefault(place, []).append(Record(n, message.key, message.value, message.headers))
    return records


@asynccontextmanager
async def projector(log: Log, cluster_id: str = "kafka") -> AsyncIterator[Projector]:
    await ensure_views(log.dsn, log.beds.views)
    one = Projector(log.dsn, cluster_id, Vitals("projections"), log.beds.views)
    await one.next_offsets([Place(log.beds.topic, partition) for partition in range(PARTITIONS)])
    try:
        yield one
    finally:
        await one.close()


async def assert_views_are_a_fresh_fold(log: Log) -> None:
    for view in log.beds.views.values():
        assert await log.rows(view) == await log.fresh_fold(view)


async def parked(log: Log) -> list[tuple[str, int]]:
    rows = await log.db.fetch("select view, position from projection_parked order by view, position")
    return [(row["view"].removeprefix(log.beds.aggregate + "_"), row["position"]) for row in rows]


async def blindly(db: Any, arrived: Any, known: Mapping[Place, Reached]) -> Intake:
    """The control: whatever arrives is taken in, as it comes."""
    intake = Intake()
    for place, messages in arrived.items():
        intake.events += [delivered.stored for _, delivered in messages]
        intake.reached[place] = Reached(messages[-1][1].stored.position, messages[-1][0])
    return intake


GUARD = pytest.mark.parametrize("guarded", [True, False], ids=["guarded", "control"])


def twice(messages: list[Message]) -> list[Message]:
    late = [message for message in messages if dict(message.headers)["version"] != b"1"]
    return [again for message in messages for again in (message, message)] + late


def with_gaps(messages: list[Message]) -> list[Message]:
    last = {message.partition: message for message in messages}
    return [m for n, m in enumerate(messages) if n % 3 or m is last[m.partition]]


@GUARD
@pytest.mark.parametrize("disorder", [twice, with_gaps])
async def test_duplicates_change_nothing_and_gaps_are_filled_from_the_log(
    log: Log, disorder: Callable[[list[Message]], list[Message]], guarded: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not guarded:
        monkeypatch.setattr(worker_file, "next_events", blindly)
        monkeypatch.setattr(_fold.Fold, "take_in", _lenient(_fold.Fold.take_in))
    await log.busy_night(BEDS, 4)
    async with projector(log) as worker:
        await worker.take(fetched(disorder(messages_of(await log.stored()))))

    same = await log.rows(log.beds.view) == await log.fresh_fold(log.beds.view)
    assert same == guarded


def _lenient(take_in: Callable[..., None]) -> Callable[..., None]:
    def skip_missing(fold: Any, at: Any) -> None:
        try:
            take_in(fold, at)
        except LookupError:
            return

    return skip_missing


async def test_a_gap_longer_than_one_transaction_is_filled_bit_by_bit(
    log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("streams.intake.MOST_HEALED_AT_ONCE", 7)
    await log.busy_night(BEDS, 6)
    messages = messages_of(await log.stored())
    last = {message.partition: message for message in messages}
    async with projector(log) as worker:
        await worker.take(fetched(last.values()))

    await assert_views_are_a_fresh_fold(log)


@GUARD
async def test_what_broke_before_the_commit_is_taken_in_once_all_the_same(
    log: Log, guarded: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    write, faults = progress.write, 2

    async def breaks(*arguments: Any) -> None:
        nonlocal faults
        faults -= 1
        if faults >= 0:
            raise ConnectionError
        await write(*arguments)

    await log.busy_night(BEDS, 2)
    messages = messages_of(await log.stored())
    async with projector(log) as worker:
        await worker.take(fetched(messages[:6]))
        monkeypatch.setattr(progress, "write", breaks)
        if not guarded:
            # The control: rows and progress are not written in one transaction.
            monkeypatch.setattr(asyncpg.Connection, "transaction", lambda *_, **__: nullcontext())
        await worker.take(fetched(messages[6:], 6))

    same = await log.rows(log.beds.view) == await log.fresh_fold(log.beds.view)
    assert same == guarded


async def test_an_event_that_a_view_cannot_take_in_is_parked_with_its_stream_and_the_others_go_on(log: Log) -> None:
    await log.busy_night(BEDS, 1)
    at = await log.add(BEDS[0], log.beds.slept(note="poison"))
    await log.busy_night(BEDS, 1)
    messages = messages_of(await log.stored())
    async with projector(log) as worker:
        await worker.take(fetched(messages))
        behind = [s.position for s in await log.stored() if s.stream_id == BEDS[0] and s.position > at]
        assert await parked(log) == [("beds", at), *(("beds", position) for position in behind)]

        await log.busy_night(BEDS, 1)
        await worker.take(fetched(messages_of(await log.stored())[len(messages) :], len(messages)))

    rows = {row[log_column(log, "id")]: row[log_column(log, "nights")] for row in await log.rows(log.beds.view)}
    assert rows == {BEDS[0]: 1, **dict.fromkeys(BEDS[1:], 3)}
    assert len(await parked(log)) == 3


def log_column(log: Log, name: str) -> int:
    return log.beds.view.tables[0].columns.index(name)


@GUARD
async def test_a_value_that_the_database_refuses_is_found_and_parked(
    log: Log, guarded: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not guarded:

        async def carelessly(db: Any, live: LiveView, batch: Any, careful: bool) -> None:
            await _fold.apply(db, live, batch, careful=False)

        monkeypatch.setattr(worker_file, "apply", carelessly)
    await log.busy_night(BEDS, 1)
    at = await log.add(BEDS[0], log.beds.slept(note="refused"))
    await log.busy_night(BEDS, 1)
    async with projector(log) as worker:
        taking = asyncio.create_task(worker.take(fetched(messages_of(await log.stored()))))
        done, _ = await asyncio.wait([taking], timeout=60 if guarded else 1)
        taking.cancel()

    assert bool(done) == guarded
    if guarded:
        assert await parked(log) == [("beds", at), ("beds", at + 1 + BEDS.index(BEDS[0]))]


async def test_broken_bytes_are_parked_for_every_view_that_wants_them_and_unknown_names_pass(log: Log) -> None:
    await log.busy_night(BEDS, 2)
    await log.db.execute("update events set state = '{broken' where notification_id = 14")
    await log.db.execute("update events set topic = $1 where notification_id = 15", f"{log.beds.aggregate}.not_yet")
    streams = {stored.position: stored.stream_id for stored in await log.stored()}
    async with projector(log) as worker:
        await worker.take(fetched(messages_of(await log.stored())))

    behind = [p for p, stream_id in streams.items() if stream_id == streams[14] and p >= 14 and p != 15]
    assert await parked(log) == [(view, p) for view in ("beds", "nights") for p in behind]
    assert max((await progress.positions(log.db, GROUP)).values()) == 18


async def test_messages_that_are_not_the_relays_are_passed_over_and_what_they_replaced_is_read_from_the_log(
    log: Log,
) -> None:
    await log.busy_night(BEDS, 3)
    messages = messages_of(await log.stored())
    messages[3] = replace(messages[3], headers=[])
    messages[5] = replace(messages[5], partition=(messages[5].partition + 1) % PARTITIONS)
    async with projector(log) as worker:
        await worker.take(fetched(messages))

    await assert_views_are_a_fresh_fold(log)


async def test_in_another_kafka_offsets_mean_nothing_but_positions_do(log: Log) -> None:
    await log.busy_night(BEDS, 2)
    places = [Place(log.beds.topic, partition) for partition in range(PARTITIONS)]
    records = fetched(messages_of(await log.stored()), first_offset=100)
    async with projector(log) as worker:
        await worker.take(records)
        assert max((await worker.next_offsets(places)).values()) == 118
    async with projector(log, cluster_id="another") as worker:
        assert set((await worker.next_offsets(places)).values()) == {0}
        await worker.take(fetched(messages_of(await log.stored())))

    await assert_views_are_a_fresh_fold(log)


@GUARD
async def test_two_workers_that_write_one_row_wait_for_each_other(log: Log, guarded: bool) -> None:
    ward = UUID(int=99)
    await log.add(ward, log.beds.opened())
    async with projector(log) as worker:
        await worker.take(fetched(messages_of(await log.stored())))
    for bed in BEDS[:2]:
        await log.add(bed, log.beds.slept(note="calm", ward_id=ward))
    first, second = [to_recorded(stored) for stored in (await log.stored())[1:]]
    live = LiveView(log.beds.nights, (await generations(log.db))[log.beds.nights.name][1])
    one, other = await connect(log.dsn), await connect(log.dsn)
    try:
        async with one.transaction():
            await _fold.apply(_without_locks(one, guarded), live, [first])
            waiting = asyncio.create_task(_fold.apply(_without_locks(other, guarded), live, [second]))
            # Guarded it is where the other reads, else where it writes what it read too early.
            await somebody_waits_for_a_lock(log.db)
        await waiting
    finally:
        await one.close()
        await other.close()

    assert [row[-1] for row in await log.rows(log.beds.nights)] == [2 if guarded else 1]


def _without_locks(db: Any, guarded: bool) -> Any:
    if guarded:
        return db

    class Unlocked:
        async def fetch(self, query: str, *arguments: Any) -> Any:
            return await db.fetch(re.sub(" for update$", "", query), *arguments)

        def __getattr__(self, name: str) -> Any:
            return getattr(db, name)

    return Unlocked()


async def test_a_worker_of_another_version_writes_nothing_and_says_what_it_waits_for(log: Log) -> None:
    await log.busy_night(BEDS, 1)
    async with projector(log) as worker:
        await log.db.execute("update projection_generation set version = version + 1")
        taking = asyncio.create_task(worker.take(fetched(messages_of(await log.stored()))))
        async with asyncio.timeout(60):
            while "views" not in worker._vitals.waiting:
                await asyncio.sleep(0.02)
        assert await log.rows(log.beds.view) == []

        await log.db.execute("update projection_generation set version = version - 1")
        await taking

    await assert_views_are_a_fresh_fold(log)
