"""A process of writers who clash: each appends to streams that others append to as well, until it has its share."""

from __future__ import annotations

import asyncio
import sys
from random import Random
from uuid import UUID

from commands._bus import Conflict
from infra.event_store import PostgresEventStore
from tests.ward import wish

SHARED_STREAMS = 50


async def write(dsn: str, writers: int, each: int) -> int:
    """The number of events that were acknowledged."""
    store = PostgresEventStore(dsn)
    random = Random()

    async def one() -> int:
        added = 0
        while added < each:
            stream = UUID(int=random.randrange(SHARED_STREAMS))
            found = (await store.load({stream: 0})).get(stream, ())
            try:
                await store.append(wish(stream, len(found)))
                added += 1
            except Conflict:
                continue
        return added

    acknowledged = sum(await asyncio.gather(*(one() for _ in range(writers))))
    await store.close()
    return acknowledged


if __name__ == "__main__":
    print(asyncio.run(write(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))))
