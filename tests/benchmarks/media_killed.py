"""How soon browsers are back when the media worker that they are on is killed.

Rules: two workers as processes, a camera and a screen in Chromium that come back by themselves as docs/live-media.md
says; the worker with the room is killed at once, and takes part again before the other one is; from the kill to the
first frame of the new line that the screen shows, as the page itself sees it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from tests.benchmarks.figure import Asked, Figure, Runs
from tests.benchmarks.stage import Stage
from tests.media.browser import browser
from tests.media.worker_processes import Guest, Workers, consultation

KILLS, FRAMES = 5, 30
ASKED_S = 3.0
KNOWN_S = 6.0
"""A worker looks for the dead only after so long without a pause of its own."""


async def measure(stage: Stage) -> Sequence[Figure]:
    rows = []
    async with browser() as chromium, stage.database() as dsn, consultation(chromium, dsn) as (there, camera, screen):
        for _ in range(2 if stage.quick else KILLS):
            await asyncio.sleep(KNOWN_S)
            rows.append(await killed(there, camera, screen))
    shown = Runs([row["first frame"] for row in rows])
    steps = {name: round(Runs([row[name] for row in rows]).median, 2) for name in rows[0]}
    return [
        Figure(
            "killed worker: first frame on another one",
            "s",
            shown,
            Asked(ASKED_S, at_least=False),
            limit="a line is taken for dead after a second of silence",
            details={**steps, "worst": round(max(shown.values), 2)},
        )
    ]


async def killed(there: Workers, camera: Guest, screen: Guest) -> dict[str, float]:
    """One kill: when, in seconds after it, each step was done."""
    names = await there.named()
    name = names[await camera.worker()]
    lines = [len((await one.line())["joined"]) for one in (camera, screen)]
    at = there.kill(name)
    line = await screen.shows(FRAMES, lines=lines[1] + 1)
    sent = await camera.line()
    there.start(name)
    await there.until_there_are(*names.values())

    def after(moment: float) -> float:
        return (moment - at) / 1000

    return {
        "camera noticed": after(sent["died"][lines[0] - 1]),
        "camera back": after(sent["joined"][lines[0]]["at"]),
        "screen noticed": after(line["died"][lines[1] - 1]),
        "screen back": after(line["joined"][lines[1]]["at"]),
        "first frame": after(line["first"]),
    }
