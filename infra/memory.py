"""The log in memory: the twin of the PostgreSQL store, on the eventsourcing library's own in-memory recorder.

For deciders' journeys and property tests. Held to the same contract tests as the real one.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

from eventsourcing.persistence import StoredEvent
from eventsourcing.popo import POPOApplicationRecorder

from commands._bus import Append, Appended, Conflict
from domain._kernel import Recorded
from infra.mapper import Stored, to_recorded, to_stored_state


class MemoryEventStore:
    def __init__(self) -> None:
        self._recorder = POPOApplicationRecorder()
        self._rows: list[Stored] = []
        self._answers: dict[UUID, Appended] = {}
        self._lock = threading.Lock()

    async def load(self, after: Mapping[UUID, int]) -> Mapping[UUID, Sequence[Recorded]]:
        found = {}
        for stream_id, version in after.items():
            kept = self._recorder.select_events(stream_id, gt=version)
            rows = {row.version: row for row in self._rows if row.stream_id == stream_id}
            if kept:
                found[stream_id] = [to_recorded(rows[one.originator_version]) for one in kept]
        return found

    async def append(self, wish: Append) -> Appended:
        if not wish.events:
            raise ValueError("an append needs an event")
        with self._lock:
            if wish.command_id in self._answers:
                return replace(self._answers[wish.command_id], repeated=True)
            expected = {**wish.guards, wish.stream_id: wish.expected_version}
            if any(self._version(stream_id) != version for stream_id, version in expected.items()):
                raise Conflict()
            return self._add(wish)

    async def answer_to(self, command_id: UUID) -> Appended | None:
        first = self._answers.get(command_id)
        return first and replace(first, repeated=True)

    async def close(self) -> None:
        self._recorder = POPOApplicationRecorder()

    @property
    def rows(self) -> Sequence[Stored]:
        """The whole log in order."""
        return tuple(self._rows)

    def _version(self, stream_id: UUID) -> int:
        last = self._recorder.select_events(stream_id, desc=True, limit=1)
        return last[0].originator_version if last else 0

    def _add(self, wish: Append) -> Appended:
        now = max([datetime.now(UTC), *(row.recorded_at for row in self._rows[-1:])])
        stored = [
            StoredEvent(wish.stream_id, wish.expected_version + n, new.event.name, to_stored_state(new.event))
            for n, new in enumerate(wish.events, 1)
        ]
        positions = self._recorder.insert_events(stored) or ()
        for position, one, new in zip(positions, stored, wish.events, strict=True):
            self._rows.append(
                Stored(
                    position,
                    wish.stream_id,
                    one.originator_version,
                    one.topic,
                    new.event.schema_version,
                    one.state,
                    new.metadata.to_json(),
                    now,
                )
            )
        last = self._rows[-1]
        answer = Appended(wish.stream_id, last.version, last.position, wish.fingerprint)
        self._answers[wish.command_id] = answer
        return answer
