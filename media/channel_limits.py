"""How much one person may say over data channels, however many connections it has.

Rules: a little more than a fast person does is let through; what is above is not taken, and said to be so, a few times
a second at most; pointers that come too fast are passed over in silence, since the next one says more; whoever goes on
and on is cut off, because even refusing costs everybody in the room.
"""

from __future__ import annotations

from dataclasses import dataclass, field

MESSAGES_A_SECOND, MESSAGES_AT_ONCE = 5.0, 20.0
POINTERS_A_SECOND, POINTERS_AT_ONCE = 60.0, 60.0
FAULTS_A_SECOND, FAULTS_AT_ONCE = 2.0, 10.0
BYTES_A_SECOND, BYTES_AT_ONCE = 64 * 1024.0, 256 * 1024.0
PATIENCE_A_SECOND, PATIENCE = 20.0, 400.0


@dataclass(slots=True)
class Bucket:
    """Holds `most`, and fills by `rate` a second."""

    rate: float
    most: float
    level: float = -1.0
    at_ns: int = 0

    def takes(self, now_ns: int, amount: float = 1.0) -> bool:
        """Whether so much may go through now, which is then gone."""
        if self.level < 0:
            self.level = self.most
        else:
            self.level = min(self.most, self.level + max(0, now_ns - self.at_ns) / 1e9 * self.rate)
        self.at_ns = now_ns
        if self.level < amount:
            return False
        self.level -= amount
        return True

    def wait_ms(self, amount: float = 1.0) -> int:
        """After how many ms so much may go through."""
        return max(1, int((amount - self.level) / self.rate * 1000) + 1)


@dataclass(slots=True)
class Allowance:
    """What one participant may still say."""

    messages: Bucket = field(default_factory=lambda: Bucket(MESSAGES_A_SECOND, MESSAGES_AT_ONCE))
    pointers: Bucket = field(default_factory=lambda: Bucket(POINTERS_A_SECOND, POINTERS_AT_ONCE))
    faults: Bucket = field(default_factory=lambda: Bucket(FAULTS_A_SECOND, FAULTS_AT_ONCE))
    octets: Bucket = field(default_factory=lambda: Bucket(BYTES_A_SECOND, BYTES_AT_ONCE))
    patience: Bucket = field(default_factory=lambda: Bucket(PATIENCE_A_SECOND, PATIENCE))

    def bears(self, now_ns: int, octets: int) -> bool:
        """Whether this message is looked at; False is the end of the connection that brought it."""
        return self.octets.takes(now_ns, octets) or self.patience.takes(now_ns, 10.0)
