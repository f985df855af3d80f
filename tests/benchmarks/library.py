"""The same work in the eventsourcing library's own PostgreSQL application: its recorder, its settings, threads."""

from __future__ import annotations

from functools import partial
from uuid import UUID

from eventsourcing.application import Application
from eventsourcing.domain import Aggregate, event

from tests.benchmarks.callers import Answered, asked_by_threads
from tests.benchmarks.examinations import EVENTS_EACH, STREAMS
from tests.benchmarks.stage import address_of

SEEDED_AT_ONCE = 100
OBSERVED = {
    "code": {"system": "loinc", "version": "2.68", "code": "8867-4", "display": "Nhịp tim"},
    "value": {"value": "72", "unit": "/min"},
    "actor": {"id": str(UUID(int=3)), "roles": ["nurse"], "facility_id": str(UUID(int=1))},
    "command_id": str(UUID(int=5)),
    "correlation_id": str(UUID(int=6)),
}


class Observed(Aggregate):
    """An examination as the library's documentation would write it."""

    @event("Ordered")
    def __init__(self, patient_id: str) -> None:
        self.patient_id, self.observations = patient_id, 0

    @event("ObservationRecorded")
    def observe(self, observation: dict[str, object]) -> None:
        self.observations += 1


class LibraryApplication:
    """Its tables lie beside ours in the same database."""

    def __init__(self, dsn: str) -> None:
        to = address_of(dsn)
        self._application: Application[UUID] = Application(
            {
                "PERSISTENCE_MODULE": "eventsourcing.postgres",
                "POSTGRES_DBNAME": to["database"],
                "POSTGRES_HOST": to["host"],
                "POSTGRES_PORT": to["port"],
                "POSTGRES_USER": to["user"],
                "POSTGRES_PASSWORD": to["password"],
            }
        )
        self._ids: list[UUID] = []

    def seed(self) -> None:
        for _ in range(0, STREAMS, SEEDED_AT_ONCE):
            begun = [Observed(patient_id=str(UUID(int=4))) for _ in range(SEEDED_AT_ONCE)]
            for one in begun:
                for _ in range(EVENTS_EACH - 1):
                    one.observe(OBSERVED)
            self._application.save(*begun)
            self._ids += [one.id for one in begun]

    def run(self, callers: int, total: int, first: int) -> Answered:
        return asked_by_threads(callers, total, partial(self._observe, first))

    def _observe(self, first: int, n: int) -> None:
        one: Observed = self._application.repository.get(self._ids[(first + n) % STREAMS])
        one.observe(OBSERVED)
        self._application.save(one)

    def close(self) -> None:
        self._application.close()
