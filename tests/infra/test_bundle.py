"""A bundle and the verifier's one file are enough, anywhere, for whoever brings the keys along."""

from __future__ import annotations

import shutil
import subprocess
import sys
import zipfile
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import UUID

import pytest

from infra.audit.bundle import NotCovered, Wanted, position_at, write_bundle
from infra.postgres import Connection, connect
from projections.audit import verifier
from projections.audit._checkpoint import Checkpoint
from projections.audit._keys import Kind, PrivateKey
from projections.audit._leaf import Leaf
from projections.audit._tree import leaf_hash, root_of
from projections.audit.verifier import Bundle, Note, Policy, Refused, check_bundle
from tests.audit_office import COSIGNERS, LOG, ORIGIN, Office, add, note_of, signed
from tests.own_postgres import fresh_database

if TYPE_CHECKING:
    from tests.conftest import Stack

WITNESSES = "".join(f"witness {n} {key.public.text()}\n" for n, key in enumerate(COSIGNERS))
POLICY = f"# mine\nlog {LOG.public.text()}\n{WITNESSES}group both all 0 1\nquorum both\n"
STRANGER = PrivateKey("witness.elsewhere", Kind.ED25519_COSIGNATURE, bytes(range(7, 39)))


@pytest.fixture(scope="module")
async def office(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Office]:
    """Two checkpoints, of 20 and of 300 events."""
    async with fresh_database(stack.dsn) as dsn:
        office = Office(dsn, tmp_path_factory.mktemp("office"))
        async with office.witness() as url, office.keeping(url):
            await add(office.dsn, 20)
            await signed(office.dsn, 20, cosigned=True)
            await add(office.dsn, 280)
            await signed(office.dsn, 300, cosigned=True)
        yield office


@pytest.fixture
async def db(office: Office) -> AsyncIterator[Connection]:
    """What a test changes through it is undone."""
    db = await connect(office.dsn)
    changes = db.transaction()
    await changes.start()
    yield db
    await changes.rollback()
    await db.close()


ALL = Wanted(as_of=300)


async def bundle(office: Office, db: Connection, wanted: Wanted = ALL) -> Path:
    file = office.home / "bundle.zip"
    await write_bundle(db, office.folder, file, wanted)
    return file


def alone(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The verifier as an auditor runs it: its one file, in a folder without the project."""
    shutil.copy(verifier.__file__, folder / "verifier.py")
    # Isolated: neither this project nor the working folder is on its path.
    command = [sys.executable, "-I", str(folder / "verifier.py"), *arguments]
    return subprocess.run(command, capture_output=True, text=True, cwd=folder, check=False)


async def test_the_one_file_verifies_a_bundle_far_from_the_project(
    office: Office, db: Connection, tmp_path_factory: pytest.TempPathFactory
) -> None:
    file = await bundle(office, db, Wanted(as_of=300, stored=True))
    home = tmp_path_factory.mktemp("auditor")
    (home / "policy").write_text(POLICY)
    done = alone(home, "bundle", str(file), "--policy", "policy")
    assert (done.returncode, done.stdout[:9]) == (0, "VERIFIED:"), done.stdout + done.stderr
    with zipfile.ZipFile(file) as whole:
        whole.extractall(home / "unpacked")
    assert alone(home, "bundle", "unpacked", "--policy", "policy").returncode == 0
    records = home / "unpacked" / "records.bin"
    content = bytearray(records.read_bytes())
    content[-1] ^= 1
    records.write_bytes(content)
    found = alone(home, "bundle", "unpacked", "--policy", "policy")
    assert found.returncode == 1
    assert "position 300 is not what was signed" in found.stdout
    (home / "junk.zip").write_bytes(b"PK junk")
    assert alone(home, "bundle", "junk.zip", "--policy", "policy").returncode == 1


async def test_the_same_log_as_of_the_same_position_makes_the_same_bytes(office: Office, db: Connection) -> None:
    first = (await bundle(office, db, Wanted(as_of=300))).read_bytes()
    async with office.keeping():
        await add(office.dsn, 3)
        await signed(office.dsn, 303)
    assert (await bundle(office, db, Wanted(as_of=300))).read_bytes() == first


async def test_a_bundle_is_as_of_a_position_or_a_time(office: Office, db: Connection) -> None:
    policy = Policy.read(POLICY)
    assert check_bundle(Bundle(await bundle(office, db, Wanted(as_of=7))), policy)["size"] == 20
    at = await db.fetchval("select recorded_at from events where notification_id = 20")
    assert await position_at(db, at) >= 20
    assert await position_at(db, at - timedelta(days=1)) == 0
    assert await position_at(db, at + timedelta(days=1)) >= 300
    assert check_bundle(Bundle(await bundle(office, db, Wanted(as_of=at))), policy)["size"] <= 300
    with pytest.raises(NotCovered):
        await bundle(office, db, Wanted(as_of=10_000))


async def test_some_events_alone_are_shown_with_their_proofs(office: Office, db: Connection) -> None:
    file = await bundle(office, db, Wanted(stored=True, positions=[256, 1, 300]))
    found = check_bundle(Bundle(file), Policy.read(POLICY))
    assert (found["events"], found["size"]) == (3, 300)
    with pytest.raises(Refused, match="the bundle has no consistency/"):
        check_bundle(Bundle(file), Policy.read(POLICY), [Note.read(note_of(Checkpoint(ORIGIN, 19, bytes(32))))])
    await db.execute("update events set topic = topic || 'x' where notification_id = 256")
    file = await bundle(office, db, Wanted(positions=[1, 256]))
    with pytest.raises(Refused, match="position 256 is not what was signed"):
        check_bundle(Bundle(file), Policy.read(POLICY))


async def test_some_events_alone_are_proved_to_stand_in_a_log_that_has_grown_from_a_kept_checkpoint(
    office: Office, db: Connection
) -> None:
    kept = Note.read((await signed(office.dsn, 20)).note)
    forked = Note.read(note_of(Checkpoint(ORIGIN, 20, bytes(32))))
    file = await bundle(office, db, Wanted(positions=[7, 290], since=[kept.size]))
    found = check_bundle(Bundle(file), Policy.read(POLICY), [kept])
    assert (found["events"], found["size"]) == (2, 300)
    with pytest.raises(Refused, match="has not grown from that of 20"):
        check_bundle(Bundle(file), Policy.read(POLICY), [forked])
    with pytest.raises(NotCovered, match="has 301 events"):
        await bundle(office, db, Wanted(positions=[7], since=[301]))


@pytest.mark.parametrize(
    ("policy", "said"),
    [
        (f"log {LOG.public.text()}\nwitness w {STRANGER.public.text()}\nquorum w\n", "lacks the cosignatures"),
        (
            f"log {LOG.public.text()}\n{WITNESSES}witness w {STRANGER.public.text()}\ngroup g all 0 1 w\nquorum g\n",
            "lacks the cosignatures",
        ),
        (f"log {STRANGER.public.text()}\nquorum none\n", "no key of the policy has signed"),
        (f"log {LOG.public.text()}\n", "no quorum"),
        ("quorum none\n", "names no log"),
        (f"log {LOG.public.text()}\nquorum nobody\n", "cannot be read"),
        (f"log {LOG.public.text()}\nquorum none\nquorum none\n", "cannot be read"),
        (f"log {LOG.public.text()}\n{WITNESSES}{WITNESSES}quorum 0\n", "twice"),
    ],
)
async def test_only_the_keys_that_the_auditor_brings_count(
    office: Office, db: Connection, policy: str, said: str
) -> None:
    file = await bundle(office, db)
    with pytest.raises(Refused, match=said):
        check_bundle(Bundle(file), Policy.read(policy))


async def test_a_quorum_may_ask_for_some_of_many(office: Office, db: Connection) -> None:
    file = await bundle(office, db)
    for quorum in ("group g any 0 w\nquorum g", "group g 2 0 1 w\nquorum g", "quorum 1", "quorum none"):
        policy = f"log {LOG.public.text()}\n{WITNESSES}witness w {STRANGER.public.text()}\n{quorum}\n"
        assert check_bundle(Bundle(file), Policy.read(policy))["size"] == 300


@pytest.mark.parametrize(
    ("known", "said"),
    [
        (Checkpoint(ORIGIN, 150, bytes(32)), "one of positions 21 to 150"),
        (Checkpoint(ORIGIN, 301, bytes(32)), "events 301 to 301 were signed"),
        (Checkpoint(ORIGIN, 300, bytes(32)), "two different trees of 300 events"),
    ],
)
async def test_an_earlier_checkpoint_that_was_kept_must_be_the_beginning(
    office: Office, db: Connection, known: Checkpoint, said: str
) -> None:
    """Even when the log's own key has signed both histories."""
    file = await bundle(office, db)
    with pytest.raises(Refused, match=said):
        check_bundle(Bundle(file), Policy.read(POLICY), [Note.read(note_of(known))])
    thief = PrivateKey(ORIGIN, Kind.ED25519, bytes(32))
    with pytest.raises(Refused, match="no key of the policy has signed"):
        check_bundle(Bundle(file), Policy.read(POLICY), [Note.read(note_of(known, thief))])


async def test_leaves_that_are_not_those_that_were_signed_are_told_from_records_that_are(
    office: Office, db: Connection, tmp_path: Path
) -> None:
    with zipfile.ZipFile(await bundle(office, db)) as whole:
        whole.extractall(tmp_path / "unpacked")
    leaves = tmp_path / "unpacked" / "leaves.bin"
    content = leaves.read_bytes()
    leaves.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    with pytest.raises(Refused, match="the records are those that were signed"):
        check_bundle(Bundle(tmp_path / "unpacked"), Policy.read(POLICY))


async def test_content_that_does_not_belong_to_its_record_is_found(
    office: Office, db: Connection, tmp_path: Path
) -> None:
    with zipfile.ZipFile(await bundle(office, db, Wanted(as_of=300, stored=True))) as whole:
        whole.extractall(tmp_path / "unpacked")
    stored = tmp_path / "unpacked" / "stored.bin"
    content = stored.read_bytes()
    for wrong, said in (
        (content[:10] + bytes([content[10] ^ 1]) + content[11:], "position 1 .* the bytes of its state"),
        (content[:-1] + bytes([content[-1] ^ 1]), "position 300 .* the bytes of its metadata"),
        (content + b"\0\0\0\0", "stored bytes of no record"),
        (content[:-1], "end in the middle"),
    ):
        stored.write_bytes(wrong)
        with pytest.raises(Refused, match=said):
            check_bundle(Bundle(tmp_path / "unpacked"), Policy.read(POLICY))


def test_a_log_that_signs_its_events_under_wrong_positions_is_found(tmp_path: Path) -> None:
    """Even a log and its witness together cannot tell one event as two."""
    digest = bytes(32)
    records = [Leaf(n, UUID(int=1), n, "bed.noted", 1, 1, digest, digest).record() for n in (1, 1, 3)]
    leaves = [leaf_hash(record) for record in records]
    (tmp_path / "records.bin").write_bytes(b"".join(len(one).to_bytes(2, "big") + one for one in records))
    (tmp_path / "leaves.bin").write_bytes(b"".join(leaves))
    (tmp_path / "checkpoints").mkdir()
    (tmp_path / "checkpoints" / "3").write_text(note_of(Checkpoint(ORIGIN, 3, root_of(leaves))))
    (tmp_path / "manifest.json").write_text('{"format": "thx-bundle/v1", "positions": null, "stored": false}')
    with pytest.raises(Refused, match="position 2 is not what was signed, where position 1 stands now"):
        check_bundle(Bundle(tmp_path), Policy.read(f"log {LOG.public.text()}\nquorum none\n"))
