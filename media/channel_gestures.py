"""Pointing as it is recorded: one gesture is one fact, with some of its places and not each of sixty a second.

Rules: a gesture ends when it is said to, when it rests for a second, when it goes over to another picture, or when it
is long; of the places those are kept that lie a tenth of a second apart, and the last one.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from uuid import UUID

from domain._live import Dot, Frame

RESTS_NS, LONGEST_NS, APART_NS = 1_000_000_000, 5_000_000_000, 100_000_000


@dataclass(slots=True)
class Gesture:
    """A gesture on one picture, from its first frame on."""

    track_id: UUID
    frame: Frame
    began_ns: int
    dots: list[Dot] = field(default_factory=list)
    _kept_ns: int = 0
    _last_ns: int = 0
    _last: Dot | None = None

    def place(self, x: Decimal, y: Decimal, now_ns: int) -> None:
        dot = Dot(x=x, y=y, at_ms=(now_ns - self.began_ns) // 1_000_000)
        self._last_ns = now_ns
        if not self.dots or now_ns - self._kept_ns >= APART_NS:
            self.dots.append(dot)
            self._kept_ns, self._last = now_ns, None
        else:
            self._last = dot

    def over(self, now_ns: int) -> bool:
        return now_ns - self._last_ns >= RESTS_NS or now_ns - self.began_ns >= LONGEST_NS

    def whole(self) -> tuple[Dot, ...]:
        """Its places, once it is over."""
        return (*self.dots, self._last) if self._last is not None else tuple(self.dots)
