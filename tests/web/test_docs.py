"""The page that docs/web.md has a reader write is run as it stands there, under the policy of the room."""

from __future__ import annotations

from functools import partial

import httpx
import pytest
from playwright.async_api import Browser, Route

from tests.docs.blocks import blocks_of
from tests.product import ROOT
from tests.web.conftest import Room
from tests.web.seats import PATIENCE_S, until

PAGE = ROOT / "docs" / "web.md"
TYPES = {"html": "text/html; charset=utf-8", "js": "text/javascript; charset=utf-8"}


@pytest.mark.timeout(180)
async def test_the_first_page_shows_the_ultrasound_and_says_what_it_is_good_for(chromium: Browser, room: Room) -> None:
    care = room.care
    async with httpx.AsyncClient() as http:
        served = await http.get(care.room_url)
    policy = {"Content-Security-Policy": served.headers["content-security-policy"]}
    # Chromium takes an answer that the test gives for one from the open network, which may not call this machine.
    context = await chromium.new_context(permissions=["local-network-access"])
    context.set_default_timeout(PATIENCE_S * 1000)
    try:
        for block in blocks_of(PAGE):
            if block.what:
                headers = {**policy, "Content-Type": TYPES[block.language]}
                answer = partial(Route.fulfill, body=block.text, headers=headers)
                await context.route(f"**/room/{block.what}", answer)
        page = await context.new_page()
        faults: list[str] = []
        page.on("pageerror", lambda fault: faults.append(str(fault)))
        address = care.link(2).replace("/room/#", "/room/first.html#")
        await page.goto(address)
        moves = "() => document.getElementById('scan').getVideoPlaybackQuality().totalVideoFrames > 3"
        await page.wait_for_function(moves, polling=200)
        assert "token" not in page.url

        async def told() -> str | None:
            text = await page.inner_text("#says")
            return text if "chẩn đoán" in text else None

        assert await until(told) in ("Đạt chất lượng chẩn đoán", "Không dùng để chẩn đoán")
        await page.wait_for_function("() => document.getElementById('points').innerText.includes('Bệnh viện Mẫu')")
        assert faults == []
    finally:
        await context.close()
