"""The opener publishes the log as open data: every event in its open form, on a lane of the release's own.

Rules: an analyst without the right to see patients may connect to the topics `telehealth.open.*` and to no others, so
what leaves has to be decided before Kafka and not in a consumer. The opener is a relay with another form: it reads the
log by position, sends each event in order and links it to the one before, keeps its own progress under its own lock,
and sends again after a crash what is then the same message. A release is carried with one key for ever.
"""

from __future__ import annotations

import asyncio

from domain._catalogue import every_event
from infra.health import Vitals
from infra.kafka import AcknowledgedProducer, ensure_topics
from infra.locks import lock_of_release
from infra.open_form import OpenForm
from infra.open_keys import key_id, release_key
from infra.settings import Settings
from infra.topics import open_lane
from streams.relay import Carriage, Relay


def carriage_of(release: str, key: bytes) -> Carriage:
    return Carriage(open_lane(release), lock_of_release(release), OpenForm(key).of, key_id(key))


async def main(settings: Settings, vitals: Vitals, stop: asyncio.Event) -> None:
    """The process `opener`."""
    if settings.database_url is None or settings.kafka_bootstrap is None:
        raise RuntimeError("the opener needs DATABASE_URL and KAFKA_BOOTSTRAP")
    bootstrap, replication = settings.kafka_bootstrap, settings.kafka_replication
    carriage = carriage_of(settings.open_release, release_key(settings))
    vitals.details["release"] = settings.open_release
    relay = Relay(
        settings.database_url,
        vitals,
        {carriage.lane.topic_of(name.partition(".")[0]) for name in every_event()},
        lambda topics: ensure_topics(bootstrap, topics, replication),
        lambda: AcknowledgedProducer(bootstrap),
        carriage,
    )
    await relay.run(stop)
