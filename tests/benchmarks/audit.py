"""The transparency log: what it costs to sign everything, how late it is signed, and how long it takes to check.

The ledger and the witness run as processes, as in the stack. A million events are verified from a bundle of digests
that is made for the purpose, with the verifier that auditors take away.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from hashlib import sha256
from pathlib import Path
from uuid import uuid4

import orjson

from infra.audit.folder import TileFolder
from infra.audit.logged_tree import LoggedTree
from infra.event_log import after
from infra.event_store import PostgresEventStore
from infra.postgres import Connection, connect
from projections.audit import verifier
from projections.audit._checkpoint import Checkpoint
from projections.audit._leaf import Leaf
from projections.audit._tiles import Edge, Place, Tiles
from projections.audit._tree import Frontier, check_inclusion, inclusion_proof
from tests.audit_office import LOG, ORIGIN, note_of
from tests.benchmarks.callers import asked_by
from tests.benchmarks.conferences import FACILITIES, MEASURE_LINE, line_of, opened
from tests.benchmarks.figure import Asked, Figure, Runs, percentile
from tests.benchmarks.histories import clone_of, fill, told
from tests.benchmarks.machine import spending
from tests.benchmarks.products import Products, pid_of
from tests.benchmarks.stage import Stage
from tests.benchmarks.wire import HttpLine
from tests.ward import wish

PER_SECOND = 500
LINES = 16
FACILITIES_CLONED = 20


async def measure(stage: Stage) -> Sequence[Figure]:
    found = [await _fold(stage), *await _signing(stage), await _receipts(stage)]
    with tempfile.TemporaryDirectory(dir=stage.settings.data) as folder:
        return [*found, *await asyncio.to_thread(_checking, Path(folder), 100_000 if stage.quick else 1_000_000)]


async def _fold(stage: Stage) -> Figure:
    """Reading rows, hashing, growing the tree, writing tiles: what the ledger does before it signs."""
    async with stage.database() as dsn:
        db = await connect(dsn, statement_timeout="0")
        log = await fill(db, await told(), 100 if stage.quick else 300)
        reached, cpu = [], 0.0
        for _ in range(stage.rounds):
            with tempfile.TemporaryDirectory(dir=stage.settings.data) as folder, spending() as spent:
                tree, began = LoggedTree(TileFolder(Path(folder))), time.perf_counter()
                while rows := await after(db, tree.size, limit=2_000):
                    tree.fold(rows)
                tree.checkpoint(ORIGIN)
                reached.append(tree.size / (time.perf_counter() - began))
            cpu = 1e6 * spent.own_cpu / tree.size
        await db.close()
    size = sum(len(one.state) + len(one.metadata) for one in log) // len(log)
    limit = f"{len(log):,} events of {size} B; CPU {cpu:.0f} µs each, reading included"
    return Figure("ledger: fold and sign", "events/s", Runs(reached), Asked(20_000), limit=limit)


async def _signing(stage: Stage) -> Sequence[Figure]:
    """Appends at an even pace with the ledger and without, and how old the newest checkpoint is meanwhile."""
    seconds = 6 if stage.quick else 15
    async with stage.database() as dsn, stage.kafka() as bootstrap, AsyncExitStack() as ends:
        products = Products.on(stage, dsn, bootstrap)
        port = products.settings.api_port  # No API runs here.
        products.settings = products.settings.model_copy(
            update={"witness_port": port, "witness_url": f"http://127.0.0.1:{port}"}
        )
        db = await connect(dsn)
        without, with_, ages, cpu = [], [], [], 0.0
        await ends.enter_async_context(products.running("witness"))
        for _ in range(1 if stage.quick else 3):
            latencies, _ = await _append(dsn, db, seconds)
            without.append(percentile(latencies, 0.5))
            async with products.running("ledger") as child:
                await asyncio.sleep(1.5)
                with spending(ledger=pid_of(child)) as spent:
                    latencies, seen = await _append(dsn, db, seconds)
            with_.append(percentile(latencies, 0.5))
            ages.append(percentile(seen, 0.99))
            cpu = 1e6 * spent.cpu["ledger"] / (seconds * PER_SECOND)
        cosigned = await db.fetchval("select count(distinct size) from audit_cosignatures")
        signed = await db.fetchval("select count(*) from audit_checkpoints")
        await db.close()
    share = [max(0.0, 100 * (one / other - 1)) for one, other in zip(with_, without, strict=True)]
    own = f"p50 {Runs(without)} ms without; CPU of the ledger {cpu:.0f} µs an event at {PER_SECOND}/s"
    late = f"at {PER_SECOND} events/s; {cosigned} of {signed} checkpoints cosigned in both ways"
    return [
        Figure("  it makes an append slower by", "%", Runs(share), Asked(1, at_least=False), limit=own),
        Figure("  age of the newest checkpoint, p99", "s", Runs(ages), Asked(2, at_least=False), limit=late),
    ]


async def _append(dsn: str, db: Connection, seconds: float) -> tuple[list[float], list[float]]:
    """Latencies in ms of appends, and ages in s of the newest checkpoint while they went on."""
    store, latencies, ages = PostgresEventStore(dsn), [], []

    async def one() -> None:
        began = time.perf_counter()
        await store.append(wish(uuid4(), 0))
        latencies.append(1_000 * (time.perf_counter() - began))

    async def watch() -> None:
        while True:
            age = await db.fetchval(
                "select extract(epoch from clock_timestamp() - max(signed_at)) from audit_checkpoints"
            )
            ages.append(float(age or 0))
            await asyncio.sleep(0.02)

    began = time.perf_counter()
    watching = asyncio.create_task(_after(1.5, watch()))
    async with asyncio.TaskGroup() as group:
        for n in range(int(seconds * PER_SECOND)):
            await asyncio.sleep(max(0, began + n / PER_SECOND - time.perf_counter()))
            group.create_task(one())
    watching.cancel()
    await asyncio.gather(watching, return_exceptions=True)
    await store.close()
    return latencies, ages


async def _after(seconds: float, then: object) -> None:
    # The first checkpoint of a stretch is as old as the pause before it.
    await asyncio.sleep(seconds)
    await then  # type: ignore[misc]


async def _receipts(stage: Stage) -> Figure:
    """What a mutation costs the API more when it asks for its receipt; one that does not pays nothing."""
    async with stage.database() as dsn, stage.kafka() as bootstrap, AsyncExitStack() as ends:
        db = await connect(dsn, statement_timeout="0")
        await fill(db, await opened(), FACILITIES_CLONED)
        await db.close()
        products = Products.on(stage, dsn, bootstrap)
        await ends.enter_async_context(products.running("issuer"))
        pid = pid_of(await ends.enter_async_context(products.running("api")))
        lines = [await HttpLine.to(products.api, products.token("registrar")) for _ in range(LINES)]
        asking = MEASURE_LINE.replace("version", "version receipt", 1)
        assert asking != MEASURE_LINE
        spent_on: dict[str, list[float]] = {MEASURE_LINE: [], asking: []}
        count = 1_000 if stage.quick else 3_000
        for _ in range(1 + stage.rounds):
            for document, found in spent_on.items():

                async def ask(n: int, document: str = document) -> None:
                    place = clone_of(FACILITIES[n % 3], n % FACILITIES_CLONED)
                    answer = await lines[n % LINES].ask(document, line_of(place, n))
                    assert b'"CommandAccepted"' in answer

                with spending(api=pid) as spent:
                    await asked_by(LINES, count, ask)
                found.append(1e6 * spent.cpu["api"] / count)
        for line in lines:
            line.close()
    plain, asked = spent_on[MEASURE_LINE][1:], spent_on[asking][1:]
    more = [one - other for one, other in zip(asked, plain, strict=True)]
    limit = f"beside {Runs(plain)} µs for the mutation itself; where no receipt is asked for nothing is added"
    return Figure("CPU of the API for a receipt", "µs", Runs(more), limit=limit)


def _checking(folder: Path, size: int) -> Sequence[Figure]:
    """A bundle of digests, verified by the auditor's file in a process of its own; and proofs from its tree."""
    leaves = _write_bundle(folder, size)
    command = [sys.executable, verifier.__file__, "bundle", str(folder), "--policy", str(folder / "policy")]
    began = time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True, check=False, env={"PATH": os.environ["PATH"]})
    taken = time.perf_counter() - began
    if not done.stdout.startswith("VERIFIED"):
        raise AssertionError(done.stdout + done.stderr)
    edge, tiles = Edge(), {}
    for leaf in leaves:
        tiles.update({tile.place: tile.hashes for tile in edge.append(leaf)})
    tiles.update({tile.place: tile.hashes for tile in edge.partials()})
    made, checked, length = _proofs(tiles, leaves, size)
    name = f"verify a bundle of {size:,} events"
    return [
        Figure(name, "s", Runs([taken]), Asked(60 * size / 1_000_000, at_least=False), limit="one core, digests only"),
        Figure("inclusion proof, made", "µs", Runs(made), limit=f"{length} B of hashes at {size:,} events"),
        Figure("inclusion proof, checked", "µs", Runs(checked)),
    ]


def _write_bundle(folder: Path, size: int) -> Sequence[bytes]:
    frontier, leaves = Frontier(), []
    (folder / "checkpoints").mkdir()
    with (folder / "records.bin").open("wb") as records, (folder / "leaves.bin").open("wb") as file:
        for n in range(size):
            digest = sha256(n.to_bytes(8, "big")).digest()
            stream, name = uuid4(), "examination.observation_recorded"
            record = Leaf(n + 1, stream, 1, name, 1, 1_598_493_600_000_000 + n, digest, digest).record()
            records.write(len(record).to_bytes(2, "big") + record)
            leaves.append(sha256(b"\0" + record).digest())
            file.write(leaves[-1])
            frontier.append(leaves[-1])
    note = note_of(Checkpoint(ORIGIN, size, frontier.root()))
    (folder / "checkpoints" / f"{size:019d}").write_text(note)
    (folder / "policy").write_text(f"log {LOG.public.text()}\nquorum none\n")
    manifest = {"format": "thx-bundle/v1", "origin": ORIGIN, "size": size, "stored": False, "positions": None}
    (folder / "manifest.json").write_bytes(orjson.dumps(manifest))
    return leaves


def _proofs(
    tiles: dict[Place, bytes], leaves: Sequence[bytes], size: int
) -> tuple[Sequence[float], Sequence[float], int]:
    made, checked, length = [], [], 0
    root = Tiles(size, tiles.__getitem__).root()
    for _ in range(5):
        chosen = [n * 7_919 % size for n in range(200)]
        began = time.perf_counter()
        proofs = [inclusion_proof(Tiles(size, tiles.__getitem__).subtree, index, size) for index in chosen]
        between = time.perf_counter()
        for index, proof in zip(chosen, proofs, strict=True):
            check_inclusion(leaves[index], index, size, proof, root)
        ended = time.perf_counter()
        made.append(1e6 * (between - began) / len(chosen))
        checked.append(1e6 * (ended - between) / len(chosen))
        length = max(32 * len(proof) for proof in proofs)
    return made, checked, length
