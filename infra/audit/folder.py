"""The log's tiles and its last checkpoint as a folder (C2SP tlog-tiles), which anybody may copy or serve as it is.

Rules: a reader sees a whole file or none; a full tile that is there is never replaced, and one that should be written
with other hashes is a tree that forks; a partial tile goes when a wider one of the same place is there.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

from projections.audit._checkpoint import read_checkpoint
from projections.audit._note import NotANote, read_note
from projections.audit._tiles import WIDTH, Place, Tile, TileRefused
from projections.audit._tree import HASH_SIZE

CHECKPOINT = "checkpoint"


class TreeForks(RuntimeError):
    """The log's rows are not those that were signed; `first` and `last` name the positions that differ."""

    def __init__(self, first: int, last: int, why: str) -> None:
        self.first, self.last = first, last
        super().__init__(f"positions {first} to {last} are lost or changed: {why}")


class TileFolder:
    def __init__(self, root: Path) -> None:
        self.root = root

    def read(self, place: Place) -> bytes:
        """Raises TileRefused when the tile is not there."""
        try:
            return (self.root / place.path).read_bytes()
        except FileNotFoundError as fault:
            raise TileRefused(f"{place.path} is missing") from fault

    def widest(self, place: Place) -> bytes | None:
        """The full tile of that place, or else its widest partial one."""
        file = self.root / Place(place.level, place.index).path
        if file.exists():
            return file.read_bytes()
        partials = [one for one in file.with_name(f"{file.name}.p").glob("*") if one.name.isdigit()]
        return max(partials, key=lambda one: int(one.name)).read_bytes() if partials else None

    def write(self, tile: Tile) -> None:
        """Raises TreeForks when a full tile is there with other hashes."""
        file = self.root / tile.place.path
        if tile.place.width == WIDTH and file.exists():
            _compare(tile, file.read_bytes())
            return
        _write(file, tile.hashes)
        if tile.place.width < WIDTH:
            for older in file.parent.iterdir():
                if older.name.isdigit() and int(older.name) < tile.place.width:
                    older.unlink(missing_ok=True)
        else:
            shutil.rmtree(file.with_name(f"{file.name}.p"), ignore_errors=True)

    def checkpoint(self) -> str | None:
        """The last checkpoint that was published here."""
        try:
            return (self.root / CHECKPOINT).read_text()
        except FileNotFoundError:
            return None

    def publish(self, note: str) -> None:
        """Replace the checkpoint, unless a larger one is there: one that slept must not set the folder back."""
        size = read_checkpoint(read_note(note).text).size
        try:
            there = self.checkpoint()
            if there is not None and read_checkpoint(read_note(there).text).size > size:
                return
        except (NotANote, ValueError):
            pass  # What is there is no checkpoint: it is replaced by one.
        _write(self.root / CHECKPOINT, note.encode())


def _compare(tile: Tile, there: bytes) -> None:
    if there == tile.hashes:
        return
    at = range(0, len(tile.hashes), HASH_SIZE)
    wrong = [n for n, start in enumerate(at) if there[start : start + HASH_SIZE] != tile.hashes[start:][:HASH_SIZE]]
    span = WIDTH**tile.place.level
    first = (tile.place.index * WIDTH + wrong[0]) * span + 1
    last = (tile.place.index * WIDTH + wrong[-1] + 1) * span
    raise TreeForks(first, last, f"{tile.place.path} was written with other hashes")


def _write(file: Path, content: bytes) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    number, name = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")
    with os.fdopen(number, "wb") as opened:
        os.fchmod(opened.fileno(), 0o644)
        opened.write(content)
    os.replace(name, file)
