"""What a signature signs: one digest over all that was written, in the order in which it was written.

Each fact of the content is linked to the digest before it, so both ends sign the same 64 characters, and whoever
holds the stored bytes can compute them again. A reader that shows the content keeps the digest with `linked`.
"""

from __future__ import annotations

import hashlib

from domain._kernel import Event, Value
from domain._values import Sha256

NOTHING_WRITTEN: Sha256 = "0" * 64


class Amendment(Value):
    """A correction of signed content: a new version with its reason. The signed text stays as it is."""

    version: int
    reason: str
    text: str


def linked(before: Sha256, written: Event | Amendment) -> Sha256:
    """The digest of the content once this was added to it."""
    name = written.name if isinstance(written, Event) else "amendment"
    body = written.__pydantic_serializer__.to_json(written)
    return hashlib.sha256(b"\0".join((before.encode(), name.encode(), body))).hexdigest()
