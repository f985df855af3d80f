"""A view filled anew beside the old one: equal to it, swapped in one moment, while events flow."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any
from uuid import UUID

import pytest

from infra import postgres as postgres_file
from infra import rebuild as rebuild_file
from infra.postgres import connect
from infra.rebuild import DIFFERENCE, AlreadyRebuilding, ensure_views, rebuild
from streams import worker as worker_file
from tests.streams.test_worker import GUARD, assert_views_are_a_fresh_fold, fetched, messages_of, parked, projector
from tests.streams.ward import Log

BEDS = [UUID(int=n) for n in range(8)]


async def feed(log: Log, worker: Any, known: int = 0) -> int:
    """Give the worker what it does not know yet, as the relay would."""
    messages = messages_of(await log.stored())
    await worker.take(fetched(messages[known:], known))
    return len(messages)


async def tables(log: Log) -> list[str]:
    rows = await log.db.fetch("select tablename from pg_tables where tablename like $1", f"{log.beds.view.name}%")
    return [row[0] for row in rows]


@pytest.mark.parametrize("in_hand", [300_000, 3], ids=["all in hand", "few in hand"])
async def test_the_new_generation_equals_the_old_one_and_takes_its_place(
    log: Log, in_hand: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rebuild_file, "MOST_ROWS_IN_HAND", in_hand)
    monkeypatch.setattr(rebuild_file, "CHUNK", 16)
    await log.busy_night(BEDS, 4)
    told: list[tuple[int, int]] = []
    async with projector(log) as worker:
        known = await feed(log, worker)
        done = await rebuild(log.dsn, log.beds.view, lambda at, end: told.append((at, end)))
        assert (done.equal, done.generation, done.events, done.rows, done.parked) == (True, 2, 40, 8, 0)
        assert [one.table for one in done.compared] == [log.beds.view.name]
        assert told[-1] == (40, 40)

        await log.busy_night(BEDS, 1)
        await feed(log, worker, known)

    await assert_views_are_a_fresh_fold(log)
    assert await tables(log) == log.beds.view.physicals(2)


async def test_a_difference_is_counted_and_shown(log: Log) -> None:
    await log.busy_night(BEDS, 1)
    async with projector(log) as worker:
        await feed(log, worker)
    table = log.beds.view.physicals(1)[0]
    await log.db.execute(f"update {table} set nights = 77 where id = $1", BEDS[0])
    await log.db.execute(f"delete from {table} where id = $1", BEDS[1])

    done = await rebuild(log.dsn, log.beds.view)

    assert not done.equal
    assert [(one.only_old, one.only_new) for one in done.compared] == [(1, 2)]
    await assert_views_are_a_fresh_fold(log)


async def test_a_rebuild_takes_in_what_the_workers_have_and_not_an_event_more(log: Log) -> None:
    await log.busy_night(BEDS, 3)
    messages = messages_of(await log.stored())
    early = messages[: len(messages) // 2]
    async with projector(log) as worker:
        await worker.take(fetched(early))
        done = await rebuild(log.dsn, log.beds.view)
        assert done.equal
        assert done.events == len(early)

        await worker.take(fetched(messages))
    await assert_views_are_a_fresh_fold(log)


@GUARD
async def test_events_that_arrive_during_the_swap_are_neither_lost_nor_doubled(
    log: Log, guarded: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not guarded:
        # The control: the worker does not hold its tables against a swap.
        async def hold_nothing(*_: Any) -> None: ...

        monkeypatch.setattr(worker_file, "hold_against_swap", hold_nothing)
    await log.busy_night(BEDS, 2)
    async with projector(log) as worker:
        known = await feed(log, worker)
        await log.busy_night(BEDS, 1)
        swap, feeding = rebuild_file._Rebuild._swap, list[asyncio.Task[int]]()

        async def slowly(self: Any) -> None:
            # Everything is taken in; now, before the names change, the worker gets the next batch.
            feeding.append(asyncio.create_task(feed(log, worker, known)))
            await asyncio.wait(feeding, timeout=0.5 if guarded else 60)
            await swap(self)

        monkeypatch.setattr(rebuild_file._Rebuild, "_swap", slowly)
        await rebuild(log.dsn, log.beds.view)
        await feeding[0]

    same = await log.rows(log.beds.view) == await log.fresh_fold(log.beds.view)
    assert same == guarded


async def test_rebuilds_while_events_flow_end_with_a_fresh_fold(log: Log) -> None:
    await log.busy_night(BEDS, 1)
    async with projector(log) as worker:
        stop = asyncio.Event()

        async def flow() -> None:
            known = 0
            while not stop.is_set():
                await log.busy_night(BEDS, 1)
                known = await feed(log, worker, known)

        flowing = asyncio.create_task(flow())
        generations = []
        for view in (log.beds.view, log.beds.nights, log.beds.view, log.beds.view):
            await asyncio.sleep(0.1)
            done = await rebuild(log.dsn, view)
            assert done.equal
            generations.append(done.generation)
        stop.set()
        await flowing

    assert generations == [2, 2, 3, 4]
    await assert_views_are_a_fresh_fold(log)


@pytest.mark.parametrize("in_hand", [300_000, 3], ids=["all in hand", "few in hand"])
@pytest.mark.parametrize("note", ["poison", "refused"])
async def test_what_could_not_be_taken_in_is_parked_anew_and_taken_in_once_the_handler_is_mended(
    log: Log, note: str, in_hand: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rebuild_file, "MOST_ROWS_IN_HAND", in_hand)
    monkeypatch.setattr(rebuild_file, "CHUNK", 4)
    await log.busy_night(BEDS, 1)
    at = await log.add(BEDS[0], log.beds.slept(note=note))
    await log.busy_night(BEDS, 1)
    async with projector(log) as worker:
        await feed(log, worker)
        before = await parked(log)
        assert ("beds", at) in before
        done = await rebuild(log.dsn, log.beds.view)
        assert (done.equal, done.parked) == (True, len(before))
        assert await parked(log) == before

        handler = log.beds.view.tables[0].handlers[log.beds.slept]
        object.__setattr__(handler, "fold", _mended)
        done = await rebuild(log.dsn, log.beds.view)
        assert await parked(log) == []
        assert (done.compared[0].only_old, done.compared[0].only_new) == (1, 1)

        await log.busy_night(BEDS, 1)
        await feed(log, worker)
    await assert_views_are_a_fresh_fold(log)


def _mended(bed: Any, event: Any, at: Any) -> None:
    bed.nights += 1
    bed.notes.append(event.note)


async def test_one_view_is_filled_by_one_process_at_a_time(log: Log) -> None:
    await ensure_views(log.dsn, log.beds.views)
    other = await connect(log.dsn)
    await other.execute("select pg_advisory_lock(hashtextextended('rebuild ' || $1, 0))", log.beds.view.name)
    try:
        with pytest.raises(AlreadyRebuilding):
            await rebuild(log.dsn, log.beds.view)
    finally:
        await other.close()


@pytest.mark.parametrize("step", ["_swap", "_compare"])
async def test_a_rebuild_that_was_broken_off_leaves_a_whole_view_and_can_be_begun_again(
    log: Log, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await log.busy_night(BEDS, 2)

    async def breaks(*_: Any) -> None:
        raise ConnectionError

    async with projector(log) as worker:
        known = await feed(log, worker)
        with monkeypatch.context() as broken, suppress(ConnectionError):
            broken.setattr(rebuild_file._Rebuild, step, breaks)
            await rebuild(log.dsn, log.beds.view)
        await assert_views_are_a_fresh_fold(log)
        await log.busy_night(BEDS, 1)
        await feed(log, worker, known)
        done = await rebuild(log.dsn, log.beds.view)
        assert done.equal

    await assert_views_are_a_fresh_fold(log)
    assert await tables(log) == log.beds.view.physicals(done.generation)


async def test_the_workers_go_on_while_both_are_compared_as_they_stood_at_the_swap(
    log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    await log.busy_night(BEDS, 2)
    compare = rebuild_file._Rebuild._compare
    async with projector(log) as worker:
        known = await feed(log, worker)
        await log.busy_night(BEDS, 1)

        async def beside(self: Any, old: Any) -> Any:
            async with asyncio.timeout(30):
                await feed(log, worker, known)
            return await compare(self, old)

        monkeypatch.setattr(rebuild_file._Rebuild, "_compare", beside)
        assert (await rebuild(log.dsn, log.beds.view)).equal

    await assert_views_are_a_fresh_fold(log)


async def test_a_statement_of_a_rebuild_may_take_as_long_as_it_takes(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    await log.busy_night(BEDS, 1)
    monkeypatch.setattr(postgres_file, "COMMAND_S", 0.1)
    monkeypatch.setattr(rebuild_file, "DIFFERENCE", f"with slow as (select pg_sleep(0.5)) {DIFFERENCE}, slow")
    async with projector(log) as worker:
        await feed(log, worker)
        assert (await rebuild(log.dsn, log.beds.view)).equal


async def test_at_the_start_a_view_of_another_shape_is_filled_anew_and_one_that_is_no_more_is_dropped(
    log: Log,
) -> None:
    await log.busy_night(BEDS, 2)
    async with projector(log) as worker:
        await feed(log, worker)
    newer = log.beds.in_another_shape()

    await asyncio.gather(*(ensure_views(log.dsn, {newer.name: newer}) for _ in range(3)))

    built = await log.db.fetch("select view, version, generation, tables from projection_generation")
    assert [tuple(row) for row in built] == [(newer.name, 2, 2, newer.physicals(2))]
    assert await log.rows(newer) == await log.fresh_fold(newer)
    assert await log.db.fetchval("select to_regclass($1)", log.beds.nights.name) is None
