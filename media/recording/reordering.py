"""Puts packets back into the order in which they were sent, and says what never came.

Rules: pure; time is the arrival of packets, or what `waited` is told; a missing packet is waited for 1.5 s from the
arrival of the first one after it, so that retransmissions find their place, and then given up; a packet that was given
out or given up is never given out again; a new SSRC, or numbers that jump and go on from there, is a restart. What
waits is bounded.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from media.recording.rtp import Packet

WAIT_NS = 1_500_000_000
MOST_WAITING = 4096
# RFC 3550, appendix A.1, takes a larger step for a restart when the next packet follows it.
LARGEST_STEP = 3000


@dataclass(frozen=True, slots=True)
class Lost:
    """So many packets in a row never came."""

    packets: int


@dataclass(frozen=True, slots=True)
class Restarted:
    """The sender began anew: numbers and timestamps have nothing to do with those before."""


Item = Packet | Lost | Restarted


class Reordering:
    def __init__(self, wait_ns: int = WAIT_NS) -> None:
        self._wait_ns = wait_ns
        self._waiting: dict[int, Packet] = {}
        self._next: int | None = None
        self._ssrc: int | None = None
        self._former: set[int] = set()
        self._jumped_to: Packet | None = None
        self.doubles = 0

    def push(self, packet: Packet) -> Iterator[Item]:
        """What can be given out now that this packet came."""
        if self._ssrc != packet.ssrc:
            if packet.ssrc in self._former:
                # A straggler of before the restart.
                return
            yield from self._restart(packet)
        number = self._extended(packet)
        if abs(number - self._expected) > LARGEST_STEP:
            yield from self._jump(packet)
            return
        self._jumped_to = None
        if number < self._expected or number in self._waiting:
            self.doubles += 1
            return
        self._waiting[number] = packet
        yield from self._in_order()
        yield from self.waited(packet.arrived_ns)

    def waited(self, now_ns: int) -> Iterator[Item]:
        """Gives up what was waited for long enough."""
        while self._waiting:
            first = min(self._waiting)
            too_long = now_ns - min(each.arrived_ns for each in self._waiting.values()) >= self._wait_ns
            if not too_long and len(self._waiting) <= MOST_WAITING:
                return
            yield from self._give_up(first)

    def ended(self) -> Iterator[Item]:
        """Everything that is still here: nothing comes any more."""
        while self._waiting:
            yield from self._give_up(min(self._waiting))

    @property
    def _expected(self) -> int:
        return self._next if self._next is not None else 0

    def _give_up(self, first: int) -> Iterator[Item]:
        yield Lost(first - self._expected)
        self._next = first
        yield from self._in_order()

    def _in_order(self) -> Iterator[Item]:
        while (packet := self._waiting.pop(self._expected, None)) is not None:
            self._next = self._expected + 1
            yield packet

    def _extended(self, packet: Packet) -> int:
        """The number without its wrap: the one nearest to what is expected."""
        if self._next is None:
            self._next = packet.number
        return self._next + ((packet.number - self._next + 0x8000) & 0xFFFF) - 0x8000

    def _jump(self, packet: Packet) -> Iterator[Item]:
        """One packet far away is noise; two that follow each other are a sender that began anew."""
        before, self._jumped_to = self._jumped_to, packet
        if before is None or (packet.number - before.number) & 0xFFFF != 1:
            return
        yield from self._restart(before)
        yield from self.push(before)
        yield from self.push(packet)

    def _restart(self, packet: Packet) -> Iterator[Item]:
        yield from self.ended()
        if self._ssrc is not None:
            yield Restarted()
            if self._ssrc != packet.ssrc:
                self._former.add(self._ssrc)
        self._ssrc, self._next, self._jumped_to = packet.ssrc, packet.number, None
