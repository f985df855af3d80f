"""The log is loaded: a nation of the size that fits, in bulk, until it has so many events."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import chain
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


def facilities_for(events: int) -> int:
    """The network whose events of a hundredth of a year these would be."""
    return max(FEWEST, min(WHOLE_NATION, round(WHOLE_NATION * events / HUNDREDTH_OF_A_YEAR)))


@dataclass
class Loading:
    """Runs that were ended before count too: `runs` holds the events and seconds of each."""

    dsn: str
    events: int
    measured: Measured
    say: Callable[[str], None]

    async def load(self) -> dict[str, Any]:
        facilities = facilities_for(self.events)
        db = await connect(self.dsn)
        begun = await position(db)
        runs: list[list[float]] = self.measured.of(self.events).setdefault("loading", {}).setdefault("runs", [])
        runs.append([0, 0.0])
        self._began = self._told = time.monotonic()
        reference = load()
        days = Days(SEED, facilities, reference).steps(FIRST_MONDAY, LONGEST_DAYS)
        loader = Loader(self.dsn, reference)

        def enough(tally: Tally) -> bool:
            runs[-1] = [tally.sent, time.monotonic() - self._began]
            if time.monotonic() - self._told > LOOK_EVERY_S:
                self._told = time.monotonic()
                self.say(f"loaded {tally.sent:,} commands, {tally.sent / runs[-1][1]:,.0f}/s, up to {tally.upto}")
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
        }


async def position(db: Connection) -> int:
    return int(await db.fetchval("select position from head"))


async def reached(dsn: str) -> int:
    """The last position of the log in this database."""
    db = await connect(dsn)
    try:
        return await position(db)
    finally:
        await db.close(timeout=5)
