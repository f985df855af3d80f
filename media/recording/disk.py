"""One thread that writes, so that a slow disk never stops the loop that takes packets in.

Rules: what was handed over is written in that order; `waiting_bytes` says how far the disk is behind, and whoever reads
from the workers reads no more while it is too far. A fault of the disk is kept and told to everybody who asks.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path


class Disk:
    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="disk")
        self.waiting_bytes = 0
        self.fault: OSError | None = None

    def open(self, path: Path) -> int:
        """A file that grows at its end, readable by its owner alone; its name is durable before its first byte."""
        path.parent.mkdir(parents=True, exist_ok=True)
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        self._do(lambda: _sync_folder(path.parent))
        return file

    def append(self, file: int, content: bytes) -> None:
        self.waiting_bytes += len(content)
        self._do(lambda: self._write(file, content))

    def sync(self, file: int) -> asyncio.Future[None]:
        """Done when everything that was handed over for this file is on the disk."""
        return asyncio.wrap_future(self._do(lambda: os.fsync(file)))

    def close_file(self, file: int) -> None:
        self._do(lambda: os.close(file))

    async def drained(self) -> None:
        """Everything that was handed over until now is written, or was refused: then OSError."""
        await asyncio.wrap_future(self._do(lambda: None))
        if self.fault is not None:
            raise self.fault

    def close(self) -> None:
        self._thread.shutdown(wait=True)

    def _do(self, work: Callable[[], None]) -> Future[None]:
        return self._thread.submit(self._kept, work)

    def _kept(self, work: Callable[[], None]) -> None:
        try:
            work()
        except OSError as fault:
            self.fault = fault
            raise

    def _write(self, file: int, content: bytes) -> None:
        try:
            rest = memoryview(content)
            while rest:
                rest = rest[os.write(file, rest) :]
        finally:
            self.waiting_bytes -= len(content)


def _sync_folder(path: Path) -> None:
    folder = os.open(path, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
