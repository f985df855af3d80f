"""The page itself: for eyes of every kind, on a phone, under a strict policy, in two languages."""

from __future__ import annotations

import re
from pathlib import Path

import httpx
import pytest

from infra.settings import Settings
from tests.product import ROOT
from tests.web.conftest import Room
from tests.web.house import House

WEB = ROOT / "web"
# Text on what it stands on; a see-through ground is mixed with what lies below, pictures are not judged.
CONTRAST = """() => {
  const rgb = (text) => (text.match(/[\\d.]+/g) ?? [0, 0, 0, 0]).map(Number);
  const light = ([r, g, b]) => {
    const linear = [r, g, b].map((one) => (one /= 255) <= 0.04045 ? one / 12.92 : ((one + 0.055) / 1.055) ** 2.4);
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2];
  };
  const ground = (node) => {
    const layers = [];
    for (let at = node; at; at = at.parentElement) {
      const [r, g, b, a = 1] = rgb(getComputedStyle(at).backgroundColor);
      if (a > 0) layers.push([r, g, b, a]);
      if (a === 1) break;
    }
    const over = (under, [r, g, b, a]) => [r, g, b].map((one, at) => one * a + under[at] * (1 - a));
    return layers.reverse().reduce(over, [0, 0, 0]);
  };
  const poor = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const node = walker.currentNode.parentElement;
    const passed = node.closest(":disabled, .skip, noscript, svg");
    if (!walker.currentNode.textContent.trim() || !node.checkVisibility() || passed) continue;
    const style = getComputedStyle(node);
    const [one, other] = [light(rgb(style.color)), light(ground(node))].sort((a, b) => b - a);
    const ratio = (one + 0.05) / (other + 0.05);
    const large = parseFloat(style.fontSize) >= 24 || (parseFloat(style.fontSize) >= 18.66 && style.fontWeight >= 700);
    if (ratio < (large ? 3 : 4.5)) poor.push(`${walker.currentNode.textContent.trim()}: ${ratio.toFixed(2)}`);
  }
  return poor;
}"""
NAMELESS = """() => [...document.querySelectorAll("button, a[href], input, select, textarea, [role=dialog]")]
  .filter((one) => one.checkVisibility())
  .filter((one) => !(one.ariaLabel || one.innerText?.trim() || one.labels?.length))
  .map((one) => one.outerHTML.slice(0, 120))"""
OUTSIDE = """() => [...document.querySelectorAll(".room button, .chips > *, .banner, .title")]
  .filter((one) => one.checkVisibility() && !one.closest(".strip"))
  .map((one) => [one, one.getBoundingClientRect()])
  .filter(([, box]) => box.left < -1 || box.right > innerWidth + 1 || box.bottom > innerHeight + 1)
  .map(([one, box]) => `${one.id || one.className}: ${Math.round(box.left)}..${Math.round(box.right)}`)"""
SMALL = """() => [...document.querySelectorAll(".bar button, .tools button, .chips button")]
  .filter((one) => one.checkVisibility()).map((one) => one.getBoundingClientRect())
  .filter((box) => box.width < 32 || box.height < 32).length"""


async def test_every_text_stands_out_enough_in_every_panel(room: Room) -> None:
    for one in room.seats:
        for panel in ("chat", "people", "record"):
            await one.open(panel)
            assert await one.reads(CONTRAST) == []
            await one.page.keyboard.press("Escape")


async def test_everything_that_can_be_used_has_a_name(room: Room) -> None:
    for one in room.seats:
        for panel in ("chat", "people", "record"):
            await one.open(panel)
            assert await one.reads(NAMELESS) == []
            await one.page.keyboard.press("Escape")


async def test_nothing_is_cut_off_on_a_phone_or_on_a_small_laptop(room: Room) -> None:
    for one in room.seats:
        assert await one.reads("() => document.documentElement.scrollWidth <= innerWidth")
        assert await one.reads(OUTSIDE) == []
        assert await one.reads(SMALL) == 0


async def test_the_keyboard_reaches_everything_and_shows_where_it_is(room: Room) -> None:
    page = room.chair.page
    await page.keyboard.press("m")
    await page.wait_for_selector("#bar-sound.off")
    await page.keyboard.press("m")
    await page.wait_for_selector("#bar-sound:not(.off)")
    await page.keyboard.press("c")
    await page.wait_for_selector("#chat-text")
    await page.click("[aria-label='Đóng']")
    reached = set()
    for _ in range(60):
        await page.keyboard.press("Tab")
        reached.add(await room.chair.reads("() => document.activeElement.id"))
    assert {"language", "bar-sound", "bar-chat", "bar-people", "bar-record", "bar-leave"} <= reached
    assert await room.chair.reads("() => getComputedStyle(document.activeElement).outlineStyle !== 'none'")


async def test_quality_is_told_in_words_and_not_by_colour_alone(room: Room) -> None:
    await room.chair.page.wait_for_selector("[data-quality]")
    words = await room.chair.reads(
        "() => [...document.querySelectorAll('[data-quality]')].map((one) => [one.dataset.quality, one.innerText])"
    )
    known = {"good": "Tốt", "weak": "Yếu", "poor": "Kém", "lost": "Mất"}
    assert words
    assert all(known[word] in text for word, text in words)


async def test_the_page_loads_nothing_from_elsewhere_and_says_so(house: House) -> None:
    async with httpx.AsyncClient() as http:
        page = await http.get(house.url.removesuffix("graphql") + "room/")
    rules = dict(one.strip().split(" ", 1) for one in page.headers["content-security-policy"].split(";"))
    assert rules["default-src"] == "'none'"
    assert rules["script-src"] == rules["style-src"] == "'self'"
    assert rules["frame-ancestors"] == "'none'"
    assert page.headers["referrer-policy"] == "no-referrer"
    assert "unsafe" not in page.headers["content-security-policy"]


@pytest.mark.parametrize("path", ["../pyproject.toml", "%2e%2e/pyproject.toml", "..%2f..%2fetc/passwd"])
async def test_nothing_but_the_page_is_served(house: House, path: str) -> None:
    async with httpx.AsyncClient() as http:
        answer = await http.get(house.url.removesuffix("graphql") + f"room/{path}")
    assert answer.status_code in (404, 405)


def test_workers_are_named_to_the_policy_where_they_are_known() -> None:
    from graphql_api.room_page import media_origins

    told = Settings(media_url="https://media.example.vn/base")
    assert media_origins(told) == ("https://media.example.vn", "wss://media.example.vn")
    assert media_origins(Settings()) == ("http://127.0.0.1:*", "ws://127.0.0.1:*")


def test_every_word_stands_in_both_languages_and_every_word_that_is_said_is_there() -> None:
    words = (WEB / "room" / "words.js").read_text()
    pairs = re.findall(r'^  ([\w]+): \[\s*"((?:[^"\\]|\\.)*)",\s*"((?:[^"\\]|\\.)*)",?\s*\]', words, re.MULTILINE)
    known = {name for name, vietnamese, english in pairs if vietnamese and english}
    assert len(known) > 120
    said = set()
    for file in sorted((WEB / "room").glob("*.js")):
        said |= set(re.findall(r'\bsay\("(\w+)"\)', file.read_text()))
    assert said
    assert said <= known


def test_every_code_that_is_put_into_words_is_one_that_somebody_answers_with() -> None:
    words = (WEB / "room" / "words.js").read_text().partition("const CODES")[2]
    known = re.findall(r"`([A-Z_]+)`", (ROOT / "docs" / "reference" / "errors.md").read_text())
    live = "".join(file.read_text() for file in (WEB / "live").glob("*.js"))
    own = {"UNREACHABLE", *re.findall(r'new Refused\("([A-Z_]+)"', live)}
    said = set(re.findall(r"^  ([A-Z][A-Z_]+): \[", words, re.MULTILINE))
    assert len(said) > 20
    assert said - {*known, *own} == set()
    final = {code for found in re.findall(r"new Set\(\[([^\]]+)\]", live) for code in re.findall(r'"([A-Z_]+)"', found)}
    assert final - {*known, *own} == set()


@pytest.mark.parametrize("file", sorted(path for path in WEB.rglob("*") if path.is_file()), ids=lambda path: path.name)
def test_a_file_is_small_and_needs_nothing_from_outside(file: Path) -> None:
    text = file.read_text()
    assert len(text.splitlines()) < 400
    assert not re.search(r"https?://(?!www\.w3\.org/2000/svg)", text)
    assert "innerHTML" not in text
    assert not re.search(r"\bstyle=", text)
