"""The log in PostgreSQL, as commands need it: grouped loads, group commit, no lost and no doubled command.

Decided in docs/adr/0002: one SQL function appends the commands of a whole batch under one lock. When the line
breaks at COMMIT nobody knows whether the batch is in the log; so the same batch is sent again, and the command ids
tell what had already happened.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

import asyncpg

from commands._bus import Append, Appended, Conflict, Unavailable
from domain._kernel import Recorded, UnknownEvent
from infra.batcher import Batcher, Waiting
from infra.mapper import COLUMNS, stored_from, to_recorded, to_stored_state
from infra.measures import APPEND_SECONDS, BATCH_SIZE
from infra.postgres import LINE_FAULTS, Line

MOST_IN_A_BATCH = 96
MOST_WAITING = 4_096
GIVE_UP_AFTER_S = 12.0
# Longer than the lock_timeout of the session, so that a silent line is told from a lock that somebody holds.
SILENT_LINE_AFTER_S = 6.0

APPEND = "select * from append_events($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)"
LOAD = f"""
    select {COLUMNS} from unnest($1::uuid[], $2::bigint[]) as wanted (id, after)
      join events on originator_id = wanted.id and originator_version > wanted.after
     order by originator_id, originator_version
"""
ANSWERS = """
    select 'duplicate' as outcome, command_id, fingerprint, stream_id, version, last_position
      from commands where command_id = any($1)
"""

# A broken line, a held lock, a full disk, a server that has become a standby: nothing is known to be wrong with the
# request itself.
TRY_AGAIN = (
    *LINE_FAULTS,
    asyncpg.InternalClientError,
    asyncpg.LockNotAvailableError,
    asyncpg.QueryCanceledError,
    asyncpg.InsufficientResourcesError,
    asyncpg.TransactionRollbackError,
    asyncpg.ReadOnlySQLTransactionError,
)

Wish = Mapping[UUID, int]
Found = Mapping[UUID, Sequence[Recorded]]


@dataclass(frozen=True, slots=True)
class Ready:
    """A wish whose events are bytes already: made by its caller, so that what cannot be written fails him alone."""

    wish: Append
    topics: Sequence[str]
    schema_versions: Sequence[int]
    states: Sequence[bytes]
    metadatas: Sequence[bytes]

    @classmethod
    def of(cls, wish: Append) -> Ready:
        if not wish.events:
            raise ValueError("an append needs an event")
        return cls(
            wish,
            [new.event.name for new in wish.events],
            [new.event.schema_version for new in wish.events],
            [to_stored_state(new.event) for new in wish.events],
            [new.metadata.to_json() for new in wish.events],
        )


class PostgresEventStore:
    """Three lines to the server: one that appends, one that loads, one that answers about earlier commands."""

    def __init__(self, dsn: str) -> None:
        self._append_line, self._load_line, self._answer_line = Line(dsn), Line(dsn), Line(dsn)
        self._appends: Batcher[Ready, Appended] = Batcher(
            self._append_batch, most=MOST_IN_A_BATCH, waiting=MOST_WAITING, pick=independent_ones
        )
        self._loads: Batcher[Wish, Found] = Batcher(self._load_batch, most=256, waiting=MOST_WAITING)
        self._answers: Batcher[UUID, Appended | None] = Batcher(self._find_answers, most=256, waiting=MOST_WAITING)

    async def load(self, after: Wish) -> Found:
        return await self._loads.submit(after)

    async def append(self, wish: Append) -> Appended:
        began = time.perf_counter()
        try:
            return await self._appends.submit(Ready.of(wish))
        finally:
            APPEND_SECONDS.observe(time.perf_counter() - began)

    async def answer_to(self, command_id: UUID) -> Appended | None:
        return await self._answers.submit(command_id)

    async def close(self) -> None:
        for batcher in (self._appends, self._loads, self._answers):
            await batcher.close()
        for line in (self._append_line, self._load_line, self._answer_line):
            await line.close()

    async def _append_batch(self, batch: Sequence[Ready]) -> Sequence[Appended | BaseException]:
        BATCH_SIZE.observe(len(batch))
        try:
            rows = await _until_answered(self._append_line, APPEND, *append_arguments(batch))
        except asyncpg.PostgresError as fault:
            # The server refused something in it and took nothing of it: the others must not suffer for the one.
            if len(batch) == 1:
                return [fault]
            return [outcome for one in batch for outcome in await self._append_batch([one])]
        return [_outcome(row) for row in rows]

    async def _load_batch(self, wishes: Sequence[Wish]) -> Sequence[Found | BaseException]:
        wanted: dict[UUID, int] = {}
        for wish in wishes:
            for stream_id, after in wish.items():
                wanted[stream_id] = min(after, wanted.get(stream_id, after))
        rows = await _until_answered(self._load_line, LOAD, list(wanted), list(wanted.values()))
        histories: dict[UUID, list[Recorded]] = {}
        unreadable: dict[UUID, Exception] = {}
        for row in rows:
            stream_id = row["originator_id"]
            try:
                histories.setdefault(stream_id, []).append(to_recorded(stored_from(row)))
            except (UnknownEvent, ValueError) as fault:
                unreadable[stream_id] = fault
        return [_part_of(histories, unreadable, wish) for wish in wishes]

    async def _find_answers(self, command_ids: Sequence[UUID]) -> Sequence[Appended | None]:
        rows = await _until_answered(self._answer_line, ANSWERS, command_ids)
        found = {row["command_id"]: _appended(row) for row in rows}
        return [found.get(command_id) for command_id in command_ids]


async def _until_answered(line: Line, query: str, *arguments: object) -> list[asyncpg.Record]:
    """Ask, and ask again over a new line when the old one broke: every query here may be repeated safely."""
    deadline = time.monotonic() + GIVE_UP_AFTER_S
    pause = 0.01
    while True:
        try:
            async with asyncio.timeout(min(SILENT_LINE_AFTER_S, max(0.1, deadline - time.monotonic()))):
                return await (await line.get()).fetch(query, *arguments)
        except TRY_AGAIN as fault:
            await line.drop()
            if time.monotonic() > deadline - 0.1:
                raise Unavailable(retry_after=2.0) from fault
            await asyncio.sleep(pause)
            pause = min(2 * pause, 0.5)


def independent_ones(queue: deque[Waiting[Ready, Appended]], most: int) -> list[Waiting[Ready, Appended]]:
    """The first commands of the queue of which none rests on what an earlier one writes; the rest keeps its order."""
    picked: list[Waiting[Ready, Appended]] = []
    kept: list[Waiting[Ready, Appended]] = []
    written: set[UUID] = set()
    while queue and len(picked) < most:
        waiting = queue.popleft()
        wish = waiting[0].wish
        if wish.stream_id in written or not written.isdisjoint(wish.guards):
            kept.append(waiting)
        else:
            picked.append(waiting)
        written.add(wish.stream_id)
    queue.extendleft(reversed(kept))
    return picked


def append_arguments(batch: Sequence[Ready]) -> tuple[Sequence[object], ...]:
    """What `APPEND` takes."""
    guards = [(n, id_, version) for n, one in enumerate(batch, 1) for id_, version in one.wish.guards.items()]
    return (
        [one.wish.command_id for one in batch],
        [one.wish.fingerprint for one in batch],
        [one.wish.stream_id for one in batch],
        [one.wish.expected_version for one in batch],
        [n for n, _, _ in guards],
        [id_ for _, id_, _ in guards],
        [version for _, _, version in guards],
        [n for n, one in enumerate(batch, 1) for _ in one.states],
        [topic for one in batch for topic in one.topics],
        [version for one in batch for version in one.schema_versions],
        [state for one in batch for state in one.states],
        [metadata for one in batch for metadata in one.metadatas],
    )


def _outcome(row: asyncpg.Record) -> Appended | Conflict:
    return Conflict() if row["outcome"] == "conflict" else _appended(row)


def _appended(row: asyncpg.Record) -> Appended:
    repeated = row["outcome"] == "duplicate"
    return Appended(row["stream_id"], row["version"], row["last_position"], row["fingerprint"], repeated)


def _part_of(
    histories: Mapping[UUID, Sequence[Recorded]], unreadable: Mapping[UUID, Exception], wish: Wish
) -> Found | Exception:
    for stream_id in wish:
        if stream_id in unreadable:
            return unreadable[stream_id]
    found = {
        stream_id: [recorded for recorded in histories.get(stream_id, ()) if recorded.version > after]
        for stream_id, after in wish.items()
    }
    return {stream_id: history for stream_id, history in found.items() if history}
