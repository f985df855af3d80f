"""A worker whose room is that of an open consultation: what is said in it goes to a log and comes back from it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

from commands._bus import Bus
from commands._command import Command
from commands.live_session import JoinLiveSession
from domain._kernel import Event
from domain._live_session import LiveSession
from infra.memory import MemoryEventStore
from infra.reference import load as load_reference
from media.followed import Followed
from media.on_the_log import end_refused, obey
from media.reporting import LogReporter
from tests.media.ward import Heard, Ward
from tests.media.ward import ward as made
from tests.story import the_consultation_opens, the_patients_are_referred
from tests.story_live import ROOM, seat_of
from tests.story_network import AT, BACH_MAI, CONSULTATION, DUNG, MAY, NGA, SA_PA, THAI_NGUYEN, the_network_is_built
from tests.storyteller import Story

POINTS = {NGA: BACH_MAI, DUNG: THAI_NGUYEN, MAY: SA_PA}


class Both(Heard):
    """Keeps what was told, and tells it to the log."""

    log: LogReporter

    def tell(self, fact: Any) -> None:
        super().tell(fact)
        self.log.tell(fact)


@dataclass
class Consulting:
    """Nga of Bạch Mai chairs; Dũng of Thái Nguyên and May of Sa Pa take part."""

    ward: Ward
    story: Story
    store: MemoryEventStore
    log: LogReporter

    def grant(self, person: UUID) -> dict[str, Any]:
        return {"participant_id": seat_of(person), "point_id": POINTS[person]}

    def token(self, person: UUID) -> str:
        return self.ward.token(**self.grant(person))

    async def order(self, command: Command) -> None:
        """The chair says so."""
        await self.story.tell(AT[NGA], command)

    async def told(self, kind: type[Event]) -> list[Any]:
        """What of this kind stands in the room's stream."""
        history = (await self.store.load({ROOM: 0}))[ROOM]
        return [at.event for at in history if isinstance(at.event, kind)]

    async def room(self) -> LiveSession:
        history = (await self.store.load({ROOM: 0}))[ROOM]
        return LiveSession().after(at.event for at in history)


@asynccontextmanager
async def consulting() -> AsyncIterator[Consulting]:
    store = MemoryEventStore()
    story = Story(store)
    for chapter in (the_network_is_built, the_patients_are_referred, the_consultation_opens):
        await chapter(story)
    for person in POINTS:
        await story.tell(AT[person], JoinLiveSession(participant_id=seat_of(person), consultation_id=CONSULTATION))
    async with made() as ward:
        both = Both(ward.heard.facts)
        both.log = LogReporter(Bus(store), load_reference(), "media-1", uuid4())
        both.log.refused = lambda fact, code: end_refused(ward.engine, fact, code)
        ward.engine.reporter = ward.heard = both
        ward.session_id = ROOM
        following = asyncio.create_task(_follow(ward, store))
        try:
            yield Consulting(ward, story, store, both.log)
        finally:
            following.cancel()
            await asyncio.gather(following, return_exceptions=True)
            await both.log.close(5)


async def _follow(ward: Ward, store: MemoryEventStore) -> None:
    """As OnTheLog does, without its waking by the database."""
    followed = Followed(store)
    while True:
        obey(ward.engine)
        rooms = ward.engine.rooms
        anew = {id_ for id_, room in rooms.items() if room.orders.version is None}
        for chapter in await followed.read_on(list(rooms), anew):
            rooms[chapter.session_id].channels.told(chapter)
        await asyncio.sleep(0.05)
