"""One encoding of a track, as it comes in: repaired, counted, kept for a while, and handed on in bursts.

Rules: each sequence number is handed on once, whether it came at first or by a retransmission; what is missing is asked
for at once and then every 40 ms for a second, and after that is given up; key frames are asked for at most twice a
second, however many want one; the ring is what retransmissions to viewers are taken from, and is the only copy.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from media.payloads import Inspect, Size
from media.reception import Counters
from media.rtp import Packet, ahead

if TYPE_CHECKING:
    from media.downtrack import Downtrack
    from media.svc import Scaled

REASK_NS = 40_000_000
QUIET_NS = 250_000_000
GIVE_UP_NS = 1_000_000_000
KEY_FRAME_PAUSE_NS = 500_000_000
MOST_MISSING = 512
JUMP = 3_000


class Layer:
    """`ssrc` is the publisher's; `rank` orders the layers of a picture, the best one highest."""

    def __init__(self, ssrc: int, rid: str, clock_rate: int, ring: int, inspect: Inspect) -> None:
        self.ssrc, self.rid, self.rank = ssrc, rid, 0
        self.rtx_ssrc: int | None = None
        self.counters = Counters(clock_rate)
        self.size = Size()
        self.inspect = inspect
        self.ring: list[Packet | None] = [None] * ring
        self.mask = ring - 1
        self.pending: list[Packet] = []
        self.missing: dict[int, list[int]] = {}
        self.viewers: list[Downtrack] = []
        self.waiting: dict[Downtrack, None] = {}
        self.queued = False
        self.newest: Packet | None = None
        self.clock: tuple[int, int, int] | None = None
        """The publisher's last sender report: NTP, RTP timestamp, and when it came."""
        self.key_frame_wanted = False
        self.source: Layer = self
        """The layer as the publisher sends it, of which this one may be a part."""
        self.renumbers = False
        """Whether pictures have other numbers here than at the source."""
        self.scaled: Scaled | None = None
        self._key_frame_asked_ns = 0

    @property
    def highest(self) -> int | None:
        return self.counters.highest

    def take(self, packet: Packet, length: int) -> bool:
        """Takes a packet in; False when it was there already. `length` is what it took on the line."""
        counters, highest, sequence = self.counters, self.counters.highest, packet.sequence
        slot = sequence & self.mask
        before = self.ring[slot]
        if before is not None and before.sequence == sequence:
            return False
        if highest is not None:
            distance = ahead(sequence, highest)
            if abs(distance) > JUMP:
                self._begin_anew(sequence)
            elif distance > 1:
                self._note_missing(highest, sequence, packet.arrived_ns)
            elif distance < 0 and -distance > self.mask:
                return False
        if self.missing.pop(sequence, None) is not None or packet.repaired:
            counters.repaired += 1
        else:
            counters.arrived(sequence, packet.timestamp, length, packet.arrived_ns)
        self.inspect(packet, self.size)
        if packet.key_frame:
            counters.key_frames += 1
            self.key_frame_wanted = False
        if self.scaled is not None:
            self.scaled.take(packet)
        self.ring[slot] = packet
        if counters.highest == sequence:
            self.newest = packet
        self.pending.append(packet)
        return True

    def _begin_anew(self, sequence: int) -> None:
        self.counters.restart(sequence)
        self.missing.clear()
        self.key_frame_wanted = True

    def _note_missing(self, highest: int, sequence: int, now_ns: int) -> None:
        gap = ahead(sequence, highest) - 1
        self.counters.gaps += gap
        if len(self.missing) + gap > MOST_MISSING:
            # More than a second of picture is gone: to begin anew is cheaper than to mend it.
            self.counters.given_up += len(self.missing) + gap
            self.missing.clear()
            self.key_frame_wanted = True
            return
        for step in range(1, gap + 1):
            self.missing[(highest + step) & 0xFFFF] = [now_ns, 0]

    def to_ask_again(self, now_ns: int, rtt_ns: int) -> list[int]:
        """What to put into the next NACK; what is too old is given up, and a key frame wanted instead."""
        if not self.missing:
            return []
        asked, pause = [], max(REASK_NS, rtt_ns)
        for sequence, times in list(self.missing.items()):
            if now_ns - times[0] > GIVE_UP_NS:
                del self.missing[sequence]
                self.counters.given_up += 1
                self.key_frame_wanted = True
            elif now_ns - times[1] >= pause:
                times[1] = now_ns
                asked.append(sequence)
        self.counters.nacks += bool(asked)
        return asked

    def quiet(self, now_ns: int) -> bool:
        """Whether nothing has come for a moment."""
        return self.newest is None or now_ns - self.newest.arrived_ns > QUIET_NS

    def key_frame_due(self, now_ns: int) -> bool:
        """Whether to ask the publisher now; asking again has to wait."""
        if not self.key_frame_wanted or now_ns - self._key_frame_asked_ns < KEY_FRAME_PAUSE_NS:
            return False
        self._key_frame_asked_ns = now_ns
        # It stays wanted until one has come: the request may be lost like everything else.
        return True

    def since(self, packet: Packet) -> Iterator[Packet]:
        """That packet and what came after it, as far as it is there, in the order of the stream."""
        if self.highest is None:
            return
        for step in range(max(0, min(ahead(self.highest, packet.sequence), self.mask)) + 1):
            sequence = (packet.sequence + step) & 0xFFFF
            kept = self.ring[sequence & self.mask]
            if kept is not None and kept.sequence == sequence:
                yield kept

    def find(self, sequence: int) -> Packet | None:
        kept = self.ring[sequence & self.mask]
        return kept if kept is not None and kept.sequence == sequence else None

    @property
    def with_thinner(self) -> list[Layer]:
        """The streams that can be had of this one, the poorest first, itself the last."""
        return [*(self.scaled.thinner if self.scaled is not None else ()), self]

    def key_frame_in(self, packets: list[Packet]) -> Packet | None:
        """The beginning of a picture that somebody can begin with, if one is among these."""
        return next((packet for packet in packets if packet.key_frame), None)
