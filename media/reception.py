"""What arrived of one stream: loss, jitter, frames, rates (RFC 3550, 6.4 and appendix A; W3C webrtc-stats for freezes).

Rules: counted per packet with integer arithmetic only, since this runs for each one; a window is closed once a second
by the worker's clock; a packet that a retransmission brought counts as repaired, not as never lost.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from media.feedback import Reception as Report
from media.rtp import ahead, newer

FREEZE_AFTER_NS = 150_000_000
NTP_SHORT = 65536


@dataclass(frozen=True, slots=True)
class Window:
    """One closed second of a stream."""

    kbit_per_second: float = 0.0
    packets_per_second: float = 0.0
    frames_per_second: float = 0.0
    loss_before: float = 0.0
    loss_after: float = 0.0
    jitter_ms: float = 0.0


@dataclass(slots=True)
class Counters:
    """The running counters of one SSRC. `clock_rate` is in Hz."""

    clock_rate: int
    packets: int = 0
    octets: int = 0
    frames: int = 0
    repaired: int = 0
    gaps: int = 0
    given_up: int = 0
    nacks: int = 0
    key_frames: int = 0
    freezes: int = 0
    highest: int | None = None
    cycles: int = 0
    base: int = 0
    window: Window = field(default_factory=Window)
    _jitter_q4: int = 0
    _transit: int | None = None
    _timestamp: int | None = None
    _frame_ns: int = 0
    _interval_ns: int = 0
    _marked: tuple[int, int, int, int, int, int] = (0, 0, 0, 0, 0, 0)
    _marked_ns: int = 0
    _reported: tuple[int, int] = (0, 0)

    def arrived(self, sequence: int, timestamp: int, length: int, now_ns: int) -> None:
        """A packet that was not repaired."""
        self.packets += 1
        self.octets += length
        if self.highest is None:
            self.base = self.highest = sequence
        elif newer(sequence, self.highest):
            if sequence < self.highest:
                self.cycles += 0x10000
            self.highest = sequence
        else:
            return
        if timestamp != self._timestamp:
            self._timestamp = timestamp
            self._new_frame(timestamp, now_ns)

    def _new_frame(self, timestamp: int, now_ns: int) -> None:
        self.frames += 1
        transit = (now_ns * self.clock_rate // 1_000_000_000 - timestamp) & 0xFFFFFFFF
        if self._transit is not None:
            distance = (transit - self._transit) & 0xFFFFFFFF
            distance = min(distance, 0x100000000 - distance)
            self._jitter_q4 += distance - ((self._jitter_q4 + 8) >> 4)
        self._transit = transit
        if self._frame_ns:
            interval = now_ns - self._frame_ns
            average = self._interval_ns
            if average and interval > max(3 * average, average + FREEZE_AFTER_NS):
                self.freezes += 1
            self._interval_ns = interval if not average else (15 * average + interval) // 16
        self._frame_ns = now_ns

    def restart(self, sequence: int) -> None:
        """The sender began anew: what lay between was never sent."""
        self.base, self.highest, self.cycles = sequence, sequence, 0
        self.packets, self._reported = 1, (0, 0)
        self._marked = (self.octets, 1, self.frames, self.gaps, self.given_up, 0)

    @property
    def expected(self) -> int:
        return 0 if self.highest is None else self.cycles + self.highest - self.base + 1

    @property
    def received(self) -> int:
        return self.packets + self.repaired

    def window_seconds(self, now_ns: int) -> float:
        """How long the window has been open."""
        return (now_ns - self._marked_ns) / 1e9

    def close_window(self, now_ns: int) -> None:
        seconds = (now_ns - self._marked_ns) / 1e9
        now = (self.octets, self.packets, self.frames, self.gaps, self.given_up, self.expected)
        octets, packets, frames, gaps, given_up, expected = (a - b for a, b in zip(now, self._marked, strict=True))
        if self._marked_ns and seconds > 0:
            self.window = Window(
                octets * 8 / 1000 / seconds,
                packets / seconds,
                frames / seconds,
                min(1.0, gaps / expected) if expected > 0 else 0.0,
                min(1.0, given_up / expected) if expected > 0 else 0.0,
                (self._jitter_q4 >> 4) * 1000 / self.clock_rate,
            )
        self._marked, self._marked_ns = now, now_ns

    def report(self, ssrc: int, last_report: int, delay: int) -> Report:
        """The next reception report; asking begins a new interval."""
        expected, received = self.expected, self.received
        wanted, got = expected - self._reported[0], received - self._reported[1]
        self._reported = (expected, received)
        fraction = min(255, (wanted - got) * 256 // wanted) if wanted > 0 and wanted > got else 0
        highest = (self.cycles + (self.highest or 0)) & 0xFFFFFFFF
        return Report(ssrc, fraction, expected - received, highest, self._jitter_q4 >> 4, last_report, delay)


def unwrapped_gap(sequence: int, highest: int) -> int:
    """How many packets are missing between the highest so far and this one; negative when this one is late."""
    return ahead(sequence, highest) - 1
