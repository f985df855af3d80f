"""The events as tables: one for each aggregate, a row for each event, a column for each field that any of them has.

Rules: the column `event` says what happened, and those columns are filled that this event has. A field of one name has
one type within an aggregate, or nothing here works. The id of the stream is called after its aggregate, so that tables
are joined as they would be in a register: `referral_id` of one is `referral_id` of the other. Rows are made from the
open form of events, as the marks on the events decide (domain/_open.py).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
import pyarrow as pa

from domain._catalogue import every_event
from domain._kernel import Event
from infra.export.shapes import MOMENT, Convert, columns_of
from infra.mapper import Stored
from infra.open_form import open_event, open_model


class TwoTypes(TypeError):
    """Two events of one aggregate have a field of one name and of two types."""


@dataclass(frozen=True)
class OpenRow:
    """An event in its open form, with its envelope read."""

    stored: Stored
    metadata: Mapping[str, Any]
    happened_at: datetime

    @classmethod
    def of(cls, stored: Stored) -> OpenRow:
        metadata = orjson.loads(stored.metadata)
        return cls(stored, metadata, datetime.fromisoformat(metadata["clinical_time"]))


@dataclass(frozen=True)
class EnvelopeColumn:
    name: str
    type: Any
    value: Callable[[OpenRow], Any]


@dataclass(frozen=True)
class EventTable:
    """The columns of one aggregate's table, and how an event becomes a row of it."""

    aggregate: str
    schema: Any
    envelope: Sequence[EnvelopeColumn]
    places: Mapping[str, Sequence[tuple[int, Convert]]]
    versions: Mapping[str, int]

    def row(self, at: OpenRow) -> list[Any]:
        values: list[Any] = [None] * len(self.schema)
        for place, column in enumerate(self.envelope):
            values[place] = column.value(at)
        event = open_event(at.stored.name, at.stored.schema_version, at.stored.state)
        for place, value in self.places[at.stored.name]:
            values[place] = value(event)
        return values


def event_tables(kinds: Mapping[str, type[Event]] | None = None) -> Mapping[str, EventTable]:
    """A table for each aggregate, by its name."""
    found: dict[str, list[type[Event]]] = {}
    for name, kind in (every_event() if kinds is None else kinds).items():
        found.setdefault(name.partition(".")[0], []).append(kind)
    return {aggregate: _table(aggregate, own) for aggregate, own in sorted(found.items())}


def schema_versions(tables: Mapping[str, EventTable]) -> Mapping[str, int]:
    """The shape of each event that the columns were made from."""
    return {name: version for table in tables.values() for name, version in table.versions.items()}


def _table(aggregate: str, kinds: Sequence[type[Event]]) -> EventTable:
    envelope = list(_envelope(aggregate))
    types: dict[str, Any] = {column.name: column.type for column in envelope}
    order = {name: place for place, name in enumerate(types)}
    places: dict[str, list[tuple[int, Convert]]] = {}
    for kind in kinds:
        places[kind.name] = []
        for column in columns_of(open_model(kind)):
            if types.setdefault(column.name, column.type) != column.type:
                raise TwoTypes(f"{column.name} of {kind.name} is of another type in another event of {aggregate}")
            place = order.setdefault(column.name, len(order))
            if place >= len(envelope):
                places[kind.name].append((place, column.value))
    versions = {kind.name: kind.schema_version for kind in kinds}
    return EventTable(aggregate, pa.schema(list(types.items())), envelope, places, versions)


def _envelope(aggregate: str) -> Iterator[EnvelopeColumn]:
    yield EnvelopeColumn("position", pa.int64(), lambda at: at.stored.position)
    yield EnvelopeColumn("event", pa.string(), lambda at: at.stored.name)
    yield EnvelopeColumn(f"{aggregate}_id", pa.string(), lambda at: str(at.stored.stream_id))
    yield EnvelopeColumn("version", pa.int64(), lambda at: at.stored.version)
    yield EnvelopeColumn("happened_at", MOMENT, lambda at: at.happened_at)
    yield EnvelopeColumn("recorded_at", MOMENT, lambda at: at.stored.recorded_at)
    if aggregate != "patient":
        yield EnvelopeColumn("patient_id", pa.string(), lambda at: at.metadata.get("patient_id"))
    yield EnvelopeColumn("actor_roles", pa.list_(pa.string()), lambda at: at.metadata.get("actor", {}).get("roles"))
    yield EnvelopeColumn("actor_facility_id", pa.string(), lambda at: at.metadata.get("actor", {}).get("facility_id"))
