"""The points of a consultation (điểm cầu): who sits at which place, who is on the line, and who has the floor.

A place is given with the invitation and never changes: a point whose line drops comes back to the same place.
"""

from __future__ import annotations

from enum import StrEnum
from uuid import UUID

from domain._kernel import Value


class PointRole(StrEnum):
    """The centre advises, bridge points present their patients and discuss, observers learn and are silent."""

    CENTRE = "centre"
    BRIDGE_POINT = "bridge_point"
    OBSERVER = "observer"


class GuestRole(StrEnum):
    """The roles in which the centre invites others."""

    BRIDGE_POINT = "bridge_point"
    OBSERVER = "observer"


class Presence(StrEnum):
    INVITED = "invited"
    CONFIRMED = "confirmed"
    JOINED = "joined"
    LEFT = "left"


class LeaveReason(StrEnum):
    LEFT = "left"
    LINE_LOST = "line_lost"
    REMOVED = "removed"


class Point(Value):
    """A facility that takes part; it is known by the facility's id."""

    facility_id: UUID
    role: PointRole
    place: int
    presence: Presence

    @property
    def may_speak(self) -> bool:
        return self.presence is Presence.JOINED and self.role is not PointRole.OBSERVER

    def with_presence(self, presence: Presence) -> Point:
        return self.model_copy(update={"presence": presence})
