"""Who may practise in the network, in which specialities, and until when?"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from uuid import UUID

from domain._kernel import Recorded
from domain._text import folded
from domain._values import Code
from domain.practitioner import (
    LicenceRenewed,
    PractitionerRegistered,
    PractitionerReinstated,
    PractitionerSuspended,
    Status,
)
from projections._folded_text import contains
from projections._page import Condition, Page, first, matching, page
from projections._table import Row
from projections._view import Connection, Content, View


@dataclass(slots=True, kw_only=True)
class Practitioner(Row):
    """A practitioner with the licence as it was last issued."""

    practitioner_id: UUID
    full_name: str
    searched_by: str
    licence_number: str
    licence_first_day: date
    licence_last_day: date | None
    specialities: list[Code]
    home_facility_id: UUID
    status: Status
    suspended_reason: str | None = None


view = View("practitioner_register", version=1, content=Content.NETWORK)
practitioners_ = view.table(
    Practitioner, "practitioner_id", indexes=["home_facility_id, searched_by", "searched_by, practitioner_id"]
)


@practitioners_.inserts(PractitionerRegistered)
def registered(event: PractitionerRegistered, at: Recorded) -> Practitioner:
    return Practitioner(
        practitioner_id=at.stream_id,
        full_name=event.full_name,
        searched_by=folded(event.full_name),
        licence_number=event.licence_number,
        licence_first_day=event.licence.first,
        licence_last_day=event.licence.last,
        specialities=list(event.scope),
        home_facility_id=event.home_facility_id,
        status=Status.LICENSED,
    )


@practitioners_.updates(LicenceRenewed)
def renewed(row: Practitioner, event: LicenceRenewed, at: Recorded) -> None:
    row.licence_number, row.specialities = event.licence_number, list(event.scope)
    row.licence_first_day, row.licence_last_day = event.licence.first, event.licence.last


@practitioners_.updates(PractitionerSuspended)
def suspended(row: Practitioner, event: PractitionerSuspended, at: Recorded) -> None:
    row.status, row.suspended_reason = Status.SUSPENDED, event.reason


@practitioners_.updates(PractitionerReinstated)
def reinstated(row: Practitioner, event: PractitionerReinstated, at: Recorded) -> None:
    row.status, row.suspended_reason = Status.LICENSED, None


@view.query
async def practitioner(db: Connection, visible: Condition, practitioner_id: UUID) -> Practitioner | None:
    """One practitioner."""
    return await first(db, practitioners_, matching(practitioner_id=practitioner_id) & visible)


@view.query
async def practitioners(
    db: Connection,
    visible: Condition,
    home_facility_id: UUID | None = None,
    speciality: str | None = None,
    status: list[Status] | None = None,
    text: str | None = None,
    *,
    size: int = 50,
    after: str | None = None,
) -> Page[Practitioner]:
    """Practitioners by name; `text` finds parts of names, typed with or without marks."""
    wanted = matching(home_facility_id=home_facility_id, status=status)
    if speciality is not None:
        wanted &= Condition("specialities @> jsonb_build_array({}::text)", (speciality,))
    if text is not None:
        wanted &= Condition("searched_by like {}", (contains(text),))
    return await page(db, practitioners_, wanted & visible, ("searched_by",), size=size, after=after)
