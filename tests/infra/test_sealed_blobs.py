"""A blob is found by its hash, whole, undamaged and sealed, or not at all."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from infra.blobs import BlobDamaged
from tests.infra.sealing import blobs_in

PICTURE = b"\xff\xd8 a picture \xff\xd9"


def stored(folder: Path) -> list[Path]:
    return [path for path in (folder / "objects" / "blobs").rglob("*") if path.is_file()]


def test_what_was_stored_is_read_back_by_its_hash(tmp_path: Path) -> None:
    blob = blobs_in(tmp_path).put(PICTURE, "image/jpeg")
    assert (blob.sha256, blob.media_type, blob.size) == (hashlib.sha256(PICTURE).hexdigest(), "image/jpeg", 15)
    assert blobs_in(tmp_path).get(blob.sha256) == PICTURE


def test_equal_bytes_are_kept_once_and_nothing_half_written_stays(tmp_path: Path) -> None:
    blobs = blobs_in(tmp_path)
    assert blobs.put(PICTURE, "image/jpeg") == blobs.put(PICTURE, "image/jpeg")
    assert len(stored(tmp_path)) == 1
    assert len(list((tmp_path / "objects" / "keys").iterdir())) == 1


def test_no_picture_lies_on_the_disk_in_clear(tmp_path: Path) -> None:
    blobs_in(tmp_path).put(PICTURE, "image/jpeg")
    assert all(PICTURE[:8] not in path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())


def test_damaged_bytes_are_an_error_and_no_answer(tmp_path: Path) -> None:
    blobs = blobs_in(tmp_path)
    blob = blobs.put(PICTURE, "image/jpeg")
    (file,) = stored(tmp_path)
    whole = file.read_bytes()
    for damaged in (whole[:-1], whole[:100] + bytes([whole[100] ^ 1]) + whole[101:], b""):
        file.write_bytes(damaged)
        with pytest.raises(BlobDamaged):
            blobs.get(blob.sha256)


def test_another_blob_under_this_name_is_no_answer(tmp_path: Path) -> None:
    blobs = blobs_in(tmp_path)
    blob = blobs.put(PICTURE, "image/jpeg")
    (first,) = stored(tmp_path)
    blobs.put(b"another picture", "image/jpeg")
    (other,) = [path for path in stored(tmp_path) if path != first]
    first.write_bytes(other.read_bytes())
    with pytest.raises(BlobDamaged):
        blobs.get(blob.sha256)


def test_a_blob_whose_key_was_destroyed_can_be_read_by_nobody(tmp_path: Path) -> None:
    blobs = blobs_in(tmp_path)
    blob = blobs.put(PICTURE, "image/jpeg")
    for key in (tmp_path / "objects" / "keys").iterdir():
        key.unlink()
    with pytest.raises(BlobDamaged, match="there is no key"):
        blobs.get(blob.sha256)


@pytest.mark.parametrize("name", ["0" * 64, "../../etc/passwd", "", "AB" * 32])
def test_what_is_not_there_is_a_key_error_and_no_name_leads_out_of_the_folder(tmp_path: Path, name: str) -> None:
    with pytest.raises(KeyError):
        blobs_in(tmp_path).get(name)
