"""An hour in the room: `python -m tests.web.hour --minutes 60`.

A whole stack of its own, a consultation of two laptops and a phone, an ultrasound from a real loop, everything
recorded; a still each minute, a bad line, and a media worker that is killed in the middle. At the end the recording is
played back and held against the log. Writes `hour.json` and `hour.svg`, prints a table, and ends with 1 when something
is not so.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil

from tests.media.browser import browser
from tests.web.care import Care, open_consultation, start_examination
from tests.web.hour_figure import draw
from tests.web.hour_verdict import Row, judge, table
from tests.web.seats import LAPTOP, PHONE, Seat, all_come_in, seat, until
from tests.web.stack import Stack

CAMERAS = ("480x270@12", "480x270@12", "320x180@10")
SCANNER = (1280, 720, 12)
PICTURES = (3, 2, 3)
"""How many of others each screen shows: the cameras of the two others, and the ultrasound where it is not its own."""
TRACKS = 7
BAD_LINE = {"offline": False, "latency": 60, "downloadThroughput": -1, "uploadThroughput": -1, "packetLoss": 4}
GOOD_LINE = {"offline": False, "latency": 0, "downloadThroughput": -1, "uploadThroughput": -1}
ROOM = """query ($id: UUID!) { liveSession(liveSessionId: $id) {
  status present lastAlarm workers { worker runId }
  tracks { trackId source patientId people consented endedAt participantId }
  recordings { recordingId trackIds status firstBytesAt stoppedAt gaps { trackId since until cause } sha256 durationMs
    failedBecause failureDetail }
} }"""


@dataclass
class Hour:
    """What was done and measured; `minutes` holds a row for each."""

    began: str = ""
    asked_minutes: float = 0
    machine: dict[str, Any] = field(default_factory=dict)
    minutes: list[dict[str, Any]] = field(default_factory=list)
    events: list[dict[str, Any]] = field(default_factory=list)
    stills_asked: int = 0
    killed: dict[str, Any] | None = None
    recording: dict[str, Any] = field(default_factory=dict)
    manifest: dict[str, Any] = field(default_factory=dict)
    verdict: list[dict[str, Any]] = field(default_factory=list)

    def note(self, what: str, **more: Any) -> None:
        self.events.append({"at": datetime.now(UTC).isoformat(timespec="seconds"), "what": what, **more})
        print(f"{datetime.now(UTC):%H:%M:%S}  {what}", *(f"{name}={value}" for name, value in more.items()), flush=True)


async def play(hour: Hour, stack: Stack, minutes: float) -> tuple[Care, list[Row]]:
    care = await open_consultation(stack.settings, stack.record().graphql_url)
    await start_examination(stack.settings, care)
    hour.note("the consultation is open")
    async with browser() as chromium, AsyncExitStack() as screens:
        seats = []
        for at, (camera, screen) in enumerate(zip(CAMERAS, (LAPTOP, LAPTOP, PHONE), strict=True)):
            scanner = SCANNER if at == 1 else None
            seats.append(await screens.enter_async_context(seat(chromium, care, at, screen, scanner, size=camera)))
        try:
            await come_in(hour, care, seats)
            await record(hour, care, seats)
            await pass_time(hour, stack, care, seats, minutes)
        except BaseException:
            await explain(hour, stack, care, seats)
            raise
        held = [await one.reads("() => room.sent.get('camera')?.pictureAsked === false") for one in seats]
        shown = [await shows_all(one) for one in seats]
        hour.note("the time is over", moving=shown, cameras_not_asked_for=held)
        await end(hour, care, seats)
        faults = [fault for one in seats for fault in one.faults]
        if faults:
            hour.note("faults of the pages", faults=faults[:5])
    rows = [
        Row("every picture moves at the end", str(list(PICTURES)), str(shown), shown == list(PICTURES)),
        Row("faults of the pages", "0", str(len(faults)), not faults),
    ]
    return care, rows


async def come_in(hour: Hour, care: Care, seats: Sequence[Seat]) -> None:
    await all_come_in(seats)
    for one, pictures in zip(seats, PICTURES, strict=True):
        await one.sees(pictures, 180)
    hour.note("three points see each other and the ultrasound")


async def room_of(care: Care, seats: Sequence[Seat]) -> dict[str, Any]:
    id_ = await seats[0].reads("() => room.ticket.liveSessionId")
    found: dict[str, Any] = (await care.ask(care.people[0], ROOM, id=id_))["liveSession"]
    return found


async def record(hour: Hour, care: Care, seats: Sequence[Seat]) -> None:
    """Everybody agrees, the point names the patient's consent, and the chair begins."""

    async def all_there() -> Any:
        room = await room_of(care, seats)
        return room if len([one for one in room["tracks"] if not one["endedAt"]]) >= TRACKS else None

    room = await until(all_there)
    live = await seats[0].reads("() => room.ticket.liveSessionId")
    for one in seats:
        await one.page.click("#consent-yes")
    scan = next(one for one in room["tracks"] if one["source"] == "ULTRASOUND" and not one["endedAt"])
    given = {"liveSessionId": live, "trackId": scan["trackId"], "personId": care.patient_id}
    await care.tell(care.people[1], "consentToRecording", **given, consentId=care.consent_id)
    await seats[0].open("record")
    await seats[0].until('() => document.querySelectorAll(".consent .yes").length >= 7')
    await seats[0].page.click("#start-recording")
    await seats[0].until('() => document.querySelector("[data-recording]").dataset.recording === "on"', 90)
    for one in seats[1:]:
        await one.until('() => document.querySelector("[data-recording]").dataset.recording === "on"')
    hour.note("it is recorded, and every screen says so")


async def pass_time(hour: Hour, stack: Stack, care: Care, seats: Sequence[Seat], minutes: float) -> None:
    began = time.monotonic()
    total = minutes * 60
    every = min(60.0, total / 6)
    todo = [(0.2, bad_line), (0.35, cut_line), (0.5, kill_worker)]
    passed = 0.0
    at = 0
    while passed < total:
        passed = time.monotonic() - began
        while todo and passed >= todo[0][0] * total:
            await todo.pop(0)[1](hour, stack, care, seats)
        await still(hour, seats, at)
        hour.minutes.append(await measured(stack, seats, passed / 60))
        at += 1
        await asyncio.sleep(max(0.0, min(at * every, total) - (time.monotonic() - began)))
        passed = time.monotonic() - began
    hour.minutes.append(await measured(stack, seats, passed / 60))


async def still(hour: Hour, seats: Sequence[Seat], at: int) -> None:
    """The sender's own picture, and each third time a key frame at the chair's."""
    one = seats[0] if at % 3 == 2 else seats[1]
    try:
        await one.page.wait_for_selector('[data-tool="still"]:not([disabled])', timeout=20_000)
        await one.page.click('[data-tool="still"]')
        await one.page.wait_for_selector(".told .ok", timeout=40_000)
        await one.page.wait_for_selector(".told .ok", state="detached", timeout=20_000)
        hour.stills_asked += 1
    except Exception as fault:
        hour.note("no still came of it", at=one.at, why=str(fault).splitlines()[0])


async def bad_line(hour: Hour, stack: Stack, care: Care, seats: Sequence[Seat]) -> None:
    """The phone loses packets and is slow for some seconds."""
    devtools = await seats[2].page.context.new_cdp_session(seats[2].page)
    await devtools.send("Network.enable")
    await devtools.send("Network.emulateNetworkConditions", BAD_LINE)
    hour.note("the phone's line is bad")
    await asyncio.sleep(15)
    await devtools.send("Network.emulateNetworkConditions", GOOD_LINE)
    await devtools.detach()
    hour.note("the phone's line is good again")


async def cut_line(hour: Hour, stack: Stack, care: Care, seats: Sequence[Seat]) -> None:
    """A laptop is offline for some seconds, and comes back."""
    await seats[0].page.context.set_offline(True)
    hour.note("the chair's laptop is offline")
    await asyncio.sleep(6)
    await seats[0].page.context.set_offline(False)
    hour.note("the chair's laptop is online")


async def kill_worker(hour: Hour, stack: Stack, care: Care, seats: Sequence[Seat]) -> None:
    """The worker that carries the room, as hard as it goes; measured is how long a picture stood still on each page."""
    # The first worker's process is called media, and its name in the log media-1.
    carries = [one["worker"].removesuffix("-1") for one in (await room_of(care, seats))["workers"]]
    processes = await stack.processes()
    name = next((one for one in carries if one in processes), "media")
    for one in seats:
        await one.begin_gaps()
    os.kill(processes[name]["pid"], signal.SIGKILL)
    hour.note("the media worker is killed", name=name)

    async def back(one: Seat, pictures: int) -> float:
        # What is on its way already still moves for a moment.
        await asyncio.sleep(1.0)
        await one.reads("() => { window.seen = new Map(); }")
        await one.sees(pictures, 120)
        return round(await one.longest_gap(), 1)

    gaps = await asyncio.gather(*(back(one, pictures) for one, pictures in zip(seats, PICTURES, strict=True)))
    hour.killed = {"worker": name, "longest_gap_s": gaps}
    hour.note("everybody sees everybody again", longest_gap_s=gaps)


async def measured(stack: Stack, seats: Sequence[Seat], minute: float) -> dict[str, Any]:
    processes = await stack.processes()
    memory = {name: _rss(one["pid"]) for name, one in processes.items() if one["pid"]}
    mine = psutil.Process()
    memory["browser"] = sum(_rss(one.pid) for one in mine.children(recursive=True) if "chrom" in _name(one))
    screens = [await one.lines() for one in seats]
    return {"minute": round(minute, 2), "rss_mb": memory, "screens": screens, "load": os.getloadavg()[0]}


def _rss(pid: int) -> float:
    try:
        return float(round(psutil.Process(pid).memory_info().rss / 1e6, 1))
    except psutil.Error:
        return 0.0


def _name(process: psutil.Process) -> str:
    try:
        return str(process.name())
    except psutil.Error:
        return ""


async def explain(hour: Hour, stack: Stack, care: Care, seats: Sequence[Seat]) -> None:
    """What every screen showed when it went wrong."""
    for one in seats:
        lines = [(line["name"], line["state"], line["fault"], line["connections"]) for line in await one.lines()]
        hour.note(f"screen {one.at}", lines=lines, faults=one.faults)
        await one.picture(f"fault-{one.at}", Path("var"))
    hour.note("the log says", room=await room_of(care, seats))
    told = {name: (one["state"], one["restarts"], one["reason"]) for name, one in (await stack.processes()).items()}
    hour.note("the processes", told=told)


async def shows_all(one: Seat) -> int:
    """How many pictures of others move on this screen now."""
    count = """() => [...document.querySelectorAll(".strip .tile")]
      .filter((tile) => tile.dataset.point !== room.ticket.pointId && !tile.querySelector("video").hidden)
      .map((tile) => tile.querySelector("video").getVideoPlaybackQuality().totalVideoFrames)"""
    before = await one.reads(count)
    await asyncio.sleep(6)
    after = await one.reads(count)
    return sum(now > then for then, now in zip(before, after, strict=False))


async def end(hour: Hour, care: Care, seats: Sequence[Seat]) -> None:
    """The chair stops the recording, all leave, and the recording is sealed."""
    await seats[0].open("record")
    await seats[0].page.click("#stop-recording")

    async def sealed() -> Any:
        room = await room_of(care, seats)
        return room if all(one["status"] in ("SEALED", "FAILED") for one in room["recordings"]) else None

    room = await until(sealed, 180)
    hour.recording = room["recordings"][-1]
    hour.recording["liveSessionId"] = await seats[0].reads("() => room.ticket.liveSessionId")
    hour.note("the recording is closed", status=hour.recording["status"])
    for one in seats:
        await one.page.click("#bar-leave")
        await one.page.click("#leave-yes")
        await one.page.wait_for_selector('[data-state="ended"]')


async def main(minutes: float, out: Path) -> int:
    hour = Hour(began=datetime.now(UTC).isoformat(timespec="seconds"), asked_minutes=minutes)
    hour.machine = {"cpus": os.cpu_count(), "memory_gb": round(psutil.virtual_memory().total / 1e9, 1)}
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="telehealth-hour-") as folder:
        stack = Stack(Path(folder) / "data")
        await stack.run("up", "--detach")
        hour.note("the stack is up", room=stack.record().graphql_url.removesuffix("graphql") + "room/")
        try:
            care, rows = await play(hour, stack, minutes)
            rows += await judge(hour, care, stack.settings.data)
            await care.close()
        finally:
            (out / "hour.json").write_text(json.dumps(vars(hour), indent=1, default=str))
            await stack.run("down")
    hour.verdict = [vars(row) for row in rows]
    (out / "hour.json").write_text(json.dumps(vars(hour), indent=1, default=str))
    draw(hour.minutes, hour.events, hour.began, out / "hour.svg")
    print(table(rows), flush=True)
    return 0 if all(row.met for row in rows) else 1


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--minutes", type=float, default=60)
    arguments.add_argument("--out", type=Path, default=Path("var/hour"))
    given = arguments.parse_args()
    sys.exit(asyncio.run(main(given.minutes, given.out)))
