"""What the audience of the demo sees: what people do, and how the consultation stands as its subscribers are told.

Rules: presence, floor, cases and referrals come from subscriptions and from nowhere else; a terminal shows a board
that moves, everything else gets one short line for each step.
"""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from rich.console import Console

from infra.client import Accepted, Rejected

LAST_STEPS, LAST_EVENTS = 9, 6


@dataclass(frozen=True, slots=True)
class Step:
    """Something that happened in the script's words."""

    at: float
    text: str
    refusal: bool = False


@dataclass
class Stage:
    """Everything that is on show. `console` None keeps it to itself."""

    console: Console | None = None
    plain: bool = True
    began: float = field(default_factory=time.monotonic)
    steps: deque[Step] = field(default_factory=lambda: deque(maxlen=LAST_STEPS))
    events: deque[tuple[int, str]] = field(default_factory=lambda: deque(maxlen=LAST_EVENTS))
    accepted: int = 0
    refusals: Counter[str] = field(default_factory=Counter)
    hospitals: int = 0
    watching: int = 0
    board: dict[str, Any] = field(default_factory=dict)
    referrals: dict[str, dict[str, Any]] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    sent: dict[str, tuple[int, int, int]] = field(default_factory=dict)
    seen: dict[str, Mapping[str, int]] = field(default_factory=dict)
    stills: int = 0
    recording: str = ""

    def say(self, text: str) -> None:
        self._step(Step(time.monotonic() - self.began, text))

    def refused(self, who: str, name: str, answer: Rejected) -> None:
        # What is refused stands first, in the words that the rule has for people; the code for programs comes last.
        text = f"{who}: {answer.message} ({name}: {answer.code})"
        self._step(Step(time.monotonic() - self.began, text, refusal=True))

    def answered(self, result: Accepted | Rejected) -> None:
        if isinstance(result, Accepted):
            self.accepted += 1
        else:
            self.refusals[result.code] += 1

    def registered(self) -> None:
        self.hospitals += 1

    def sent_so_far(self, place: str, told: Mapping[str, int]) -> None:
        """Pictures and sounds that a camera or an ultrasound has sent, as it tells itself."""
        self.sent[place] = told["pictures"], told["sounds"], told["returns"]

    def seen_so_far(self, audience: str, told: Mapping[str, int]) -> None:
        """Pictures that came to an audience, by the place that sent them."""
        self.seen[audience] = told

    def consultation_told(self, update: Mapping[str, Any]) -> None:
        """A frame of the consultation's subscription."""
        self.board = update["consultation"] or self.board
        self.events.extend((event["position"], event["name"]) for event in update["events"])

    def inbox_told(self, update: Mapping[str, Any], since: datetime) -> None:
        """A frame of the referral inbox: those of this day, by their ids."""
        for row in update["referrals"]:
            if datetime.fromisoformat(row["draftedAt"]) >= since:
                self.referrals[row["referralId"]] = row

    def _step(self, step: Step) -> None:
        self.steps.append(step)
        if self.plain and self.console is not None:
            minutes, seconds = divmod(step.at, 60)
            mark = "✗" if step.refusal else " "
            line = f"{int(minutes):02}:{seconds:04.1f} {mark} {step.text}"
            self.console.print(line, markup=False, highlight=False, soft_wrap=True)
