"""Which layer of a picture a viewer gets: a decision on numbers, without a clock or a line of its own.

Rules: down when the line says so for two seconds, up only after it has carried what is there for a while. A browser's
own estimate (REMB) begins low, and grows no further than what it is sent: so one that is below what we send means
nothing while it grows, and much when it falls; and going up is tried, each try that fails doubling the wait for the
next one. Sound is left out of the sum first, so a picture never takes its place.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

LOSSY = 0.10
CLEAN = 0.02
HEADROOM = 1.1
FALLING = 0.95
FIRST_WAIT_SECONDS = 4.0
LONGEST_WAIT_SECONDS = 64.0
TRIAL_SECONDS = 4.0
BAD_SECONDS_UNTIL_DOWN = 2


@dataclass(slots=True)
class Choice:
    """The memory of one viewer's picture. Asked once a second; `ceiling` is the best rank that may be chosen."""

    ceiling: int | None = None
    wait_seconds: float = FIRST_WAIT_SECONDS
    congested: bool = False
    """Whether the line said in the last second that it is too much."""
    _good_seconds: int = 0
    _bad_seconds: int = 0
    _tried_ago: int = -1
    _estimate_kbit: float | None = None

    def next_rank(self, now: int, rates_kbit: Sequence[float], estimate_kbit: float | None, loss: float) -> int:
        """The rank to send: `now` is the present one, `rates_kbit` what each layer takes, poorest first."""
        top = len(rates_kbit) - 1
        if self.ceiling is not None:
            top = min(top, self.ceiling)
        if top < 0:
            return -1
        now = min(now, top)
        self.congested = loss > LOSSY or self._falls_below(rates_kbit[max(now, 0)], estimate_kbit)
        self._tried_ago += self._tried_ago >= 0
        if self.congested:
            return self._bad_second(now)
        self._bad_seconds = 0
        self._good_seconds = self._good_seconds + 1 if loss < CLEAN else 0
        if self._tried_ago > TRIAL_SECONDS:
            self._tried_ago, self.wait_seconds = -1, FIRST_WAIT_SECONDS
        if now < top and self._may_rise(rates_kbit[now + 1], estimate_kbit):
            self._good_seconds, self._tried_ago = 0, 0
            return now + 1
        return now

    def _falls_below(self, rate_kbit: float, estimate_kbit: float | None) -> bool:
        before, self._estimate_kbit = self._estimate_kbit, estimate_kbit
        if estimate_kbit is None or before is None:
            return False
        # A viewer that goes on saying "too much" has not recovered only because it stopped falling.
        falling = estimate_kbit < FALLING * before or (self._bad_seconds > 0 and estimate_kbit <= before)
        return falling and estimate_kbit < rate_kbit

    def _may_rise(self, rate_kbit: float, estimate_kbit: float | None) -> bool:
        if estimate_kbit is not None and estimate_kbit > HEADROOM * rate_kbit:
            return self._good_seconds >= FIRST_WAIT_SECONDS / 2
        return self._good_seconds >= self.wait_seconds

    def _bad_second(self, now: int) -> int:
        self._good_seconds = 0
        self._bad_seconds += 1
        if self._bad_seconds < BAD_SECONDS_UNTIL_DOWN or now <= 0:
            return now
        self._bad_seconds = 0
        if 0 <= self._tried_ago <= TRIAL_SECONDS:
            self.wait_seconds = min(2 * self.wait_seconds, LONGEST_WAIT_SECONDS)
        self._tried_ago = -1
        return now - 1
