"""Whether a live picture is good enough for a diagnosis, decided from what is measured every second.

Rules: the gate itself is reference data of the day and the same that labels stills; a picture is labelled "not for
diagnosis" after a few seconds below it, and loses the label only after more seconds above; what was measured in the
second that decided goes with the fact. Pure: nothing here has a clock.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal

from domain._live import LegQuality
from domain._values import LinkQuality
from media.facts import LegNumbers

LOST_AFTER, REACHED_AFTER = 3, 5


@dataclass(slots=True)
class Gate:
    """The gate before one picture. `passes` is that of the day; `diagnostic` is None until it was decided once."""

    passes: Callable[[LinkQuality], bool]
    diagnostic: bool | None = None
    _seconds: int = 0

    def measured(self, numbers: LegNumbers) -> bool | None:
        """Take in a second; the answer is the new label when it changes."""
        passes = self.passes(leg_quality(numbers))
        if passes is self.diagnostic:
            self._seconds = 0
            return None
        if self._seconds * (1 if passes else -1) < 0:
            self._seconds = 0
        self._seconds += 1 if passes else -1
        if self._seconds >= REACHED_AFTER or self._seconds <= -LOST_AFTER:
            self.diagnostic, self._seconds = passes, 0
            return passes
        return None


def leg_quality(numbers: LegNumbers) -> LegQuality:
    """The numbers as facts hold them; one way is taken for half of the round trip, rounded up."""
    return LegQuality(
        bitrate_kbps=numbers.bitrate_kbps,
        delay_ms=-(-numbers.rtt_ms // 2),
        loss_percent=_two_places(min(max(numbers.loss_percent, 0.0), 100.0)),
        width=numbers.width,
        height=numbers.height,
        frames_per_second=_two_places(max(numbers.frames_per_second, 0.0)),
        rtt_ms=numbers.rtt_ms,
        jitter_ms=numbers.jitter_ms,
    )


def _two_places(number: float) -> Decimal:
    return Decimal(str(round(number, 2)))
