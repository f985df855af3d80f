"""An event as a reader gets it: typed, at its place in the log and on Kafka.

Rules: on the lane of the log the event is the product's own, in today's shape whatever version was stored; on an open
lane it is the open form, or None where the form was withheld. The stored bytes stand beside it, for whoever checks.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from pydantic import BaseModel, ValidationError

from domain._kernel import Metadata, UnknownEvent
from infra.mapper import Stored, to_event
from infra.open_form import open_event, open_model
from infra.topics import LOG, Lane, Place
from streams.reading.faults import Code, Fault
from streams.reading.order import Waiting


@dataclass(frozen=True, slots=True)
class Entry:
    """One event. `metadata` tells who, when at the bedside, and about which patient."""

    event: Any
    metadata: Any
    stored: Stored
    place: Place
    offset: int

    @property
    def position(self) -> int:
        return self.stored.position

    @property
    def stream_id(self) -> UUID:
        return self.stored.stream_id

    @property
    def version(self) -> int:
        return self.stored.version

    @property
    def name(self) -> str:
        return self.stored.name

    @property
    def aggregate(self) -> str:
        return self.stored.aggregate

    @property
    def recorded_at(self) -> datetime:
        return self.stored.recorded_at

    @property
    def happened_at(self) -> datetime:
        """When it happened at the bedside."""
        found = self.metadata.clinical_time
        assert isinstance(found, datetime)
        return found

    @property
    def patient_id(self) -> UUID | None:
        found = self.metadata.patient_id
        assert found is None or isinstance(found, UUID)
        return found

    @property
    def fields(self) -> dict[str, Any]:
        """The fact as plain JSON."""
        found: dict[str, Any] = orjson.loads(self.stored.state)
        return found


def entry_of(waiting: Waiting, lane: Lane) -> Entry:
    """Raises Fault: UNKNOWN_TYPE, CORRUPT."""
    stored = waiting.delivered.stored
    envelope: type[BaseModel] = Metadata if _holds_the_log(lane) else open_model(Metadata)
    try:
        read = to_event if _holds_the_log(lane) else open_event
        event = read(stored.name, stored.schema_version, stored.state)
        metadata = envelope.model_validate_json(stored.metadata)
    except UnknownEvent as fault:
        raise _fault(Code.UNKNOWN_TYPE, f"no event is known as {fault}", waiting) from fault
    except ValidationError as fault:
        # The values stay where they are: a message of a fault is read by people who may not see patients.
        what = f"position {stored.position} is no {stored.name}: {fault.error_count()} faults in its bytes"
        raise _fault(Code.CORRUPT, what, waiting) from None
    return Entry(event, metadata, stored, waiting.place, waiting.offset)


def _holds_the_log(lane: Lane) -> bool:
    return not lane.prefix.startswith(f"{LOG.prefix}.open.")


def _fault(code: Code, what: str, waiting: Waiting) -> Fault:
    return Fault(code, what, waiting.place, waiting.offset, waiting.position)
