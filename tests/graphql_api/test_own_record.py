"""Patients and the consultation at which they were discussed: the own part, and nothing of the others."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID, uuid4

from domain._kernel import Actor, Role
from graphql_api.access import Viewer, visible
from infra.mapper import to_recorded
from infra.memory import MemoryEventStore
from infra.postgres import connect, migrate
from projections import patient_record
from projections._fold import LiveView, apply
from projections._view import create
from projections.audience import view as audience
from projections.patient_record import RecordAggregate
from tests.story import launch_day
from tests.story_network import BACH_MAI, CONSULTATION, PATIENT_OF_SA_PA, PATIENT_OF_THAI_NGUYEN
from tests.storyteller import Story


def who(role: Role, facility: UUID | None = None, patient: UUID | None = None) -> Viewer:
    return Viewer(
        Actor(id=uuid4(), roles=frozenset({role}), facility_id=facility, patient_id=patient), datetime.now(UTC)
    )


async def test_a_patient_reads_what_a_consultation_of_many_said_about_the_own_case(log_database: str) -> None:
    store = MemoryEventStore()
    await launch_day(Story(store))
    db = await connect(log_database)
    await migrate(db)
    for view in (audience, patient_record.view):
        await create(db, view, 1)
        await apply(db, LiveView(view, 1), [to_recorded(row) for row in store.rows])

    async def consulted(viewer: Viewer, about: UUID) -> int:
        page = await patient_record.patient_record(
            db, visible(viewer, patient_record.view), about, [RecordAggregate.CONSULTATION]
        )
        assert {row.stream_id for row in page.rows} <= {CONSULTATION}
        return len(page.rows)

    own = await consulted(who(Role.PATIENT, patient=PATIENT_OF_SA_PA), PATIENT_OF_SA_PA)
    assert own > 0
    assert own == await consulted(who(Role.DOCTOR, facility=BACH_MAI), PATIENT_OF_SA_PA)
    assert await consulted(who(Role.PATIENT, patient=PATIENT_OF_SA_PA), PATIENT_OF_THAI_NGUYEN) == 0
    assert await consulted(who(Role.DOCTOR, facility=uuid4()), PATIENT_OF_SA_PA) == 0
    await db.close()
