"""A key in a hardware token signs like one of a file, is never given out, and is missed when the token is away."""

from __future__ import annotations

import asyncio
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.audit import keys
from infra.audit.keys import KeyRefused
from infra.audit.token import NotATokenKey, Place, TokenFailed, TokenKey, make
from infra.settings import Settings
from projections.audit._checkpoint import Checkpoint
from projections.audit._keys import Forged, Kind, SigningKey, signers_of
from projections.audit._note import Note
from tests.audit_office import ORIGIN, Office, add, signed

MODULE = Path("/usr/lib/softhsm/libsofthsm2.so")
PIN = "4321"
TEXT = Checkpoint("telehealth.localhost/log", 7, bytes(32)).text()


@pytest.fixture(scope="module")
def soft_token(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A token in software, the one that hardware is tried against."""
    if not MODULE.exists():
        pytest.fail("the token in software is missing: apt-get install softhsm2")
    home = tmp_path_factory.mktemp("token")
    (home / "tokens").mkdir()
    (home / "softhsm2.conf").write_text(f"directories.tokendir = {home}/tokens\nlog.level = ERROR\n")
    # The module reads this when it is loaded, which is once in a process.
    os.environ["SOFTHSM2_CONF"] = str(home / "softhsm2.conf")
    made = ["softhsm2-util", "--init-token", "--free", "--label", "log", "--so-pin", "12345678", "--pin", PIN]
    subprocess.run(made, check=True, stdout=subprocess.DEVNULL)
    (home / "pin").write_text(f"{PIN}\n")
    (home / "pin").chmod(0o600)
    yield home
    del os.environ["SOFTHSM2_CONF"]


@pytest.fixture
def place(soft_token: Path, request: pytest.FixtureRequest) -> Place:
    return Place(MODULE, "log", f"key of {request.node.name}", soft_token / "pin")


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings.from_env({"TELEHEALTH_DATA": str(tmp_path)})


def key_of(place: Place, kind: Kind = Kind.ED25519) -> TokenKey:
    make(place)
    return TokenKey("telehealth.localhost/log", kind, place)


def believed(key: SigningKey, time: int = 0) -> bool:
    return list(signers_of(Note(TEXT, [key.sign(TEXT, time)]), [key.public])) == [key.public]


@pytest.mark.parametrize("kind", [Kind.ED25519, Kind.ED25519_COSIGNATURE])
def test_what_the_token_signs_is_checked_like_anything_else(place: Place, kind: Kind) -> None:
    assert believed(key_of(place, kind), time=1_600_000_000)


def test_the_same_label_is_the_same_key(place: Place) -> None:
    assert key_of(place).public == key_of(place).public


def test_a_signature_of_another_key_is_forged(place: Place) -> None:
    ours = key_of(place)
    other = key_of(Place(place.module, place.token, f"{place.label}, the other", place.pin_file))
    assert other.public != ours.public
    forged = Note(TEXT, [ours.sign(TEXT)])
    object.__setattr__(forged.signatures[0], "content", other.sign(TEXT).content)
    with pytest.raises(Forged):
        signers_of(forged, [ours.public])


def test_the_log_moves_into_a_token_with_both_keys_signing_meanwhile(place: Place, settings: Settings) -> None:
    file = settings.data / "audit" / "log.key"
    (old,) = keys.log_keys(settings)
    (new,) = keys.rotate(file, settings.audit_origin, place=place)
    assert [key.public for key in keys.log_keys(settings)] == [old.public, new]
    assert all(believed(key) for key in keys.log_keys(settings))
    keys.rotate(file, settings.audit_origin, place=place)
    assert len(keys.log_keys(settings)) == 2
    keys.retire(file, old.public.key_id.hex(), settings.audit_origin)
    (left,) = keys.log_keys(settings)
    assert left.public == new
    assert PIN not in file.read_text()


def test_a_token_that_went_away_signs_nothing_and_goes_on_when_it_is_back(place: Place) -> None:
    key = key_of(place)
    assert key._session is not None
    key._session.close()
    with pytest.raises(TokenFailed):
        key.sign(TEXT)
    tokens = place.pin_file.parent / "tokens"
    tokens.rename(tokens.with_name("pulled out"))
    tokens.mkdir()
    with pytest.raises(TokenFailed, match="does not open"):
        key.sign(TEXT)
    tokens.rmdir()
    tokens.with_name("pulled out").rename(tokens)
    assert believed(key)


async def test_the_ledger_waits_for_its_token_and_goes_on(place: Place, log_database: str, tmp_path: Path) -> None:
    office = Office(log_database, tmp_path)
    make(place)
    key = TokenKey(ORIGIN, Kind.ED25519, place)
    async with office.keeping(keys=[key]) as vitals:
        await add(office.dsn, 3)
        await signed(office.dsn, 3)
        key._close()
        place.pin_file.rename(place.pin_file.with_name("away"))
        try:
            await add(office.dsn, 2)
            async with asyncio.timeout(60):
                while "token" not in vitals.waiting:
                    await asyncio.sleep(0.02)
        finally:
            place.pin_file.with_name("away").rename(place.pin_file)
        await signed(office.dsn, 5)
        async with asyncio.timeout(60):
            while "token" in vitals.waiting:
                await asyncio.sleep(0.02)


def test_another_key_under_the_same_label_is_not_signed_with(place: Place) -> None:
    key = key_of(place)
    key.place = Place(place.module, place.token, f"{place.label}, exchanged", place.pin_file)
    make(key.place)
    key._close()
    with pytest.raises(TokenFailed, match="another key"):
        key.sign(TEXT)


@pytest.mark.parametrize("wrong", ["0000", ""])
def test_a_wrong_pin_is_refused_and_told_to_nobody(place: Place, tmp_path: Path, wrong: str) -> None:
    make(place)
    (tmp_path / "pin").write_text(wrong or PIN)
    (tmp_path / "pin").chmod(0o600 if wrong else 0o640)
    with pytest.raises(TokenFailed) as refused:
        TokenKey("x", Kind.ED25519, Place(place.module, place.token, place.label, tmp_path / "pin"))
    assert PIN not in str(refused.value)
    assert ("others than its owner" in str(refused.value)) is (not wrong)


def test_a_key_that_the_token_does_not_hold_stops_the_start(place: Place, settings: Settings) -> None:
    file = settings.data / "audit" / "log.key"
    file.parent.mkdir(parents=True)
    file.write_text(f"{place.text()}\n")
    file.chmod(0o600)
    with pytest.raises(KeyRefused, match="shows no key"):
        keys.log_keys(settings)


def test_the_place_is_read_as_it_is_written() -> None:
    place = Place(Path("/opt/a b/p11+x.so"), "sổ;nhật=ký", "log 2027?", Path("/run/log&x.pin"))
    assert Place.read(place.text()) == place


@pytest.mark.parametrize(
    ("line", "missing"),
    [
        ("pkcs11:token=log", "object, module-path, pin-source"),
        ("pkcs11:object=a;token=?module-path=/m&pin-source=file:/p", "token"),
        ("pkcs11:token=log;object=a?module-path=/m&pin-source=file:/p&pin-value=1234", "does not stand in the line"),
    ],
)
def test_a_line_that_names_no_key_is_refused(line: str, missing: str) -> None:
    with pytest.raises(NotATokenKey, match=missing) as refused:
        Place.read(line)
    assert "1234" not in str(refused.value)
