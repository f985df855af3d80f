"""A report's pure fold over the log as it lies in PostgreSQL, chunk by chunk, in bounded memory.

Rules: only the events that the definition reads are fetched, in the order of positions and up to the position asked
for, so that what was recorded later never changes the result. `as of` a time is the last position recorded by then.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import orjson

from domain.report import ReportRequested
from infra.audit.bundle import position_at
from infra.audit.definitions import Installed
from infra.event_log import all_after, head
from infra.mapper import Stored
from infra.postgres import Connection
from projections.audit._leaf import microseconds
from projections.audit.reports._kit import Definition, Fact, Refused, State

CHUNK = 2_000
Tell = Callable[[int], Awaitable[None]]


class NotReached(Refused):
    """The report is asked as of what the log has not come to."""

    code = "AS_OF_NOT_REACHED"


class BeforeTheLog(Refused):
    """The report is asked as of a time before the first event."""

    code = "AS_OF_BEFORE_THE_LOG"


class EventUnreadable(Refused):
    """The definition failed at an event: its bytes are not of their shape, or the definition is wrong."""

    code = "REPORT_EVENT_UNREADABLE"


def fact_from(row: Stored) -> Fact:
    return Fact(
        row.position,
        str(row.stream_id),
        row.version,
        row.name,
        row.schema_version,
        microseconds(row.recorded_at),
        orjson.loads(row.state),
        orjson.loads(row.metadata),
    )


def begun(one: Installed, parameters: Mapping[str, str]) -> State:
    """The state before the first event. Raises Refused for parameters that are not the definition's."""
    state: State = one.definition.start(one.definition.read_parameters(parameters), one.reference())
    return state


async def fold(
    db: Connection, definition: Definition, state: State, after: int, upto: int, tell: Tell | None = None
) -> None:
    """Take the events of (after, upto] into the state. `tell` hears how far it is. Raises Refused."""
    async for rows in all_after(db, after, upto, definition.reads, CHUNK):
        for row in rows:
            _take(definition, state, row)
        if tell is not None:
            await tell(rows[-1].position)


def _take(definition: Definition, state: State, row: Stored) -> None:
    try:
        definition.take(state, fact_from(row))
    except Refused:
        raise
    except Exception as fault:
        # The message of the fault may hold a patient's words, so only its type is told.
        raise EventUnreadable(f"position {row.position}: {row.name}: {type(fault).__name__}") from fault


async def asked_position(db: Connection, asked: ReportRequested) -> int | None:
    """The position that was asked for; None is the first cosigned checkpoint behind the request. Raises Refused."""
    if asked.as_of_position is not None:
        if asked.as_of_position > (last := await head(db)):
            raise NotReached(f"the log ends at {last}")
        return asked.as_of_position
    if asked.as_of_time is None:
        return None
    if asked.as_of_time > await db.fetchval("select clock_timestamp()"):
        raise NotReached(f"{asked.as_of_time.isoformat()} is in the future")
    found = await position_at(db, asked.as_of_time)
    if not found:
        raise BeforeTheLog(f"nothing was recorded by {asked.as_of_time.isoformat()}")
    return found


async def recorded_us(db: Connection, position: int) -> int:
    """When the store took the event at this position."""
    return microseconds(await db.fetchval("select recorded_at from events where notification_id = $1", position))


def plain_parameters(asked: ReportRequested) -> dict[str, Any]:
    return {one.name: one.value for one in asked.parameters}
