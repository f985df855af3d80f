"""The log of the day, read back through the event feed by an auditor, who sees that things happened and no content."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID

from infra.client import Subscription
from infra.demo.day import Day, NotAsItMustBe, Person

EVENTS = """
subscription ($after: Position, $stream: UUID) {
  events(after: $after, streamId: $stream) {
    position
    events { position streamId version aggregate name commandId data }
  }
}
"""
READ_WITHIN_S = 30.0


async def read(day: Day, who: Person, after: int, upto: int, stream: UUID | None = None) -> list[dict[str, Any]]:
    """The events in (after, upto], of one stream or of all."""
    wanted = {"stream": str(stream) if stream else None}
    subscription = day.client(who).subscribe(EVENTS, after, **wanted)
    try:
        async with asyncio.timeout(READ_WITHIN_S):
            return await _until(subscription, upto)
    except TimeoutError:
        raise NotAsItMustBe(f"the feed stayed at {subscription.position} and did not reach {upto}") from None
    finally:
        await subscription.close()


async def end(day: Day, who: Person) -> int:
    """The position up to which the log and the views have come."""
    subscription = day.client(who).subscribe(EVENTS)
    try:
        async for frame in subscription.frames():
            return frame.position
    finally:
        await subscription.close()
    raise NotAsItMustBe("the feed did not say where it stands")


async def _until(subscription: Subscription, upto: int) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    async for frame in subscription.frames():
        found.extend(event for event in frame.update["events"] if event["position"] <= upto)
        if frame.position >= upto:
            break
    return found
