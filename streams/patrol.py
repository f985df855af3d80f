"""The ledger's patrol: it reads the whole log again and again and compares it with what was signed.

Rules: it walks while its ledger is the active one, from the first event to the last signed checkpoint, slowly enough to
be felt by nobody, and then begins anew. A row that differs from its leaf is named at once; at the end the root of what
was read must be the one that was signed, so that rows and tiles changed together are found as well. What it finds is an
alarm and stays one until a whole reading finds nothing; signing goes on, because what was signed before remains true.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence

import asyncpg
import structlog

from infra.audit.folder import TileFolder
from infra.audit.logged_tree import leaf_of_row
from infra.event_log import after
from infra.mapper import Stored
from infra.measures import PATROL_FOUND, PATROL_POSITION
from infra.postgres import LINE_FAULTS, Connection, connect
from infra.waiting import rest
from projections.audit._checkpoint import Checkpoint
from projections.audit._tiles import WIDTH, Place
from projections.audit._tree import HASH_SIZE, Frontier

# A million events in nine minutes, for about two hundredths of a core.
EVENTS_PER_S = 2_000
REST_S = 5.0

log = structlog.get_logger()


class Changed(RuntimeError):
    """The log is not what was signed; `position` is the first event that differs, as far as that can be told."""

    def __init__(self, position: int, why: str) -> None:
        self.position = position
        super().__init__(why)


class Patrol:
    """`signed` answers the checkpoint to walk up to, and None while another ledger is the active one."""

    def __init__(
        self, dsn: str, folder: TileFolder, signed: Callable[[], Checkpoint | None], events_per_s: int = EVENTS_PER_S
    ) -> None:
        self._dsn, self._folder, self._signed, self._pace = dsn, folder, signed, events_per_s
        self.found: Changed | None = None
        self.whole_readings = 0
        self._completed_at: float | None = None

    @property
    def told(self) -> str:
        """One phrase for the status page."""
        if self.found is not None:
            return f"CHANGED at {self.found.position:,}: {self.found}"
        if self._completed_at is None:
            return "first reading"
        return f"read again {time.time() - self._completed_at:.0f} s ago"

    async def run(self, stop: asyncio.Event) -> None:
        while not stop.is_set():
            upto = self._signed()
            if upto is not None:
                await self._try(upto, stop)
            await rest(stop, REST_S)

    async def _try(self, upto: Checkpoint, stop: asyncio.Event) -> None:
        try:
            db = await connect(self._dsn)
        except LINE_FAULTS:
            return
        try:
            await self._walk(db, upto, stop)
        except Changed as changed:
            self.found = changed
            PATROL_FOUND.set(changed.position)
            log.error("log_was_changed", position=changed.position, reason=str(changed))
        except (*LINE_FAULTS, asyncpg.PostgresError) as fault:
            # The line broke; the log said nothing of itself, so nothing is known better or worse than before.
            log.warning("patrol_waits", reason=type(fault).__name__)
        finally:
            db.terminate()

    async def _walk(self, db: Connection, upto: Checkpoint, stop: asyncio.Event) -> None:
        """One reading of the log. Raises Changed."""
        read = Frontier()
        while read.size < upto.size:
            if stop.is_set() or self._signed() is None:
                return
            rows = await after(db, read.size, upto=upto.size, limit=WIDTH)
            self._compare(read, rows, upto)
            PATROL_POSITION.set(read.size)
            await rest(stop, len(rows) / self._pace)
        if read.root() != upto.root:
            raise Changed(1, f"the rows and the tiles of {upto.size:,} events are not those that were signed")
        self.found, self._completed_at = None, time.time()
        self.whole_readings += 1
        PATROL_FOUND.set(0)

    def _compare(self, read: Frontier, rows: Sequence[Stored], upto: Checkpoint) -> None:
        """Take the rows of one tile in, each held against its leaf. Raises Changed."""
        first = read.size
        there = self._folder.widest(Place(0, first // WIDTH)) or b""
        expected = min(WIDTH, upto.size - first)
        for n in range(expected):
            position = first + n + 1
            if n >= len(rows) or rows[n].position != position:
                raise Changed(position, "the event is missing")
            leaf = leaf_of_row(rows[n])
            # Where no tile lies the root at the end has to tell.
            if there[n * HASH_SIZE : (n + 1) * HASH_SIZE] not in (leaf, b""):
                raise Changed(position, "the event is not the one that was signed")
            read.append(leaf)
