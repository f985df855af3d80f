"""How fast the clock of a played nation runs: as fast as the stack takes it, K times as fast as life, or like life.

Rules: like life means the clock on the wall, so that what is due by now is sent at once, also after a run was away; K
times as fast begins at the first step that is left. The pace never changes what is sent, only when.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from infra.nation.step import Step

# Steps that are due within so short a time on the wall are sent together.
TOGETHER_S = 0.05
Now = Callable[[], datetime]


def _wall() -> datetime:
    return datetime.now(UTC)


class NoSuchSpeed(ValueError):
    """A speed is `real`, `max`, or a number of times such as ×60."""


@dataclass
class Pace:
    """`times` is None for as fast as possible; `real` follows the wall's own time of day."""

    times: float | None = None
    real: bool = False
    now: Now = _wall
    _began: tuple[datetime, datetime] | None = field(default=None, init=False)

    @classmethod
    def of(cls, speed: str) -> Pace:
        if speed == "max":
            return cls()
        if speed == "real":
            return cls(times=1.0, real=True)
        try:
            times = float(speed.removeprefix("×").removeprefix("x"))
        except ValueError:
            times = 0.0
        if not 0 < times <= 1_000_000:
            raise NoSuchSpeed(f"{speed!r} is no speed: real, max, or a number of times such as ×60")
        return cls(times=times)

    async def parts(self, chains: Sequence[list[Step]]) -> AsyncIterator[list[list[Step]]]:
        """The chains whole, or cut into what is due together, each part when it is due."""
        if self.times is None:
            yield list(chains)
            return
        left = [list(chain) for chain in chains]
        while left:
            at = min(chain[0].at for chain in left)
            await self._until(at)
            until = max(at, self._clock(at)) + timedelta(seconds=TOGETHER_S * self.times)
            due = [[step for step in chain if step.at <= until] for chain in left]
            left = [rest for chain in left if (rest := [step for step in chain if step.at > until])]
            yield [chain for chain in due if chain]

    async def _until(self, at: datetime) -> None:
        await asyncio.sleep(max(0.0, (at - self._clock(at)).total_seconds() / (self.times or 1)))

    def _clock(self, first: datetime) -> datetime:
        """What time it is in the nation."""
        now = self.now()
        if self.real:
            return now
        if self._began is None:
            self._began = (now, first)
        wall, nation = self._began
        return nation + (now - wall) * (self.times or 1)
