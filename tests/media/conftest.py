"""One Chromium for all tests of live media, and a worker of its own for each."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Browser

from tests.media.browser import browser
from tests.media.ward import Ward
from tests.media.ward import ward as made


@pytest.fixture(scope="session")
async def chromium() -> AsyncIterator[Browser]:
    async with browser() as launched:
        yield launched


@pytest.fixture
async def ward() -> AsyncIterator[Ward]:
    async with made() as one:
        yield one
