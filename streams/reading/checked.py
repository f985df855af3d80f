"""The log as it was read against the log as it was signed: leaves made from messages, folded, held against checkpoints.

Rules: a leaf is made from the bytes as they came, so whoever changed one of them anywhere between the database and here
is found; the reader itself finds what is missing or came twice. An event is handed out when it was read, and is
checked as soon as a checkpoint covers it. Where a root differs, the events since the last one that agreed are under
suspicion; with the log's tiles, which hold no patient data and may be copied by anybody, the first wrong one is named.
Tiles are believed only when they fold to the signed root.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

from infra.audit.folder import TileFolder
from infra.audit.logged_tree import leaf_of_row
from infra.topics import Place
from projections.audit._checkpoint import Checkpoint, NotACheckpoint
from projections.audit._keys import Forged, PublicKey, check_checkpoint
from projections.audit._note import NotANote
from projections.audit._tiles import WIDTH
from projections.audit._tiles import Place as TilePlace
from projections.audit._tree import HASH_SIZE, Frontier
from streams.reading.entry import Entry
from streams.reading.faults import Code, Fault
from streams.reading.notes import CHECKPOINTS, Notes
from streams.reading.reader import Reader


class Checked:
    """Loops over a reader of the whole log from its beginning, and checks what it hands out.

    `checked` is the size of the last tree that agreed. Raises Fault: WRONG_TREE, FORGED_CHECKPOINT, and the reader's.
    """

    def __init__(
        self,
        reader: Reader,
        bootstrap: str,
        keys: Collection[PublicKey],
        *,
        tiles: Path | None = None,
        topic: str = CHECKPOINTS,
        **kafka: Any,
    ) -> None:
        if not reader.dense or reader.progress.position != 0:
            raise ValueError("only the whole log, from its beginning, can be held against a checkpoint")
        self._reader, self._keys = reader, list(keys)
        self._tiles = TileFolder(tiles) if tiles else None
        self._notes = Notes(bootstrap, topic, {key.name for key in keys}, **kafka)
        self._agreed, self._unchecked = Frontier(), deque[tuple[bytes, Place, int]]()
        self._read = 0
        self._next: Checkpoint | None = None

    @property
    def checked(self) -> int:
        return self._agreed.size

    def __iter__(self) -> Iterator[Entry]:
        for entry in self._reader:
            self._unchecked.append((leaf_of_row(entry.stored), entry.place, entry.offset))
            self._read += 1
            self._check()
            yield entry
        self._check(wait_s=2.0)

    def _check(self, wait_s: float = 0.0) -> None:
        """Hold what was read against the checkpoints that it covers."""
        while (checkpoint := self._next or self._signed(wait_s)) is not None:
            self._next = checkpoint
            if checkpoint.size > self._read:
                return
            self._next = None
            if checkpoint.size >= self._agreed.size:
                self._compare(checkpoint)

    def _signed(self, wait_s: float) -> Checkpoint | None:
        note = self._notes.next(wait_s)
        if note is None:
            return None
        try:
            return check_checkpoint(note.value, self._keys)[0]
        except (NotANote, NotACheckpoint, Forged) as fault:
            raise Fault(Code.FORGED_CHECKPOINT, str(fault), Place(note.topic, note.partition), note.offset) from None

    def _compare(self, checkpoint: Checkpoint) -> None:
        tree = Frontier(self._agreed.size, self._agreed.peaks)
        leaves = [self._unchecked[n] for n in range(checkpoint.size - tree.size)]
        for leaf, _, _ in leaves:
            tree.append(leaf)
        if tree.root() != checkpoint.root:
            raise self._wrong(checkpoint, leaves)
        self._agreed = tree
        for _ in leaves:
            self._unchecked.popleft()

    def _wrong(self, checkpoint: Checkpoint, leaves: list[tuple[bytes, Place, int]]) -> Fault:
        first, last = self._agreed.size + 1, checkpoint.size
        signed = self._signed_leaves(checkpoint)
        for n, (leaf, place, offset) in enumerate(leaves if signed else []):
            if leaf != signed[n]:
                position = first + n
                return Fault(Code.WRONG_TREE, f"position {position} is not what was signed", place, offset, position)
        what = f"of the positions {first} to {last} at least one is not what was signed"
        return Fault(Code.WRONG_TREE, what, position=first)

    def _signed_leaves(self, checkpoint: Checkpoint) -> list[bytes]:
        """The leaves behind what agreed, from the tiles; none where they are not those of the signed tree."""
        found: list[bytes] = []
        for index in range(self._agreed.size, checkpoint.size) if self._tiles else []:
            assert self._tiles is not None
            hashes = self._tiles.widest(TilePlace(0, index // WIDTH)) or b""
            at = index % WIDTH * HASH_SIZE
            found.append(hashes[at : at + HASH_SIZE])
        tree = Frontier(self._agreed.size, self._agreed.peaks)
        for leaf in found:
            tree.append(leaf)
        return found if found and tree.root() == checkpoint.root else []

    def close(self) -> None:
        self._notes.close()
