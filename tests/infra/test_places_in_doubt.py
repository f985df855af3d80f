"""Whoever asks for a way in just after a worker died is answered when it is known where the room is now."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from uuid import UUID, uuid4

import pytest

from infra.live_tickets import Places
from infra.media_places import bury
from tests.infra.test_media_places import Ward, silent


@pytest.fixture
async def ward(log_database: str) -> AsyncIterator[Ward]:
    async with AsyncExitStack() as stack:
        yield Ward(log_database, stack)


@pytest.fixture
async def places(log_database: str) -> AsyncIterator[Places]:
    made = Places(log_database)
    yield made
    await made.close()


async def where(places: Places, room: UUID) -> str | None:
    found = await places.place(room, watching=False)
    return found.here.name if found is not None else None


async def test_who_asks_too_early_waits_and_is_sent_to_the_heir(ward: Ward, places: Places) -> None:
    db = await ward.connected()
    killed = await ward.worker("killed")
    room = uuid4()
    assert await where(places, room) == "killed"
    heir = await ward.worker("heir")
    await ward.end_session(db, killed)
    asking = [asyncio.create_task(where(places, room)) for _ in range(20)]
    await asyncio.sleep(0.3)
    assert not any(one.done() for one in asking), "nobody knows yet whether it is dead"
    await silent(db, killed, 2)
    assert await bury(ward.lines[heir.run_id], heir, others=True)
    assert await asyncio.gather(*asking) == ["heir"] * 20


async def test_who_goes_away_leaves_the_others_their_answer(ward: Ward, places: Places) -> None:
    db = await ward.connected()
    killed = await ward.worker("killed")
    room = uuid4()
    await where(places, room)
    heir = await ward.worker("heir")
    await ward.end_session(db, killed)
    impatient, patient = (asyncio.create_task(where(places, room)) for _ in range(2))
    await asyncio.sleep(0.2)
    impatient.cancel()
    await silent(db, killed, 2)
    await bury(ward.lines[heir.run_id], heir, others=True)
    assert await patient == "heir"


async def test_a_worker_that_only_lost_its_session_keeps_its_rooms(ward: Ward, places: Places) -> None:
    db = await ward.connected()
    run = await ward.worker("media-1")
    room = uuid4()
    await where(places, room)
    await ward.end_session(db, run)
    asking = asyncio.create_task(where(places, room))
    await asyncio.sleep(0.2)
    assert not asking.done()
    await db.execute(
        "update media_worker set backend = pid, backend_since = backend_start from pg_stat_activity"
        " where pid = pg_backend_pid() and run_id = $1",
        run.run_id,
    )
    assert await asking == "media-1"


async def test_nobody_waits_for_ever(ward: Ward, places: Places, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("infra.live_tickets.MOST_LOOKS", 2)
    db = await ward.connected()
    run = await ward.worker("alone")
    room = uuid4()
    await where(places, room)
    await ward.end_session(db, run)
    assert await where(places, room) == "alone", "it is where the next worker of this name will be"
