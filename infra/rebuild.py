"""A view is filled anew from the log, beside the one that is read, and takes its place in one moment.

Rules: the new tables take in exactly what the workers have taken into the old ones, partition by partition; so both
can be compared row by row as they stood at the swap, and the workers go on with the new ones without a gap or a double.
Until the swap nobody waits, and for it the workers wait for the last few events, not for the comparison, which takes
minutes where a view has millions of rows. What the new tables could not take in is parked anew. Rows are folded in
memory; when they are too many, those that were changed longest ago are put down into the new tables and loaded again
when they are needed, which is seldom: what happens to a case happens within days.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from math import ceil
from uuid import UUID

from domain._kernel import Recorded
from infra import progress
from infra.event_log import all_after
from infra.mapper import Broken, Stored, decoded
from infra.postgres import Connection, connect
from infra.topics import Place, place_of
from projections._fold import BEHIND, REFUSALS, Fold, LiveView, Poison, apply, park, parked_streams, take_in
from projections._view import VIEWS, View, adopt

GROUP = "projections"
MOST_ROWS_IN_HAND = 100_000  # Some 200 MB.
CHUNK = 5_000
NEAR = 1_000
TOGETHER = 250
PARKED_ANEW = "parked_anew"

# What tells the generations of a table apart, at the end of its name.
GENERATION = re.compile(r"_v\d+_g\d+$")
LEFT_OVER = """
    select relname from pg_class
     where relkind = 'r' and relnamespace = current_schema()::regnamespace
       and relname ~ $2 and regexp_replace(relname, $2, '') = any($1)
       and not exists (select 1 from projection_generation where relname = any(tables))
"""
# Sorted are 64-bit hashes and not rows, of which a nation's views have millions.
DIFFERENCE = """
    select coalesce(sum(more) filter (where more > 0), 0)::bigint as only_old,
           coalesce(-sum(more) filter (where more < 0), 0)::bigint as only_new
      from (select sum(one) as more
              from (select hash_record_extended(row({shared}), 0) as hash, 1 as one from {before}
                     union all select hash_record_extended(row({shared}), 0), -1 from {now}) as both_of_them
             group by hash having sum(one) <> 0) as differing
"""

Progress = Callable[[int, int], None]


class AlreadyRebuilding(RuntimeError):
    """Another process is filling this view at the moment."""


@dataclass(frozen=True, slots=True)
class Difference:
    """Rows of one table that stand in the old or the new generation only, in the columns that both have."""

    table: str
    only_old: int
    only_new: int


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """What came of it. `compared` tells of each table that was there before."""

    view: str
    generation: int
    events: int
    rows: int
    seconds: float
    parked: int
    compared: Sequence[Difference] = ()

    @property
    def equal(self) -> bool:
        return all(one.only_old == one.only_new == 0 for one in self.compared)


@dataclass(frozen=True, slots=True)
class Old:
    """The generation that stands, as any version of the product may have made it."""

    version: int
    generation: int
    tables: Sequence[str]


async def hold_against_swap(db: Connection, views: Collection[str]) -> None:
    """Let no view's tables be swapped until the transaction ends."""
    await db.execute(
        "select pg_advisory_xact_lock_shared(hashtextextended('view ' || view, 0)) from unnest($1::text[]) as view",
        sorted(views),
    )


async def rebuild(dsn: str, view: View, on_progress: Progress = lambda at, end: None, group: str = GROUP) -> Rebuilt:
    """Fill the view anew and swap. `on_progress` is told the position reached and the one to reach."""
    db = await connect(
        dsn,
        statement_timeout="0",
        idle_in_transaction_session_timeout="0",
        lock_timeout="0",
        tcp_user_timeout="60s",
        # What is lost with the server's memory is only ever the end of a rebuild, which is then begun again.
        synchronous_commit="off",
    )
    try:
        if not await db.fetchval("select pg_try_advisory_lock(hashtextextended('rebuild ' || $1, 0))", view.name):
            raise AlreadyRebuilding(view.name)
        return await _Rebuild(db, view, on_progress, group).run()
    finally:
        await db.close(timeout=5)


async def ensure_views(dsn: str, views: Mapping[str, View] = VIEWS, group: str = GROUP) -> None:
    """Build what is missing or has another shape, drop what is no longer a view. Safe in several processes at once."""
    db = await connect(dsn, statement_timeout="0", lock_timeout="0")
    try:
        await db.execute("select pg_advisory_lock(hashtextextended('ensure views', 0))")
        built = {row["view"]: row for row in await db.fetch("select * from projection_generation")}
        for one in views.values():
            if one.name not in built or built[one.name]["version"] != one.version:
                await rebuild(dsn, one, group=group)
        for gone in built.keys() - views.keys():
            await _drop(db, gone, built[gone]["tables"])
    finally:
        await db.close(timeout=5)


async def _drop(db: Connection, view: str, tables: Sequence[str]) -> None:
    async with db.transaction():
        await db.execute("select pg_advisory_xact_lock(hashtextextended('view ' || $1, 0))", view)
        await db.execute("delete from projection_generation where view = $1", view)
        await db.execute("delete from projection_parked where view = $1", view)
        await _drop_leftovers(db, tables)


async def _drop_leftovers(db: Connection, tables: Sequence[str]) -> None:
    """Of these tables, all generations on which no view stands: replaced ones, and those of rebuilds broken off."""
    for row in await db.fetch(LEFT_OVER, [GENERATION.sub("", one) for one in tables], GENERATION.pattern):
        await db.execute(f"drop table if exists {row['relname']} cascade")


@dataclass
class _Rebuild:
    db: Connection
    view: View
    on_progress: Progress
    group: str
    live: LiveView = field(init=False)
    folds: list[Fold] = field(init=False)
    done: Mapping[Place, int] = field(default_factory=dict)
    low: int = 0  # All events up to here are done, or concern us not.
    in_memory: bool = True
    events: int = 0

    async def run(self) -> Rebuilt:
        began = time.monotonic()
        old = await self._old()
        await self._begin(old)
        try:
            await self._fill()
        except (*REFUSALS, Poison):
            # Some event cannot be taken in: again, in the worker's way, which finds it and parks its stream.
            self.in_memory = False
            await self._begin(old)
            await self._fill()
        await self.db.execute("select pg_advisory_lock(hashtextextended('view ' || $1, 0))", self.view.name)
        async with self.db.transaction():
            await self._take_in_upto(await progress.positions(self.db, self.group))
            await self._swap()
        async with self.db.transaction(isolation="repeatable_read"):
            # The first statement fixes what is seen: both as they stood at the swap, whatever the workers do from here.
            await self.db.execute("select pg_advisory_unlock(hashtextextended('view ' || $1, 0))", self.view.name)
            compared = await self._compare(old) if old else []
        await _drop_leftovers(self.db, (*self.view.physicals(self.live.generation), *(old.tables if old else ())))
        count = [await self.db.fetchval(f"select count(*) from {t}") for t in self.view.physicals(self.live.generation)]
        parked = await self.db.fetchval(f"select count(*) from {PARKED_ANEW}")
        seconds = time.monotonic() - began
        return Rebuilt(self.view.name, self.live.generation, self.events, sum(count), seconds, parked, compared)

    async def _old(self) -> Old | None:
        row = await self.db.fetchrow(
            "select version, generation, tables from projection_generation where view = $1", self.view.name
        )
        return Old(row["version"], row["generation"], row["tables"]) if row else None

    async def _begin(self, old: Old | None) -> None:
        generation = old.generation + 1 if old else 1
        self.live = LiveView(self.view, generation, parked_in=PARKED_ANEW)
        self.folds = self.live.folds(anew=True)
        self.done, self.low, self.events = {}, 0, 0
        await _drop_leftovers(self.db, self.view.physicals(generation))
        for statement in self._ddl(indexes=False):
            await self.db.execute(statement)
        await self.db.execute(f"drop table if exists pg_temp.{PARKED_ANEW}")
        await self.db.execute(f"create temporary table {PARKED_ANEW} (like projection_parked including all)")

    def _ddl(self, indexes: bool) -> list[str]:
        return [one for one in self.view.ddl(self.live.generation) if one.startswith("create index") == indexes]

    async def _fill(self) -> None:
        """Come as near to the workers as one can without making them wait."""
        await self._take_in_upto(await progress.positions(self.db, self.group))
        await self._write_all()
        for statement in self._ddl(indexes=True):
            await self.db.execute(statement)
        for _ in range(5):
            targets = await progress.positions(self.db, self.group)
            if max(targets.values(), default=0) - self.low < NEAR:
                break
            await self._take_in_upto(targets)

    async def _take_in_upto(self, targets: Mapping[Place, int]) -> None:
        """What the workers have taken in by now, and not a single event more."""
        end = max(targets.values(), default=0)
        low = end
        names = [kind.name for kind in self.view.handled]
        async for chunk in all_after(self.db, self.low, end, names=names, chunk=CHUNK):
            wanted = []
            for stored in chunk:
                place = place_of(stored.aggregate, stored.stream_id)
                if stored.position > targets.get(place, 0):
                    low = min(low, stored.position - 1)
                elif stored.position > self.done.get(place, 0):
                    wanted.append(stored)
            await self._take_in(wanted)
            self.on_progress(chunk[-1].position, end)
        self.done, self.low = targets, max(low, self.low)
        self.on_progress(end, end)

    async def _take_in(self, wanted: Sequence[Stored]) -> None:
        self.events += len(wanted)
        if self.in_memory:
            await self._fold_in_memory(wanted)
        else:
            await self._apply_like_the_worker(wanted)

    async def _fold_in_memory(self, wanted: Sequence[Stored]) -> None:
        # Decoded events that lie about cost more than the work on them: only loading rows is a reason to gather some.
        together = TOGETHER if any(fold.loads for fold in self.folds) else 1
        for start in range(0, len(wanted), together):
            batch, parked = self._read(wanted[start : start + together])
            await park(self.db, self.live, parked)
            for fold in self.folds:
                await fold.load(self.db, batch)
            for at in batch:
                take_in(self.folds, at)
        in_hand = sum(len(fold.rows) for fold in self.folds)
        if in_hand > MOST_ROWS_IN_HAND:
            # Half of what fits stays, so that they are put down in large numbers.
            await self._put_down(1 - MOST_ROWS_IN_HAND / in_hand / 2)

    def _read(self, part: Sequence[Stored]) -> tuple[list[Recorded], list[tuple[UUID, int, str]]]:
        """The events to fold, and those to park, each with its stream, position and reason."""
        batch: list[Recorded] = []
        parked: list[tuple[UUID, int, str]] = []
        for stored in part:
            if stored.stream_id in self.live.parked:
                parked.append((stored.stream_id, stored.position, BEHIND))
                continue
            read = decoded(stored)
            if isinstance(read, Broken):
                self.live.parked.add(stored.stream_id)
                parked.append((stored.stream_id, stored.position, read.reason))
            elif read is not None:
                batch.append(read)
        return batch, parked

    async def _put_down(self, share: float = 1) -> None:
        for fold in self.folds:
            await fold.put_down(self.db, ceil(share * len(fold.rows)))

    async def _write_all(self) -> None:
        """From here on events are taken in as the worker does, which can park what cannot be taken in."""
        if self.in_memory:
            await self._put_down()
        self.in_memory = False

    async def _apply_like_the_worker(self, wanted: Sequence[Stored]) -> None:
        for start in range(0, len(wanted), NEAR):
            part = wanted[start : start + NEAR]
            try:
                async with self.db.transaction():
                    await self._apply(part, careful=False)
            except REFUSALS:
                self.live.parked = (await parked_streams(self.db, PARKED_ANEW)).get(self.view.name, set())
                async with self.db.transaction():
                    await self._apply(part, careful=True)

    async def _apply(self, part: Sequence[Stored], careful: bool) -> None:
        batch: list[Recorded] = []
        for stored in part:
            read = decoded(stored)
            if isinstance(read, Broken):
                await apply(self.db, self.live, batch, careful)
                batch = []
                self.live.parked.add(stored.stream_id)
                await park(self.db, self.live, [(stored.stream_id, stored.position, read.reason)])
            elif read is not None:
                batch.append(read)
        await apply(self.db, self.live, batch, careful)

    async def _compare(self, old: Old) -> list[Difference]:
        found = []
        for table in self.view.tables:
            before, now = (
                f"{table.name}_v{old.version}_g{old.generation}",
                self.view.physical(table, self.live.generation),
            )
            if before in old.tables:
                shared = await self._shared_columns(before, now)
                [counted] = await self.db.fetch(DIFFERENCE.format(shared=shared, before=before, now=now))
                found.append(Difference(table.name, counted["only_old"], counted["only_new"]))
        return found

    async def _shared_columns(self, before: str, now: str) -> str:
        rows = await self.db.fetch(
            "select attname from pg_attribute where attrelid in ($1::regclass, $2::regclass) and attnum > 0"
            " group by attname, atttypid having count(*) = 2 order by attname",
            before,
            now,
        )
        return ", ".join(row["attname"] for row in rows)

    async def _swap(self) -> None:
        await adopt(self.db, self.view, self.live.generation)
        await self.db.execute("delete from projection_parked where view = $1", self.view.name)
        await self.db.execute(f"insert into projection_parked select * from {PARKED_ANEW}")
