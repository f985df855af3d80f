"""An office that signs one test's log: keys, a folder, a ledger, a witness, each of which can be started and lost.

`python -m tests.audit_office (ledger | witness) FOLDER DSN PORT` runs one of them as a process that may be killed.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID, uuid4

import uvloop

from infra.audit import published
from infra.audit.cosigning import Cosigner
from infra.audit.folder import TileFolder
from infra.audit.published import Published
from infra.audit.witness import Witness, witness_app
from infra.audit.witness_state import WitnessState
from infra.event_store import PostgresEventStore
from infra.health import Vitals
from infra.postgres import Connection, connect
from infra.serving import bound_socket, serving
from projections.audit._checkpoint import Checkpoint
from projections.audit._keys import Kind, PrivateKey, PublicKey, SigningKey
from projections.audit._note import Note
from streams.ledger import Ledger, Signing
from tests.ward import wish

ORIGIN = "log.test/one"
LOG = PrivateKey(ORIGIN, Kind.ED25519, bytes(range(32)))
COSIGNERS = [
    PrivateKey("witness.test", Kind.ED25519_COSIGNATURE, bytes(range(1, 33))),
    PrivateKey("witness.test", Kind.ML_DSA_44_COSIGNATURE, bytes(range(2, 34))),
]


def note_of(checkpoint: Checkpoint, key: PrivateKey = LOG) -> str:
    return Note(checkpoint.text(), [key.sign(checkpoint.text())]).encoded()


@dataclass
class Office:
    """`folder` is the tile folder, `state` the witness's file; both outlive what works with them."""

    dsn: str
    home: Path
    vitals: Vitals = field(default_factory=lambda: Vitals("ledger"))

    @property
    def folder(self) -> TileFolder:
        return TileFolder(self.home / "log")

    def ledger(self, witness: str | None = None, keys: Sequence[SigningKey] | None = None) -> Ledger:
        own = keys or [LOG]
        self.vitals = Vitals("ledger")
        cosigner = Cosigner(witness, cosigner_keys) if witness else None
        return Ledger(self.dsn, self.vitals, Signing(ORIGIN, own, public(LOG, *own)), self.folder, cosigner)

    @asynccontextmanager
    async def keeping(
        self, witness: str | None = None, keys: Sequence[SigningKey] | None = None
    ) -> AsyncIterator[Vitals]:
        stop = asyncio.Event()
        running = asyncio.create_task(self.ledger(witness, keys).run(stop))
        try:
            yield self.vitals
        finally:
            stop.set()
            await running

    @asynccontextmanager
    async def witness(self, port: int = 0) -> AsyncIterator[str]:
        state = WitnessState(self.home / "witness" / "seen.sqlite")
        app = witness_app(Witness(state, COSIGNERS, lambda: public(LOG)))
        async with serving(app, bound_socket(port)) as url:
            yield url
        state.close()

    async def alarm(self, within_s: float = 60) -> str:
        """What the ledger says when it refuses to sign."""
        async with asyncio.timeout(within_s):
            while "log" not in self.vitals.waiting:
                await asyncio.sleep(0.02)
        return self.vitals.waiting["log"]


def public(*keys: SigningKey) -> list[PublicKey]:
    return list({key.public.key_id: key.public for key in keys}.values())


def cosigner_keys() -> list[PublicKey]:
    return public(*COSIGNERS)


async def add(dsn: str, events: int, streams: Callable[[int], UUID] = lambda _: uuid4()) -> None:
    """So many events of streams of their own."""
    store = PostgresEventStore(dsn)
    await asyncio.gather(*(store.append(wish(streams(n), 0)) for n in range(events)))
    await store.close()


async def signed(dsn: str, size: int, within_s: float = 90, cosigned: bool = False) -> Published:
    """The first checkpoint that covers so many events."""
    db = await connect(dsn)
    try:
        return await _signed(db, size, time.monotonic() + within_s, cosigned)
    finally:
        await db.close()


async def _signed(db: Connection, size: int, deadline: float, cosigned: bool) -> Published:
    while True:
        found = await published.covering(db, size)
        if found is not None and (not cosigned or found.note.count("witness.test") == len(COSIGNERS)):
            return found
        assert time.monotonic() < deadline, f"no checkpoint of {size} events"
        await asyncio.sleep(0.05)


async def live(role: str, home: str, dsn: str, port: str) -> None:
    office = Office(dsn, Path(home))
    if role == "witness":
        async with office.witness(int(port)):
            await asyncio.Event().wait()
    await office.ledger(f"http://127.0.0.1:{port}" if int(port) else None).run(asyncio.Event())


if __name__ == "__main__":
    uvloop.run(live(*sys.argv[1:]))
