"""A log told by hand, for views: `happened(stream, event)` numbers versions and positions as the store would."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4, uuid5

from domain._kernel import Actor, Event, Metadata, Recorded, Role

LAUNCH_DAY = datetime(2020, 8, 27, 2, 0, tzinfo=UTC)  # Nine o'clock in the morning in Viet Nam.
NAMES = UUID("5b0b7c1e-52a1-4a6f-9f3e-2f7d0c8e4b10")


def called(name: str) -> UUID:
    """The same id for the same name, so that a failing test names the same rows again."""
    return uuid5(NAMES, name)


def staff(facility: str, *roles: Role) -> Actor:
    """Somebody who works at this facility."""
    return Actor(
        id=called(f"somebody at {facility}"),
        roles=frozenset(roles or {Role.DOCTOR}),
        facility_id=called(facility),
    )


class History:
    """What happened so far. Unless told otherwise each event happens a minute after the one before."""

    def __init__(self, begins: datetime = LAUNCH_DAY) -> None:
        self.events: list[Recorded] = []
        self._begins = begins
        self._versions: Counter[UUID] = Counter()

    def happened(
        self,
        stream: UUID,
        event: Event,
        *,
        at: datetime | None = None,
        by: Actor | None = None,
        about: UUID | None = None,
        recorded: datetime | None = None,
    ) -> Recorded:
        """`at` is the clinical time, `recorded` when the store took it, `about` the patient."""
        self._versions[stream] += 1
        position = len(self.events) + 1
        happened_at = at or self._begins + timedelta(minutes=position - 1)
        metadata = Metadata(
            actor=by or staff("Bach Mai"),
            command_id=uuid4(),
            correlation_id=uuid4(),
            clinical_time=happened_at,
            patient_id=about or getattr(event, "patient_id", None),
        )
        at_its_place = Recorded(event, stream, self._versions[stream], position, recorded or happened_at, metadata)
        self.events.append(at_its_place)
        return at_its_place
