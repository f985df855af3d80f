"""A real Chromium, shared by the tests of live media.

Rules: it is Debian's, driven by Playwright; where it is missing and this process may install it, it is installed, and
else the test says what to install; pages come from loopback, cameras are Chromium's own test pattern.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from playwright.async_api import Browser, Page, async_playwright

WAYS = ("chromium", "chromium-browser")
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


def executable() -> str:
    """Where Chromium is; installs it or fails with what to install."""
    found = next((path for way in WAYS if (path := shutil.which(way))), None)
    if found is None and os.geteuid() == 0 and shutil.which("apt-get"):
        subprocess.run(["apt-get", "install", "-y", "-q", "chromium"], check=False, capture_output=True, timeout=600)
        found = next((path for way in WAYS if (path := shutil.which(way))), None)
    if found is None:
        pytest.fail("Chromium is missing: apt-get install chromium")
    return found


@asynccontextmanager
async def browser() -> AsyncIterator[Browser]:
    path = await asyncio.to_thread(executable)
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
