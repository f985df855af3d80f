"""The reader of a lane: every event once, in the one order, typed; or a fault that says what is wrong and where.

Rules: nothing is left out, doubled or put out of order in silence. Memory is bounded: a partition that is far ahead of
the others is not read on. Progress is what was handed out and asked on from; it is saved when the user says so, and
otherwise now and then and at the end.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from datetime import datetime
from typing import Any, Self

from domain._catalogue import every_event
from infra.topics import Lane, Place, partition_of
from streams.envelope import Delivered, MalformedMessage, from_message
from streams.reading.begin import offsets_at, still_true
from streams.reading.chain import Chain
from streams.reading.entry import Entry, entry_of
from streams.reading.faults import PASSABLE, PASSED_BY_DEFAULT, Code, Fault
from streams.reading.order import Order, Waiting
from streams.reading.progress import MemoryStore, Progress, Store
from streams.reading.source import Source

POLL_S = 0.2
# So long nothing has to move before a hole is looked for: until then it is on its way.
STILL_S = 0.5
SAVE_EVERY_S = 1.0
MOST_SCANNED = 5_000


class Reader:
    """See `Log` in streams/analyst.py for the arguments."""

    def __init__(
        self,
        bootstrap: str,
        lane: Lane,
        aggregates: Collection[str] | None = None,
        *,
        start: datetime | int | None = None,
        follow: bool = True,
        store: Store | None = None,
        passing: Collection[Code] = PASSED_BY_DEFAULT,
        on_fault: Callable[[Fault], None] = lambda fault: None,
        patience_s: float = 30,
        **kafka: Any,
    ) -> None:
        if wrong := set(passing) - PASSABLE:
            raise ValueError(f"{', '.join(sorted(wrong))} cannot be passed over")
        every_event()  # So that each name is known.
        self.lane, self.dense, self._start, self._follow = lane, aggregates is None, start, follow
        self._store = store or MemoryStore()
        self._passing, self._on_fault, self._patience_s = frozenset(passing), on_fault, patience_s
        self._source = Source(bootstrap, lane, aggregates, **kafka)
        self._chains: dict[Place, Chain] = {}
        self._ends: dict[Place, int] = {}
        self._handed: Entry | None = None
        self.faults: Counter[Code] = Counter()
        try:
            self._begin()
        except BaseException:
            self._source.close()
            raise

    # Where to begin ------------------------------------------------------------------------------------------

    def _begin(self) -> None:
        places = self._source.look()
        text = self._store.load()
        self.progress = Progress(self.lane.prefix, self.dense, self._source.cluster_id)
        if text is not None:
            self.progress = Progress.from_json(text)
            still_true(self.progress, self._source, self.dense)
        elif self._start is not None:
            # What lies before is not read, so nothing is known of it: neither its end nor what it links to.
            self.progress.position = None
            offsets = offsets_at(self._start, self._source, places)
            self.progress.reached.update({place: (offset, None if offset else 0) for place, offset in offsets.items()})
        self._order = Order(self.progress.position, self.dense)
        self._add(places)
        self.progress.topics.update(self._source.topics)
        self._last_ends = {} if self._follow else dict(self._source.ends(list(self._chains)))
        self._saved_at = self._moved_at = time.monotonic()

    def _add(self, places: Collection[Place]) -> None:
        """Read topics too that are not read yet: where the progress ends in them, or from the beginning."""
        new = {place: self.progress.reached.get(place, (0, 0)) for place in places if place not in self._chains}
        for place, (_, position) in new.items():
            self._chains[place] = Chain(place, position)
            self._order.add_place(place)
        if new:
            self._source.begin({place: offset for place, (offset, _) in new.items()})

    # The loop ------------------------------------------------------------------------------------------------

    def __iter__(self) -> Iterator[Entry]:
        while True:
            for waiting in self._ready():
                entry = self._entry(waiting)
                self._moved_at = time.monotonic()
                if entry is None or self._before_start(entry):
                    self._note(waiting.place, waiting.offset, waiting.position)
                    continue
                self._handed = entry
                yield entry
                self._take_note()
                self._save_now_and_then()
            if self._finished():
                break
            self._fill()
        self._save_at_the_end()

    def _fill(self) -> None:
        self._add(self._source.look_again())
        self._source.hold(self._order.full())
        for place, records in self._source.poll(POLL_S).items():
            for record in records:
                self._take(place, record)
        self._settle()
        self._look_for_holes()

    def _take(self, place: Place, record: Any) -> None:
        try:
            delivered = self._read(place, record)
            self._chains[place].check(record.offset, delivered)
        except Fault as fault:
            if fault.code is Code.GAP:
                fault = self._gap_or_order(fault, self._chains[place].last or 0)
            self._pass_over(fault)
            if fault.code is not Code.GAP:
                return
            self._chains[place].accept(delivered)
        self._order.add(Waiting(delivered.stored.position, place, record.offset, delivered))

    def _read(self, place: Place, record: Any) -> Delivered:
        try:
            delivered = from_message(record.key, record.value, record.headers)
        except MalformedMessage as fault:
            raise Fault(Code.CORRUPT, f"it is no message of the relay: {fault}", place, record.offset) from None
        stored = delivered.stored
        own = Place(self.lane.topic_of(stored.aggregate), partition_of(stored.stream_id))
        if own != place:
            what = f"position {stored.position} belongs in {own.topic}[{own.partition}]"
            raise Fault(Code.CORRUPT, what, place, record.offset, stored.position)
        return delivered

    def _settle(self) -> None:
        """Take the relay's word for how far all is on Kafka, where somebody waits for it."""
        order, said = self._order, self._source.reached
        waits = order.unsettled()
        if waits is None and self.dense and order.last is not None and order.last < said:
            waits = said  # What the relay speaks of may have been the last of its partition.
        still = time.monotonic() - self._moved_at > STILL_S or order.last is None or not self.dense
        if waits is not None and order.settled < waits and order.settled < said and still:
            # What the relay speaks of may lie in a topic that was made since the last look.
            self._add(self._source.look())
            # Asked after the relay's word was read: what it speaks of lies before these ends.
            self._ends = dict(self._source.ends(list(self._chains)))
            order.settle(said, self._chains)
        for place, end in self._ends.items():
            if self._source.read_upto(place) >= end:
                order.read_to_the_end(place)

    def _ready(self) -> Iterator[Waiting]:
        yield from self._order.ready()
        if (late := self._order.overtaken()) is not None:
            again = late.position == self._order.last
            what = f"position {late.position} was handed out already" if again else f"behind {self._order.last}"
            code = Code.CONTRADICTION if again else Code.REORDERED
            raise Fault(code, what, late.place, late.offset, late.position)

    def _look_for_holes(self) -> None:
        while (hole := self._order.hole()) is not None:
            first, last = hole
            what = f"position {first} is" if first == last else f"positions {first} to {last} are"
            self._pass_over(Fault(Code.GAP, f"{what} in no topic of {self.lane.prefix}", position=first))
            self._order.pass_over(last)

    # Faults --------------------------------------------------------------------------------------------------

    def _pass_over(self, fault: Fault) -> None:
        self.faults[fault.code] += 1
        if fault.code not in self._passing:
            raise fault
        self._on_fault(fault)

    def _gap_or_order(self, fault: Fault, last: int) -> Fault:
        """What is missing may lie further behind: then it is there, but out of its order."""
        assert fault.place is not None
        assert fault.offset is not None
        if Code.GAP in self._passing:
            return fault

        def is_between(record: Any) -> bool:
            headers = dict(record.headers)
            return headers.get("position", b"").isdigit() and last < int(headers["position"]) < (fault.position or 0)

        late = self._source.scan(fault.place, fault.offset + 1, MOST_SCANNED, is_between)
        if late is None:
            return fault
        position = int(dict(late.headers)["position"])
        what = f"position {position} comes only at offset {late.offset}, behind position {fault.position}"
        return Fault(Code.REORDERED, what, fault.place, fault.offset, position)

    def _entry(self, waiting: Waiting) -> Entry | None:
        try:
            return entry_of(waiting, self.lane)
        except Fault as fault:
            self._pass_over(fault)
            return None

    # Progress ------------------------------------------------------------------------------------------------

    def save(self) -> None:
        """Keep how far the user has come, the event in hand included."""
        self._take_note()
        self._store.save(self.progress.to_json())
        self._saved_at = time.monotonic()

    def _take_note(self) -> None:
        if self._handed is not None:
            self._note(self._handed.place, self._handed.offset, self._handed.position)
            self._handed = None

    def _note(self, place: Place, offset: int, position: int) -> None:
        self.progress.reached[place] = (offset + 1, position)
        self.progress.position = position
        self.progress.topics.update(self._source.topics)

    def _save_now_and_then(self) -> None:
        if self._store.at_any_time and time.monotonic() - self._saved_at > SAVE_EVERY_S:
            self.save()

    def _save_at_the_end(self) -> None:
        if self._store.at_any_time:
            self.save()

    def _before_start(self, entry: Entry) -> bool:
        match self._start:
            case None:
                return False
            case datetime() as moment:
                return entry.recorded_at < moment
            case position:
                return entry.position < position

    def _finished(self) -> bool:
        if self._follow:
            return False
        behind = [place for place, end in self._last_ends.items() if self._source.read_upto(place) < end]
        if behind or not self._source.heard:
            return False
        if not self._order.count and not (self.dense and self._lacks_what_was_said()):
            return True
        if time.monotonic() - self._moved_at > self._patience_s:
            position = self._order.unsettled()
            what = f"position {position} waits for the word that nothing before it is still to come"
            raise Fault(Code.UNSETTLED, what, position=position)
        return False

    def _lacks_what_was_said(self) -> bool:
        return self._order.last is not None and self._order.last < self._source.reached

    def close(self) -> None:
        self._source.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
