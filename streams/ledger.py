"""The ledger folds the log into the Merkle tree and signs a checkpoint every second in which it grew.

Rules: one ledger is active, by a lock on its session; others stand by. It goes on from the last checkpoint that it, its
folder or the witness knows, and only when the log still begins with what was signed; otherwise it names the positions
that are lost or changed, signs nothing, and looks again every few seconds. A checkpoint is in PostgreSQL before anybody
else sees it, then goes to the witness, to the folder and to Kafka; a witness that was away is asked again for the last
one while the log rests. Whatever breaks in between is done again: the same tree has the same root, and a smaller or
another one is refused by the table.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence

import asyncpg
import structlog

from infra.audit import keys, published
from infra.audit.cosigning import Cosigner, WitnessDisagrees, cosigned
from infra.audit.folder import TileFolder, TreeForks
from infra.audit.logged_tree import HoleInTheLog, LoggedTree, WrongTree, restored
from infra.audit.token import TokenFailed
from infra.event_log import after, head
from infra.health import Vitals
from infra.locks import Lock
from infra.measures import CHECKPOINT_SIZE, CHECKPOINT_TIME, COSIGNED_SIZE, UNSIGNED_SECONDS
from infra.postgres import LINE_FAULTS, Connection, Wake, connect, keep_listening
from infra.settings import Settings
from projections.audit._checkpoint import Checkpoint, NotACheckpoint
from projections.audit._keys import Forged, PublicKey, SigningKey, check_checkpoint
from projections.audit._note import NotANote, Note, read_note
from projections.audit._tiles import TileRefused
from streams.checkpoints import Publisher
from streams.patrol import Patrol

MOST_IN_A_BATCH = 2_000
POLL_S = 0.25
GATHER_S = 0.1
CHECKPOINT_EVERY_S = 1.0
SILENCE_S = 20
LOOK_AGAIN_S = 3.0

# Each means that something that must never happen has happened: nothing is signed until a person has looked.
ALARMS = (TreeForks, WrongTree, HoleInTheLog, TileRefused, WitnessDisagrees, asyncpg.RestrictViolationError)

log = structlog.get_logger()


class Signing:
    """With which keys checkpoints are signed, and whose signatures on earlier ones are believed."""

    def __init__(self, origin: str, own: Sequence[SigningKey], known: Sequence[PublicKey]) -> None:
        self.origin, self._own, self._known = origin, own, known

    def sign(self, checkpoint: Checkpoint) -> str:
        text = checkpoint.text()
        return Note(text, [key.sign(text) for key in self._own]).encoded()

    def signed_before(self, note: str | None) -> Checkpoint | None:
        """The checkpoint, if we have signed it ourselves: anything else is no proof of anything."""
        if note is None:
            return None
        try:
            return check_checkpoint(note, self._known)[0]
        except (NotANote, NotACheckpoint, Forged):
            log.error("checkpoint_is_not_ours")
            return None


class Ledger:
    def __init__(
        self,
        dsn: str,
        vitals: Vitals,
        signing: Signing,
        folder: TileFolder,
        cosigner: Cosigner | None = None,
        publisher: Publisher | None = None,
    ) -> None:
        self._dsn, self._vitals, self._signing, self._folder = dsn, vitals, signing, folder
        self._cosigner, self._publisher = cosigner, publisher
        self._wake = Wake()
        self._signed_at = 0.0
        self._asked_at = 0.0
        self._uncosigned: str | None = None
        self._unsigned_since: float | None = None
        self._patrolled: Checkpoint | None = None
        self.patrol = Patrol(dsn, folder, lambda: self._patrolled)

    async def run(self, stop: asyncio.Event) -> None:
        others = [
            asyncio.create_task(keep_listening(self._dsn, "events", self._wake)),
            asyncio.create_task(self.patrol.run(stop)),
        ]
        if self._publisher is not None:
            others.append(asyncio.create_task(self._publisher.run(stop)))
        try:
            while not stop.is_set():
                await self._try(stop)
        finally:
            for other in others:
                other.cancel()
            await asyncio.gather(*others, return_exceptions=True)
            if self._cosigner is not None:
                await self._cosigner.close()

    async def _try(self, stop: asyncio.Event) -> None:
        """Stand by, take over, fold and sign; come back when something breaks, and go on from what was signed."""
        try:
            db = await connect(self._dsn, idle_session_timeout=f"{SILENCE_S}s")
        except LINE_FAULTS as fault:
            return await self._pause("database", fault, POLL_S)
        self._vitals.has("database")
        try:
            if await self._stand_by(db, stop):
                await self._keep(db, stop)
        except ALARMS as alarm:
            log.error("ledger_refuses_to_sign", reason=type(alarm).__name__)
            await self._pause("log", alarm, LOOK_AGAIN_S)
        except TokenFailed as fault:
            await self._pause("token", fault, LOOK_AGAIN_S)
        except (*LINE_FAULTS, asyncpg.PostgresError) as fault:
            await self._pause("database", fault, POLL_S)
        finally:
            self._patrolled = None
            db.terminate()

    async def _pause(self, what: str, fault: BaseException, seconds: float) -> None:
        self._vitals.wait_for(what, f"{type(fault).__name__}: {fault}".strip())
        log.warning("ledger_waits", reason=type(fault).__name__)
        await self._wake.wait(seconds)

    async def _stand_by(self, db: Connection, stop: asyncio.Event) -> bool:
        while not stop.is_set():
            if await db.fetchval("select pg_try_advisory_lock($1)", Lock.LEDGER):
                return True
            self._vitals.details["role"] = "standby"
            self._vitals.started()
            await asyncio.sleep(POLL_S)
        return False

    async def _keep(self, db: Connection, stop: asyncio.Event) -> None:
        tree = await restored(db, self._folder, await self._last_signed(db))
        await self._publish_again(db, tree)
        self._vitals.has("token")
        self._vitals.has("log")
        self._vitals.details["role"] = "active"
        self._vitals.started()
        log.info("ledger_took_over", position=tree.size)
        while not stop.is_set():
            rows = await after(db, tree.size, limit=MOST_IN_A_BATCH)
            if rows:
                filled = tree.fold(rows)
                if self._unsigned_since is None:
                    self._unsigned_since = rows[0].recorded_at.timestamp()
                if filled:
                    await published.add_tiles(db, filled)
            await self._tell(db, tree)
            if tree.size > (tree.signed.size if tree.signed else 0) and self._is_due():
                await self._sign(db, tree)
            elif self._may_ask_again(tree):
                await self._ask_again(db, tree)
            elif len(rows) < MOST_IN_A_BATCH:
                await self._wake.wait(POLL_S)
                # Under load somebody always wakes us. Nobody needs the tree before its checkpoint is due, and all that
                # came until then costs one reading.
                await asyncio.sleep(max(GATHER_S, CHECKPOINT_EVERY_S - (time.monotonic() - self._signed_at)))

    async def _last_signed(self, db: Connection) -> Checkpoint | None:
        """The largest tree that anybody knows us to have signed."""
        in_database = await published.last(db)
        known = [
            self._signing.signed_before(in_database.note if in_database else None),
            self._signing.signed_before(self._folder.checkpoint()),
        ]
        if self._cosigner is not None:
            known.append(self._signing.signed_before(await self._cosigner.latest(self._signing.origin)))
        return max((one for one in known if one is not None), key=lambda one: one.size, default=None)

    async def _publish_again(self, db: Connection, tree: LoggedTree) -> None:
        """What a crash may have left undone for the last checkpoint."""
        if tree.signed is None:
            return
        note = self._signing.sign(tree.signed)
        await published.add(db, tree.signed, note)
        found = await published.last(db)
        assert found is not None
        # What has more lines than we have signed has its witness.
        self._uncosigned = note if len(read_note(found.note).signatures) == len(read_note(note).signatures) else None
        self._measure(tree.signed, found.signed_at.timestamp())
        self._publish(tree.signed, found.note)

    def _is_due(self) -> bool:
        return time.monotonic() - self._signed_at >= CHECKPOINT_EVERY_S

    async def _sign(self, db: Connection, tree: LoggedTree) -> None:
        checkpoint = tree.checkpoint(self._signing.origin)
        self._uncosigned = note = self._signing.sign(checkpoint)
        await published.add(db, checkpoint, note)
        tree.signed, self._signed_at, self._unsigned_since = checkpoint, time.monotonic(), None
        self._measure(checkpoint, time.time())
        self._publish(checkpoint, await self._witnessed(db, checkpoint, note, tree))

    def _may_ask_again(self, tree: LoggedTree) -> bool:
        """Whether the last checkpoint lacks its witness and no larger one is about to be signed."""
        lacks = self._cosigner is not None and self._uncosigned is not None
        rests = tree.signed is not None and tree.size == tree.signed.size
        return lacks and rests and time.monotonic() - self._asked_at >= CHECKPOINT_EVERY_S

    async def _ask_again(self, db: Connection, tree: LoggedTree) -> None:
        assert self._uncosigned is not None
        assert tree.signed is not None
        note = await self._witnessed(db, tree.signed, self._uncosigned, tree)
        if self._uncosigned is None:
            self._publish(tree.signed, note)

    async def _witnessed(self, db: Connection, checkpoint: Checkpoint, note: str, tree: LoggedTree) -> str:
        """The note with what the witness, if there is one and it answers, has signed below it."""
        if self._cosigner is None:
            return note
        self._asked_at = time.monotonic()
        signatures = await self._cosigner.cosign(checkpoint, note, tree.consistency)
        if signatures:
            await published.add_cosignatures(db, checkpoint.size, signatures)
            COSIGNED_SIZE.set(checkpoint.size)
            self._uncosigned = None
        self._vitals.details["witness"] = self._cosigner.state
        return cosigned(note, signatures)

    def _publish(self, checkpoint: Checkpoint, note: str) -> None:
        self._folder.publish(note)
        if self._publisher is not None:
            self._publisher.upto(checkpoint.size)

    def _measure(self, checkpoint: Checkpoint, at: float) -> None:
        CHECKPOINT_SIZE.set(checkpoint.size)
        CHECKPOINT_TIME.set(at)
        self._vitals.details.update(checkpoint_size=checkpoint.size, checkpoint_at=at)

    async def _tell(self, db: Connection, tree: LoggedTree) -> None:
        self._vitals.position, self._vitals.lag = tree.size, max(0, await head(db) - tree.size)
        waited = 0.0 if self._unsigned_since is None else max(0.0, time.time() - self._unsigned_since)
        UNSIGNED_SECONDS.set(waited)
        self._vitals.details["unsigned_seconds"] = round(waited, 1)
        self._patrolled = tree.signed
        if tree.signed is not None:
            ago = time.time() - float(str(self._vitals.details["checkpoint_at"]))
            witness = f", witness {self._cosigner.state}" if self._cosigner is not None else ", no witness"
            self._vitals.details["told"] = (
                f"signed {tree.signed.size:,} events {ago:.0f} s ago{witness}, {self.patrol.told}"
            )


async def main(settings: Settings, vitals: Vitals, stop: asyncio.Event) -> None:
    """The process `ledger`."""
    if settings.database_url is None or settings.kafka_bootstrap is None:
        raise RuntimeError("the ledger needs DATABASE_URL and KAFKA_BOOTSTRAP")
    own = keys.log_keys(settings)
    signing = Signing(settings.audit_origin, own, keys.public_keys(keys.log_key_file(settings)))
    folder = TileFolder(keys.audit_folder(settings.data) / "log")
    cosigner = None
    if settings.witness_url is not None:
        cosigner = Cosigner(settings.witness_url, lambda: keys.public_keys(keys.witness_key_file(settings)))
    publisher = Publisher(settings.database_url, settings.kafka_bootstrap, settings.kafka_replication)
    await Ledger(settings.database_url, vitals, signing, folder, cosigner, publisher).run(stop)
