"""Which media worker carries which room: what the workers tell of themselves, and who is sent where.

Rules: a room has one origin, where all publishers are; who only watches may be sent to an edge, on the same machine,
when the origin carries more than its share; load is packets a second, measured by the worker, and what was promised to
tickets since; the database's clock decides, never a worker's. A run is lost when its session with the database has
ended and it is silent, or when it is silent for long; its rooms are then placed anew in one transaction, first on an
edge of the room, whose viewers then stay where they are. A run that finds itself lost has to end itself. Two workers of
one name cannot both be in the list: the log and the earlier runs of each are told apart by it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from infra.postgres import Connection

BEAT_S = 0.25
SILENT_S, HUNG_S = 0.75, 5.0
SHARE = 0.7
"""Of what a worker can carry: above it, who only watches is sent to an edge."""
PROMISED = 120.0
"""Packets a second that one more connection is expected to take until it is measured: a picture with its sound."""
FORGOTTEN_AFTER = "15 minutes"

SESSION_ENDED = """not exists (
    select from pg_stat_activity session where session.pid = backend and session.backend_start = backend_since)"""
LOST = f"""
    beat_at < clock_timestamp() - make_interval(secs => $1)
    or (beat_at < clock_timestamp() - make_interval(secs => $2) and {SESSION_ENDED})
"""


@dataclass(frozen=True, slots=True)
class Run:
    """One run of a worker, and where it is reached: by clients, and by other workers of its machine.

    `pipe` is machine:path; runs whose pipes lie in one folder of one machine can feed each other.
    """

    run_id: UUID
    name: str
    url: str
    pipe: str


@dataclass(frozen=True, slots=True)
class Placement:
    """Where a room is. `here` is where this participant goes; `moved_from` the lost run before the origin."""

    origin: Run
    here: Run
    moved_from: UUID | None = None


@dataclass(frozen=True, slots=True)
class Lost:
    """A run that ended without a farewell, and the rooms that it carried."""

    run_id: UUID
    name: str
    sessions: Sequence[UUID]


class NameTaken(Exception):
    """Another worker of this name lives, at another place."""


async def enrol(db: Connection, run: Run, most: float) -> None:
    """This run lives from now on, and carries up to `most` packets a second. Raises NameTaken."""
    other = await db.fetchval(
        f"select pipe from media_worker where name = $3 and run_id <> $4 and pipe <> $5 and not ({LOST})",
        HUNG_S,
        SILENT_S,
        run.name,
        run.run_id,
        run.pipe,
    )
    if other is not None:
        raise NameTaken(run.name)
    await db.execute(
        "insert into media_worker (run_id, name, url, pipe, backend, backend_since, most)"
        " select $1, $2, $3, $4, pid, backend_start, $5 from pg_stat_activity where pid = pg_backend_pid()",
        run.run_id,
        run.name,
        run.url,
        run.pipe,
        most,
    )


async def beat(db: Connection, run_id: UUID, packets: float, rooms: Sequence[UUID]) -> bool:
    """Still alive, with this load and these rooms; False when others took this run for lost."""
    alive = await db.fetchval(
        # Promises fade as they come to be measured.
        "update media_worker set beat_at = clock_timestamp(), packets = $2, promised = 0.9 * promised,"
        " backend = session.pid, backend_since = session.backend_start"
        " from pg_stat_activity session where run_id = $1 and session.pid = pg_backend_pid() returning true",
        run_id,
        packets,
    )
    await db.execute(
        "update media_room set used_at = clock_timestamp()"
        " where run_id = $1 and live_session_id = any($2) and used_at < clock_timestamp() - interval '1 minute'",
        run_id,
        rooms,
    )
    await db.execute(
        f"delete from media_room where run_id = $1 and used_at < clock_timestamp() - interval '{FORGOTTEN_AFTER}'",
        run_id,
    )
    return bool(alive)


async def rooms_of(db: Connection, run_id: UUID) -> Sequence[tuple[UUID, Placement]]:
    """The rooms that this run carries, as origin or as edge."""
    rows = await db.fetch(
        "select mine.live_session_id, origin.moved_from, there.run_id, there.name, there.url, there.pipe,"
        " me.run_id, me.name, me.url, me.pipe"
        " from media_room mine join media_worker me using (run_id)"
        " join media_room origin on origin.live_session_id = mine.live_session_id and not origin.edge"
        " join media_worker there on there.run_id = origin.run_id where mine.run_id = $1",
        run_id,
    )
    return [(row[0], Placement(Run(*tuple(row)[2:6]), Run(*tuple(row)[6:10]), row[1])) for row in rows]


async def place(db: Connection, session_id: UUID, *, watching: bool = False) -> Placement | None:
    """Where a participant of this room goes now; None when no worker lives."""
    async with db.transaction():
        found = await _origin(db, session_id)
        if found is None:
            await db.execute(
                "insert into media_room (live_session_id, run_id, edge)"
                f" select $3, run_id, false from media_worker where not ({LOST})"
                " order by (packets + promised) / most, name, run_id limit 1"
                " on conflict (live_session_id) where not edge do nothing",
                HUNG_S,
                SILENT_S,
                session_id,
            )
            found = await _origin(db, session_id)
        if found is None:
            return None
        origin, moved_from, load = found
        here = await _edge(db, session_id, origin, load) if watching and load > SHARE else origin
        await db.execute(
            "update media_worker set promised = promised + $2 where run_id = $1",
            here.run_id,
            PROMISED,
        )
        return Placement(origin, here, moved_from)


async def in_doubt(db: Connection, run: Run) -> bool:
    """Whether this run's session with the database has ended: within two beats it is back, or known to be lost."""
    return bool(await db.fetchval(f"select {SESSION_ENDED} from media_worker where run_id = $1", run.run_id))


async def look_up(db: Connection, session_id: UUID, run_id: UUID) -> Placement | None:
    """Where the room is, asked by a run that somebody came to; the run takes a room that nobody has."""
    async with db.transaction():
        found = await _origin(db, session_id)
        if found is None:
            await db.execute(
                "insert into media_room (live_session_id, run_id, edge)"
                " select $1, run_id, false from media_worker where run_id = $2"
                " on conflict (live_session_id) where not edge do nothing",
                session_id,
                run_id,
            )
            found = await _origin(db, session_id)
        if found is None:
            return None
        origin, moved_from, _ = found
        row = await db.fetchrow(
            "select run_id, name, url, pipe from media_room join media_worker using (run_id)"
            " where live_session_id = $1 and run_id = $2",
            session_id,
            run_id,
        )
        return Placement(origin, Run(*row) if row is not None else origin, moved_from)


async def _origin(db: Connection, session_id: UUID) -> tuple[Run, UUID | None, float] | None:
    row = await db.fetchrow(
        "update media_room room set used_at = clock_timestamp() from media_worker worker"
        " where live_session_id = $1 and not edge and worker.run_id = room.run_id"
        " returning worker.run_id, name, url, pipe, moved_from, (packets + promised) / most",
        session_id,
    )
    return (Run(*tuple(row)[:4]), row[4], row[5]) if row is not None else None


async def _edge(db: Connection, session_id: UUID, origin: Run, load: float) -> Run:
    """The least loaded run of the origin's machine; the origin itself when no other carries less."""
    machine = origin.pipe.rpartition("/")[0]
    row = await db.fetchrow(
        f"select run_id, name, url, pipe from media_worker where not ({LOST})"
        " and starts_with(pipe, $3 || '/') and run_id <> $4 and (packets + promised) / most < $5"
        " order by (packets + promised) / most, name, run_id limit 1",
        HUNG_S,
        SILENT_S,
        machine,
        origin.run_id,
        load,
    )
    if row is None:
        return origin
    await db.execute(
        "insert into media_room (live_session_id, run_id, edge) values ($1, $2, true)"
        " on conflict (live_session_id, run_id) do update set used_at = clock_timestamp()",
        session_id,
        row["run_id"],
    )
    return Run(*row)


async def bury(db: Connection, run: Run, *, others: bool) -> Sequence[Lost]:
    """Take lost runs out and place their rooms anew: earlier ones of this worker, and with `others` those of all."""
    async with db.transaction():
        rows = await db.fetch(
            "select run_id, name from media_worker"
            f" where (name = $3 and run_id <> $4 and (pipe = $5 or ({LOST}))) or ($6 and ({LOST}))"
            " order by run_id for update skip locked",
            HUNG_S,
            SILENT_S,
            run.name,
            run.run_id,
            run.pipe,
            others,
        )
        return [
            Lost(row["run_id"], row["name"], await _moved(db, row["run_id"], farewell=False))
            for row in rows
            if row["run_id"] != run.run_id
        ]


async def retire(db: Connection, run_id: UUID) -> None:
    """This run ends in good order: its rooms are placed on others, or on whoever is asked next."""
    async with db.transaction():
        await _moved(db, run_id, farewell=True)


async def _moved(db: Connection, run_id: UUID, *, farewell: bool) -> Sequence[UUID]:
    """Nothing is on this run any more, and it is out of the list; answers the rooms that it had."""
    rows = await db.fetch(
        "select live_session_id, edge from media_room where run_id = $1 order by live_session_id for update", run_id
    )
    for row in rows:
        if not row["edge"]:
            await _another_origin(db, row["live_session_id"], run_id, farewell=farewell)
    await db.execute("delete from media_worker where run_id = $1", run_id)
    return [row["live_session_id"] for row in rows]


async def _another_origin(db: Connection, session_id: UUID, lost: UUID, *, farewell: bool) -> None:
    await db.execute("delete from media_room where live_session_id = $1 and run_id = $2", session_id, lost)
    # An edge has viewers of the room already; else whoever carries least.
    heir = await db.fetchval(
        "select worker.run_id from media_worker worker left join media_room room"
        " on room.run_id = worker.run_id and room.live_session_id = $4"
        f" where worker.run_id <> $3 and not ({LOST})"
        " order by room.run_id is null, (packets + promised) / most, name limit 1",
        HUNG_S,
        SILENT_S,
        lost,
        session_id,
    )
    if heir is None:
        return
    await db.execute(
        "insert into media_room (live_session_id, run_id, edge, moved_from) values ($1, $2, false, $3)"
        " on conflict (live_session_id, run_id) do update set edge = false, moved_from = $3",
        session_id,
        heir,
        None if farewell else lost,
    )
