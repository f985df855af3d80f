"""Cameras and screens in real browsers, as the tests of live media talk of them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from playwright.async_api import Browser, Page

from infra.media_tokens import MediaRole, Source
from media.reporter import TrackBegan
from tests.media.browser import page
from tests.media.ward import Ward

FREEZE_MS = 500


@dataclass
class Screen:
    """One page. `name` is that of its connection."""

    page: Page
    ward: Ward

    async def publish(self, source: Source = Source.CAMERA, *, grant: dict[str, Any] | None = None, **how: Any) -> Any:
        """Sends the test pattern, and returns when its picture and its sound are there."""
        heard = self.ward.heard
        wanted = len(heard.of(TrackBegan)) + (2 if how.get("audio", True) else 1)
        arguments = [source.value, self.ward.whip(source), self.ward.token(**(grant or {})), how]
        answer = await self.page.evaluate("([n, u, t, o]) => publish(n, u, t, o)", arguments)
        await self.ward.until(lambda: len(heard.of(TrackBegan)) >= wanted)
        return answer

    async def watch(self, source: Source = Source.CAMERA, *, grant: dict[str, Any] | None = None, **how: Any) -> Any:
        arguments = ["screen", self.ward.whep(source), self.ward.token(MediaRole.VIEWER, **(grant or {})), how]
        return await self.page.evaluate("([n, u, t, o]) => watch(n, u, t, o)", arguments)

    async def stats(self, name: str = "screen") -> Any:
        return await self.page.evaluate("name => stats(name)", name)

    async def close(self, name: str = "screen") -> None:
        await self.page.evaluate("name => close(name)", name)

    def unfrozen(self, shown: Any) -> bool:
        """No picture stood for half a second, unless the machine itself stood; an idle one stands for milliseconds."""
        gap, stood = float(shown["longestGap"]), float(shown["stalled"]) + self.ward.stalled_ms
        return gap < FREEZE_MS + 2 * stood

    async def frames(self, at_least: int, name: str = "screen", seconds: float = 60) -> Any:
        """Waits until that many frames were shown; answers the statistics then."""
        async with asyncio.timeout(seconds):
            while True:
                found = await self.stats(name)
                if found["frames"] >= at_least:
                    return found
                await asyncio.sleep(0.1)


@asynccontextmanager
async def screen(chromium: Browser, ward: Ward) -> AsyncIterator[Screen]:
    async with page(chromium, ward.url) as opened:
        yield Screen(opened, ward)
