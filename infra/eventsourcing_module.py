"""Our log as a persistence module of the eventsourcing library: PERSISTENCE_MODULE=infra.eventsourcing_module.

Applications, subscriptions and tools that are built on the library work on the one log, under its lock and in its
dense order: nothing here writes but by append_stored_events. All applications share the table `events`; snapshots and
tracking stay in tables named after the application, as in the library. The library's POSTGRES_* settings hold, but
for its database functions and for ids that are texts, which are refused: the functions would write beside the lock.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, cast
from uuid import UUID, uuid4

import eventsourcing.postgres as library
from eventsourcing.domain import DomainEventProtocol
from eventsourcing.persistence import (
    AggregateRecorder,
    InterfaceError,
    Mapper,
    Notification,
    OperationalError,
    StoredEvent,
    Tracking,
)
from eventsourcing.utils import Environment, EnvType, register_topic, retry
from psycopg import Cursor
from psycopg.rows import DictRow
from psycopg.sql import SQL

from domain._kernel import EVENTS, Actor, Event, Metadata, Role
from infra.locks import Lock
from infra.mapper import to_event, to_stored_state
from infra.postgres import SESSION, SQL_FILES

EVENTS_TABLE = CHANNEL = "events"
# Who acts when the library writes: it is not told, and this says so. No person has this id.
LIBRARY = UUID("00000000-0000-8000-8000-65766e747372")
APPEND = SQL(
    "select * from append_stored_events("
    "%s, %s::uuid[], %s::bigint[], %s::text[], %s::smallint[], %s::bytea[], %s::bytea)"
)
# The guarantees of the log; how long to wait for what is the library's matter.
GUARANTEES = ("synchronous_commit", "default_transaction_isolation", "jit", "timezone")


@dataclass(frozen=True)
class Reshaped(StoredEvent):
    """A stored event of a later shape than the first. The library's own class has no place for the shape."""

    schema_version: int = 1


@dataclass(frozen=True)
class ReshapedNotification(Notification):
    schema_version: int = 1


@dataclass(frozen=True, slots=True)
class Fact:
    """An event of the product with what the library needs to know of it."""

    originator_id: UUID
    originator_version: int
    event: Event


class LogMapper(Mapper[UUID]):
    """Reads and writes the product's events as Facts, by their stored names; any other as the library does."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, kind in EVENTS.items():
            register_topic(name, kind)

    def to_domain_event(self, stored_event: StoredEvent) -> DomainEventProtocol[UUID]:
        if stored_event.topic not in EVENTS:
            return super().to_domain_event(stored_event)
        shape = getattr(stored_event, "schema_version", 1)
        event = to_event(stored_event.topic, shape, stored_event.state)
        return Fact(cast(UUID, stored_event.originator_id), stored_event.originator_version, event)

    def to_stored_event(self, domain_event: DomainEventProtocol[UUID]) -> StoredEvent:
        if not isinstance(domain_event, Fact):
            return super().to_stored_event(domain_event)
        event = domain_event.event
        place = domain_event.originator_id, domain_event.originator_version
        if event.schema_version == 1:
            return StoredEvent(*place, event.name, to_stored_state(event))
        return Reshaped(*place, event.name, to_stored_state(event), schema_version=event.schema_version)


class LogAggregateRecorder(library.PostgresAggregateRecorder):
    """Streams of the log, for who wants no positions."""

    def __init__(
        self, datastore: library.PostgresDatastore, *, events_table_name: str = EVENTS_TABLE, **more: Any
    ) -> None:
        super().__init__(datastore, events_table_name=EVENTS_TABLE, **more)

    def create_table(self) -> None:
        _migrate(self.datastore)

    def insert_events(self, stored_events: Sequence[StoredEvent], **kwargs: Any) -> Sequence[int] | None:
        self._append(stored_events, **kwargs)
        return None

    def _append(
        self, stored_events: Sequence[StoredEvent], tracking: Tracking | None = None, **_: Any
    ) -> Sequence[int] | None:
        if not stored_events and tracking is None:
            return None
        command_id = uuid4()
        actor = Actor(id=LIBRARY, roles=frozenset({Role.SYSTEM}))
        metadata = Metadata(
            actor=actor, command_id=command_id, correlation_id=command_id, clinical_time=datetime.now(UTC)
        )
        positions: Sequence[int] | None = self._append_once(command_id, stored_events, metadata.to_json(), tracking)
        return positions

    @retry((InterfaceError, OperationalError), max_attempts=10, wait=0.2)
    def _append_once(
        self, command_id: UUID, stored_events: Sequence[StoredEvent], metadata: bytes, tracking: Tracking | None
    ) -> Sequence[int] | None:
        """May be tried again after a broken line: the command id tells what had already happened."""
        with self.datastore.transaction(commit=True) as cursor:
            if not stored_events:
                self._track(cursor, tracking)
                return None
            cursor.execute(APPEND, (command_id, *_columns(stored_events), metadata), prepare=True)
            answer = cursor.fetchone()
            assert answer is not None
            if not answer["repeated"]:
                self._track(cursor, tracking)
            first: int = answer["first_position"]
            return list(range(first, first + len(stored_events)))

    def _track(self, cursor: Cursor[DictRow], tracking: Tracking | None) -> None:
        if tracking is not None:
            raise TypeError("this recorder does not track")

    @retry((InterfaceError, OperationalError), max_attempts=10, wait=0.2)
    def select_events(
        self,
        originator_id: UUID | str,
        *,
        gt: int | None = None,
        lte: int | None = None,
        desc: bool = False,
        limit: int | None = None,
    ) -> Sequence[StoredEvent]:
        rows = self._select(
            {"originator_id = {}": originator_id, "originator_version > {}": gt, "originator_version <= {}": lte},
            "originator_version desc" if desc else "originator_version",
            limit,
        )
        return [_stored_event(row) for row in rows]

    def _select(self, conditions: dict[str, object], order: str, limit: int | None) -> list[DictRow]:
        given = {left: value for left, value in conditions.items() if value is not None}
        where = " and ".join(left.format("%s") for left in given) or "true"
        query = f"select * from {EVENTS_TABLE} where {where} order by {order} limit %s"
        with self.datastore.get_connection() as connection, connection.cursor() as cursor:
            cursor.execute(query.encode(), (*given.values(), limit), prepare=True)
            return cursor.fetchall()


class LogApplicationRecorder(LogAggregateRecorder, library.PostgresApplicationRecorder):
    """The whole log in order. Its positions are the library's notification ids, and wake its subscriptions."""

    def __init__(
        self, datastore: library.PostgresDatastore, *, events_table_name: str = EVENTS_TABLE, **more: Any
    ) -> None:
        super().__init__(datastore, events_table_name=EVENTS_TABLE, **more)
        self.channel_name = CHANNEL

    def insert_events(self, stored_events: Sequence[StoredEvent], **kwargs: Any) -> Sequence[int] | None:
        return self._append(stored_events, **kwargs)

    @retry((InterfaceError, OperationalError), max_attempts=10, wait=0.2)
    def select_notifications(
        self,
        start: int | None,
        limit: int,
        stop: int | None = None,
        topics: Sequence[str] = (),
        *,
        inclusive_of_start: bool = True,
    ) -> Sequence[Notification]:
        rows = self._select(
            {
                "notification_id >= {}" if inclusive_of_start else "notification_id > {}": start,
                "notification_id <= {}": stop,
                "topic = any({})": list(topics) or None,
            },
            "notification_id",
            limit,
        )
        return [_notification(row) for row in rows]


class LogTrackingRecorder(library.PostgresTrackingRecorder):
    """The library's own; it keeps apart from the log."""


class LogProcessRecorder(LogApplicationRecorder, library.PostgresProcessRecorder):
    """Events and the place upstream that they came from, in one transaction."""

    def create_table(self) -> None:
        _migrate(self.datastore)
        # The statements for the library's own events table are left out; the one for the tracking table remains.
        self.sql_create_statements = [
            statement for statement in self.sql_create_statements if self.tracking_table_name in statement.as_string()
        ]
        library.PostgresTrackingRecorder.create_table(self)

    def _track(self, cursor: Cursor[DictRow], tracking: Tracking | None) -> None:
        if tracking is not None:
            self._insert_tracking(cursor, tracking)


class LogFactory(library.PostgresFactory):
    """Found by the library in this module."""

    aggregate_recorder_class = LogAggregateRecorder
    application_recorder_class = LogApplicationRecorder
    tracking_recorder_class = LogTrackingRecorder
    process_recorder_class = LogProcessRecorder

    def __init__(self, env: Environment | EnvType | None) -> None:
        super().__init__(env)
        pool = self.datastore.pool
        pool.kwargs = {**cast("dict[str, Any]", pool.kwargs), "options": _session_options(self.datastore)}
        if self.datastore.enable_db_functions:
            self._refuse(f"{self.POSTGRES_ENABLE_DB_FUNCTIONS}: they would write beside the lock of the log")
        if self.datastore.originator_id_type != "uuid":
            self._refuse(f"{self.ORIGINATOR_ID_TYPE}={self.datastore.originator_id_type}: our ids are UUIDs")

    def aggregate_recorder(self, purpose: str = "events") -> AggregateRecorder:
        if purpose == "events":
            return super().aggregate_recorder(purpose)
        name = f"{self.env.name.lower() or 'stored'}_{purpose}"
        recorder = library.PostgresAggregateRecorder(self.datastore, events_table_name=name)
        if self.env_create_table():
            recorder.create_table()
        return recorder

    def _refuse(self, what: str) -> None:
        self.close()
        raise OSError(f"infra.eventsourcing_module refuses {what}")


def _session_options(datastore: library.PostgresDatastore) -> str:
    """What each connection asks of the server when it begins, in libpq's form."""
    quoted = datastore.schema.replace('"', '""')
    settings = {name: SESSION[name] for name in GUARANTEES} | {
        "search_path": f'"{quoted}"',
        "lock_timeout": f"{datastore.lock_timeout}s" if datastore.lock_timeout else SESSION["lock_timeout"],
    }
    escaped = {name: value.replace("\\", "\\\\").replace(" ", "\\ ") for name, value in settings.items()}
    return " ".join(f"-c {name}={value}" for name, value in escaped.items())


def _migrate(datastore: library.PostgresDatastore) -> None:
    with datastore.transaction(commit=True) as cursor:
        cursor.execute("select pg_advisory_xact_lock(%s)", (Lock.MIGRATION,))
        for file in sorted(SQL_FILES.glob("*.sql")):
            cursor.execute(file.read_bytes(), prepare=False)


def _columns(stored_events: Sequence[StoredEvent]) -> tuple[list[object], ...]:
    return (
        [one.originator_id for one in stored_events],
        [one.originator_version for one in stored_events],
        [one.topic for one in stored_events],
        [getattr(one, "schema_version", 1) for one in stored_events],
        [one.state for one in stored_events],
    )


def _stored_event(row: DictRow) -> StoredEvent:
    content = row["originator_id"], row["originator_version"], row["topic"], bytes(row["state"])
    if row["schema_version"] == 1:
        return StoredEvent(*content)
    return Reshaped(*content, schema_version=row["schema_version"])


def _notification(row: DictRow) -> Notification:
    content = row["originator_id"], row["originator_version"], row["topic"], bytes(row["state"]), row["notification_id"]
    if row["schema_version"] == 1:
        return Notification(*content)
    return ReshapedNotification(*content, schema_version=row["schema_version"])


__all__ = ["Fact", "LogFactory", "LogMapper"]
