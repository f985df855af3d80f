"""Checkpoints (C2SP tlog-checkpoint): origin, size and root of the log in three lines, signed as a note.

Rules: the origin names one log for ever; it is the name of the key that signs it. Further lines are extensions, which
are carried along and mean nothing here.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass

from projections.audit._note import NotANote, read_base64
from projections.audit._tree import EMPTY_ROOT, HASH_SIZE

LARGEST_SIZE = 2**63 - 1


class NotACheckpoint(ValueError):
    """This text is not the body of a checkpoint."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    origin: str
    size: int
    root: bytes
    extensions: Sequence[str] = ()

    def text(self) -> str:
        lines = [self.origin, str(self.size), base64.b64encode(self.root).decode(), *self.extensions]
        return "".join(f"{line}\n" for line in lines)


def read_checkpoint(text: str) -> Checkpoint:
    """Raises NotACheckpoint."""
    lines = text.split("\n")
    if len(lines) < 4 or lines.pop() or not all(lines):
        raise NotACheckpoint("a checkpoint has at least three lines, none of them empty")
    origin, size, root, *extensions = lines
    try:
        found = Checkpoint(origin, read_number(size), read_base64(root), tuple(extensions))
    except NotANote as fault:
        raise NotACheckpoint("the root is not base64") from fault
    if len(found.root) != HASH_SIZE:
        raise NotACheckpoint("the root is not a hash")
    if found.size == 0 and found.root != EMPTY_ROOT:
        raise NotACheckpoint("the root is not that of an empty tree")
    return found


def read_number(text: str) -> int:
    """Decimal in its one canonical form. Raises NotACheckpoint."""
    if not (text.isascii() and text.isdigit()) or (text[0] == "0" and text != "0") or len(text) > 19:
        raise NotACheckpoint("not a number")
    number = int(text)
    if number > LARGEST_SIZE:
        raise NotACheckpoint("too large a number")
    return number
