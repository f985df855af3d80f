"""The ledger signs the log as it is, once, and only as long as it begins with what was signed before."""

from __future__ import annotations

import asyncio
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from random import Random
from typing import Any

import asyncpg
import pytest
from aiokafka import AIOKafkaConsumer

from infra.audit import published
from infra.audit.folder import TileFolder, TreeForks
from infra.audit.logged_tree import HoleInTheLog, LoggedTree, WrongTree, leaf_of_row, restored
from infra.event_log import after
from infra.local.kinship import tethered
from infra.postgres import connect
from projections.audit._checkpoint import Checkpoint, read_checkpoint
from projections.audit._keys import Kind, PrivateKey, check_checkpoint, signers_of
from projections.audit._note import read_note
from projections.audit._tiles import Place, Tile
from projections.audit._tree import root_of
from streams.checkpoints import TOPIC, Publisher
from tests.audit_office import COSIGNERS, LOG, ORIGIN, Office, add, cosigner_keys, note_of, public, signed
from tests.free_port import free_port


@pytest.fixture
def office(log_database: str, tmp_path: Path) -> Office:
    return Office(log_database, tmp_path)


async def root_in_memory(dsn: str, size: int) -> bytes:
    db = await connect(dsn)
    rows = await after(db, 0, upto=size, limit=size)
    await db.close()
    return root_of(leaf_of_row(row) for row in rows)


async def test_every_event_is_covered_by_a_checkpoint_that_others_can_check(office: Office) -> None:
    await add(office.dsn, 300)
    async with office.keeping() as vitals:
        found = await signed(office.dsn, 300)
        await add(office.dsn, 5)
        grown = await signed(office.dsn, 305)
        assert vitals.ready
        assert (vitals.position, vitals.details["checkpoint_size"]) == (305, 305)
    for one, size in ((found, 300), (grown, 305)):
        checkpoint, _ = check_checkpoint(one.note, public(LOG))
        assert checkpoint == Checkpoint(ORIGIN, size, await root_in_memory(office.dsn, size))
    assert office.folder.checkpoint() == grown.note


async def test_it_goes_on_after_any_end_also_without_its_folder(office: Office) -> None:
    for size, lose in ((3, False), (256, False), (257, True), (600, True), (601, False), (1_024, True), (1_100, False)):
        db = await connect(office.dsn)
        there = await db.fetchval("select position from head")
        await db.close()
        await add(office.dsn, size - there)
        if lose:
            await asyncio.to_thread(shutil.rmtree, office.folder.root)
        async with office.keeping():
            found = await signed(office.dsn, size)
        assert found.root == await root_in_memory(office.dsn, size)


async def test_a_restored_older_database_is_refused_and_what_is_lost_is_named(office: Office) -> None:
    await add(office.dsn, 300)
    async with office.keeping():
        await signed(office.dsn, 300)
    await forget_after(office.dsn, 250)
    async with office.keeping():
        assert "positions 251 to 300 are lost or changed" in await office.alarm()
    await add(office.dsn, 70)
    async with office.keeping():
        assert "positions 251 to 300 are lost or changed" in await office.alarm()


async def forget_after(dsn: str, position: int) -> None:
    """As when yesterday's copy of the database is brought back, with all that was signed since."""
    db = await connect(dsn)
    for table in ("audit_cosignatures", "audit_checkpoints", "audit_tiles"):
        await db.execute(f"alter table {table} disable trigger user; delete from {table}")
        await db.execute(f"alter table {table} enable trigger user")
    await db.execute(f"delete from events where notification_id > {position}")
    await db.execute("delete from commands where last_position > $1", position)
    await db.execute("update head set position = $1", position)
    await db.close()


async def test_a_witness_remembers_what_database_and_folder_have_forgotten(office: Office) -> None:
    await add(office.dsn, 40)
    async with office.witness() as url:
        async with office.keeping(url):
            await signed(office.dsn, 40, cosigned=True)
        await forget_after(office.dsn, 30)
        await asyncio.to_thread(shutil.rmtree, office.folder.root)
        async with office.keeping(url):
            assert "positions 31 to 40" in await office.alarm()
    db = await connect(office.dsn)
    assert await published.last(db) is None
    await db.close()


async def test_an_event_changed_before_a_restart_is_found_and_named(office: Office) -> None:
    await add(office.dsn, 700)
    async with office.keeping():
        await signed(office.dsn, 700)
    db = await connect(office.dsn)
    await db.execute("update events set recorded_at = recorded_at - interval '1 day' where notification_id = 650")
    await db.close()
    async with office.keeping():
        assert "positions 650 to 650 are lost or changed" in await office.alarm()


async def test_a_hole_in_the_log_is_never_signed_over(office: Office) -> None:
    await add(office.dsn, 20)
    db = await connect(office.dsn)
    await db.execute("delete from events where notification_id = 11")
    async with office.keeping():
        assert "behind position" in await office.alarm()
    assert await published.last(db) is None
    await db.close()


async def test_what_was_signed_is_never_changed_and_no_smaller_or_other_tree_is_added(log_database: str) -> None:
    db = await connect(log_database)
    ten = Checkpoint(ORIGIN, 10, bytes(32))
    await published.add(db, ten, "note")
    await published.add(db, ten, "the same tree, signed again")
    for wrong in (Checkpoint(ORIGIN, 9, bytes(32)), Checkpoint(ORIGIN, 10, bytes(31) + b"\1")):
        with pytest.raises(asyncpg.RestrictViolationError):
            await published.add(db, wrong, "note")
    await published.add_tiles(db, [Tile(Place(0, 0), bytes(8192))])
    await published.add_cosignatures(db, 10, [COSIGNERS[0].sign(ten.text(), 1)])
    for table in ("audit_checkpoints", "audit_cosignatures", "audit_tiles"):
        change = {"audit_tiles": "level = 1", "audit_cosignatures": "line = ''"}.get(table, "note = ''")
        for statement in (f"update {table} set {change}", f"delete from {table}", f"truncate {table} cascade"):
            with pytest.raises(asyncpg.RestrictViolationError):
                await db.execute(statement)
    found = await published.last(db)
    assert found is not None
    assert found.note.startswith("note")
    await db.close()


async def test_nothing_is_signed_when_the_tiles_tell_another_tree(office: Office) -> None:
    await add(office.dsn, 600)
    db = await connect(office.dsn)
    tree = LoggedTree(office.folder)
    tree.fold(await after(db, 0, limit=600))
    tree.signed = tree.checkpoint(ORIGIN)
    await db.close()
    tree._frontier._peaks[-1] = bytes(32)
    with pytest.raises(WrongTree, match="computed from the tiles"):
        tree.checkpoint(ORIGIN)


async def test_nothing_is_signed_that_does_not_begin_with_what_was_signed(office: Office) -> None:
    await add(office.dsn, 20)
    db = await connect(office.dsn)
    rows = await after(db, 0)
    await db.close()
    tree = LoggedTree(office.folder)
    tree.fold(rows[:10])
    tree.signed = Checkpoint(ORIGIN, 10, bytes(32))
    tree.fold(rows[10:])
    with pytest.raises(WrongTree, match="does not begin with"):
        tree.checkpoint(ORIGIN)
    with pytest.raises(HoleInTheLog):
        tree.fold(rows[5:6])


async def test_a_full_tile_is_never_written_anew_with_other_hashes(tmp_path: Path) -> None:
    folder = TileFolder(tmp_path)
    folder.write(Tile(Place(0, 2), bytes(8192)))
    folder.write(Tile(Place(0, 2), bytes(8192)))
    with pytest.raises(TreeForks, match="positions 514 to 768"):
        folder.write(Tile(Place(0, 2), bytes(32) + b"\1" * 8160))


async def test_a_changed_row_is_named_even_when_all_tiles_have_to_be_made_again(office: Office) -> None:
    await add(office.dsn, 300)
    async with office.keeping():
        found = await signed(office.dsn, 300)
    db = await connect(office.dsn)
    await db.execute("update events set state = state || ' '::bytea where notification_id = 7")
    checkpoint = read_checkpoint(read_note(found.note).text)
    await restored(db, office.folder, checkpoint)  # The row lies before the tail, and the verifier will find it.
    await asyncio.to_thread(shutil.rmtree, office.folder.root / "tile" / "1")
    await db.execute("alter table audit_tiles disable trigger user; delete from audit_tiles where level = 0")
    (office.folder.root / Place(0, 0).path).rename(office.folder.root / "kept")
    with pytest.raises(TreeForks):
        await restored(db, office.folder, checkpoint)
    await db.close()


async def test_a_second_ledger_stands_by_and_takes_over(office: Office, tmp_path: Path) -> None:
    other = Office(office.dsn, tmp_path / "other")
    await add(office.dsn, 5)
    async with office.keeping():
        await signed(office.dsn, 5)
        async with other.keeping():
            async with asyncio.timeout(60):
                while other.vitals.details.get("role") != "standby":
                    await asyncio.sleep(0.02)
            await add(office.dsn, 5)
            await signed(office.dsn, 10)
    async with other.keeping():
        await add(office.dsn, 5)
        assert (await signed(office.dsn, 15)).root == await root_in_memory(office.dsn, 15)


async def test_checkpoints_are_cosigned_in_both_ways_and_a_witness_that_is_away_delays_nobody(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("infra.audit.cosigning.PAUSE_S", 0.2)
    async with office.witness() as url:
        await add(office.dsn, 5)
        async with office.keeping(url) as vitals:
            note = read_note((await signed(office.dsn, 5, cosigned=True)).note)
            assert list(signers_of(note, cosigner_keys())) == cosigner_keys()
            assert vitals.details["witness"] == "cosigns"
    async with office.keeping(url) as vitals:
        await add(office.dsn, 5)
        assert "witness.test" not in (await signed(office.dsn, 10)).note
        async with asyncio.timeout(60):
            while not str(vitals.details.get("witness")).startswith("away"):
                await asyncio.sleep(0.02)
        assert vitals.ready
        async with office.witness(int(url.rpartition(":")[2])):
            # The log rests, and nobody has to wait for its next event.
            await signed(office.dsn, 10, cosigned=True)
            await add(office.dsn, 5)
            await signed(office.dsn, 15, cosigned=True)


async def test_a_checkpoint_that_a_killed_ledger_left_without_its_witness_gets_it_from_the_next(
    office: Office,
) -> None:
    await add(office.dsn, 5)
    async with office.keeping():
        await signed(office.dsn, 5)
    async with office.witness() as url, office.keeping(url):
        await signed(office.dsn, 5, cosigned=True)


async def test_with_a_next_key_both_sign_until_the_old_one_is_retired(office: Office) -> None:
    following = PrivateKey(ORIGIN, Kind.ED25519, bytes(range(9, 41)))
    for size, keys in ((4, [LOG]), (8, [LOG, following]), (12, [following])):
        await add(office.dsn, 4)
        async with office.keeping(keys=keys):
            note = read_note((await signed(office.dsn, size)).note)
        assert list(signers_of(note, public(LOG, following))) == public(*keys)


async def test_checkpoints_arrive_on_kafka_once_each_in_order(office: Office, kafka_bootstrap: str) -> None:
    stop, publisher = asyncio.Event(), Publisher(office.dsn, kafka_bootstrap)
    running = asyncio.create_task(publisher.run(stop))
    for size in (3, 6):
        await add(office.dsn, 3)
        async with office.keeping():
            found = await signed(office.dsn, size)
        publisher.upto(size)
    consumer = AIOKafkaConsumer(TOPIC, bootstrap_servers=kafka_bootstrap, auto_offset_reset="earliest")
    await consumer.start()
    messages: list[Any] = []
    async with asyncio.timeout(60):
        while len(messages) < 2:
            for records in (await consumer.getmany(timeout_ms=200)).values():
                messages += records
    await consumer.stop()
    stop.set()
    await running
    assert [dict(one.headers)["size"] for one in messages] == [b"3", b"6"]
    assert messages[-1].value.decode() == found.note
    assert messages[-1].key.decode() == ORIGIN


@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.long) for seed in range(1, 20))])
async def test_a_ledger_and_a_witness_that_are_killed_at_any_moment_go_on(office: Office, seed: int) -> None:
    chance, size = Random(seed), 0
    port = free_port()
    for _ in range(4):
        members = [start("witness", office, port), start("ledger", office, port)]
        for _ in range(chance.randrange(1, 4)):
            await add(office.dsn, 90)
            size += 90
            await asyncio.sleep(chance.random() * 0.7)
        for member in chance.sample(members, 2):
            member.send_signal(signal.SIGKILL)
            await asyncio.sleep(chance.random() * 0.2)
            member.wait()
    members = [start("witness", office, port), start("ledger", office, port)]
    await add(office.dsn, 1)
    found = await signed(office.dsn, size + 1, cosigned=True)
    assert found.root == await root_in_memory(office.dsn, size + 1)
    db = await connect(office.dsn)
    for one in await published.after(db, 0):
        assert one.root == await root_in_memory(office.dsn, one.size)
    await db.close()
    for member in members:
        member.kill()
        member.wait()


def start(role: str, office: Office, port: int) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "tests.audit_office", role, str(office.home), office.dsn, str(port)]
    return subprocess.Popen(
        tethered(command, orphan_signal=signal.SIGKILL), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )


async def test_a_checkpoint_that_the_log_has_not_signed_itself_stops_nobody(office: Office) -> None:
    thief = PrivateKey(ORIGIN, Kind.ED25519, bytes(32))
    office.folder.publish(note_of(Checkpoint(ORIGIN, 9_999, bytes(32)), thief))
    await add(office.dsn, 5)
    async with office.keeping():
        assert (await signed(office.dsn, 5)).root == await root_in_memory(office.dsn, 5)


def test_one_that_slept_does_not_set_the_folder_back(tmp_path: Path) -> None:
    folder = TileFolder(tmp_path)
    larger, smaller = (note_of(Checkpoint(ORIGIN, size, bytes(32))) for size in (9, 8))
    folder.publish(larger)
    folder.publish(smaller)
    assert folder.checkpoint() == larger
    (tmp_path / "checkpoint").write_text("half a no")
    folder.publish(smaller)
    assert folder.checkpoint() == smaller
