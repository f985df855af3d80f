"""People at their screens: a real Chromium for each, on the page that the product serves.

Rules: a page is used as a person uses it, by what it shows; what it measures is read from its own client library.
"""

from __future__ import annotations

import asyncio
import base64
import io
import json
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import av
from playwright.async_api import Browser, Page
from pydicom import dcmread
from pydicom.data import get_testdata_file

from tests.web.care import Care

PATIENCE_S = 90.0
LAPTOP, PHONE = (1366, 768), (390, 844)
SCANNER, CAMERA = (Path(__file__).with_name(name) for name in ("scanner.js", "camera.js"))


@dataclass
class Seat:
    """One page. `faults` are those that the page itself did not handle, and what its policy kept from it."""

    page: Page
    care: Care
    at: int
    faults: list[str] = field(default_factory=list)

    async def join(self) -> None:
        """Presses the button of the lobby."""
        await self.page.wait_for_selector("#join")
        await self.page.click("#join")

    async def inside(self) -> None:
        await self.page.wait_for_selector('[data-state="room"]')

    async def open(self, panel: str) -> None:
        """One of chat, people, record; its button would close it where it is open."""
        opened = f".side:not([hidden]) [data-panel={panel}]"
        if not await self.page.query_selector(opened):
            await self.page.click(f"#bar-{panel}")
        await self.page.wait_for_selector(opened)

    async def tidy(self) -> None:
        """Nothing is open at the side, whatever became of the test before."""
        if await self.page.query_selector(".side:not([hidden])"):
            await self.page.click(".side > header button")

    async def reads(self, script: str) -> Any:
        return await self.page.evaluate(script)

    async def until(self, script: str, seconds: float = PATIENCE_S) -> None:
        """Waits until something is so in the page."""
        await self.page.wait_for_function(script, timeout=seconds * 1000, polling=200)

    async def sees(self, pictures: int, seconds: float = 2 * PATIENCE_S) -> None:
        """So many pictures of others move on this screen."""
        await self.until(
            f"""() => {{
                window.seen ??= new Map();
                const moving = [...document.querySelectorAll(".strip .tile")].filter((tile) => {{
                    if (tile.dataset.point === room.ticket.pointId) return false;
                    const frames = tile.querySelector("video").getVideoPlaybackQuality().totalVideoFrames;
                    const key = tile.dataset.point + tile.dataset.source;
                    if (!(window.seen.get(key) <= frames)) window.seen.set(key, frames);
                    return frames > window.seen.get(key) + 3;
                }});
                return moving.length >= {pictures};
            }}""",
            seconds,
        )

    async def begin_gaps(self) -> None:
        """From now on it is measured how long each picture of others stands still."""
        await self.reads(
            """() => {
                window.gaps = new Map();
                for (const tile of document.querySelectorAll(".strip .tile")) {
                    if (tile.dataset.point === room.ticket.pointId) continue;
                    const video = tile.querySelector("video"), gaps = window.gaps;
                    const one = { last: performance.now(), longest: 0 };
                    gaps.set(tile.dataset.point + tile.dataset.source, one);
                    const shown = (now) => {
                        one.longest = Math.max(one.longest, now - one.last);
                        one.last = now;
                        if (window.gaps === gaps) video.requestVideoFrameCallback(shown);
                    };
                    video.requestVideoFrameCallback(shown);
                }
            }"""
        )

    async def longest_gap(self) -> float:
        """How many seconds the picture that stood still longest did so, since then or still."""
        found = await self.reads(
            """() => Math.max(...[...window.gaps.values()]
                .map((one) => Math.max(one.longest, performance.now() - one.last)))"""
        )
        return float(found) / 1000

    async def lines(self) -> list[dict[str, Any]]:
        """Every line of this page: its state, how often it was connected, and how long a break lasted."""
        return await self.reads(  # type: ignore[no-any-return]
            """() => [...room.sent.values(), room.watching, ...room.watched.values()].map((line) => ({
                name: line.name, state: line.state, connections: line.connections,
                mendedMs: [...room.watched.values()].includes(line) ? [] : line.mendedMs,
                held: line.pictureAsked === false, fault: line.fault?.code ?? null,
                numbers: room.qualities.get(line)?.numbers ?? null,
            }))"""
        )

    async def picture(self, name: str, folder: Path) -> Path:
        """The screen as a file."""
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{name}.png"
        await self.page.screenshot(path=path)
        return path


@asynccontextmanager
async def seat(
    chromium: Browser,
    care: Care,
    at: int,
    screen: tuple[int, int] = LAPTOP,
    scanner: tuple[int, int, int] | None = None,
    drawn: Mapping[str, str] | None = None,
    **link: str,
) -> AsyncIterator[Seat]:
    """A page on its way into the room; `scanner` is width, height and frames a second of an ultrasound beside it.

    With `drawn`, its colours, the camera films a drawn person in place of Chromium's own test picture.
    """
    phone = screen[0] < 700
    context = await chromium.new_context(
        viewport={"width": screen[0], "height": screen[1]}, is_mobile=phone, has_touch=phone, locale="vi-VN"
    )
    # Whatever a page is asked to do happens sooner or later; on a machine that others load as well, later.
    context.set_default_timeout(PATIENCE_S * 1000)
    page = await context.new_page()
    made = Seat(page, care, at)
    page.on("pageerror", lambda fault: made.faults.append(str(fault)))
    page.on("console", lambda said: _hear(made, said.type, said.text))
    if drawn is not None:
        await page.add_init_script(f"const CAMERA = {json.dumps(dict(drawn))};\n{CAMERA.read_text()}")
    if scanner is not None:
        width, height, fps = scanner
        given = {"frames": loop(), "width": width, "height": height, "fps": fps}
        await page.add_init_script(f"const SCANNER = {json.dumps(given)};\n{SCANNER.read_text()}")
        link = {**care.scan(), **link}
    try:
        await page.goto(care.link(at, **link))
        yield made
    finally:
        await context.close()


def _hear(made: Seat, kind: str, text: str) -> None:
    if kind == "error" and ("Content Security Policy" in text or "Uncaught" in text):
        made.faults.append(text)


@cache
def loop(most: int = 15) -> tuple[str, ...]:
    """The frames of a real ultrasound loop, as a page can draw them."""
    path = get_testdata_file("examples_ybr_color.dcm", download=False)
    assert isinstance(path, str), "pydicom brings this file"
    dataset = dcmread(path)
    pixels = dataset.pixel_array
    return tuple(_jpeg(pixels[at]) for at in range(0, len(pixels), max(1, len(pixels) // most)))


def _jpeg(pixels: Any) -> str:
    frame = av.VideoFrame.from_ndarray(pixels, format="rgb24").reformat(format="yuvj420p")
    held = io.BytesIO()
    with av.open(held, "w", format="mjpeg") as container:
        stream = container.add_stream("mjpeg", rate=1)
        stream.width, stream.height, stream.pix_fmt = frame.width, frame.height, "yuvj420p"
        container.mux([*stream.encode(frame), *stream.encode(None)])
    return "data:image/jpeg;base64," + base64.b64encode(held.getvalue()).decode()


async def until(true: Callable[[], Any], seconds: float = 60) -> Any:
    """Waits for a coroutine's answer that is true, and answers it."""
    async with asyncio.timeout(seconds):
        while True:
            found = await true()
            if found:
                return found
            await asyncio.sleep(0.2)


async def all_come_in(seats: Sequence[Seat]) -> None:
    """Everybody presses the button first, so that they come in beside each other."""
    for one in seats:
        await one.join()
    for one in seats:
        await one.inside()
