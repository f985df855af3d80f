"""The rooms of this worker as the log tells them: read from the streams themselves, not from a view that may be late.

Rules: the log is read on from where it was read to, so nothing is missed while the database is away, and nothing is
told twice; a room that this worker no longer has is forgotten, and is read from its beginning when it is made again.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from uuid import UUID

from commands._bus import EventStore
from domain._kernel import Recorded
from domain._live_session import LiveSession
from domain.consultation import Consultation
from media.orders import Orders, orders_of


@dataclass(frozen=True, slots=True)
class Known:
    """A room, and the consultation whose room it is, as far as they were read."""

    live_session: LiveSession = field(default_factory=LiveSession)
    version: int = 0
    consultation: Consultation = field(default_factory=Consultation)
    consultation_version: int = 0

    @property
    def orders(self) -> Orders:
        care = self.consultation if self.live_session.consultation_id is not None else None
        return orders_of(self.live_session, self.version, care)


@dataclass(frozen=True, slots=True)
class Chapter:
    """What came since the room was read last, and what is ordered after it; at the first reading nothing is new."""

    session_id: UUID
    orders: Orders
    events: Sequence[Recorded]
    live_session: LiveSession


class Followed:
    """Reads on in the streams of rooms and of their consultations."""

    def __init__(self, store: EventStore) -> None:
        self._store = store
        self._rooms: Mapping[UUID, Known] = {}

    async def read_on(self, session_ids: Collection[UUID], anew: Collection[UUID] = ()) -> Sequence[Chapter]:
        """The rooms in which something came; those `anew` are read from their beginning."""
        before = {id_: one for id_, one in self._rooms.items() if id_ in session_ids and id_ not in anew}
        known = {id_: before.get(id_, Known()) for id_ in session_ids}
        rooms = await self._store.load({id_: one.version for id_, one in known.items()}) if known else {}
        for id_, events in rooms.items():
            room = known[id_].live_session.after(at.event for at in events)
            known[id_] = replace(known[id_], live_session=room, version=events[-1].version)
        moved = await self._consultations(known)
        self._rooms = {id_: one for id_, one in known.items() if one.version}
        return [
            Chapter(id_, one.orders, rooms.get(id_, ()) if id_ in before else (), one.live_session)
            for id_, one in self._rooms.items()
            if id_ in rooms or id_ in moved
        ]

    async def _consultations(self, known: dict[UUID, Known]) -> Collection[UUID]:
        wanted = {care: id_ for id_, one in known.items() if (care := one.live_session.consultation_id) is not None}
        if not wanted:
            return ()
        found = await self._store.load({care: known[id_].consultation_version for care, id_ in wanted.items()})
        for care, events in found.items():
            one = known[wanted[care]]
            consultation = one.consultation.after(at.event for at in events)
            known[wanted[care]] = replace(one, consultation=consultation, consultation_version=events[-1].version)
        return [wanted[care] for care in found]
