"""Parquet files that are there whole or not at all.

Rules: rows are written to a file with a name of its own, which gets its real name when it is complete and on the disk;
so whoever reads `*.parquet` never meets half a file, and a full disk or a kill leaves nothing but temporary files.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

TEMPORARY = ".unfinished"
READ_BYTES = 1 << 20


class ParquetFile:
    """A file that is being written. `finish` gives it its name, `drop` forgets it."""

    def __init__(self, path: Path, schema: Any) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path, self._schema, self.rows, self._finished = path, schema, 0, False
        self._temporary = path.with_name(f".{path.name}{TEMPORARY}")
        self._file = self._temporary.open("wb")
        self._writer = pq.ParquetWriter(self._file, schema, compression="zstd")

    def add(self, rows: Sequence[Sequence[Any]]) -> None:
        """Write these rows as a row group of the file."""
        if not rows:
            return
        columns = zip(*rows, strict=True)
        arrays = [pa.array(values, field.type) for values, field in zip(columns, self._schema, strict=True)]
        self._writer.write_table(pa.Table.from_arrays(arrays, schema=self._schema))
        self.rows += len(rows)

    def finish(self) -> tuple[int, str]:
        """Put the whole file in its place, durably; its size in bytes, and its SHA-256."""
        self._writer.close()
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        known = self._temporary.stat().st_size, _sha256(self._temporary)
        os.replace(self._temporary, self.path)
        self._finished = True
        sync_folder(self.path.parent)
        return known

    def drop(self) -> None:
        """Forget the file, also when it is finished already."""
        self._temporary.unlink(missing_ok=True)
        if self._finished:
            self.path.unlink(missing_ok=True)
        # The writer is not closed but given up: it would write its end first, perhaps onto the disk that is full.
        self._writer.is_open = False
        with suppress(OSError):
            self._file.close()


def replaced(path: Path, content: bytes) -> None:
    """Replace a small file in one step, durably."""
    temporary = path.with_name(f".{path.name}{TEMPORARY}")
    try:
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def sweep(folder: Path, kept: Iterable[str]) -> list[str]:
    """Remove what a run that was broken off left behind: every file but these. Answers what was removed."""
    known = set(kept)
    gone = []
    for file in sorted(folder.rglob("*")):
        name = file.relative_to(folder).as_posix()
        if file.is_file() and name not in known and (file.suffix == ".parquet" or file.name.endswith(TEMPORARY)):
            file.unlink()
            gone.append(name)
    return gone


def sync_folder(folder: Path) -> None:
    """A new name is on the disk only when its folder is."""
    number = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(READ_BYTES):
            digest.update(chunk)
    return digest.hexdigest()
