"""What was written in a room, by whom, in the order of the log?

Whoever comes late reads here what was said so far, and hears the rest over the data channel or the subscription of the
room, which bring the same messages with the same ids and positions.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from domain._kernel import Recorded
from domain.live_session import MessagePosted
from projections._page import Condition, Page, matching, page
from projections._table import Row
from projections._view import Connection, Content, View


@dataclass(slots=True, kw_only=True)
class LiveMessage(Row):
    """A message of a room: `version` is its place in the room, `writtenAt` when its writer sent it."""

    live_session_id: UUID
    version: int
    message_id: UUID
    participant_id: UUID
    text: str
    written_at: datetime


view = View("live_messages", version=1, content=Content.CASE, stream="live_session_id")
messages_ = view.table(LiveMessage, ("live_session_id", "version"))


@messages_.inserts(MessagePosted)
def posted(event: MessagePosted, at: Recorded) -> LiveMessage:
    return LiveMessage(
        live_session_id=at.stream_id,
        version=at.version,
        message_id=event.message_id,
        participant_id=event.participant_id,
        text=event.text,
        written_at=at.happened_at,
    )


@view.query
async def live_messages(
    db: Connection, visible: Condition, live_session_id: UUID, *, size: int = 100, after: str | None = None
) -> Page[LiveMessage]:
    """What was written in this room, in order."""
    wanted = matching(live_session_id=live_session_id) & visible
    return await page(db, messages_, wanted, ("version",), size=size, after=after)
