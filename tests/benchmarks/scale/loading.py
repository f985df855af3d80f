"""The log is loaded: a nation of the size that fits, in bulk, until it has so many events."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import chain
from statistics import quantiles
from typing import Any

from infra.nation.bulk import Loader
from infra.nation.days import Days
from infra.nation.founding import founding
from infra.nation.geography import FEWEST, WHOLE_NATION
from infra.nation.play import Tally
from infra.nation.run import FIRST_MONDAY
from infra.nation.step import windows
from infra.postgres import Connection, connect
from infra.reference import load
from tests.benchmarks.scale.measured import Measured

HUNDREDTH_OF_A_YEAR = 8_000_000
SEED = 1
LONGEST_DAYS = 60
LOOK_EVERY_S = 5.0
SLICE_S = 30.0


def facilities_for(events: int) -> int:
    """The network whose events of a hundredth of a year these would be."""
    return max(FEWEST, min(WHOLE_NATION, round(WHOLE_NATION * events / HUNDREDTH_OF_A_YEAR)))


@dataclass
class Loading:
    """Runs that were ended before count too: `runs` has the events and seconds of each, `slices` those of half minutes.

    A load of hours has other work beside it for some of them; the slices tell what it does without.
    """

    dsn: str
    events: int
    measured: Measured
    say: Callable[[str], None]

    async def load(self) -> dict[str, Any]:
        facilities = facilities_for(self.events)
        db = await connect(self.dsn)
        begun = await position(db)
        loading = self.measured.of(self.events).setdefault("loading", {})
        runs: list[list[float]] = loading.setdefault("runs", [])
        slices: list[float] = loading.setdefault("slices", [])
        runs.append([0, 0.0])
        self._began = self._told = time.monotonic()
        self._sliced = (0, self._began)
        reference = load()
        days = Days(SEED, facilities, reference).steps(FIRST_MONDAY, LONGEST_DAYS)
        loader = Loader(self.dsn, reference)

        def enough(tally: Tally) -> bool:
            runs[-1] = [tally.sent, time.monotonic() - self._began]
            if time.monotonic() - self._told > LOOK_EVERY_S:
                self._told = time.monotonic()
                self.say(f"loaded {tally.sent:,} commands, {tally.sent / runs[-1][1]:,.0f}/s, up to {tally.upto}")
                self._slice(tally.sent, slices)
                self.measured.save()
            return begun + tally.sent >= self.events

        try:
            tally = await loader.load(chain(founding(SEED, facilities), windows(days)), enough)
        finally:
            await loader.close()
        reached = await position(db)
        runs[-1] = [reached - begun, time.monotonic() - self._began]
        await db.execute("vacuum (analyze) events", timeout=3_600)
        await db.execute("vacuum (analyze) commands", timeout=3_600)
        await db.close(timeout=5)
        return {
            "facilities": facilities,
            "events": reached,
            "last_hour": str(tally.upto),
            "seconds": round(sum(seconds for _, seconds in runs), 1),
            "events_per_second": round(sum(n for n, _ in runs) / max(sum(seconds for _, seconds in runs), 0.001)),
            "commands_per_second": _spread(slices),
        }

    def _slice(self, sent: int, slices: list[float]) -> None:
        before, at = self._sliced
        now = time.monotonic()
        if now - at >= SLICE_S:
            slices.append(round((sent - before) / (now - at)))
            self._sliced = (sent, now)


def _spread(slices: Sequence[float]) -> dict[str, float]:
    """The median half minute, and one in ten that was faster: what the load does with the machine to itself."""
    if len(slices) < 10:
        return {}
    deciles = quantiles(slices, n=10)
    return {"p50": deciles[4], "p90": deciles[8]}


async def position(db: Connection) -> int:
    return int(await db.fetchval("select position from head"))


async def reached(dsn: str) -> int:
    """The last position of the log in this database."""
    db = await connect(dsn)
    try:
        return await position(db)
    finally:
        await db.close(timeout=5)
