"""A blob is found by its hash, whole and undamaged, or not at all."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from infra.blobs import BlobDamaged, BlobFolder

PICTURE = b"\xff\xd8 a picture \xff\xd9"


def test_what_was_stored_is_read_back_by_its_hash(tmp_path: Path) -> None:
    blob = BlobFolder(tmp_path).put(PICTURE, "image/jpeg")
    assert (blob.sha256, blob.media_type, blob.size) == (hashlib.sha256(PICTURE).hexdigest(), "image/jpeg", 15)
    assert BlobFolder(tmp_path).get(blob.sha256) == PICTURE


def test_equal_bytes_are_kept_once_and_nothing_half_written_stays(tmp_path: Path) -> None:
    folder = BlobFolder(tmp_path)
    assert folder.put(PICTURE, "image/jpeg") == folder.put(PICTURE, "image/jpeg")
    assert len([path for path in tmp_path.rglob("*") if path.is_file()]) == 1


def test_damaged_bytes_are_an_error_and_no_answer(tmp_path: Path) -> None:
    folder = BlobFolder(tmp_path)
    blob = folder.put(PICTURE, "image/jpeg")
    (stored,) = [path for path in tmp_path.rglob("*") if path.is_file()]
    stored.write_bytes(PICTURE[:-1])
    with pytest.raises(BlobDamaged):
        folder.get(blob.sha256)


@pytest.mark.parametrize("name", ["0" * 64, "../../etc/passwd", "", "AB" * 32])
def test_what_is_not_there_is_a_key_error_and_no_name_leads_out_of_the_folder(tmp_path: Path, name: str) -> None:
    with pytest.raises(KeyError):
        BlobFolder(tmp_path / "blobs").get(name)
