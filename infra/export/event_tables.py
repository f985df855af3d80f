"""The events as tables: one for each aggregate, a row for each event, a column for each field that any of them has.

Rules: the column `event` says what happened, and those columns are filled that this event has. A field of one name has
one type within an aggregate, or nothing here works. The id of the stream is called after its aggregate, so that tables
are joined as they would be in a register: `referral_id` of one is `referral_id` of the other.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from domain._catalogue import every_event
from domain._kernel import Event, Recorded
from infra.export.pseudonyms import Pseudonyms
from infra.export.shapes import MOMENT, Column, Convert, columns_of


class TwoTypes(TypeError):
    """Two events of one aggregate have a field of one name and of two types."""


@dataclass(frozen=True)
class EventTable:
    """The columns of one aggregate's table, and how an event becomes a row of it."""

    aggregate: str
    schema: Any
    envelope: Sequence[Convert]
    places: Mapping[type[Event], Sequence[tuple[int, Convert]]]

    def row(self, at: Recorded) -> list[Any]:
        values: list[Any] = [None] * len(self.schema)
        for place, value in enumerate(self.envelope):
            values[place] = value(at)
        for place, value in self.places[type(at.event)]:
            values[place] = value(at.event)
        return values


def event_tables(pseudonyms: Pseudonyms, kinds: Mapping[str, type[Event]] | None = None) -> Mapping[str, EventTable]:
    """A table for each aggregate, by its name."""
    found: dict[str, list[type[Event]]] = {}
    for name, kind in (every_event() if kinds is None else kinds).items():
        found.setdefault(name.partition(".")[0], []).append(kind)
    return {aggregate: _table(aggregate, own, pseudonyms) for aggregate, own in sorted(found.items())}


def schema_versions(tables: Mapping[str, EventTable]) -> Mapping[str, int]:
    """The shape of each event that the columns were made from."""
    return {kind.name: kind.schema_version for table in tables.values() for kind in table.places}


def _table(aggregate: str, kinds: Sequence[type[Event]], pseudonyms: Pseudonyms) -> EventTable:
    envelope = list(_envelope(aggregate, pseudonyms))
    types: dict[str, Any] = {column.name: column.type for column in envelope}
    order = {name: place for place, name in enumerate(types)}
    places: dict[type[Event], list[tuple[int, Convert]]] = {}
    for kind in kinds:
        places[kind] = []
        for column in columns_of(kind, pseudonyms.of):
            if types.setdefault(column.name, column.type) != column.type:
                raise TwoTypes(f"{column.name} of {kind.name} is of another type in another event of {aggregate}")
            place = order.setdefault(column.name, len(order))
            if place >= len(envelope):
                places[kind].append((place, column.value))
    return EventTable(aggregate, pa.schema(list(types.items())), [column.value for column in envelope], places)


def _envelope(aggregate: str, pseudonyms: Pseudonyms) -> Iterator[Column]:
    about_a_person = aggregate == "patient"
    yield Column("position", pa.int64(), lambda at: at.position)
    yield Column("event", pa.string(), lambda at: at.event.name)
    if not about_a_person:
        yield Column(f"{aggregate}_id", pa.string(), lambda at: str(at.stream_id))
    yield Column("version", pa.int64(), lambda at: at.version)
    yield Column("happened_at", MOMENT, lambda at: at.happened_at)
    yield Column("recorded_at", MOMENT, lambda at: at.recorded_at)
    yield Column("patient_id", pa.string(), lambda at: _patient(at, about_a_person, pseudonyms))
    yield Column("actor_roles", pa.list_(pa.string()), lambda at: sorted(at.metadata.actor.roles))
    yield Column("actor_facility_id", pa.string(), lambda at: _text(at.metadata.actor.facility_id))
    yield Column("correlation_id", pa.string(), lambda at: str(at.metadata.correlation_id))


def _patient(at: Recorded, about_a_person: bool, pseudonyms: Pseudonyms) -> str | None:
    id_ = at.stream_id if about_a_person else at.metadata.patient_id
    return None if id_ is None else pseudonyms.of(id_)


def _text(value: object) -> str | None:
    return None if value is None else str(value)
