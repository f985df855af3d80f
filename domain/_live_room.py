"""The state of a room: who is admitted and on the line, what is shown, and what becomes of recordings."""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID

from domain._kernel import Value
from domain._live import Part, ParticipantKind, RecordingStatus, Rung, Source, Ultrasound


class Participant(Value):
    """Somebody who was let in. `stay` counts how often this one came on the line; `run_id` while it is."""

    person_id: UUID
    kind: ParticipantKind
    part: Part
    facility_id: UUID | None = None
    ultrasound: Ultrasound | None = None
    stay: int = 0
    run_id: UUID | None = None
    rung: Rung = Rung.TWO_WAY_HD
    muted: bool = False

    @property
    def present(self) -> bool:
        return self.run_id is not None


class Track(Value):
    """A track that is published, and the people who are seen or heard on it, with those who let it be recorded.

    `relies_on` names the consent of each patient for whom the point consented.
    """

    participant_id: UUID
    source: Source
    people: tuple[UUID, ...] = ()
    consented: frozenset[UUID] = frozenset()
    relies_on: Mapping[UUID, UUID] = {}
    ultrasound: Ultrasound | None = None
    diagnostic: bool | None = None
    frozen: bool = False
    strokes: frozenset[UUID] = frozenset()
    live: bool = True

    @property
    def without_consent(self) -> tuple[UUID, ...]:
        return tuple(person for person in self.people if person not in self.consented)


class Recording(Value):
    track_ids: tuple[UUID, ...]
    status: RecordingStatus = RecordingStatus.AUTHORISED

    @property
    def running(self) -> bool:
        return self.status in (RecordingStatus.AUTHORISED, RecordingStatus.STARTED)
