"""What was pointed at, drawn, frozen and taken from the pictures of a room, in the time of the picture?

With the recording this replays what everybody saw: each mark has the RTP time of its frame and the sender's clock, and
its dots lie in the picture from 0 to 1.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, TypedDict
from uuid import UUID

from domain._kernel import Recorded
from domain._live import Dot, Frame, Shape
from domain.live_session import (
    PictureFrozen,
    PictureReleased,
    PointerPlaced,
    StillCaptured,
    StrokeDrawn,
    StrokesCleared,
)
from projections._page import Condition, Page, matching, page
from projections._table import Row
from projections._view import Connection, Content, View


class Mark(StrEnum):
    """What a mark is; this tells which of its fields are filled."""

    FROZEN = "frozen"
    RELEASED = "released"
    POINTED = "pointed"
    DRAWN = "drawn"
    CLEARED = "cleared"
    STILL = "still"


class MarkDot(TypedDict):
    """A place in the picture, from 0 to 1, and how many ms after the first dot."""

    x: Decimal
    y: Decimal
    at_ms: int


@dataclass(slots=True, kw_only=True)
class PictureMark(Row):
    """Something that was done with a picture, by whom and at which of its frames."""

    live_session_id: UUID
    version: int
    what: Mark
    happened_at: datetime
    track_id: UUID
    participant_id: UUID | None = None
    rtp_timestamp: int | None = None
    taken_at: datetime | None = None
    shape: Shape | None = None
    dots: list[MarkDot] = field(default_factory=list)
    label: str | None = None
    stroke_ids: list[UUID] = field(default_factory=list)
    image_id: UUID | None = None
    diagnostic: bool | None = None


view = View("picture_marks", version=1, content=Content.CASE, stream="live_session_id")
marks_ = view.table(PictureMark, ("live_session_id", "version"), indexes=["track_id"])


def _mark(
    at: Recorded, what: Mark, track_id: UUID, frame: Frame | None = None, dots: tuple[Dot, ...] = (), **told: Any
) -> PictureMark:
    return PictureMark(
        live_session_id=at.stream_id,
        version=at.version,
        what=what,
        happened_at=at.happened_at,
        track_id=track_id,
        rtp_timestamp=frame.rtp_timestamp if frame else None,
        taken_at=frame.taken_at if frame else None,
        dots=[MarkDot(x=dot.x, y=dot.y, at_ms=dot.at_ms) for dot in dots],
        **told,
    )


@marks_.inserts(PictureFrozen)
def frozen(event: PictureFrozen, at: Recorded) -> PictureMark:
    return _mark(at, Mark.FROZEN, event.track_id, event.frame, participant_id=event.participant_id)


@marks_.inserts(PictureReleased)
def released(event: PictureReleased, at: Recorded) -> PictureMark:
    return _mark(at, Mark.RELEASED, event.track_id, participant_id=event.participant_id)


@marks_.inserts(PointerPlaced)
def pointed(event: PointerPlaced, at: Recorded) -> PictureMark:
    return _mark(at, Mark.POINTED, event.track_id, event.frame, event.dots, participant_id=event.participant_id)


@marks_.inserts(StrokeDrawn)
def drawn(event: StrokeDrawn, at: Recorded) -> PictureMark:
    told: dict[str, Any] = {"shape": event.shape, "label": event.label, "stroke_ids": [event.stroke_id]}
    return _mark(at, Mark.DRAWN, event.track_id, event.frame, event.dots, participant_id=event.participant_id, **told)


@marks_.inserts(StrokesCleared)
def cleared(event: StrokesCleared, at: Recorded) -> PictureMark:
    told: dict[str, Any] = {"participant_id": event.participant_id, "stroke_ids": list(event.stroke_ids)}
    return _mark(at, Mark.CLEARED, event.track_id, **told)


@marks_.inserts(StillCaptured)
def still(event: StillCaptured, at: Recorded) -> PictureMark:
    told: dict[str, Any] = {"image_id": event.image_id, "diagnostic": event.diagnostic}
    return _mark(at, Mark.STILL, event.track_id, event.frame, **told)


@view.query
async def picture_marks(
    db: Connection,
    visible: Condition,
    live_session_id: UUID,
    track_id: UUID | None = None,
    what: list[Mark] | None = None,
    *,
    size: int = 100,
    after: str | None = None,
) -> Page[PictureMark]:
    """What was done with the pictures of this room, in order."""
    wanted = matching(live_session_id=live_session_id, track_id=track_id, what=what)
    return await page(db, marks_, wanted & visible, ("version",), size=size, after=after)
