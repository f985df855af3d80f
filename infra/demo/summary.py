"""What came of the day, computed from the views and the log; what this client noted is only compared with them."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass, field
from typing import Any
from uuid import UUID

from infra.client import Accepted, Rejected
from infra.demo import feed
from infra.demo.day import Day
from infra.demo.delivery import deliveries, latencies_ms, percentile
from infra.demo.people import Cast
from infra.demo.verdict import complaints
from infra.demo.views import Views, read_views
from infra.demo.watchers import Watchers

CAUGHT_UP_WITHIN_S = 20.0


@dataclass(frozen=True)
class Summary:
    """The figures of a day. `wrong` says what is not as it must be; empty when all is."""

    first_position: int
    last_position: int
    dense: bool
    events: dict[str, int]
    accepted: int
    refused: dict[str, int]
    subscribers: int
    frames: int
    deliveries: int
    resumed: int
    gaps: int
    doubles: int
    p50_ms: float
    p99_ms: float
    connected: int
    connected_on_the_day: int
    provinces: int
    targets: list[dict[str, Any]]
    consultation: str
    points: dict[str, int]
    referrals_closed: int
    images: int
    images_for_diagnosis: int
    signatures: int
    wrong: list[str] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


async def summarise(day: Day, cast: Cast, consultation_id: UUID, watchers: Watchers) -> Summary:
    """Read the day back, and judge it."""
    audience, before = watchers.all, day.started_at
    auditor = day.person("auditor", "Kiểm toán Mẫu")
    accepted = [answer for answer in day.answers if isinstance(answer.result, Accepted)]
    positions = [answer.result.position for answer in accepted if isinstance(answer.result, Accepted)]
    last = max(positions)
    views = await read_views(day, cast, consultation_id, last)
    # Frames still under way are no gaps; those that do not come within the time are.
    await watchers.caught_up(views.board["position"], CAUGHT_UP_WITHIN_S)
    log = await feed.read(day, auditor, before, last)
    session = [event for event in log if event["streamId"] == str(consultation_id)]
    judged = deliveries(audience, feed.positions(session))
    waits = latencies_ms(audience, day.sent)
    wrong = complaints(day.answers, log, session, judged, views, before, last)
    return Summary(
        first_position=before + 1,
        last_position=last,
        dense=feed.positions(log) == list(range(before + 1, last + 1)),
        events=dict(Counter(event["aggregate"] for event in log).most_common()),
        accepted=len(accepted),
        refused=dict(Counter(a.result.code for a in day.answers if isinstance(a.result, Rejected)).most_common()),
        subscribers=len(audience),
        frames=sum(watcher.frames for watcher in audience),
        deliveries=sum(len(watcher.told) for watcher in audience),
        resumed=sum(watcher.resumed for watcher in audience),
        gaps=sum(len(one.missed) for one in judged),
        doubles=sum(len(one.doubled) for one in judged),
        p50_ms=round(percentile(waits, 50), 1),
        p99_ms=round(percentile(waits, 99), 1),
        **_shown(views),
        wrong=wrong,
    )


def _shown(views: Views) -> dict[str, Any]:
    """What the views say of the day."""
    version = views.minutes["versions"][-1]
    return {
        "connected": views.now["connected"],
        "connected_on_the_day": views.then["connected"],
        "provinces": views.then["provincesConnected"],
        "targets": views.now["targets"],
        "consultation": views.board["status"],
        "points": {f"{one['role']} {one['presence']}": one["points"] for one in views.board["attendance"]},
        "referrals_closed": sum(row["status"] == "CLOSED" for row in views.referrals.values()),
        "images": sum(row["images"] for row in views.examinations.values()),
        "images_for_diagnosis": sum(row["imagesForDiagnosis"] for row in views.examinations.values()),
        "signatures": len(version["signatures"]),
    }
