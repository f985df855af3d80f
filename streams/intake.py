"""From what Kafka delivered to what is to be taken in: no event twice, none left out, each stream in its order.

Rules: the position is the truth. An event that stands at or before the position reached is a duplicate. One that is
not linked to the position reached tells that events between them did not arrive; these are read from the log, which
has them all. A message that is not the relay's is passed over: if it stood for an event, the link shows the gap.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import structlog

from infra.event_log import after
from infra.mapper import Stored
from infra.measures import DUPLICATES, HEALED, MALFORMED
from infra.postgres import Connection
from infra.progress import Reached
from infra.topics import Place, place_of
from streams.envelope import Delivered, MalformedMessage, from_message
from streams.group import Records

MOST_HEALED_AT_ONCE = 2_000

log = structlog.get_logger()
Arrived = Mapping[Place, Sequence[tuple[int, Delivered | None]]]


@dataclass
class Intake:
    """The events to take in, in the order of their positions; where that leads; and what is left for the next time."""

    events: list[Stored] = field(default_factory=list)
    reached: dict[Place, Reached] = field(default_factory=dict)
    left: dict[Place, Sequence[tuple[int, Delivered | None]]] = field(default_factory=dict)


def unwrap(records: Records) -> Arrived:
    return {place: [(record.offset, _read(place, record)) for record in found] for place, found in records.items()}


def _read(place: Place, record: object) -> Delivered | None:
    try:
        delivered = from_message(record.key, record.value, record.headers)  # type: ignore[attr-defined]
        if place_of(delivered.stored.aggregate, delivered.stored.stream_id) != place:
            raise MalformedMessage("it lies in a partition that is not its own")
        return delivered
    except MalformedMessage:
        MALFORMED.inc()
        log.error("message_malformed", topic=place.topic, partition=place.partition)
        return None


async def next_events(db: Connection, arrived: Arrived, known: Mapping[Place, Reached]) -> Intake:
    intake = Intake()
    for place, messages in arrived.items():
        await _next_of(db, place, messages, known[place], intake)
    intake.events.sort(key=lambda stored: stored.position)
    return intake


async def _next_of(
    db: Connection, place: Place, messages: Sequence[tuple[int, Delivered | None]], known: Reached, intake: Intake
) -> None:
    position, offset = known.position, known.kafka_offset
    for n, (at_offset, delivered) in enumerate(messages):
        if delivered is not None and delivered.stored.position <= position:
            DUPLICATES.inc()
        elif delivered is not None:
            if delivered.prev_position != position:
                missing, read_upto = await _missing(db, place, position, delivered.stored.position - 1)
                intake.events += missing
                if read_upto < delivered.stored.position - 1:
                    intake.left[place] = messages[n:]
                    position = read_upto
                    break
            intake.events.append(delivered.stored)
            position = delivered.stored.position
        offset = at_offset
    intake.reached[place] = Reached(position, offset)


async def _missing(db: Connection, place: Place, position: int, upto: int) -> tuple[Sequence[Stored], int]:
    """The events of the partition in (position, upto], and how far the log was read for them."""
    found = await after(db, position, upto=upto, limit=MOST_HEALED_AT_ONCE)
    missing = [stored for stored in found if place_of(stored.aggregate, stored.stream_id) == place]
    HEALED.inc(len(missing))
    log.error("gap_healed", topic=place.topic, partition=place.partition, position=position, count=len(missing))
    return missing, (found[-1].position if len(found) == MOST_HEALED_AT_ONCE else upto)
