"""What somebody with all rights in the database can do to a log behind its back: each returns what should be said."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from random import Random
from typing import Any

from infra.postgres import Connection
from projections.audit._checkpoint import Checkpoint
from projections.audit._keys import Kind, PrivateKey
from tests.audit_office import LOG, ORIGIN, note_of

THIEF = PrivateKey(ORIGIN, Kind.ED25519, bytes(32))

# Takes the size of the log and chance; answers what may be named as the first bad position, nothing where none can.
Tamper = Callable[[Connection, int, Random], Awaitable[set[int]]]
AT = "where notification_id = $1"


async def unguard(db: Connection) -> None:
    """Everything that stands in the way of somebody who may do everything. Undone with the transaction."""
    await db.execute(
        "set local session_replication_role = replica;"
        "alter table events drop constraint events_pkey;"
        "alter table events drop constraint events_originator_id_originator_version_key"
    )


async def bit_flip(db: Connection, size: int, chance: Random) -> set[int]:
    at, column = chance.randint(1, size), chance.choice(("state", "metadata"))
    flip = f"set_bit({column}, $2 % (8 * length({column})), 1 - get_bit({column}, $2 % (8 * length({column}))))"
    await db.execute(f"update events set {column} = {flip} {AT}", at, chance.randrange(1 << 30))
    return {at}


async def name(db: Connection, size: int, chance: Random) -> set[int]:
    at = chance.randint(1, size)
    await db.execute(f"update events set topic = topic || chr($2) {AT}", at, chance.randint(97, 122))
    return {at}


async def version(db: Connection, size: int, chance: Random) -> set[int]:
    at = chance.randint(1, size)
    column = chance.choice(("originator_version", "schema_version"))
    await db.execute(f"update events set {column} = {column} + $2 {AT}", at, chance.randint(1, 9))
    return {at}


async def stream(db: Connection, size: int, chance: Random) -> set[int]:
    at = chance.randint(1, size)
    await db.execute(f"update events set originator_id = gen_random_uuid() {AT}", at)
    return {at}


async def time(db: Connection, size: int, chance: Random) -> set[int]:
    at = chance.randint(1, size)
    change = chance.choice(("- interval '1 microsecond'", "- interval '3 days'", "+ interval '1 hour'"))
    await db.execute(f"update events set recorded_at = recorded_at {change} {AT}", at)
    return {at}


async def actor(db: Connection, size: int, chance: Random) -> set[int]:
    """Somebody else is said to have done it."""
    at = chance.randint(1, size)
    swap = "set metadata = convert_to(replace(convert_from(metadata, 'UTF8'), $2, $3), 'UTF8')"
    whom = "00000000-0000-0000-0000-00000000000"
    await db.execute(f"update events {swap} {AT}", at, f"{whom}1", f"{whom}{chance.randint(2, 9)}")
    return {at}


async def delete(db: Connection, size: int, chance: Random) -> set[int]:
    at = chance.randint(1, size)
    await db.execute(f"delete from events {AT}", at)
    if chance.random() < 0.5:  # and the hole is closed
        await db.execute("update events set notification_id = notification_id - 1 where notification_id > $1", at)
        await db.execute("update head set position = position - 1")
    return {at}


async def insert(db: Connection, size: int, chance: Random) -> set[int]:
    at = chance.randint(1, size)
    room = chance.random() < 0.7
    if room:
        await db.execute("update events set notification_id = notification_id + 1 where notification_id >= $1", at)
        await db.execute("update head set position = position + 1")
    columns = "originator_id, originator_version, topic, schema_version, state, metadata, recorded_at"
    other = chance.choice([one for one in range(1, size + 1) if one not in (at, at - 1)])
    await db.execute(
        f"insert into events select $1, gen_random_uuid(), {columns.partition(', ')[2]} from events"
        " where notification_id = $2 limit 1",
        at,
        other,
    )
    # Of two at one position nobody can say which is read first.
    return {at} if room else {at, at + 1}


async def swap(db: Connection, size: int, chance: Random) -> set[int]:
    one, other = sorted(chance.sample(range(1, size + 1), 2))
    await db.execute(
        "update events set notification_id = case notification_id when $1 then $2 else $1 end"
        " where notification_id in ($1, $2)",
        one,
        other,
    )
    return {one}


async def renumber(db: Connection, size: int, chance: Random) -> set[int]:
    at = chance.randint(1, size)
    to = chance.choice((size + 1, at + size, -at, 0))
    await db.execute(f"update events set notification_id = $2 {AT}", at, to)
    return {at}


async def tail_cut(db: Connection, size: int, chance: Random) -> set[int]:
    first = chance.randint(2, size)
    await db.execute("delete from events where notification_id >= $1", first)
    await db.execute("update head set position = $1", first - 1)
    if chance.random() < 0.5:  # and everything that was signed of it
        for table in ("audit_cosignatures", "audit_checkpoints"):
            await db.execute(f"delete from {table} where size >= $1", first)
    return {first}


async def checkpoint_swap(db: Connection, size: int, chance: Random) -> set[int]:
    """Another history, and a checkpoint that fits it: signed by a thief, or by the log's own stolen key."""
    at = chance.randint(1, size)
    await db.execute(f"update events set state = state || ' '::bytea {AT}", at)
    key = chance.choice((LOG, THIEF))
    forged = Checkpoint(ORIGIN, size + chance.randint(0, 1), chance.randbytes(32))
    await db.execute("delete from audit_cosignatures where size = $1", size)
    await db.execute("delete from audit_checkpoints where size = $1", size)
    await db.execute(
        "insert into audit_checkpoints (size, root, note) values ($1, $2, $3)",
        forged.size,
        forged.root,
        note_of(forged, key),
    )
    return set()


TAMPERS: dict[str, Tamper] = {
    one.__name__: one
    for one in (
        bit_flip,
        name,
        version,
        stream,
        time,
        actor,
        delete,
        insert,
        swap,
        renumber,
        tail_cut,
        checkpoint_swap,
    )
}


def tamper_of(nth: int) -> tuple[str, Any]:
    return list(TAMPERS.items())[nth % len(TAMPERS)]
