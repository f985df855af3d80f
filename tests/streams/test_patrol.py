"""The whole log is read again and again, and what somebody changed behind the product's back is named."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from random import Random

import pytest

from infra.postgres import Connection, connect
from projections.audit._checkpoint import Checkpoint
from streams.patrol import Patrol
from tests.audit_office import ORIGIN, Office, add, signed
from tests.infra import tampering
from tests.infra.tampering import Tamper
from tests.own_postgres import fresh_database, superuser_of_an_own_server

EVENTS = 700


@pytest.fixture(scope="module")
async def superuser(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[str]:
    async with superuser_of_an_own_server(tmp_path_factory.mktemp("postgres")) as dsn:
        yield dsn


@pytest.fixture
async def office(superuser: str, tmp_path: Path) -> AsyncIterator[Office]:
    """A log that is signed, with two full tiles and a part of one, in a database of which one may do everything."""
    async with fresh_database(superuser) as dsn:
        office = Office(dsn, tmp_path)
        await add(office.dsn, EVENTS)
        async with office.keeping():
            await signed(office.dsn, EVENTS)
        yield office


async def read_once(office: Office) -> Patrol:
    root = (await signed(office.dsn, EVENTS)).root
    patrol = Patrol(office.dsn, office.folder, lambda: Checkpoint(ORIGIN, EVENTS, root), events_per_s=1_000_000)
    await read_again(patrol)
    return patrol


async def read_again(patrol: Patrol) -> None:
    stop, before = asyncio.Event(), patrol.whole_readings
    patrol.found = None
    running = asyncio.create_task(patrol.run(stop))
    async with asyncio.timeout(60):
        while patrol.whole_readings == before and patrol.found is None:
            await asyncio.sleep(0.01)
    stop.set()
    await running


async def tamper(office: Office, how: Tamper, seed: int) -> set[int]:
    db: Connection = await connect(office.dsn)
    async with db.transaction():
        await tampering.unguard(db)
        named = await how(db, EVENTS, Random(seed))
    await db.close()
    return named


async def test_a_log_as_it_was_signed_gives_no_alarm(office: Office) -> None:
    patrol = await read_once(office)
    assert patrol.found is None
    assert patrol.told.startswith("read again")


@pytest.mark.parametrize(
    "how",
    [tampering.bit_flip, tampering.name, tampering.version, tampering.stream, tampering.time, tampering.actor],
    ids=lambda how: how.__name__,
)
async def test_a_changed_event_is_named(office: Office, how: Tamper) -> None:
    named = await tamper(office, how, seed=3)
    patrol = await read_once(office)
    assert patrol.found is not None
    assert patrol.found.position in named
    assert f"CHANGED at {patrol.found.position}" in patrol.told


async def test_a_removed_event_is_named(office: Office) -> None:
    named = await tamper(office, tampering.delete, seed=5)
    patrol = await read_once(office)
    assert patrol.found is not None
    assert patrol.found.position in named


async def test_rows_and_tiles_that_were_changed_together_are_found_by_the_root(office: Office) -> None:
    await tamper(office, tampering.bit_flip, seed=1)
    for tile in (office.home / "log" / "tile" / "0").rglob("*"):
        if tile.is_file():
            tile.write_bytes(b"")
    patrol = await read_once(office)
    assert patrol.found is not None
    assert "rows and the tiles" in str(patrol.found)


async def test_the_alarm_ends_when_the_log_is_again_what_was_signed(office: Office) -> None:
    db = await connect(office.dsn)
    await db.execute("set session_replication_role = replica")
    await db.execute("update events set schema_version = 9 where notification_id = 300")
    patrol = await read_once(office)
    assert patrol.found is not None
    assert patrol.found.position == 300
    await db.execute("update events set schema_version = 1 where notification_id = 300")
    await db.close()
    await read_again(patrol)
    assert patrol.found is None


async def test_one_that_stands_by_reads_nothing(office: Office) -> None:
    patrol, stop = Patrol(office.dsn, office.folder, lambda: None), asyncio.Event()
    running = asyncio.create_task(patrol.run(stop))
    await asyncio.sleep(0.2)
    stop.set()
    await running
    assert patrol.whole_readings == 0


async def test_the_ledger_tells_what_its_patrol_found(office: Office) -> None:
    named = await tamper(office, tampering.bit_flip, seed=4)
    async with office.keeping() as vitals, asyncio.timeout(60):
        while "CHANGED" not in str(vitals.details.get("told")):
            await asyncio.sleep(0.05)
        assert any(f"CHANGED at {position}:" in str(vitals.details["told"]) for position in named)
