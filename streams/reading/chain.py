"""The messages of one partition, each linked to the one before by position.

Rules: pure. A message that was seen before must be the same, as far back as digests are remembered; one that names
another predecessor than the last one seen shows that something is missing, out of its order, or put in between.
"""

from __future__ import annotations

from collections import OrderedDict
from hashlib import blake2b

from infra.topics import Place
from streams.envelope import Delivered
from streams.reading.faults import Code, Fault

# More than a relay sends again after a crash: a batch of it, and what a lazily written progress may have forgotten.
MOST_REMEMBERED = 20_000


class Chain:
    """`last` is the last position seen; None while nothing is known of what lies before."""

    def __init__(self, place: Place, last: int | None) -> None:
        self.place, self.last = place, last
        self._digests: OrderedDict[int, bytes] = OrderedDict()
        self._begins_at: int | None = None

    def check(self, offset: int, delivered: Delivered) -> None:
        """Take the message as the next one. Raises Fault; of those only DUPLICATE and GAP may be passed over."""
        stored = delivered.stored
        digest = digest_of(delivered)
        known = self._digests.get(stored.position)
        if known is not None and known != digest:
            raise self._fault(Code.CONTRADICTION, offset, f"position {stored.position} has another content", delivered)
        if self.last is not None and stored.position <= self.last:
            self._check_older(offset, delivered, known)
        if self.last is not None and delivered.prev_position != self.last:
            self._check_link(offset, delivered, self.last)
        self.accept(delivered)

    def accept(self, delivered: Delivered) -> None:
        position = delivered.stored.position
        if self._begins_at is None:
            self._begins_at = delivered.prev_position if self.last is None else self.last
        self.last = position
        self._digests[position] = digest_of(delivered)
        while len(self._digests) > MOST_REMEMBERED:
            self._begins_at, _ = self._digests.popitem(last=False)

    def _check_older(self, offset: int, delivered: Delivered, known: bytes | None) -> None:
        position = delivered.stored.position
        if known is None and self._begins_at is not None and position > self._begins_at:
            raise self._fault(Code.REORDERED, offset, f"position {position} comes behind {self.last}", delivered)
        raise self._fault(Code.DUPLICATE, offset, f"position {position} was seen before", delivered)

    def _check_link(self, offset: int, delivered: Delivered, last: int) -> None:
        position, named = delivered.stored.position, delivered.prev_position
        if named < last:
            what = f"position {position} names {named} as the one before it, but that is {last}"
            raise self._fault(Code.WRONG_LINK, offset, what, delivered)
        missing = f"position {named} is" if last + 1 == named else f"what lies behind {last} and up to {named} is"
        raise self._fault(Code.GAP, offset, f"{missing} missing before position {position}", delivered)

    def _fault(self, code: Code, offset: int, what: str, delivered: Delivered) -> Fault:
        return Fault(code, what, self.place, offset, delivered.stored.position)


def digest_of(delivered: Delivered) -> bytes:
    """A digest of all that a message says."""
    stored = delivered.stored
    said = (
        stored.position,
        delivered.prev_position,
        stored.version,
        stored.schema_version,
        stored.name,
        stored.recorded_at,
        stored.stream_id,
    )
    content = blake2b(repr(said).encode(), digest_size=16)
    for part in (stored.state, stored.metadata):
        content.update(len(part).to_bytes(8, "big"))
        content.update(part)
    return content.digest()
