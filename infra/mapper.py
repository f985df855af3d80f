"""Between an event and its stored bytes: JSON by pydantic, today's shape by upcasting on read.

The one place through which every event passes on its way in and out; the sealing of personal data belongs here.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import asyncpg
from pydantic import ValidationError

from domain._kernel import Event, Metadata, Recorded, UnknownEvent, decode

COLUMNS = "notification_id, originator_id, originator_version, topic, schema_version, state, metadata, recorded_at"


@dataclass(frozen=True, slots=True)
class Stored:
    """A row of the log as it lies there."""

    position: int
    stream_id: UUID
    version: int
    name: str
    schema_version: int
    state: bytes
    metadata: bytes
    recorded_at: datetime

    @property
    def aggregate(self) -> str:
        return self.name.partition(".")[0]


def stored_from(row: asyncpg.Record) -> Stored:
    return Stored(
        row["notification_id"],
        row["originator_id"],
        row["originator_version"],
        row["topic"],
        row["schema_version"],
        row["state"],
        row["metadata"],
        row["recorded_at"],
    )


def to_stored_state(event: Event) -> bytes:
    return event.to_json()


def to_event(name: str, schema_version: int, state: bytes) -> Event:
    return decode(name, schema_version, state)


def to_recorded(stored: Stored) -> Recorded:
    """Raises UnknownEvent for a name this version does not know, ValidationError for bytes that are not its shape."""
    return Recorded(
        event=to_event(stored.name, stored.schema_version, stored.state),
        stream_id=stored.stream_id,
        version=stored.version,
        position=stored.position,
        recorded_at=stored.recorded_at,
        metadata=Metadata.model_validate_json(stored.metadata),
    )


@dataclass(frozen=True, slots=True)
class Broken:
    """An event whose bytes are not what its name promises."""

    stored: Stored
    reason: str


def decoded(stored: Stored) -> Recorded | Broken | None:
    """For readers that go on in any case; None for a name or shape that this version does not know."""
    try:
        return to_recorded(stored)
    except UnknownEvent:
        return None
    except ValidationError as fault:
        # The values stay where they are: a reason is read by people who may not see patients.
        return Broken(stored, f"{fault.error_count()} faults in the stored bytes")
