"""Segments on the disk of the recorder, sealed, until they lie whole where they will stay.

Rules: what the muxer writes is sealed before it leaves memory; once a second what waits goes out as a record of its own
and is synced, so that a kill costs at most that second; a segment that was cut by a kill is kept up to its last whole
record.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from infra.sealing.reader import walk
from infra.sealing.writer import Sealer, ending
from media.recording.disk import Disk


@dataclass(frozen=True, slots=True)
class Closed:
    """A segment that grows no more. `size` counts sealed bytes, `plain` those of the file; frames by kind."""

    until_ns: int
    frames: Mapping[str, int]
    records: int
    size: int
    plain: int
    final: str


class SpooledSegment:
    """Where a strand writes a segment to. `synced` counts the sealed bytes that a kill does not take away."""

    def __init__(
        self, path: Path, disk: Disk, key: tuple[UUID, bytes], media_type: str, closed: Callable[[Closed], None]
    ) -> None:
        self.path, self._disk, self._closed = path, disk, closed
        self._sealer = Sealer(*key, media_type)
        self._file = disk.open(path)
        self._size = 0
        self.synced = 0
        self.finished = False
        self._put(self._sealer.head())

    def write(self, plain: bytes) -> None:
        self._put(self._sealer.write(plain))

    def flush(self) -> None:
        """Once a second."""
        if self.finished:
            return
        self._put(self._sealer.flush())
        self._sync()

    def close(self, until_ns: int, frames: Mapping[str, int]) -> None:
        self._put(self._sealer.close())
        self._sync()
        self._disk.close_file(self._file)
        self.finished = True
        sealer = self._sealer
        self._closed(Closed(until_ns, frames, sealer.records, self._size, sealer.size, sealer.final_hash.hex()))

    def _put(self, sealed: bytes) -> None:
        if sealed:
            self._size += len(sealed)
            self._disk.append(self._file, sealed)

    def _sync(self) -> None:
        size, records = self._size, self._sealer.records

        def synced(done: object) -> None:
            # The head alone is no byte of a recording.
            self.synced = size if records and self._disk.fault is None else 0

        self._disk.sync(self._file).add_done_callback(synced)


@dataclass(frozen=True, slots=True)
class Mended:
    """`cut` says that the writer was killed; `written_ns` is when it last wrote, since 1970."""

    closed: Closed
    cut: bool
    written_ns: int


def mended(path: Path, data_key: bytes) -> Mended:
    """Keep the whole records of what a kill left, and end the object behind them as any other. Raises SealBroken."""
    content = path.read_bytes()
    written_ns = path.stat().st_mtime_ns
    walked = walk(content)
    end, final_hash = ending(walked, data_key)
    with path.open("r+b") as file:
        file.truncate(walked.end)
        file.seek(walked.end)
        file.write(end)
        file.flush()
        os.fsync(file.fileno())
    records = len(walked.entries) + (0 if walked.ended else 1)
    closed = Closed(written_ns, {}, records, walked.end + len(end), walked.size, final_hash.hex())
    return Mended(closed, not walked.ended, written_ns)
