"""The one total order over many partitions, restored by position.

Rules: pure. Where all topics are read, the next event is the one at the next position. Where only some are, positions
between belong to others, so an event is handed out when nothing before it can still come: every partition either has a
later one waiting, or was read to where it ended when the relay had said that all up to that position is on Kafka. The
same tells a hole from an event that is still on its way. What waits is bounded: a partition that has enough of it is
not read on until it is needed.
"""

from __future__ import annotations

import heapq
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field

from infra.topics import Place
from streams.envelope import Delivered

MOST_WAITING = 200


@dataclass(order=True, slots=True)
class Waiting:
    """A checked message. Two of one position do not come here."""

    position: int
    place: Place = field(compare=False)
    offset: int = field(compare=False)
    delivered: Delivered = field(compare=False)


class Order:
    """`last` is the last position handed out; None while it is not known where the order begins."""

    def __init__(self, last: int | None, dense: bool) -> None:
        self.last, self.dense = last, dense
        self.settled = 0
        self._heap: list[Waiting] = []
        self._waiting: dict[Place, int] = {}
        self._open: set[Place] = set()

    def add_place(self, place: Place) -> None:
        self._waiting.setdefault(place, 0)
        self._open.add(place)

    def add(self, waiting: Waiting) -> None:
        heapq.heappush(self._heap, waiting)
        self._waiting[waiting.place] += 1

    def full(self) -> Collection[Place]:
        """The partitions that have enough waiting."""
        return {place for place, count in self._waiting.items() if count >= MOST_WAITING}

    def settle(self, position: int, behind: Collection[Place]) -> None:
        """All up to the position is on Kafka; `behind` are the partitions not yet read to where they ended then."""
        self.settled, self._open = position, set(behind)

    def read_to_the_end(self, place: Place) -> None:
        """This partition has now been read to where it ended when the relay said how far everything is on Kafka."""
        self._open.discard(place)

    @property
    def count(self) -> int:
        return len(self._heap)

    def ready(self) -> Iterator[Waiting]:
        """The events that are next, as far as that is certain."""
        while self._heap and self._next_is_certain():
            yield self._pop()

    def hole(self) -> tuple[int, int] | None:
        """Positions from and up to which are on no topic, where that is certain."""
        if not self.dense or self.last is None:
            return None
        if self._heap:
            position = self._heap[0].position
            return (self.last + 1, position - 1) if position > self.last + 1 and self._certain(position) else None
        if self.last < self.settled and not self._open:
            return self.last + 1, self.settled
        return None

    def pass_over(self, upto: int) -> None:
        """Go on behind a hole."""
        self.last = upto

    def unsettled(self) -> int | None:
        """The position that waits for the relay's word, if one does."""
        return self._heap[0].position if self._heap and not self._next_is_certain() else None

    def overtaken(self) -> Waiting | None:
        """A message whose position lies behind what was handed out."""
        return self._heap[0] if self._heap and self.last is not None and self._heap[0].position <= self.last else None

    def _next_is_certain(self) -> bool:
        position = self._heap[0].position
        if self.dense and self.last is not None:
            return position == self.last + 1
        return self._certain(position)

    def _certain(self, position: int) -> bool:
        """Whether nothing before this position can still come."""
        return all(
            count > 0 or (position <= self.settled and place not in self._open)
            for place, count in self._waiting.items()
        )

    def _pop(self) -> Waiting:
        found = heapq.heappop(self._heap)
        self._waiting[found.place] -= 1
        self.last = found.position
        return found
