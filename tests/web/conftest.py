"""One Chromium, one house and one room of three points for all tests of the page; nothing of it is made twice.

They end with the last test of this package: a live room would take the machine from the tests behind it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from playwright.async_api import Browser

from tests.media.browser import browser
from tests.own_postgres import fresh_database
from tests.web.care import Care, open_consultation, start_examination
from tests.web.house import House
from tests.web.house import house as made
from tests.web.seats import LAPTOP, PHONE, Seat, all_come_in, seat

if TYPE_CHECKING:
    from tests.conftest import Stack

SMALL = "320x180@10"
FULL_HD = (1920, 1080, 5)


@dataclass
class Room:
    """The chair at a laptop, the point with the ultrasound at another, and a point with a phone."""

    care: Care
    chair: Seat
    probe: Seat
    phone: Seat

    @property
    def seats(self) -> tuple[Seat, Seat, Seat]:
        return self.chair, self.probe, self.phone


@pytest.fixture(scope="package")
async def chromium() -> AsyncIterator[Browser]:
    async with browser() as launched:
        yield launched


@pytest.fixture(scope="package")
async def house(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[House]:
    async with fresh_database(stack.dsn) as dsn, made(dsn, tmp_path_factory.mktemp("house")) as one:
        yield one


@pytest.fixture(scope="package")
async def going_on(chromium: Browser, house: House) -> AsyncIterator[Room]:
    care = await open_consultation(house.settings, house.url)
    await start_examination(house.settings, care)
    async with AsyncExitStack() as screens:
        seats = []
        for at, screen in enumerate((LAPTOP, LAPTOP, PHONE)):
            scanner = FULL_HD if at == 1 else None
            seats.append(await screens.enter_async_context(seat(chromium, care, at, screen, scanner, size=SMALL)))
        await all_come_in(seats)
        yield Room(care, *seats)
    await care.close()


@pytest.fixture
async def room(going_on: Room) -> Room:
    """With nothing open at the side of any page, also when the test before broke off in the middle."""
    for one in going_on.seats:
        await one.tidy()
    return going_on
