"""How a process waits between two looks: it is woken at once when it is asked to end."""

from __future__ import annotations

import asyncio
from contextlib import suppress


async def rest(stop: asyncio.Event, seconds: float) -> None:
    """Until `stop` is set, or so long."""
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await stop.wait()
