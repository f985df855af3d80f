"""The log in PostgreSQL keeps the contract, and what only it can break: batches, lines, locks, other processes."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from uuid import uuid4

import pytest

from commands._bus import Appended, Unavailable
from infra import event_log
from infra.event_store import APPEND, MOST_WAITING, PostgresEventStore, Ready, append_arguments
from infra.mapper import Stored
from infra.postgres import Connection, connect
from tests.infra.store_contract import EventStoreContract, history
from tests.own_postgres import somebody_waits_for_a_lock
from tests.ward import BedNoted, wish


class PostgresLog:
    def __init__(self, db: Connection) -> None:
        self.db = db

    async def rows(self) -> Sequence[Stored]:
        return await event_log.after(self.db, 0, limit=1_000_000)

    async def set_clock_of_the_last_event(self, at: datetime) -> None:
        await self.db.execute("update head set recorded_at = $1", at)
        await self.db.execute("update events set recorded_at = $1", at)


@pytest.fixture
async def store(log_database: str) -> AsyncIterator[PostgresEventStore]:
    store = PostgresEventStore(log_database)
    yield store
    await store.close()


@pytest.fixture
async def log(log_database: str) -> AsyncIterator[PostgresLog]:
    db = await connect(log_database)
    yield PostgresLog(db)
    await db.close()


class TestPostgresEventStore(EventStoreContract):
    async def test_the_same_command_over_parallel_connections_takes_effect_once(
        self, log_database: str, log: PostgresLog
    ) -> None:
        stores = [PostgresEventStore(log_database) for _ in range(4)]
        try:
            for n in range(25):
                command = wish(uuid4(), 0)
                answers = await asyncio.gather(*(one.append(command) for one in stores))
                assert set(answers) == {Appended(command.stream_id, 1, n + 1, b"f")}
                assert sorted(answer.repeated for answer in answers) == [False, True, True, True]
        finally:
            for one in stores:
                await one.close()
        assert [row.position for row in await log.rows()] == list(range(1, 26))

    async def test_two_facilities_that_race_for_one_hour_over_two_connections_cannot_both_win(
        self, log_database: str, log: PostgresLog
    ) -> None:
        """Each books at home and rests on the doctor's day, which the other moves: the day is moved once an hour."""
        first, second = PostgresEventStore(log_database), PostgresEventStore(log_database)
        doctor = uuid4()
        try:
            for hour in range(40):
                results = await asyncio.gather(
                    *(one.append(wish(doctor, hour)) for one in (first, second)), return_exceptions=True
                )
                assert sorted(type(one).__name__ for one in results) == ["Appended", "Conflict"]
                here, there = uuid4(), uuid4()
                crossing = await asyncio.gather(
                    first.append(wish(here, 0, guards={there: 0})),
                    second.append(wish(there, 0, guards={here: 0})),
                    return_exceptions=True,
                )
                assert sorted(type(one).__name__ for one in crossing) == ["Appended", "Conflict"]
        finally:
            await first.close()
            await second.close()
        rows = await log.rows()
        assert [row.position for row in rows] == list(range(1, 81))

    async def test_what_the_server_refuses_of_one_command_does_not_fail_its_neighbours(
        self, store: PostgresEventStore, log: PostgresLog
    ) -> None:
        good = [wish(uuid4(), 0) for _ in range(20)]
        too_large = wish(uuid4(), 2**70)
        below_zero = wish(uuid4(), -5, guards={uuid4(): -(2**70)})
        everybody = [*good[:10], too_large, below_zero, *good[10:]]
        results = await asyncio.gather(*(store.append(one) for one in everybody), return_exceptions=True)
        assert [type(one) for one in results[:10] + results[12:]] == [Appended] * 20
        assert all(isinstance(one, Exception) and not isinstance(one, Unavailable) for one in results[10:12])
        assert [row.position for row in await log.rows()] == list(range(1, 21))

    async def test_a_stream_that_cannot_be_read_does_not_fail_the_loads_beside_it(
        self, store: PostgresEventStore, log: PostgresLog
    ) -> None:
        broken, sound = uuid4(), uuid4()
        await store.append(wish(broken, 0))
        await store.append(wish(sound, 0))
        await log.db.execute("update events set state = 'no json' where originator_id = $1", broken)
        results = await asyncio.gather(history(store, broken), history(store, sound), return_exceptions=True)
        assert isinstance(results[0], ValueError)
        assert not isinstance(results[1], BaseException)
        assert len(results[1]) == 1

    async def test_clashes_within_one_batch_are_seen_by_the_server_too(self, log: PostgresLog) -> None:
        """The store never puts them into one batch; the log does not rest on that."""
        shared, here, there, doubled = uuid4(), uuid4(), uuid4(), wish(uuid4(), 0)
        batch = [
            wish(shared, 0),
            wish(shared, 0),
            wish(here, 0, guards={there: 0}),
            wish(there, 0, guards={here: 0}),
            doubled,
            wish(uuid4(), 0, command_id=doubled.command_id, fingerprint=b"other"),
            wish(uuid4(), 0, BedNoted(note="a"), BedNoted(note="b"), guards={uuid4(): 0, shared: 0}),
            wish(uuid4(), 0, BedNoted(note="c"), BedNoted(note="d")),
        ]
        rows = await log.db.fetch(APPEND, *append_arguments([Ready.of(one) for one in batch]))
        told = [(row["outcome"], row["version"], row["last_position"]) for row in rows]
        nothing = ("conflict", None, None)
        assert told == [
            ("ok", 1, 1),
            nothing,
            ("ok", 1, 2),
            nothing,
            ("ok", 1, 3),
            ("duplicate", 1, 3),
            nothing,
            ("ok", 2, 5),
        ]
        assert [row.position for row in await log.rows()] == [1, 2, 3, 4, 5]

    async def test_a_caller_that_is_cancelled_takes_nobody_with_it(
        self, store: PostgresEventStore, log: PostgresLog
    ) -> None:
        await store.append(wish(uuid4(), 0))
        async with log.db.transaction():
            await log.db.execute("select lock_log()")
            under_way = asyncio.create_task(store.append(wish(uuid4(), 0)))
            await somebody_waits_for_a_lock(log.db)
            waiting = [asyncio.create_task(store.append(wish(uuid4(), 0))) for _ in range(6)]
            await asyncio.sleep(0.05)
            for task in (under_way, *waiting[:3]):
                task.cancel()
            await asyncio.sleep(0.05)
        ended = await asyncio.gather(under_way, *waiting, return_exceptions=True)
        assert [type(one) for one in ended] == [asyncio.CancelledError] * 4 + [Appended] * 3
        # The one that was under way took effect; those that still waited never left.
        assert [row.position for row in await log.rows()] == [1, 2, 3, 4, 5]

    async def test_closing_answers_everybody_who_waits_and_takes_nobody_more(
        self, log_database: str, log: PostgresLog
    ) -> None:
        store = PostgresEventStore(log_database)
        tasks = [asyncio.create_task(store.append(wish(uuid4(), 0))) for _ in range(300)]
        await asyncio.sleep(0)
        closing = asyncio.create_task(store.close())
        await asyncio.sleep(0)
        with pytest.raises(Unavailable):
            await store.append(wish(uuid4(), 0))
        answers = await asyncio.gather(*tasks)
        await closing
        assert len(answers) == 300
        assert len(await log.rows()) == 300

    async def test_a_full_queue_says_so_instead_of_growing(self, store: PostgresEventStore, log: PostgresLog) -> None:
        await store.append(wish(uuid4(), 0))
        async with log.db.transaction():
            await log.db.execute("select lock_log()")
            tasks = [asyncio.create_task(store.append(wish(uuid4(), 0))) for _ in range(MOST_WAITING + 500)]
            await asyncio.sleep(0.3)
            refused = [task for task in tasks if task.done()]
            assert all(isinstance(task.exception(), Unavailable) for task in refused)
            assert 300 < len(refused) <= 500
        answers = await asyncio.gather(*tasks, return_exceptions=True)
        accepted = [one for one in answers if isinstance(one, Appended)]
        assert len(accepted) == len(tasks) - len(refused)
        assert len(await log.rows()) == len(accepted) + 1

    async def test_a_lock_that_is_held_for_ever_is_answered_in_time_and_nothing_is_doubled(
        self, store: PostgresEventStore, log: PostgresLog, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("infra.event_store.GIVE_UP_AFTER_S", 5.0)
        commands = [wish(uuid4(), 0) for _ in range(300)]
        transaction = log.db.transaction()
        await transaction.start()
        await log.db.execute("select lock_log()")
        async with asyncio.timeout(60):
            answers = await asyncio.gather(*(store.append(one) for one in commands), return_exceptions=True)
        assert {type(one) for one in answers} == {Unavailable}
        await transaction.rollback()
        again = await asyncio.gather(*(store.append(one) for one in commands))
        assert len({answer.position for answer in again}) == 300
        assert [row.position for row in await log.rows()] == list(range(1, 301))

    async def test_four_processes_write_and_a_tailing_reader_misses_nothing(
        self, log_database: str, log: PostgresLog
    ) -> None:
        writers = [
            await asyncio.create_subprocess_exec(
                sys.executable, "-m", "tests.infra.writers", log_database, "8", "60", stdout=asyncio.subprocess.PIPE
            )
            for _ in range(4)
        ]
        seen: list[int] = []
        done = asyncio.gather(*(writer.communicate() for writer in writers))
        while not done.done() or await event_log.head(log.db) > len(seen):
            # As the relay does: only ever what is behind the last position that was seen.
            seen += [row.position for row in await event_log.after(log.db, seen[-1] if seen else 0)]
            await asyncio.sleep(0.001)
        acknowledged = sum(int(out) for out, _ in await done)
        assert acknowledged == 4 * 8 * 60
        assert seen == list(range(1, len(seen) + 1))
        assert len(seen) == acknowledged

    async def test_an_event_of_a_newer_version_is_refused_by_name(
        self, store: PostgresEventStore, log: PostgresLog
    ) -> None:
        stream = uuid4()
        await store.append(wish(stream, 0, BedNoted(note="x")))
        await log.db.execute("update events set schema_version = 9")
        with pytest.raises(LookupError, match=r"bed\.noted of schema version 9"):
            await history(store, stream)
