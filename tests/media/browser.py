"""A real Chromium, shared by the tests of live media.

Rules: it is Debian's, driven by Playwright; where it is missing the test fails and says what to install; pages come
from loopback, cameras are Chromium's own test pattern.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from playwright.async_api import Browser, Page, async_playwright

from tests.debian import program

FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--no-first-run",
    "--disable-component-update",
    "--disable-sync",
    "--use-fake-device-for-media-stream=fps=30",
    "--use-fake-ui-for-media-stream",
    "--autoplay-policy=no-user-gesture-required",
    "--disable-background-timer-throttling",
    "--disable-renderer-backgrounding",
    "--disable-backgrounding-occluded-windows",
)


@asynccontextmanager
async def browser() -> AsyncIterator[Browser]:
    path = program("chromium", "chromium", "chromium-browser")
    async with async_playwright() as playwright:
        launched = await playwright.chromium.launch(executable_path=path, args=list(FLAGS), headless=True)
        try:
            yield launched
        finally:
            await launched.close()


@asynccontextmanager
async def page(chromium: Browser, url: str) -> AsyncIterator[Page]:
    """A page of its own profile; what it writes to its console and could not handle is printed."""
    context = await chromium.new_context()
    opened = await context.new_page()
    opened.on("pageerror", lambda fault: print("page:", fault))
    try:
        await opened.goto(url)
        yield opened
    finally:
        await context.close()
