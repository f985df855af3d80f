"""Which frame somebody speaks of: times as a viewer gets them, and as the publisher sent them.

Rules: each viewer has numbers of its own, since layers and publishers change under it; what is recorded is in the time
of the source, what is told is in the time of whoever it is told to. Without sender reports the worker's clock tells
when a frame was taken.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from uuid import UUID

from domain._live import Frame
from media.published import PublishedTrack

if TYPE_CHECKING:
    from media.downtrack import Downtrack
    from media.layer import Layer
    from media.room import Room

NTP_ERA = datetime(1900, 1, 1, tzinfo=UTC)
HALF, WHOLE = 2**31, 2**32


def frame_of(room: Room, track: PublishedTrack, participant_id: UUID, rtp: int | None, now: datetime) -> Frame:
    """The frame that this participant saw at this RTP time, or the newest one when it does not say."""
    down = _downtrack(room, track, participant_id)
    layer = down.layer if down is not None and down.layer is not None else track.best()
    if layer is None or layer.newest is None:
        return Frame(rtp_timestamp=rtp or 0, taken_at=now)
    if rtp is None:
        source = layer.newest.timestamp
    else:
        source = (rtp - (down.continuity.timestamp if down is not None else 0)) % WHOLE
    return Frame(rtp_timestamp=source, taken_at=_taken_at(layer, source, track.description.clock_rate, now))


def as_seen_by(room: Room, track: PublishedTrack, participant_id: UUID, source: int) -> int | None:
    """The RTP time of that frame in the numbers of this viewer; None for whoever does not watch it here."""
    down = _downtrack(room, track, participant_id)
    return (source + down.continuity.timestamp) % WHOLE if down is not None else None


def _downtrack(room: Room, track: PublishedTrack, participant_id: UUID) -> Downtrack | None:
    about = track.description
    for viewer in room.viewers.values():
        if viewer.grant.participant_id != participant_id:
            continue
        for seat in viewer.seats:
            if (seat.point_id, seat.source, seat.kind) == (about.point_id, about.source, about.kind):
                return seat.down
    return None


def _taken_at(layer: Layer, source: int, clock_rate: int, now: datetime) -> datetime:
    """By the publisher's clock where it told it, within half a turn of the RTP clock."""
    if layer.clock is not None:
        ntp, told, _ = layer.clock
        at, rtp = NTP_ERA + timedelta(seconds=ntp / 0x100000000), told
    else:
        at, rtp = now, layer.newest.timestamp if layer.newest is not None else source
    passed = (source - rtp + HALF) % WHOLE - HALF
    # A client may name any time; a day from now is none of this picture.
    if abs(passed) > 3600 * clock_rate:
        return now
    return at + timedelta(seconds=passed / clock_rate)
