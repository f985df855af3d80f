"""Pictures of the room, made anew: `python -m tests.web.pictures`.

A whole stack of its own, a consultation of two laptops and a phone with drawn people and an ultrasound from a real
loop. Every state of the page is kept as a picture, in Vietnamese and in English; one of them stands in the README.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import sys
import tempfile
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from uuid import uuid4

from PIL import Image
from playwright.async_api import Browser

from infra.settings import ROOT
from tests.media.browser import browser
from tests.web.care import Care, Person, open_consultation, person, start_examination
from tests.web.seats import LAPTOP, PHONE, Seat, all_come_in, seat
from tests.web.stack import Stack

SCANNER = (1280, 720, 10)
DRAWN = (
    {"wall": "#9fb7c4", "coat": "#f4f7f8", "hair": "#2b2420"},
    {"wall": "#b9c6b4", "coat": "#dfeef5", "hair": "#3a2a20"},
    {"wall": "#c8bfb0", "coat": "#cfe6dc", "hair": "#1f1c1c"},
)
SAID = (
    "Gan có khối giảm âm ở hạ phân thuỳ VI.",
    "Xin dừng hình và khoanh vùng giúp.",
    "Đã khoanh, mời các điểm cầu xem.",
)
README = ROOT / "docs" / "img" / "room.png"
LARGEST_BYTES = 200_000


async def before(chromium: Browser, stack: Stack, care: Care, out: Path) -> None:
    """What there is to see without having come in."""
    stranger = person(stack.settings, "doctor", uuid4())
    for screen, name in ((LAPTOP, "laptop"), (PHONE, "phone")):
        async with seat(chromium, care, 1, screen, SCANNER, drawn=DRAWN[1]) as one:
            await one.page.wait_for_selector("#join")
            await one.until("() => document.querySelector('.preview video').videoWidth > 0")
            await one.picture(f"lobby-{name}", out)
        for lang in ("vi", "en"):
            no_one = Care(care.url, care.consultation_id, people=[Person(uuid4(), "")])
            async with seat(chromium, no_one, 0, screen, lang=lang) as one:
                await one.page.wait_for_selector("#token")
                await one.picture(f"sign-in-{name}-{lang}", out)
            refused = Care(care.url, care.consultation_id, people=[stranger])
            async with seat(chromium, refused, 0, screen, drawn=DRAWN[0], lang=lang) as one:
                await one.join()
                await one.page.wait_for_selector('[data-state="refused"]')
                await one.picture(f"refused-{name}-{lang}", out)
        early = await open_consultation(stack.settings, care.url, points=2, opened=False)
        async with seat(chromium, early, 1, screen, observe="1") as one:
            await one.join()
            await one.page.wait_for_selector('[data-state="waiting"]')
            await one.picture(f"waiting-{name}", out)
        await early.close()


async def arrow(one: Seat, tool: str, begin: tuple[float, float], end: tuple[float, float]) -> None:
    """Draws over the large picture, in parts of it."""
    await one.page.click(f'[data-tool="{tool}"]')
    box = await one.page.locator(".drawing").bounding_box()
    assert box is not None
    places = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in (begin, end)]
    await one.page.mouse.move(*places[0])
    await one.page.mouse.down()
    await one.page.mouse.move(*places[1], steps=6)
    await one.page.mouse.up()
    await one.page.keyboard.press("Escape")


async def everywhere(seats: Sequence[Seat], name: str, out: Path) -> None:
    """On each screen, in both languages."""
    for lang in ("vi", "en"):
        for one, screen in zip(seats, ("laptop", "probe", "phone"), strict=True):
            await one.picture(f"{name}-{screen}-{lang}", out)
            await one.page.click("#language")


async def inside(stack: Stack, care: Care, seats: Sequence[Seat], out: Path) -> None:
    """The room as it goes through a consultation."""
    chair, probe, phone = seats
    await all_come_in(seats)
    for one, pictures in zip(seats, (3, 2, 3), strict=True):
        await one.sees(pictures, 180)
    await everywhere(seats, "consent", out)
    for one in seats:
        await one.page.click("#consent-yes")
    await chair.open("record")
    await chair.until('() => document.querySelectorAll(".consent .yes").length >= 6', 90)
    await everywhere(seats, "record", out)
    await chair.page.click("#start-recording")
    await chair.until('() => document.querySelector("[data-recording]").dataset.recording === "on"', 90)
    await chair.open("people")
    await phone.page.click("#bar-hand")
    await arrow(chair, "arrow", (0.62, 0.72), (0.53, 0.55))
    await arrow(chair, "ellipse", (0.42, 0.38), (0.54, 0.56))
    await probe.page.wait_for_selector(".strokes ellipse", state="attached")
    await phone.page.wait_for_selector(".strokes ellipse", state="attached")
    await chair.page.wait_for_selector(".sub.hand")
    await asyncio.sleep(8)  # what was told to the people has gone by then
    kept = await talk(seats, out)
    await trouble(stack, seats, out)
    await chair.page.click("#bar-leave")
    await chair.picture("leave", out)
    await chair.page.click("#leave-yes")
    await chair.picture("left", out)
    await care.tell(care.people[0], "closeConsultation", consultationId=care.consultation_id)
    for one, name in ((probe, "laptop"), (phone, "phone")):
        await one.page.wait_for_selector('[data-state="ended"]')
        await one.picture(f"ended-{name}", out)
    shrink(kept, README)


async def talk(seats: Sequence[Seat], out: Path) -> Path:
    """Where people look, write and stop the picture; answers the picture for the README."""
    chair, _, phone = seats
    await everywhere(seats, "room", out)
    kept = await chair.picture("readme", out)
    for text in SAID:
        await chair.open("chat")
        await chair.page.fill("#chat-text", text)
        await chair.page.press("#chat-text", "Enter")
    await phone.open("chat")
    await phone.until(f"() => document.querySelectorAll('.messages li').length >= {len(SAID)}")
    await asyncio.gather(chair.picture("chat-laptop", out), phone.picture("chat-phone", out))
    await phone.page.click(".side .icon-button")
    await chair.page.click('[data-tool="freeze"]')
    for one in seats:
        await one.page.wait_for_selector(".tag.info")
    await everywhere(seats, "frozen", out)
    await chair.page.click('[data-tool="release"]')
    return kept


async def trouble(stack: Stack, seats: Sequence[Seat], out: Path) -> None:
    """The network of one is gone, then the workers of all."""
    chair, _, phone = seats
    await phone.page.context.set_offline(True)
    await phone.page.wait_for_selector(".banner.lost")
    await phone.picture("offline-phone", out)
    await phone.page.context.set_offline(False)
    await phone.page.wait_for_selector(".banner.lost", state="hidden", timeout=60_000)
    for name, one in (await stack.processes()).items():
        if name.startswith("media"):
            os.kill(one["pid"], signal.SIGKILL)
    await chair.page.wait_for_selector(".banner.lost")
    await asyncio.gather(chair.picture("reconnecting-laptop", out), phone.picture("reconnecting-phone", out))
    for one, pictures in zip(seats, (3, 2, 3), strict=True):
        await one.reads("() => { window.seen = new Map(); }")
        await one.sees(pictures, 180)


def shrink(picture: Path, to: Path) -> None:
    """For a page of text: fewer colours until it is small enough."""
    to.parent.mkdir(parents=True, exist_ok=True)
    with Image.open(picture) as whole:
        for colours in (256, 128, 64):
            whole.convert("RGB").quantize(colours, dither=Image.Dither.NONE).save(to, optimize=True)
            if to.stat().st_size < LARGEST_BYTES:
                return
    raise SystemExit(f"{to.name} stays larger than {LARGEST_BYTES} bytes")


async def main(out: Path) -> None:
    with tempfile.TemporaryDirectory(prefix="telehealth-pictures-") as folder:
        stack = Stack(Path(folder) / "data")
        await stack.run("up", "--detach")
        try:
            care = await open_consultation(stack.settings, stack.record().graphql_url)
            await start_examination(stack.settings, care)
            async with browser() as chromium, AsyncExitStack() as screens:
                await before(chromium, stack, care, out)
                seats = [
                    await screens.enter_async_context(
                        seat(
                            chromium, care, at, screen, SCANNER if at == 1 else None, drawn=DRAWN[at], size="640x360@12"
                        )
                    )
                    for at, screen in enumerate((LAPTOP, LAPTOP, PHONE))
                ]
                await inside(stack, care, seats, out)
            await care.close()
        finally:
            await stack.run("down")


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--out", type=Path, default=Path("var/pictures"))
    sys.exit(asyncio.run(main(arguments.parse_args().out)))
