"""Whatever a superuser changes in a log behind its back is found by the verifier, and the first bad leaf is named."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

import asyncpg
import pytest

from infra.audit.bundle import Wanted, write_bundle
from infra.audit.folder import TileFolder
from infra.postgres import Connection, connect, migrate, prepare
from projections.audit.verifier import Bundle, Note, Policy, Refused, check_bundle
from tests.audit_office import COSIGNERS, LOG, Office, add, signed
from tests.infra.tampering import TAMPERS, tamper_of, unguard
from tests.own_postgres import superuser_of_an_own_server

if TYPE_CHECKING:
    from tests.conftest import Stack

SIZE = 300
POLICY = "\n".join(
    [
        f"log {LOG.public.text()}",
        *(f"witness {n} {key.public.text()}" for n, key in enumerate(COSIGNERS)),
        "group both all 0 1",
        "quorum both",
    ]
)


class Undo(Exception):
    """Rolls a transaction back."""


@dataclass
class Signed:
    """A log of 300 events, all of it cosigned, and a superuser's connection to its database."""

    db: Connection
    folder: TileFolder
    home: Path
    policy: Policy
    known: Note

    async def check(self) -> dict[str, object]:
        file = self.home / "bundle.zip"
        await write_bundle(self.db, self.folder, file, Wanted(stored=True))
        return check_bundle(Bundle(file), self.policy, [self.known])

    async def found(self, nth: int) -> str:
        """What the verifier says to the nth tamper."""
        name, tamper = tamper_of(nth)
        said = ""
        try:
            async with self.db.transaction():
                await unguard(self.db)
                expected = await tamper(self.db, SIZE, Random(nth))
                try:
                    await self.check()
                except Refused as refusal:
                    said = str(refusal)
                raise Undo
        except Undo:
            pass
        assert said, f"{name} number {nth} was not found"
        named = re.match(r"position (\d+) ", said) or re.match(r"events (\d+) to ", said)
        if expected:
            assert named is not None, f"{name} number {nth}: {said}"
            assert int(named[1]) in expected, f"{name} number {nth}: {said}"
        return said


@pytest.fixture(scope="module")
async def superuser(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[str]:
    async with superuser_of_an_own_server(tmp_path_factory.mktemp("postgres")) as dsn:
        yield dsn


@pytest.fixture(scope="module")
async def log(superuser: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Signed]:
    db = await connect(superuser, idle_in_transaction_session_timeout="0")
    await migrate(db)
    office = Office(superuser, tmp_path_factory.mktemp("office"))
    async with office.witness() as url, office.keeping(url):
        await add(superuser, 120)
        known = await signed(superuser, 120, cosigned=True)
        await add(superuser, SIZE - 120)
        await signed(superuser, SIZE, cosigned=True)
    yield Signed(db, office.folder, office.home, Policy.read(POLICY), Note.read(known.note))
    await db.close()


async def test_an_untouched_log_is_verified(log: Signed) -> None:
    assert await log.check() == {"origin": "log.test/one", "size": SIZE, "events": SIZE, "content": True}


@pytest.mark.parametrize("nth", range(60))
async def test_a_tamper_is_found_and_the_first_bad_position_named(log: Signed, nth: int) -> None:
    await log.found(nth)


@pytest.mark.long
@pytest.mark.timeout(3_600)
async def test_a_thousand_tampers_are_found_and_ten_thousand_checks_raise_no_alarm(log: Signed) -> None:
    for nth in range(60, 1_060):
        await log.found(nth)
    file = log.home / "clean.zip"
    await write_bundle(log.db, log.folder, file, Wanted(stored=True))
    for _ in range(10_000):
        check_bundle(Bundle(file), log.policy, [log.known])


async def test_every_way_of_tampering_is_among_the_sixty() -> None:
    assert {tamper_of(nth)[0] for nth in range(60)} == set(TAMPERS)


async def test_leaves_that_were_changed_too_leave_the_checkpoints_to_tell(log: Signed) -> None:
    """The control for the tiles: whoever changes rows and tiles alike is found, between two checkpoints."""
    try:
        async with log.db.transaction():
            await unguard(log.db)
            await log.db.execute("update events set state = state || ' '::bytea where notification_id = 200")
            flipped = "set_byte(hashes, 199 * 32, get_byte(hashes, 199 * 32) # 1)"
            await log.db.execute(f"update audit_tiles set hashes = {flipped}")
            file = log.home / "both.zip"
            await write_bundle(log.db, TileFolder(log.home / "nowhere"), file, Wanted())
            with pytest.raises(Refused, match="one of positions 121 to 300"):
                check_bundle(Bundle(file), log.policy, [log.known])
            raise Undo
    except Undo:
        pass


@pytest.mark.parametrize("stack_server", [False])
async def test_the_product_itself_may_not_change_what_was_signed(stack: Stack, stack_server: bool) -> None:
    connection = await asyncpg.connect(stack.dsn)
    try:
        await prepare(connection)
        assert await connection.fetchval("select usesuper from pg_user where usename = current_user") is stack_server
    finally:
        await connection.close()
