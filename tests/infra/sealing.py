"""Objects, keys and blobs in a folder, as a deployment of one machine has them."""

from __future__ import annotations

from pathlib import Path

from infra.objects import Objects
from infra.sealing.blobs import SealedBlobs
from infra.sealing.data_keys import DataKeys
from infra.sealing.master_keys import add_master_key, read_master_keys


def keys_in(folder: Path) -> DataKeys:
    file = folder / "master.keys"
    if not file.exists():
        add_master_key(file)
    return DataKeys(Objects.in_folder(folder / "objects"), read_master_keys(file))


def blobs_in(folder: Path) -> SealedBlobs:
    return SealedBlobs(Objects.in_folder(folder / "objects"), keys_in(folder))
