"""A relay or a worker of a test as a process of its own, so that it can be killed:

python -m tests.streams.member (relay | worker) DSN BOOTSTRAP AGGREGATE FOLDER
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import uvloop

from infra.health import Vitals
from infra.kafka import AcknowledgedProducer, ensure_topics
from streams.relay import Relay
from streams.worker import project
from tests.streams.ward import Beds


async def live(role: str, dsn: str, bootstrap: str, aggregate: str, folder: str) -> None:
    beds, vitals, stop = Beds(aggregate), Vitals(role), asyncio.Event()
    if role == "relay":
        relay = Relay(
            dsn,
            vitals,
            [beds.topic],
            lambda topics: ensure_topics(bootstrap, topics),
            lambda: AcknowledgedProducer(bootstrap),
        )
        await relay.run(stop)
    else:
        await project(dsn, bootstrap, vitals, stop, data=Path(folder), views=beds.views, group=aggregate)


if __name__ == "__main__":
    uvloop.run(live(*sys.argv[1:]))
