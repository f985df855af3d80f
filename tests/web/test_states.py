"""When it does not go as it should: not let in, not open yet, a worker that dies, a session that ends."""

from __future__ import annotations

from uuid import uuid4

import pytest
from playwright.async_api import Browser

from tests.web.care import Care, Person, open_consultation, person
from tests.web.conftest import SMALL, Room
from tests.web.house import House
from tests.web.seats import seat

BRIGHTEST = """() => {
    const video = document.getElementById("big");
    const canvas = new OffscreenCanvas(160, 90);
    const at = canvas.getContext("2d");
    at.drawImage(video, 0, 0, 160, 90);
    return Math.max(...at.getImageData(0, 0, 160, 90).data.filter((_, place) => place % 4 < 3));
}"""
PLACE = """() => {
    const { x, y, width, height } = document.querySelector(".view").getBoundingClientRect();
    return [x, y, width, height];
}"""
ROW = ".people li:has-text('Thái Nguyên'):not(:has-text('Theo dõi'))"


async def test_whoever_was_not_invited_is_told_so_in_words_with_the_code(
    chromium: Browser, room: Room, house: House
) -> None:
    stranger = person(house.settings, "doctor", uuid4())
    care = Care(room.care.url, room.care.consultation_id, people=[stranger])
    async with seat(chromium, care, 0, size=SMALL) as one:
        await one.join()
        await one.page.wait_for_selector('[data-state="refused"]')
        text = await one.page.inner_text("main")
    assert "Không vào được phòng" in text
    assert "Cơ sở của bạn không được mời vào buổi này." in text
    assert "POINT_NOT_INVITED" in text
    await care.close()


async def test_a_token_that_is_none_leads_to_signing_in(chromium: Browser, room: Room) -> None:
    care = Care(room.care.url, room.care.consultation_id, people=[Person(uuid4(), "no.token.here")])
    async with seat(chromium, care, 0, observe="1") as one:
        await one.join()
        await one.page.wait_for_selector('[data-state="refused"]')
        assert "TOKEN_INVALID" in await one.page.inner_text("main")
        await one.page.click("button.primary")
        await one.page.wait_for_selector("#token")
    await care.close()


async def test_the_token_stands_in_no_address_that_is_sent_or_kept(chromium: Browser, room: Room) -> None:
    async with seat(chromium, room.care, 2, observe="1", size=SMALL) as one:
        await one.page.wait_for_selector("#join")
        assert "#" not in await one.reads("() => location.href")
        entries = await one.reads("() => performance.getEntriesByType('resource').map((one) => one.name).join(' ')")
        assert room.care.people[2].token not in entries


async def test_whoever_comes_early_waits_and_comes_in_by_himself(chromium: Browser, house: House) -> None:
    care = await open_consultation(house.settings, house.url, points=2, opened=False)
    async with seat(chromium, care, 1, observe="1") as one:
        await one.join()
        await one.page.wait_for_selector('[data-state="waiting"]')
        assert "Buổi hội chẩn chưa mở" in await one.page.inner_text("main")
        await care.tell(care.people[0], "openConsultation", consultationId=care.consultation_id)
        await one.inside()
    await care.close()


async def test_an_observer_sees_and_can_neither_send_nor_draw(chromium: Browser, room: Room) -> None:
    async with seat(chromium, room.care, 2, observe="1") as one:
        await one.join()
        await one.inside()
        await one.sees(3)
        assert await one.reads("() => room.sent.size") == 0
        assert await one.page.query_selector("#bar-sound") is None
        assert not await one.page.is_visible(".tools")


@pytest.mark.timeout(600)
async def test_a_worker_that_is_killed_brings_everybody_back_by_themselves(room: Room, house: House) -> None:
    for one in room.seats:
        await one.sees(2)
    before = [line["connections"] for line in await room.chair.lines()]
    at = await room.chair.reads(PLACE)
    house.kill("media")
    await room.chair.page.wait_for_selector(".banner.lost")
    assert await room.chair.reads(PLACE) == at, "a banner moves no picture under a pen"
    assert "Đang nối lại" in await room.chair.page.inner_text(".banner")
    assert await room.chair.reads(BRIGHTEST) > 60, "the last picture stays on the screen"
    for one, pictures in zip(room.seats, (3, 2, 3), strict=True):
        await one.reads("() => { window.seen = new Map(); }")
        await one.sees(pictures)
    await room.chair.page.wait_for_selector(".banner", state="hidden")
    after = await room.chair.lines()
    assert after[0]["connections"] > before[0]
    assert all(line["state"] == "live" for line in after)
    assert room.chair.faults == []


async def test_whoever_leaves_is_gone_for_the_others_and_can_come_back(room: Room) -> None:
    await room.phone.page.click("#bar-leave")
    await room.phone.page.click("#leave-yes")
    assert "Bạn đã rời phòng" in await room.phone.page.inner_text("main")
    await room.chair.until(
        f"() => !room.room.participants.some((one) => one.present && one.facilityId === '{room.care.points[2]}')"
    )
    await room.phone.page.click("button.primary")
    await room.phone.join()
    await room.phone.inside()
    await room.phone.sees(3)


async def test_the_chair_silences_somebody_and_lets_him_speak_again(room: Room) -> None:
    await room.chair.open("people")
    at = await room.phone.reads(PLACE)
    await room.chair.page.click(f"{ROW} button:text-is('Tắt tiếng')")
    await room.phone.page.wait_for_selector(".banner:has-text('Chủ toạ đã tắt tiếng của bạn')")
    assert await room.phone.reads(PLACE) == at, "a banner moves no picture under a pen"
    await room.chair.page.click(f"{ROW} button:text-is('Cho nói lại')")
    await room.phone.page.wait_for_selector(".banner:has-text('Chủ toạ')", state="hidden")


async def test_who_is_sent_out_is_told_so_and_comes_back_when_the_chair_lets_him(room: Room) -> None:
    await room.chair.open("people")
    await room.chair.page.click(f"{ROW} button:text-is('Mời ra')")
    await room.chair.page.fill("#remove-why", "Nhầm buổi hội chẩn.")
    await room.chair.page.press("#remove-why", "Enter")
    await room.phone.page.wait_for_selector('[data-state="refused"]')
    text = await room.phone.page.inner_text("main")
    assert "Bạn không còn trong phòng" in text
    assert "Chủ toạ đã mời bạn ra khỏi phòng." in text
    await room.chair.page.click(f"{ROW} button:text-is('Cho vào lại')")
    await room.chair.page.wait_for_selector("h3:text-is('Đã mời ra')", state="detached")
    await room.phone.page.click("button.primary")
    await room.phone.join()
    await room.phone.inside()
    await room.phone.sees(3)
