"""The work that all contenders do: 2,000 examinations of ten events each, and one observation more in one of them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from hashlib import md5
from uuid import UUID, uuid4

from commands._bus import Accepted, Append, Bus, NewEvent
from commands._command import Context
from commands.examination import RecordObservation
from domain._kernel import Actor, Event, Role
from domain._values import Coding, ConsultationKind, Quantity
from domain.examination import DeviceConnected, ExaminationOrdered, ExaminationStarted, ObservationRecorded
from infra.event_store import PostgresEventStore
from infra.postgres import Connection
from infra.reference import load
from tests.benchmarks.callers import asked_by

STREAMS, EVENTS_EACH = 2_000, 10
POINT, CENTRE, NURSE, PATIENT = (UUID(int=n) for n in range(1, 5))
HEART_RATE = Coding(system="loinc", version="2.68", code="8867-4", display="Nhịp tim")
REFERENCE = load()


def examination(n: int) -> UUID:
    """Spread like random ids, and also known to SQL: md5 of the number."""
    return UUID(bytes=md5(str(n).encode(), usedforsecurity=False).digest())


def asked_now() -> Context:
    """As the API makes it for each request."""
    actor = Actor(id=NURSE, roles=frozenset({Role.NURSE}), facility_id=POINT)
    return Context(actor=actor, now=datetime.now(UTC), correlation_id=uuid4(), reference=REFERENCE)


def past() -> Iterator[Event]:
    yield ExaminationOrdered(
        patient_id=PATIENT,
        point_id=POINT,
        remote_facility_id=CENTRE,
        remote_doctor_id=NURSE,
        kind=ConsultationKind.TELE_IMAGING,
        speciality="cardiology",
    )
    yield ExaminationStarted()
    yield DeviceConnected(device_id=uuid4(), device_kind="US", maker="A maker of scanners")
    for _ in range(EVENTS_EACH - 3):
        yield ObservationRecorded(observation_id=uuid4(), code=HEART_RATE, value=_beats(72))


def _beats(count: int) -> Quantity:
    return Quantity(value=Decimal(count), unit="/min")


def observation(n: int) -> RecordObservation:
    return RecordObservation(
        examination_id=examination(n % STREAMS),
        observation_id=uuid4(),
        code=HEART_RATE,
        value=_beats(60 + n % 60),
    )


async def observe(bus: Bus, n: int) -> None:
    answer = await bus.handle(observation(n), asked_now(), uuid4())
    if not isinstance(answer, Accepted):
        raise AssertionError(f"refused: {answer}")


async def seed(db: Connection, dsn: str) -> None:
    """Append the past through the store, and keep a copy of the log to come back to."""
    store = PostgresEventStore(dsn)

    async def begin(n: int) -> None:
        command_id = uuid4()
        metadata = asked_now().metadata(command_id, PATIENT)
        await store.append(
            Append(command_id, b"f" * 32, examination(n), 0, [NewEvent(event, metadata) for event in past()])
        )

    await asked_by(64, STREAMS, begin)
    await store.close()
    await db.execute("create table seed as select * from events")


async def reset(db: Connection) -> None:
    """The log as it was after `seed`: so no run finds longer streams than another."""
    await db.execute("truncate events, commands")
    await db.execute("insert into events select * from seed order by notification_id")
    await db.execute("update head set position = $1", STREAMS * EVENTS_EACH)
    await db.execute("vacuum analyze events")
