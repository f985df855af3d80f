"""When a frame was taken: RTP timestamps brought to the one monotonic clock of this machine.

Rules: pure; sound and picture of one connection are brought together by the sender's reports (RFC 3550, section 6.4.1),
which tell both in one clock; until the first report the arrival of the first packet stands for it. A clock that leads
more than ten seconds away from the arrival is set anew, so that no timestamp can make a recording of years.
"""

from __future__ import annotations

LARGEST_ERROR_NS = 10_000_000_000
SECOND_NS = 1_000_000_000


def ntp_ns(ntp: int) -> int:
    """A 64-bit NTP time (RFC 5905) in nanoseconds."""
    return (ntp >> 32) * SECOND_NS + ((ntp & 0xFFFFFFFF) * SECOND_NS >> 32)


class SenderClock:
    """How far the clock of one sender is from ours; shared by all tracks of its connection."""

    def __init__(self) -> None:
        self.offset_ns: int | None = None


class TrackClock:
    def __init__(self, rate: int, sender: SenderClock) -> None:
        self._rate = rate
        self._sender = sender
        self._last: int | None = None
        self._anchor: tuple[int, int] | None = None
        self._report: tuple[int, int] | None = None

    @property
    def by_report(self) -> bool:
        return self._report is not None

    def restart(self) -> None:
        """The sender's timestamps begin anew."""
        self._last = self._anchor = self._report = None

    def report(self, ntp: int, timestamp: int) -> None:
        """The sender says that this timestamp is that time."""
        if self._last is not None:
            self._report = (ntp_ns(ntp), self._extended(timestamp))

    def at(self, timestamp: int, arrived_ns: int) -> int:
        """When this was taken, on the machine's monotonic clock."""
        extended = self._extended(timestamp)
        self._last = extended
        moment = self._moment(extended, arrived_ns)
        if abs(moment - arrived_ns) > LARGEST_ERROR_NS:
            self._anchor, self._report = (extended, arrived_ns), None
            return arrived_ns
        return moment

    def _moment(self, extended: int, arrived_ns: int) -> int:
        if self._report is None:
            if self._anchor is None:
                self._anchor = (extended, arrived_ns)
            first, then = self._anchor
            return then + self._span_ns(extended - first)
        sent, reported = self._report
        sent += self._span_ns(extended - reported)
        if self._sender.offset_ns is None or abs(sent + self._sender.offset_ns - arrived_ns) > LARGEST_ERROR_NS:
            self._sender.offset_ns = arrived_ns - sent
        return sent + self._sender.offset_ns

    def _span_ns(self, ticks: int) -> int:
        return ticks * SECOND_NS // self._rate

    def _extended(self, timestamp: int) -> int:
        """Without its wrap: the value nearest to the last one."""
        if self._last is None:
            return timestamp
        return self._last + ((timestamp - self._last + 0x80000000) & 0xFFFFFFFF) - 0x80000000
