"""A consultation as it mostly is: a centre and five points, each of which is seen by all.

Rules: it comes before the tests that share a room, so that nine pages are never open at once.
"""

from __future__ import annotations

from contextlib import AsyncExitStack

import pytest
from playwright.async_api import Browser

from tests.web.care import open_consultation
from tests.web.conftest import SMALL
from tests.web.house import House
from tests.web.seats import seat

POINTS = 6


@pytest.mark.timeout(300)
async def test_six_points_each_send_a_picture_and_each_see_the_five_others(chromium: Browser, house: House) -> None:
    care = await open_consultation(house.settings, house.url, points=POINTS)
    async with AsyncExitStack() as screens:
        seats = [await screens.enter_async_context(seat(chromium, care, at, size=SMALL)) for at in range(POINTS)]
        for one in seats:
            await one.join()
        for one in seats:
            await one.inside()
        for one in seats:
            await one.sees(POINTS - 1, 180)
        sent = [await one.reads("() => [...room.sent.values()].map((line) => line.state)") for one in seats]
        assert sent == [["live"]] * POINTS
        assert [one.faults for one in seats] == [[]] * POINTS
    await care.close()
