"""Lines that break at COMMIT, lines that fall silent, a server that is killed: no command is lost and none is doubled.

The controls show that it is the command ids that do it: when the server forgets them, the same faults leave doubles.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from random import Random
from uuid import UUID, uuid4

import orjson
import pytest

from commands._bus import Appended, Conflict, Unavailable
from infra import event_log
from infra.event_store import PostgresEventStore
from infra.postgres import connect
from tests.own_postgres import OwnPostgres, fresh_database
from tests.proxy import Fault, Message, proxy, through
from tests.ward import wish

# The server does as if it had never heard of an earlier command.
FORGETFUL = """
    alter function append_events rename to append_events_that_remembers;
    create function append_events(
        a uuid[], b bytea[], c uuid[], d bigint[], e int[], f uuid[], g bigint[],
        h int[], i text[], j smallint[], k bytea[], l bytea[]
    ) returns table (ordinal int, outcome text, stream_id uuid, version bigint, last_position bigint, fingerprint bytea)
    language plpgsql as $$ begin
        perform lock_log();
        delete from commands;
        return query select * from append_events_that_remembers(a, b, c, d, e, f, g, h, i, j, k, l);
    end $$;
"""


@dataclass
class Ward:
    """Callers who keep asking until they are answered, as clients do, and what they were told."""

    store: PostgresEventStore
    answers: dict[UUID, Appended] = field(default_factory=dict)
    false_conflicts: int = 0
    over: bool = False

    async def more_answers(self, number: int) -> None:
        """Under load, and after an outage."""
        wanted = len(self.answers) + number
        async with asyncio.timeout(60):
            while len(self.answers) < wanted:
                await asyncio.sleep(0.005)

    async def caller(self, commands: int) -> None:
        stream, version = uuid4(), 0
        for _ in range(commands):
            if self.over:
                return
            command = wish(stream, version)
            while command.command_id not in self.answers:
                try:
                    self.answers[command.command_id] = await self.store.append(command)
                except Conflict:
                    # Nobody else writes this stream, so this cannot be; the bus would read it and decide anew.
                    self.false_conflicts += 1
                    found = (await self.store.load({stream: 0})).get(stream, ())
                    command = replace(command, expected_version=len(found))
                except Unavailable:
                    await asyncio.sleep(0.05)
            version = self.answers[command.command_id].version


async def in_the_log(dsn: str) -> tuple[Counter[UUID], dict[UUID, tuple[int, int]]]:
    """How often each command is there, and at which version and position."""
    db = await connect(dsn)
    try:
        rows = await event_log.after(db, 0, limit=1_000_000)
    finally:
        await db.close()
    assert [row.position for row in rows] == list(range(1, len(rows) + 1))
    ids = [UUID(orjson.loads(row.metadata)["command_id"]) for row in rows]
    return Counter(ids), {id_: (row.version, row.position) for id_, row in zip(ids, rows, strict=True)}


@asynccontextmanager
async def cut_ward(dsn: str, seed: int, cuts: int) -> AsyncIterator[tuple[Ward, int]]:
    random = Random(seed)

    def fault(message: Message) -> Fault:
        if message.to_server:
            # A request that never arrived, or whose line broke behind it.
            return random.choice((Fault.CUT_BEFORE, Fault.CUT_AFTER)) if random.random() < 0.005 else Fault.NONE
        is_reply = message.kind == "D" and message.body[:2] == b"\x00\x06"
        return Fault.CUT_BEFORE if is_reply and random.random() < 0.05 else Fault.NONE

    async with proxy(dsn, fault) as between:
        store = PostgresEventStore(through(dsn, between.port))
        ward = Ward(store)
        while between.cuts < cuts:
            await asyncio.gather(*(ward.caller(10) for _ in range(8)))
        between.fault = lambda _: Fault.NONE
        await store.close()
        yield ward, between.cuts


async def test_replies_lost_at_commit_lose_and_double_no_command(log_database: str) -> None:
    async with cut_ward(log_database, seed=20200827, cuts=300) as (ward, cuts):
        counted, places = await in_the_log(log_database)
    assert cuts >= 300
    assert ward.false_conflicts == 0
    assert counted == Counter(ward.answers.keys())
    assert {id_: (one.version, one.position) for id_, one in ward.answers.items()} == places
    repeated = [one for one in ward.answers.values() if one.repeated]
    assert len(repeated) >= 100, "the cuts did not fall behind a COMMIT"


async def test_control_without_command_ids_the_same_cuts_leave_doubles(log_database: str) -> None:
    db = await connect(log_database)
    await db.execute(FORGETFUL)
    await db.close()
    async with cut_ward(log_database, seed=20200827, cuts=60) as (ward, _):
        counted, _ = await in_the_log(log_database)
    assert ward.false_conflicts > 0
    assert max(counted.values()) > 1


@pytest.mark.parametrize("silence", [Fault.DROP, Fault.HALF_OPEN])
async def test_a_line_that_falls_silent_is_left_for_a_new_one(
    log_database: str, silence: Fault, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("infra.event_store.SILENT_LINE_AFTER_S", 1.0)
    silenced: list[int] = []

    def fault(message: Message) -> Fault:
        is_reply = not message.to_server and message.kind == "D" and message.body[:2] == b"\x00\x06"
        if is_reply and not silenced:
            silenced.append(message.line)
            return silence
        # All that follows on a dropped line is lost as well, else the client would see a reply without its rows.
        return Fault.DROP if silence is Fault.DROP and message.line in silenced else Fault.NONE

    async with proxy(log_database, fault) as between:
        store = PostgresEventStore(through(log_database, between.port))
        command = wish(uuid4(), 0)
        answer = await asyncio.wait_for(store.append(command), 60)
        await store.close()
    assert silenced
    assert answer.repeated
    counted, _ = await in_the_log(log_database)
    assert counted == Counter([command.command_id])


async def test_slow_lines_change_nothing(log_database: str) -> None:
    random = Random(5)

    def fault(_: Message) -> Fault:
        return Fault.DELAY if random.random() < 0.05 else Fault.NONE

    async with proxy(log_database, fault, delay_s=0.02) as between:
        ward = Ward(PostgresEventStore(through(log_database, between.port)))
        await asyncio.gather(*(ward.caller(5) for _ in range(8)))
        await ward.store.close()
    counted, _ = await in_the_log(log_database)
    assert counted == Counter(ward.answers.keys())
    assert ward.false_conflicts == 0


async def test_a_server_that_is_killed_under_load_comes_back_with_every_acknowledged_command(tmp_path: Path) -> None:
    server = OwnPostgres(tmp_path)
    await server.start()
    try:
        async with fresh_database(server.dsn) as dsn:
            ward = Ward(PostgresEventStore(dsn))
            callers = asyncio.gather(*(ward.caller(1_000_000) for _ in range(16)))
            for _ in range(3):
                await ward.more_answers(300)
                await server.kill()
                await server.start()
            await ward.more_answers(300)
            ward.over = True
            await asyncio.wait_for(callers, 60)
            await ward.store.close()
            counted, places = await in_the_log(dsn)
    finally:
        await server.stop()
    assert ward.false_conflicts == 0
    assert counted == Counter(ward.answers.keys())
    assert {id_: (one.version, one.position) for id_, one in ward.answers.items()} == places
