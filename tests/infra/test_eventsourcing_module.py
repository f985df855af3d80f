"""The eventsourcing library works on our log: its own recorder cases, and applications beside the product."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from threading import Thread
from typing import Any, ClassVar
from urllib.parse import urlsplit
from uuid import UUID, uuid4

import psycopg
import pytest
from eventsourcing.application import Application
from eventsourcing.domain import Aggregate, event
from eventsourcing.persistence import (
    IntegrityError,
    OperationalError,
    ProcessRecorder,
    StoredEvent,
    Tracking,
    TrackingRecorder,
)
from eventsourcing.tests.persistence import (
    AggregateRecorderTestCase,
    ApplicationRecorderTestCase,
    InfrastructureFactoryTestCase,
    NonInterleavingNotificationIDsBaseCase,
    ProcessRecorderTestCase,
    TrackingRecorderTestCase,
)
from eventsourcing.utils import Environment, get_topic

from commands._bus import Accepted, Bus
from domain._kernel import Event
from infra.event_store import PostgresEventStore
from infra.eventsourcing_module import (
    LIBRARY,
    Fact,
    LogAggregateRecorder,
    LogApplicationRecorder,
    LogFactory,
    LogProcessRecorder,
    LogTrackingRecorder,
    Reshaped,
)
from infra.postgres import connect
from tests.ward import Bed, BedNoted, BedOpened, NoteBed, OpenBed, context, wish


def environment(dsn: str, **more: str) -> dict[str, str]:
    parts = urlsplit(dsn)
    return {
        "PERSISTENCE_MODULE": "infra.eventsourcing_module",
        "POSTGRES_DBNAME": parts.path[1:],
        "POSTGRES_HOST": parts.hostname or "",
        "POSTGRES_PORT": str(parts.port),
        "POSTGRES_USER": parts.username or "",
        "POSTGRES_PASSWORD": parts.password or "",
        **more,
    }


class OnOurLog:
    """Gives the library's test cases, which know no fixtures, a fresh database."""

    dsn: str

    @pytest.fixture(autouse=True)
    def _on_our_log(self, log_database: str) -> Iterator[None]:
        self.dsn = log_database
        self.opened: list[LogFactory] = []
        yield
        for factory in self.opened:
            factory.close()

    def new_factory(self) -> LogFactory:
        factory = LogFactory(Environment(env=environment(self.dsn)))
        self.opened.append(factory)
        return factory


class TestAggregateRecorder(OnOurLog, AggregateRecorderTestCase):
    def create_recorder(self) -> Any:
        return self.new_factory().aggregate_recorder()


class TestApplicationRecorder(OnOurLog, ApplicationRecorderTestCase[Any]):
    def create_recorder(self) -> Any:
        return self.new_factory().application_recorder()

    def test_insert_subscribe(self) -> None:
        self.optional_test_insert_subscribe()


class TestProcessRecorder(OnOurLog, ProcessRecorderTestCase):
    def create_recorder(self) -> Any:
        return self.new_factory().process_recorder()


class TestTrackingRecorder(OnOurLog, TrackingRecorderTestCase):
    def create_recorder(self) -> Any:
        return self.new_factory().tracking_recorder()


class TestNonInterleaving(OnOurLog, NonInterleavingNotificationIDsBaseCase):
    def create_recorder(self) -> Any:
        return self.new_factory().application_recorder()


class SomeTrackingRecorder(LogTrackingRecorder):
    """A subclass of somebody who uses the library."""


class TestFactory(OnOurLog, InfrastructureFactoryTestCase[LogFactory]):
    def setUp(self) -> None:
        self.env = Environment(env=environment(self.dsn))
        super().setUp()

    def expected_factory_class(self) -> type[LogFactory]:
        return LogFactory

    def expected_aggregate_recorder_class(self) -> type[LogAggregateRecorder]:
        return LogAggregateRecorder

    def expected_application_recorder_class(self) -> type[LogApplicationRecorder]:
        return LogApplicationRecorder

    def expected_tracking_recorder_class(self) -> type[TrackingRecorder]:
        return LogTrackingRecorder

    def tracking_recorder_subclass(self) -> type[TrackingRecorder]:
        return SomeTrackingRecorder

    def expected_process_recorder_class(self) -> type[ProcessRecorder]:
        return LogProcessRecorder


class Rota(Aggregate):
    """Who is on duty: an aggregate in the library's own style."""

    @event("Begun")
    def __init__(self, ward: str) -> None:
        self.ward = ward
        self.names: list[str] = []

    @event("Joined")
    def join(self, name: str) -> None:
        self.names.append(name)


class Rotas(Application[UUID]):
    snapshotting_intervals: ClassVar[dict[type, int]] = {Rota: 3}


@contextmanager
def rotas(dsn: str, **more: str) -> Iterator[Rotas]:
    application = Rotas(env=environment(dsn, MAPPER_TOPIC="infra.eventsourcing_module:LogMapper", **more))
    try:
        yield application
    finally:
        application.close()


@pytest.fixture
def plain(log_database: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(log_database, autocommit=True) as connection:
        yield connection


def fold(bed: Bed | None, facts: Iterable[Fact]) -> Bed:
    return (bed or Bed()).after(fact.event for fact in facts)


def test_an_application_of_the_library_lives_on_our_log(log_database: str, plain: psycopg.Connection) -> None:
    with rotas(log_database) as application:
        rota = Rota(ward="Cấp cứu")
        for name in ("An", "Bình", "Chi"):
            rota.join(name)
        recordings = application.save(rota)
        assert [one.notification.id for one in recordings] == [1, 2, 3, 4]
    with rotas(log_database) as application:
        found: Rota = application.repository.get(rota.id)
        assert (found.ward, found.names, found.version) == ("Cấp cứu", ["An", "Bình", "Chi"], 4)
    names = plain.execute("select distinct topic from events order by topic").fetchall()
    assert [name.rpartition(":")[2] for (name,) in names] == ["Rota.Begun", "Rota.Joined"]
    # Snapshots are no facts: they have a table of their own.
    assert plain.execute("select count(*) from rotas_snapshots").fetchone() == (1,)


async def test_what_the_library_writes_says_so_and_is_read_by_the_product(log_database: str) -> None:
    bed = uuid4()
    with rotas(log_database) as application:
        application.events.put([Fact(bed, 1, BedOpened()), Fact(bed, 2, BedNoted(note="sạch"))])
    store = PostgresEventStore(log_database)
    opened, noted = (await store.load({bed: 0}))[bed]
    assert (opened.event, noted.event) == (BedOpened(), BedNoted(note="sạch"))
    assert opened.metadata.actor.id == LIBRARY
    assert opened.metadata.command_id == noted.metadata.command_id
    answer = await Bus(store).handle(NoteBed(bed_id=bed, note="frei"), context(), uuid4())
    assert answer == Accepted(aggregate_id=bed, version=3, position=3)
    await store.close()


async def test_the_library_reads_what_the_product_wrote(log_database: str) -> None:
    store, bed = PostgresEventStore(log_database), uuid4()
    bus = Bus(store)
    for command in (OpenBed(bed_id=bed), NoteBed(bed_id=bed, note="nhịn ăn")):
        assert isinstance(await bus.handle(command, context(), uuid4()), Accepted)
    await store.close()
    with rotas(log_database) as application:
        facts = list(application.events.get(bed))
        assert facts == [Fact(bed, 1, BedOpened()), Fact(bed, 2, BedNoted(note="nhịn ăn"))]
        folded: Any = application.repository.get(bed, projector_func=fold)  # type: ignore[type-var]
        assert (folded.status, folded.note) == ("free", "nhịn ăn")
        assert [one.topic for one in application.recorder.select_notifications(1, 10)] == ["bed.opened", "bed.noted"]


async def test_a_subscription_of_the_library_is_woken_by_what_the_product_writes(log_database: str) -> None:
    store = PostgresEventStore(log_database)
    topics: list[str] = []
    with rotas(log_database) as application, application.recorder.subscribe(gt=0) as subscription:

        def follow() -> None:
            for notification in subscription:
                topics.append(notification.topic)
                if len(topics) == 3:
                    return

        follower = Thread(target=follow)
        follower.start()
        bed = uuid4()
        for command in (OpenBed(bed_id=bed), NoteBed(bed_id=bed, note="1"), NoteBed(bed_id=bed, note="2")):
            await Bus(store).handle(command, context(), uuid4())
        await asyncio.to_thread(follower.join, 5)
    await store.close()
    assert topics == ["bed.opened", "bed.noted", "bed.noted"]


async def test_a_later_shape_keeps_its_number_in_both_directions(log_database: str, plain: psycopg.Connection) -> None:
    with rotas(log_database) as application:
        bed = uuid4()
        application.recorder.insert_events([Reshaped(bed, 1, "bed.noted", b'{"note":"x"}', schema_version=3)])
        (found,) = application.recorder.select_events(bed)
        (notification,) = application.recorder.select_notifications(1, 1)
        assert found == Reshaped(bed, 1, "bed.noted", b'{"note":"x"}', schema_version=3)
        assert notification.schema_version == 3  # type: ignore[attr-defined]
        # A shape that this version does not know is refused rather than guessed at.
        with pytest.raises(LookupError):
            list(application.events.get(bed))


def test_many_streams_go_in_together_or_not_at_all(log_database: str, plain: psycopg.Connection) -> None:
    one, other = uuid4(), uuid4()
    with rotas(log_database) as application:
        recorder = application.recorder

        def of(stream: UUID, *versions: int) -> list[StoredEvent]:
            return [StoredEvent(stream, version, "bed.opened", b"{}") for version in versions]

        assert recorder.insert_events([*of(one, 1), *of(other, 1), *of(one, 2)]) == [1, 2, 3]
        for refused in ([*of(one, 3), *of(other, 1)], of(one, 4), of(uuid4(), 2), of(one, 3, 5), of(one, 3, 3)):
            with pytest.raises(IntegrityError):
                recorder.insert_events(refused)
        assert recorder.insert_events([*of(other, 2), *of(one, 3)]) == [4, 5]
        assert recorder.max_notification_id() == 5
    assert plain.execute("select count(*), max(notification_id) from events").fetchone() == (5, 5)


async def test_the_library_waits_for_our_lock(log_database: str) -> None:
    db = await connect(log_database)
    with rotas(log_database, POSTGRES_LOCK_TIMEOUT="60") as application:
        async with db.transaction():
            await db.execute("select lock_log()")
            insert = asyncio.create_task(asyncio.to_thread(application.save, Rota(ward="A")))
            await asyncio.sleep(0.3)
            assert not insert.done()
        (recording,) = await insert
        assert recording.notification.id == 1
    await db.close()


def test_a_reply_lost_at_commit_is_not_taken_for_a_clash(log_database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The library tries again after a broken line. Without a command id it would clash with itself."""
    with rotas(log_database) as application:
        recorder = application.recorder
        assert isinstance(recorder, LogApplicationRecorder)
        original = recorder.datastore.transaction
        lost = 0

        @contextmanager
        def transaction(*, commit: bool = False) -> Iterator[Any]:
            nonlocal lost
            with original(commit=commit) as cursor:
                yield cursor
            if not lost:
                lost += 1
                raise OperationalError("the line broke behind the COMMIT")

        monkeypatch.setattr(recorder.datastore, "transaction", transaction)
        (recording,) = application.save(Rota(ward="A"))
        assert (lost, recording.notification.id) == (1, 1)
        assert recorder.max_notification_id() == 1


def test_tracking_and_events_of_a_process_go_in_together_or_not_at_all(log_database: str) -> None:
    factory = LogFactory(Environment(env=environment(log_database)))
    recorder = factory.process_recorder()
    stream = uuid4()
    recorder.insert_events([StoredEvent(stream, 1, "t", b"")], tracking=Tracking("up", 5))
    with pytest.raises(IntegrityError):
        recorder.insert_events([StoredEvent(stream, 2, "t", b"")], tracking=Tracking("up", 5))
    with pytest.raises(IntegrityError):
        recorder.insert_events([StoredEvent(stream, 1, "t", b"")], tracking=Tracking("up", 6))
    assert (recorder.max_tracking_id("up"), recorder.max_notification_id()) == (5, 1)
    assert recorder.insert_events([StoredEvent(stream, 2, "t", b"")], tracking=Tracking("up", 6)) == [2]
    factory.close()


@pytest.mark.parametrize(
    ("name", "value", "why"),
    [
        ("POSTGRES_ENABLE_DB_FUNCTIONS", "y", "beside the lock"),
        ("ORIGINATOR_ID_TYPE", "text", "UUIDs"),
    ],
)
def test_what_would_break_the_log_is_refused(log_database: str, name: str, value: str, why: str) -> None:
    with pytest.raises(OSError, match=why):
        LogFactory(Environment(env=environment(log_database, **{name: value})))


def test_settings_of_the_library_hold(log_database: str, plain: psycopg.Connection) -> None:
    plain.execute("create schema clinic")
    more = {"POSTGRES_SCHEMA": "clinic", "POSTGRES_LOCK_TIMEOUT": "3", "POSTGRES_POOL_SIZE": "2"}
    with rotas(log_database, **more) as application:
        (recording,) = application.save(Rota(ward="A"))
        assert recording.notification.id == 1
        recorder = application.recorder
        assert isinstance(recorder, LogApplicationRecorder)
        with recorder.datastore.get_connection() as connection:
            shown = {
                name: connection.execute(f"show {name}".encode()).fetchone()
                for name in ("lock_timeout", "default_transaction_isolation", "synchronous_commit")
            }
        assert [next(iter(row.values())) for row in shown.values() if row] == ["3s", "read committed", "on"]
        assert recorder.datastore.pool.min_size == 2
    assert plain.execute("select count(*) from clinic.events").fetchone() == (1,)
    assert plain.execute("select count(*) from public.events").fetchone() == (0,)


async def test_product_and_library_write_at_once_without_a_hole(log_database: str) -> None:
    store = PostgresEventStore(log_database)
    with rotas(log_database) as application:

        def library() -> None:
            for _ in range(40):
                application.save(Rota(ward="A"))

        threads = [asyncio.to_thread(library) for _ in range(3)]
        product = [store.append(wish(uuid4(), 0)) for _ in range(200)]
        await asyncio.gather(*threads, *product)
        ids = [one.id for one in application.recorder.select_notifications(1, 1000)]
    await store.close()
    assert ids == list(range(1, 321))


def test_events_of_the_product_can_be_found_by_their_stored_names(log_database: str) -> None:
    from eventsourcing.utils import resolve_topic

    with rotas(log_database):
        kind: type[Event] = resolve_topic("bed.opened")
        assert kind is BedOpened
        assert get_topic(Rota).endswith(":Rota")
