"""What came of the day, computed from the views and the log; what this client noted is only compared with them."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from infra.client import Accepted, Rejected
from infra.demo.day import Day
from infra.demo.delivery import latencies_ms, percentile
from infra.demo.evidence import Evidence
from infra.demo.live.account import figures
from infra.demo.proof import Proof
from infra.demo.verdict import complaints, is_dense
from infra.demo.views import Views
from infra.demo.watchers import Watcher


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
    proof: Proof | None = None
    live: dict[str, Any] | None = None

    def as_json(self) -> str:
        # Ids and places of files as texts.
        return json.dumps(asdict(self), ensure_ascii=False, indent=2, default=str)

    def proved(self, proof: Proof) -> Summary:
        """The same with what the auditor's verifier said; it is wrong when a falsification was not named."""
        wrong = [] if proof.holds else [f"the verifier said of the day: {proof.verdict}"]
        wrong += [
            f"{one.what} at {one.position} was not named: {one.verdict}" for one in proof.tampered if not one.named
        ]
        return replace(self, proof=proof, wrong=[*self.wrong, *wrong])


def summarise(day: Day, evidence: Evidence, watchers: Sequence[Watcher]) -> Summary:
    """The figures, and what is wrong with them."""
    results = [answer.result for answer in evidence.answers]
    waits = latencies_ms(watchers, day.sent)
    return Summary(
        first_position=evidence.before + 1,
        last_position=evidence.last,
        dense=is_dense(evidence),
        events=dict(Counter(event["aggregate"] for event in evidence.log).most_common()),
        accepted=sum(isinstance(result, Accepted) for result in results),
        refused=dict(Counter(result.code for result in results if isinstance(result, Rejected)).most_common()),
        subscribers=len(watchers),
        frames=sum(watcher.frames for watcher in watchers),
        deliveries=sum(len(watcher.told) for watcher in watchers),
        resumed=sum(watcher.resumed for watcher in watchers),
        gaps=sum(len(one.missed) for one in evidence.delivered),
        doubles=sum(len(one.doubled) for one in evidence.delivered),
        p50_ms=round(percentile(waits, 50), 1),
        p99_ms=round(percentile(waits, 99), 1),
        **_shown(evidence.views),
        wrong=complaints(evidence),
        live=figures(evidence.live) if evidence.live else None,
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
