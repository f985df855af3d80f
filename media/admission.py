"""Who may join now: joins are let in one after another, at a bounded rate.

Rules: a handshake takes about ten milliseconds of the loop, so two hundred at once would silence everybody for two
seconds; who cannot be let in soon is told when to come again, at once, and costs nothing more; waiting is first come,
first served.
"""

from __future__ import annotations

import asyncio

JOINS_A_SECOND = 15
WAITING = 45


class Crowded(Exception):
    """Too many wait already; `retry_after` is in whole seconds."""

    def __init__(self, retry_after: int) -> None:
        super().__init__(f"come again after {retry_after} s")
        self.retry_after = retry_after


class Admission:
    """Turns at `rate` a second; at most `waiting` may wait for theirs."""

    def __init__(self, rate: float = JOINS_A_SECOND, waiting: int = WAITING) -> None:
        self._pause = 1.0 / rate
        self._waiting = waiting
        self._next = 0.0

    async def turn(self) -> None:
        """Returns when it is one's turn; raises Crowded."""
        now = asyncio.get_running_loop().time()
        at = max(self._next, now)
        ahead = (at - now) / self._pause
        if ahead > self._waiting:
            raise Crowded(int(at - now) + 1)
        self._next = at + self._pause
        if at > now:
            await asyncio.sleep(at - now)
