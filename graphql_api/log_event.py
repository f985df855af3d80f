"""An event of the log as clients see it; for those who may not see clinical content, without what is personal."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from functools import cache
from typing import Any
from uuid import UUID

import strawberry

from domain._kernel import EVENTS, Metadata
from domain._personal import personal_fields
from graphql_api._scalars import Json, Position
from infra.mapper import Stored


@strawberry.type
class Author:
    """Who made it happen, in which roles and at which facility."""

    id: UUID
    roles: list[str]
    facility_id: UUID | None


@strawberry.type
class LogEvent:
    """One event at its place in the log.

    `clinicalTime` is when it happened, `recordedAt` when the log took it. `data` holds the fact itself; fields that
    hold personal data are null for those who may not see clinical content.
    """

    position: Position
    stream_id: UUID
    version: int
    aggregate: str
    name: str
    recorded_at: datetime
    clinical_time: datetime
    author: Author
    on_behalf_of: UUID | None
    command_id: UUID
    causation_id: UUID | None
    correlation_id: UUID
    patient_id: UUID | None
    data: Json | None


def log_event(stored: Stored, clinical: bool) -> LogEvent:
    metadata = Metadata.model_validate_json(stored.metadata)
    data = json.loads(stored.state)
    actor = metadata.actor
    return LogEvent(
        position=Position(stored.position),
        stream_id=stored.stream_id,
        version=stored.version,
        aggregate=stored.aggregate,
        name=stored.name,
        recorded_at=stored.recorded_at,
        clinical_time=metadata.clinical_time,
        author=Author(id=actor.id, roles=sorted(actor.roles), facility_id=actor.facility_id),
        on_behalf_of=metadata.on_behalf_of,
        command_id=metadata.command_id,
        causation_id=metadata.causation_id,
        correlation_id=metadata.correlation_id,
        patient_id=metadata.patient_id,
        data=Json(data if clinical else _coarse(stored.name, data)),
    )


@cache
def _personal_paths(name: str) -> tuple[tuple[str, ...], ...]:
    kind = EVENTS.get(name)
    return tuple(tuple(path.replace("[]", ".[]").split(".")) for path in personal_fields(kind)) if kind else ()


def _coarse(name: str, data: Mapping[str, Any]) -> Any:
    """The fact without its personal fields; nothing at all of an event that this version does not know."""
    if name not in EVENTS:
        return None
    for path in _personal_paths(name):
        _blank(data, path)
    return data


def _blank(value: Any, path: tuple[str, ...]) -> None:
    head, *rest = path
    if head == "[]":
        for one in value or ():
            _blank(one, tuple(rest))
    elif isinstance(value, dict) and value.get(head) is not None:
        if rest and rest != ["[]"]:
            _blank(value[head], tuple(rest))
        else:
            value[head] = None
