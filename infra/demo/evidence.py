"""Four accounts of one day: the log, the views, what each subscriber was told, and the answers to commands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from infra.client import Accepted
from infra.demo import feed
from infra.demo.day import Answer, Day
from infra.demo.delivery import Delivery, deliveries
from infra.demo.live.account import Account
from infra.demo.people import Cast
from infra.demo.views import Views, read_views
from infra.demo.watchers import Watchers

CAUGHT_UP_WITHIN_S = 20.0

Events = Sequence[Mapping[str, Any]]


@dataclass(frozen=True)
class Evidence:
    """`log` holds the events in (before, last], whoever made them; `session` those of the consultation.

    `live` is None where nobody carries pictures.
    """

    before: int
    last: int
    log: Events
    session: Events
    views: Views
    answers: Sequence[Answer]
    delivered: Sequence[Delivery]
    live: Account | None = None


async def gather(
    day: Day, cast: Cast, consultation_id: UUID, watchers: Watchers, live: Account | None = None
) -> Evidence:
    """Read the day back, each account from its own source."""
    positions = [answer.result.position for answer in day.answers if isinstance(answer.result, Accepted)]
    if live is not None:
        positions.append(live.room["position"])
    before, last = day.started_at, max(positions)
    views = await read_views(day, cast, consultation_id, last)
    # Frames still under way are no gaps; those that do not come within the time are.
    await watchers.caught_up(views.board["position"], CAUGHT_UP_WITHIN_S)
    log = await feed.read(day, day.person("auditor", "Kiểm toán Mẫu"), before, last)
    session = [event for event in log if event["streamId"] == str(consultation_id)]
    judged = deliveries(watchers.all, [event["position"] for event in session])
    return Evidence(before, last, log, session, views, tuple(day.answers), judged, live)
