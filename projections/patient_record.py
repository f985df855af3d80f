"""Everything about one patient, in the order in which it was stored.

Each event that is about exactly one patient is an entry, whatever its aggregate. A merged record is read with the
surviving one; the entries stay where they were written, so that nothing has to be moved when records are merged.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from domain import _live_session, consent, consultation, examination, patient, referral
from domain._catalogue import every_event
from domain._kernel import Event, Recorded
from domain.patient import PatientsMerged
from projections._page import Condition, Page, matching, page
from projections._table import Row
from projections._view import Connection, Content, View


class RecordAggregate(StrEnum):
    """The parts of a patient's record."""

    PATIENT = patient.Patient.kind
    CONSENT = consent.Consent.kind
    REFERRAL = referral.Referral.kind
    CONSULTATION = consultation.Consultation.kind
    EXAMINATION = examination.Examination.kind
    LIVE_SESSION = _live_session.LiveSession.kind


@dataclass(slots=True, kw_only=True)
class RecordEntry(Row):
    """One fact of a patient's record: when it happened, when it was stored, and who recorded it where.

    `content` holds the fields of the event `event`, as the log has them.
    """

    stream_id: UUID
    version: int
    patient_id: UUID
    aggregate: RecordAggregate
    event: str
    happened_at: datetime
    recorded_at: datetime
    actor_id: UUID
    facility_id: UUID | None
    content: dict[str, Any]


@dataclass(slots=True, kw_only=True)
class MergedRecord(Row):
    """The record of this patient goes on in the surviving one."""

    stream_id: UUID
    surviving_id: UUID


view = View("patient_record", version=1, content=Content.CASE, stream="stream_id", patient="patient_id")
record = view.table(RecordEntry, ("stream_id", "version"), indexes=["patient_id, position, stream_id, version"])
merged_records = view.table(MergedRecord, "stream_id", part="merged", indexes=["surviving_id"])


def entry(event: Event, at: Recorded) -> list[RecordEntry]:
    if at.metadata.patient_id is None:
        return []
    aggregate, _, _ = event.name.partition(".")
    return [
        RecordEntry(
            stream_id=at.stream_id,
            version=at.version,
            patient_id=at.metadata.patient_id,
            aggregate=RecordAggregate(aggregate),
            event=event.name,
            happened_at=at.happened_at,
            recorded_at=at.recorded_at,
            actor_id=at.metadata.actor.id,
            facility_id=at.metadata.actor.facility_id,
            content=event.model_dump(mode="json", exclude={"patient_id"}, exclude_none=True),
        )
    ]


for _name, _kind in every_event().items():
    if _name.partition(".")[0] in set(RecordAggregate):
        record.inserts(_kind)(entry)


@merged_records.inserts(PatientsMerged)
def merged(event: PatientsMerged, at: Recorded) -> MergedRecord:
    return MergedRecord(stream_id=at.stream_id, surviving_id=event.surviving_id)


KNOWN_AS = f"""
    with recursive known (patient_id) as (
        select {{}}::uuid
        union
        select merged.stream_id from {merged_records.name} merged join known on merged.surviving_id = known.patient_id
    ) select patient_id from known
"""


async def known_as(db: Connection, patient_id: UUID) -> list[UUID]:
    """The ids of this patient: its own, and those of all records that were merged into it."""
    rows = await db.fetch(KNOWN_AS.format("$1"), patient_id)
    return [row["patient_id"] for row in rows]


@view.query
async def patient_record(
    db: Connection,
    visible: Condition,
    patient_id: UUID,
    aggregates: list[RecordAggregate] | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    *,
    size: int = 100,
    after: str | None = None,
) -> Page[RecordEntry]:
    """What is known of a patient, merged records included, in the order in which it was stored.

    `since` and `until` (not included) are about when it happened.
    """
    ids = await known_as(db, patient_id)
    wanted = matching(patient_id=ids, aggregate=aggregates) & visible
    if since is not None:
        wanted &= Condition("happened_at >= {}", (since,))
    if until is not None:
        wanted &= Condition("happened_at < {}", (until,))
    return await page(db, record, wanted, ("position",), size=size, after=after)
