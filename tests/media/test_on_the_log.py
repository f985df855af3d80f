"""A worker and the log: what a killed run left open is closed, and who was refused does not stay."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from commands.live_session import JoinLiveSession, RecordParticipantJoined, RecordRoomPlaced
from domain._live_session import LiveSession
from infra.event_store import PostgresEventStore
from infra.health import Vitals
from infra.media_tokens import MediaRole
from infra.postgres import connect, migrate
from infra.settings import Settings
from media.engine import Engine
from media.on_the_log import OnTheLog, worker_name
from media.reporter import Joined
from media.udp import Port
from tests.inline_worker import InlineWorker
from tests.story import the_consultation_opens, the_patients_are_referred
from tests.story_live import ROOM, seat_of
from tests.story_network import AT, BACH_MAI, CONSULTATION, NGA, the_network_is_built
from tests.storyteller import SYSTEM, Story

SETTINGS = Settings(media_udp_port=5004)
KILLED = uuid4()


@pytest.fixture
async def store(log_database: str) -> AsyncIterator[PostgresEventStore]:
    """A worker was killed while somebody was in the room of an open consultation; the views know of it."""
    db = await connect(log_database)
    await migrate(db)
    await db.close()
    worker, store = InlineWorker(log_database), PostgresEventStore(log_database)
    await worker.start()
    story = Story(store)
    for chapter in (the_network_is_built, the_patients_are_referred, the_consultation_opens):
        await chapter(story)
    seat = seat_of(NGA)
    await story.tell(AT[NGA], JoinLiveSession(participant_id=seat, consultation_id=CONSULTATION))
    await story.tell(
        SYSTEM,
        RecordRoomPlaced(live_session_id=ROOM, worker=worker_name(SETTINGS), run_id=KILLED),
        RecordParticipantJoined(live_session_id=ROOM, participant_id=seat, run_id=KILLED),
    )
    yield store
    await worker.stop()
    await store.close()


async def room(store: PostgresEventStore) -> LiveSession:
    history = (await store.load({ROOM: 0}))[ROOM]
    return LiveSession().after(at.event for at in history)


async def test_the_next_run_closes_what_a_killed_one_left_open_and_takes_its_people_in_again(
    store: PostgresEventStore, log_database: str, tmp_path: Path
) -> None:
    told = OnTheLog(SETTINGS, log_database, Vitals("media"))
    engine = Engine(Port("127.0.0.1", 0, None), told.reporter)
    following = asyncio.create_task(told.follow(engine))
    try:
        async with asyncio.timeout(90):
            while (await room(store)).participants[seat_of(NGA)].present:
                await asyncio.sleep(0.1)
            assert (await room(store)).last_lost == KILLED
            told.reporter.tell(Joined(ROOM, BACH_MAI, seat_of(NGA), MediaRole.PUBLISHER))
            while not (await room(store)).participants[seat_of(NGA)].present:
                await asyncio.sleep(0.1)
        state = await room(store)
        assert state.participants[seat_of(NGA)].stay == 2
        assert state.runs == {told.reporter.run_id: worker_name(SETTINGS)}
    finally:
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)
        await told.close()
    assert (await room(store)).runs == {}, "given up in good order"


def test_a_worker_keeps_its_name_over_its_runs() -> None:
    assert worker_name(SETTINGS) == worker_name(Settings(media_udp_port=5004)) != worker_name(Settings())
    assert isinstance(KILLED, UUID)
