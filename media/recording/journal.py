"""What happened to a recording, line by line, beside its segments: from it a killed recorder goes on.

Rules: a line is added before what it tells is relied on, and never changed; a last line that was cut by a kill is as if
it had not been written. No line holds anything of a person: ids, times, sizes, hashes.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from media.recording.disk import Disk

Entry = Mapping[str, Any]
NAME = "journal"


class Journal:
    """`entries` holds all lines, those of earlier runs first."""

    def __init__(self, folder: Path, disk: Disk) -> None:
        self.entries: list[Entry] = list(read(folder))
        self._disk = disk
        path = folder / NAME
        self._file = disk.open(path)
        whole = sum(len(_line(entry)) for entry in self.entries)
        os.truncate(path, whole)

    def add(self, what: str, **fields: Any) -> None:
        entry = {"what": what, **fields}
        self.entries.append(entry)
        self._disk.append(self._file, _line(entry))
        self._disk.sync(self._file).add_done_callback(lambda done: done.cancelled() or done.exception())

    def of(self, what: str) -> Sequence[Entry]:
        return [entry for entry in self.entries if entry["what"] == what]

    def close(self) -> None:
        self._disk.close_file(self._file)


def read(folder: Path) -> Sequence[Entry]:
    """The whole lines; none when the recorder was killed before the first one."""
    try:
        lines = (folder / NAME).read_bytes().splitlines(keepends=True)
    except FileNotFoundError:
        return []
    return [json.loads(line) for line in lines if line.endswith(b"\n")]


def _line(entry: Entry) -> bytes:
    return json.dumps(entry, separators=(",", ":")).encode() + b"\n"
