"""What is sealed opens with its key, as a whole or at any place; whatever was changed in it is found."""

from __future__ import annotations

from pathlib import Path
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.sealing.form import RECORD, Head, SealBroken
from infra.sealing.master_keys import (
    KeyNotUnwrapped,
    MasterKeyRefused,
    add_master_key,
    master_keys,
    read_master_keys,
)
from infra.sealing.reader import Directory, Opener, opened, walk, whole_records
from infra.sealing.writer import Sealer
from infra.settings import Settings
from tests.infra import stranger
from tests.infra.sealing import keys_in

KEY = bytes(range(32))
PIECES = st.lists(st.one_of(st.none(), st.binary(max_size=300)), max_size=12)


def seal(pieces: list[bytes | None], record_bytes: int = 64) -> tuple[bytes, Sealer]:
    """`None` among the pieces flushes."""
    sealer = Sealer(uuid4(), KEY, "video/mp4", record_bytes)
    out = sealer.head()
    for piece in pieces:
        out += sealer.flush() if piece is None else sealer.write(piece)
    return out + sealer.close(), sealer


SAMPLE, SAMPLE_SEALER = seal([b"a picture " * 20, None, b"and sound " * 15])


@given(PIECES)
def test_what_was_sealed_opens_and_a_stranger_reads_it_from_the_page_alone(pieces: list[bytes | None]) -> None:
    plain = b"".join(piece for piece in pieces if piece)
    content, sealer = seal(pieces)
    assert opened(content, KEY, sealer.final_hash) == plain
    assert stranger.read(content, KEY) == (plain, sealer.final_hash, True)


def test_nothing_of_it_can_be_read_without_the_key() -> None:
    assert opened(SAMPLE, KEY).startswith(b"a picture a picture ")
    assert b"picture" not in SAMPLE
    assert b"sound" not in SAMPLE


def test_every_flipped_bit_is_found() -> None:
    for at in range(len(SAMPLE)):
        for bit in range(8):
            changed = bytearray(SAMPLE)
            changed[at] ^= 1 << bit
            with pytest.raises(SealBroken):
                opened(bytes(changed), KEY)


def test_every_cut_is_found_and_what_is_whole_before_it_is_still_read() -> None:
    plain = opened(SAMPLE, KEY)
    for end in range(Head.parse(SAMPLE)[1], len(SAMPLE)):
        with pytest.raises(SealBroken):
            opened(SAMPLE[:end], KEY)
        rest = whole_records(SAMPLE[:end], KEY)
        assert plain.startswith(rest)
        assert len(rest) == walk(SAMPLE[:end]).size
    cut = SAMPLE[: walk(SAMPLE).entries[-1][1]]
    assert opened(cut, KEY, walk(cut).final_hash) == whole_records(cut, KEY)


@pytest.mark.parametrize("change", ["leave out", "double", "swap", "from another object"])
def test_records_cannot_be_left_out_doubled_moved_or_brought_from_elsewhere(change: str) -> None:
    places = [at for _, at in walk(SAMPLE).entries]
    first, second, third = places[1:4]
    head, one, two, rest = SAMPLE[:first], SAMPLE[first:second], SAMPLE[second:third], SAMPLE[third:]
    other, _ = seal([b"a picture " * 20, None, b"and sound " * 15])
    changed = {
        "leave out": head + two + rest,
        "double": head + one + one + two + rest,
        "swap": head + two + one + rest,
        "from another object": head + other[first:second] + two + rest,
    }
    with pytest.raises(SealBroken):
        opened(changed[change], KEY)


def test_another_whole_object_is_told_by_the_final_hash() -> None:
    other, _ = seal([b"another"])
    with pytest.raises(SealBroken, match="does not end with"):
        opened(other, KEY, SAMPLE_SEALER.final_hash)


def test_another_key_opens_nothing() -> None:
    with pytest.raises(SealBroken, match="not the key"):
        opened(SAMPLE, bytes(32))


@given(st.integers(0, 400), st.integers(1, 200))
def test_any_place_is_read_through_the_directory_alone(start: int, length: int) -> None:
    plain = opened(SAMPLE, KEY)
    start = min(start, len(plain) - 1)
    directory = Directory.parse(SAMPLE, len(SAMPLE))
    assert directory.plain_size == len(plain)
    opener, got, number = Opener(Head.parse(SAMPLE)[0], KEY), b"", directory.record_at(start)
    skip = start - directory.entries[number][0]
    while len(got) < skip + length and number < len(directory.entries):
        at, end = directory.place(number)
        got += opener.record(SAMPLE[at:end], number, directory.entries[number][0])
        number += 1
    assert got[skip : skip + length] == plain[start : start + length]


def test_a_record_is_not_taken_for_another_one() -> None:
    opener, directory = Opener(Head.parse(SAMPLE)[0], KEY), Directory.parse(SAMPLE, len(SAMPLE))
    (at, end), (offset, _) = directory.place(2), directory.entries[1]
    with pytest.raises(SealBroken, match="another one"):
        opener.record(SAMPLE[at:end], 1, offset)
    with pytest.raises(SealBroken, match="cut"):
        opener.record(SAMPLE[at : at + RECORD.size], 2, directory.entries[2][0])


def test_two_objects_under_one_key_share_no_bytes() -> None:
    first, _ = seal([b"the same"])
    second, _ = seal([b"the same"])
    assert first[-100:] != second[-100:]


def test_a_data_key_is_told_from_its_id_and_lies_nowhere_in_clear(tmp_path: Path) -> None:
    keys = keys_in(tmp_path)
    key_id, key = keys.create()
    assert keys_in(tmp_path).open(key_id) == key
    stored = (tmp_path / "objects" / "keys" / f"{key_id}.json").read_bytes()
    assert key.hex().encode() not in stored
    assert stranger.data_key(stored, (tmp_path / "master.keys").read_text()) == key


def test_a_new_master_key_opens_what_the_old_one_wrapped_and_can_take_its_place(tmp_path: Path) -> None:
    key_id, key = keys_in(tmp_path).create()
    file = tmp_path / "master.keys"
    newest = add_master_key(file)
    assert keys_in(tmp_path).open(key_id) == key
    assert (keys_in(tmp_path).wrap_anew(), keys_in(tmp_path).wrap_anew()) == (1, 0)
    file.write_text("".join(line for line in file.read_text().splitlines(True) if line.startswith(newest)))
    assert keys_in(tmp_path).open(key_id) == key


def test_what_was_wrapped_by_a_key_that_is_gone_or_was_changed_does_not_open(tmp_path: Path) -> None:
    keys = keys_in(tmp_path)
    key_id, _ = keys.create()
    (tmp_path / "master.keys").unlink()
    with pytest.raises(KeyNotUnwrapped, match="not here"):
        keys_in(tmp_path).open(key_id)
    stored = tmp_path / "objects" / "keys" / f"{key_id}.json"
    text = stored.read_text()
    stored.write_text(text[:-5] + ("0" if text[-5] != "0" else "1") + text[-4:])
    with pytest.raises(KeyNotUnwrapped, match="changed"):
        keys.open(key_id)
    keys.destroy(key_id)
    with pytest.raises(KeyNotUnwrapped, match="no key"):
        keys.open(key_id)


def test_master_keys_are_made_once_and_never_in_production_by_accident(tmp_path: Path) -> None:
    settings = Settings.from_env({"TELEHEALTH_DATA": str(tmp_path)})
    with pytest.raises(MasterKeyRefused, match="missing"):
        master_keys(settings.model_copy(update={"environment": "production"}))
    assert master_keys(settings).current == master_keys(settings).current


@pytest.mark.parametrize("text", ["", "no key", f"0123456789abcdef {16 * 'ab'}"])
def test_what_is_no_master_key_is_refused(tmp_path: Path, text: str) -> None:
    file = tmp_path / "master.keys"
    file.write_text(text)
    file.chmod(0o600)
    with pytest.raises(MasterKeyRefused):
        read_master_keys(file)


def test_a_master_key_that_others_can_read_is_not_used(tmp_path: Path) -> None:
    file = tmp_path / "master.keys"
    add_master_key(file)
    file.chmod(0o640)
    with pytest.raises(MasterKeyRefused, match="others than its owner"):
        read_master_keys(file)
