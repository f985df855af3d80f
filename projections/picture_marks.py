"""What was pointed at, drawn, frozen and taken from the pictures of a room, in the time of the picture?

With the recording this replays what everybody saw: each mark has the RTP time of its frame and the sender's clock, and
its dots lie in the picture from 0 to 1. A still keeps what was drawn on it: the strokes that lay over the picture when
it was taken, and all marks at the very frame that it shows.
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
from projections._page import Condition, Page, first, matching, page, select
from projections._table import Row
from projections._view import Connection, Content, View
from projections.live_session import LiveSession, tracks_


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


@dataclass(slots=True, kw_only=True)
class Drawing(Row):
    """A stroke on a picture; it lies there until it is cleared or its picture ends."""

    live_session_id: UUID
    stroke_id: UUID
    track_id: UUID
    participant_id: UUID
    shape: Shape
    dots: list[MarkDot]
    label: str | None
    drawn_at: datetime
    cleared_at: datetime | None = None


view = View("picture_marks", version=2, content=Content.CASE, stream="live_session_id")
marks_ = view.table(PictureMark, ("live_session_id", "version"), indexes=["track_id", "image_id"])
drawings_ = view.table(Drawing, ("live_session_id", "stroke_id"), part="drawing")


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
        dots=_dots(dots),
        **told,
    )


def _dots(dots: tuple[Dot, ...]) -> list[MarkDot]:
    return [MarkDot(x=dot.x, y=dot.y, at_ms=dot.at_ms) for dot in dots]


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
    return _mark(at, Mark.STILL, event.track_id, event.frame, stroke_ids=list(event.stroke_ids), **told)


# What lies on the pictures now -------------------------------------------------------------------------------


@drawings_.inserts(StrokeDrawn)
def drawing(event: StrokeDrawn, at: Recorded) -> Drawing:
    return Drawing(
        live_session_id=at.stream_id,
        stroke_id=event.stroke_id,
        track_id=event.track_id,
        participant_id=event.participant_id,
        shape=event.shape,
        dots=_dots(event.dots),
        label=event.label,
        drawn_at=at.happened_at,
    )


def _strokes(event: StrokesCleared, at: Recorded) -> list[tuple[UUID, UUID]]:
    return [(at.stream_id, stroke_id) for stroke_id in event.stroke_ids]


@drawings_.updates(StrokesCleared, key=_strokes)
def taken_off(row: Drawing, event: StrokesCleared, at: Recorded) -> None:
    row.cleared_at = at.happened_at


# Questions ---------------------------------------------------------------------------------------------------


@view.on_demand(LiveSession)
async def drawings(db: Connection, row: LiveSession) -> list[Drawing]:
    """What is drawn on the pictures of the room now, for whoever comes late."""
    lying = Condition("cleared_at is null") & Condition(
        f"track_id in (select track_id from {tracks_.name} where live_session_id = {{}} and ended_at is null)",
        (row.live_session_id,),
    )
    return await select(db, drawings_, matching(live_session_id=row.live_session_id) & lying, ("drawn_at",))


@view.query
async def image_marks(db: Connection, visible: Condition, image_id: UUID) -> list[PictureMark]:
    """What was drawn and pointed at on a still: what lay over it when it was taken, and every mark at its frame."""
    taken = await first(db, marks_, matching(image_id=image_id) & visible)
    if taken is None:
        return []
    drawn_on_it = Condition(
        "(rtp_timestamp = {} and image_id is null or (what = {} and stroke_ids <@ {}::jsonb))",
        (taken.rtp_timestamp, Mark.DRAWN, [str(one) for one in taken.stroke_ids]),
    )
    wanted = matching(live_session_id=taken.live_session_id, track_id=taken.track_id)
    return await select(db, marks_, wanted & drawn_on_it, ("version",))


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
