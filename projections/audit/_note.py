"""Signed notes (C2SP signed-note): a text, an empty line, and lines of signatures.

Rules: this file knows the form only; who signed, and whether it is true, is asked of the keys (`_keys.py`). What is
not exactly of the form is refused, so that two readers never see two notes in the same bytes.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from dataclasses import dataclass

LARGEST_NOTE = 1 << 20
MOST_SIGNATURES = 64
DASH = "— "


class NotANote(ValueError):
    """These bytes are not a signed note."""


@dataclass(frozen=True, slots=True)
class Signature:
    """One line. `key_id` is four bytes; together with the name it tells the key."""

    name: str
    key_id: bytes
    content: bytes

    def line(self) -> str:
        return f"{DASH}{self.name} {base64.b64encode(self.key_id + self.content).decode()}\n"


@dataclass(frozen=True, slots=True)
class Note:
    """`text` ends with a newline."""

    text: str
    signatures: Sequence[Signature]

    def encoded(self) -> str:
        return self.text + "\n" + "".join(signature.line() for signature in self.signatures)


def read_note(encoded: str | bytes) -> Note:
    """Raises NotANote."""
    if len(encoded) > LARGEST_NOTE:
        raise NotANote("too large")
    if isinstance(encoded, bytes):
        try:
            encoded = encoded.decode()
        except UnicodeDecodeError as fault:
            raise NotANote("not UTF-8") from fault
    if any(character < " " and character != "\n" for character in encoded):
        raise NotANote("a control character")
    # The text may hold empty lines itself: the last one divides.
    text, divider, lines = encoded.rpartition("\n\n")
    if not divider or not lines.endswith("\n"):
        raise NotANote("no signatures")
    return Note(text + "\n", read_signatures(lines))


def read_signatures(lines: str) -> Sequence[Signature]:
    """Signature lines alone, as witnesses answer with them. Raises NotANote."""
    if not lines.endswith("\n"):
        raise NotANote("the last line does not end")
    found = lines[:-1].split("\n")
    if len(found) > MOST_SIGNATURES:
        raise NotANote("too many signatures")
    return [_read_signature(line) for line in found]


def _read_signature(line: str) -> Signature:
    if not line.startswith(DASH):
        raise NotANote("a line that is no signature")
    name, space, encoded = line[len(DASH) :].partition(" ")
    content = read_base64(encoded)
    if not space or not is_key_name(name) or len(content) < 5:
        raise NotANote("a malformed signature")
    return Signature(name, content[:4], content[4:])


def is_key_name(name: str) -> bool:
    return bool(name) and "+" not in name and not any(character.isspace() for character in name)


def read_base64(encoded: str) -> bytes:
    """Standard base64 in its one canonical form. Raises NotANote."""
    try:
        content = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError) as fault:
        raise NotANote("not base64") from fault
    if base64.b64encode(content).decode() != encoded:
        raise NotANote("not canonical base64")
    return content
