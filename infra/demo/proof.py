"""The last scene: the sealed reports are proved, and then somebody who may do everything falsifies a copy of the log.

Rules: the real database is only read; what is falsified is a copy beside it, and each falsification is undone before
the next. The verdict is that of the auditor's verifier, run as a program of its own with the keys of the trust policy,
as somebody would who has nothing else from us.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import asyncpg
import orjson

from infra.audit.bundle import Wanted, write_bundle
from infra.audit.folder import TileFolder
from infra.audit.keys import audit_folder
from infra.audit.policy import policy_text
from infra.audit.report_bundle import sealed_report
from infra.audit.trust import Trust
from infra.blobs import BlobFolder
from infra.demo.sealing import SealedReport
from infra.demo.stage import Stage
from infra.local.postgres import OWNER, SUPERUSER
from infra.local.record import Record
from infra.postgres import Connection, connect, migrate
from infra.settings import Settings
from projections.audit import verifier

# Of a larger log a copy takes longer than an audience waits.
MOST_EVENTS = 200_000
COSIGNED_WITHIN_S = 20.0
TABLES = ("events", "audit_checkpoints", "audit_cosignatures", "audit_tiles")


@dataclass(frozen=True, slots=True)
class Tampering:
    """`position` is the event that was touched, `verdict` what the verifier said of it."""

    what: str
    position: int
    verdict: str

    @property
    def named(self) -> bool:
        return self.verdict.startswith(f"REFUSED: position {self.position} ")


@dataclass(frozen=True, slots=True)
class Proof:
    """`verdict` is the verifier's on the sealed activity, which it computed again from the stored events.

    `why_not` says why the scene could not be played.
    """

    sealed: tuple[SealedReport, ...]
    verdict: str = ""
    tampered: tuple[Tampering, ...] = ()
    why_not: str = ""

    @property
    def told(self) -> str:
        """The verdict as a sentence; a refusal as it is."""
        head, _, found = self.verdict.partition(" ")
        if head != "VERIFIED:":
            return self.verdict
        shown = orjson.loads(found)
        report = shown["report"]
        digest = report["result_sha256"]
        return f"{head} {shown['size']:,} events, and {report['name']} from them to the same bytes: {digest}"

    @property
    def holds(self) -> bool:
        return bool(self.why_not) or (
            self.verdict.startswith("VERIFIED")
            and len(self.tampered) == len(TAMPERS)
            and all(one.named for one in self.tampered)
        )


async def prove(settings: Settings, record: Record, sealed: Sequence[SealedReport], stage: Stage) -> Proof:
    """The first of the reports is one of figures; its bundle is what an auditor takes home."""
    shown = tuple(sealed)
    if settings.database_url is not None:
        return Proof(shown, why_not="the database is not the stack's own: only there may the demo play the superuser")
    last = max(one.position for one in sealed)
    if last > MOST_EVENTS:
        return Proof(shown, why_not=f"the log has {last:,} events: more than an audience would wait for")
    folder = TileFolder(audit_folder(settings.data) / "log")
    with tempfile.TemporaryDirectory(prefix="telehealth-proof-") as name:
        desk = _Desk(Path(name), folder, policy_text(settings))
        async with _connected(record.database_url) as db:
            report = await sealed_report(
                db, BlobFolder(settings.data / "blobs"), Trust.of(settings), sealed[0].run_id, COSIGNED_WITHIN_S
            )
            verdict = await desk.verdict(db, Wanted(report=report, stored=True), "--recompute")
        stage.say(f"Kiểm toán viên tính lại báo cáo / the auditor computes it again: {verdict.split(':')[0]}")
        stage.say("Một quản trị viên sửa bản sao của cơ sở dữ liệu / a superuser falsifies a copy of the database")
        tampered = []
        async with _copied(record.database_url) as copy:
            for what, tamper in TAMPERS:
                done = await _tampered(copy, desk, report.standing_on.size, what, tamper)
                stage.say(f"{what} → {done.verdict}")
                tampered.append(done)
        return Proof(shown, verdict, tuple(tampered))


@dataclass(frozen=True, slots=True)
class _Desk:
    """Where the auditor works."""

    place: Path
    folder: TileFolder
    policy: str

    async def verdict(self, db: Connection, wanted: Wanted, *options: str) -> str:
        bundle, policy = self.place / "bundle.zip", self.place / "policy"
        policy.write_text(self.policy)
        await write_bundle(db, self.folder, bundle, wanted)
        arguments = ["-I", verifier.__file__, "bundle", str(bundle), "--policy", str(policy), *options]
        running = await asyncio.create_subprocess_exec(sys.executable, *arguments, stdout=asyncio.subprocess.PIPE)
        said, _ = await running.communicate()
        return said.decode().strip().splitlines()[-1]


async def _tampered(copy: Connection, desk: _Desk, size: int, what: str, tamper: Tamper) -> Tampering:
    undo = copy.transaction()
    await undo.start()
    try:
        position = await tamper(copy, size)
        return Tampering(what, position, await desk.verdict(copy, Wanted(as_of=size)))
    finally:
        await undo.rollback()


@asynccontextmanager
async def _connected(dsn: str) -> AsyncIterator[Connection]:
    db = await connect(dsn, statement_timeout="0", idle_in_transaction_session_timeout="0")
    try:
        yield db
    finally:
        await db.close()


@asynccontextmanager
async def _copied(dsn: str) -> AsyncIterator[Connection]:
    """A superuser's connection to a copy of the log, in a database of its own that is gone afterwards."""
    superuser, name = dsn.replace(f"//{OWNER}:", f"//{SUPERUSER}:"), f"copy_{uuid4().hex}"
    async with _connected(superuser) as server:
        await server.execute(f"create database {name}")
        try:
            async with _connected(f"{superuser.rpartition('/')[0]}/{name}") as copy:
                await migrate(copy)
                # All that stands in the way of somebody who may do everything, and would remove it first.
                await copy.execute(
                    "set session_replication_role = replica;"
                    "alter table events drop constraint events_pkey;"
                    "alter table events drop constraint events_originator_id_originator_version_key"
                )
                for table in TABLES:
                    await _copy_table(server, copy, table)
                yield copy
        finally:
            await server.execute(f"drop database {name} with (force)")


async def _copy_table(source: Connection, target: Connection, table: str) -> None:
    with tempfile.TemporaryFile() as file:
        await source.copy_from_table(table, output=file, format="binary")
        file.seek(0)
        await target.copy_to_table(table, source=file, format="binary")


# What is done to the copy; each answers the position that it touched ---------------------------------------------

Tamper = Callable[[Connection, int], Awaitable[int]]
AT = "where notification_id = $1"


async def _rewrite_conclusion(copy: Connection, size: int) -> int:
    row = await _last_of(copy, "consultation.issue_concluded", size)
    state = {**orjson.loads(row["state"]), "conclusion": "Không cần điều trị gì thêm."}
    await copy.execute(f"update events set state = $2 {AT}", row["notification_id"], orjson.dumps(state))
    return int(row["notification_id"])


async def _name_another_author(copy: Connection, size: int) -> int:
    """The decision is said to be somebody else's: the id of who took it, wherever it stands, becomes another one."""
    row = await _last_of(copy, "examination.decision_taken", size)
    author = orjson.loads(row["metadata"])["actor"]["id"].encode()
    forged = bytes(row["metadata"]).replace(author, str(uuid4()).encode())
    await copy.execute(f"update events set metadata = $2 {AT}", row["notification_id"], forged)
    return int(row["notification_id"])


async def _back_date(copy: Connection, size: int) -> int:
    row = await _last_of(copy, "referral.answered", size)
    await copy.execute(
        f"update events set recorded_at = recorded_at - $2::interval {AT}", row["notification_id"], timedelta(hours=9)
    )
    return int(row["notification_id"])


async def _remove(copy: Connection, size: int) -> int:
    """The opinion never was: the row goes, and everything behind it moves up."""
    at = int((await _last_of(copy, "consultation.opinion_given", size))["notification_id"])
    await copy.execute(f"delete from events {AT}", at)
    await copy.execute("update events set notification_id = notification_id - 1 where notification_id > $1", at)
    return at


async def _last_of(copy: Connection, name: str, size: int) -> asyncpg.Record:
    row = await copy.fetchrow(
        "select * from events where topic = $1 and notification_id <= $2 order by notification_id desc limit 1",
        name,
        size,
    )
    assert row is not None, f"the day has no {name}"
    return row


TAMPERS: tuple[tuple[str, Tamper], ...] = (
    ("Sửa kết luận / rewritten", _rewrite_conclusion),
    ("Đổi tác giả / another author", _name_another_author),
    ("Lùi giờ / back-dated", _back_date),
    ("Xoá sự kiện / removed", _remove),
)
