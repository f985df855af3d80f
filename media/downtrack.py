"""One track on its way to one viewer: which layer the viewer gets, what it missed, how its line is.

Rules: a viewer begins and changes layer at key frames only, and what it sees of the numbers has no seam; a packet is
sent again from the layer's ring, at most so many a second, so that a viewer with a broken line cannot take the worker
for itself; reports carry the publisher's clock, so that sound and picture stay together.
"""

from __future__ import annotations

import time
from random import randrange
from typing import TYPE_CHECKING

from media import feedback
from media.burst import ONE_WORD_OF_EXTENSIONS, Cohort, send_time
from media.continuity import Continuity, rewritten
from media.layer import Layer
from media.rtp import HEADER
from media.srtp import Srtp

if TYPE_CHECKING:
    from media.udp import Port

AGAIN_A_SECOND = 400
REMEMBERED_REPORTS = 8


class Downtrack:
    """`ssrc` and `rtx_ssrc` are ours, and stay while tracks of the same place come and go."""

    def __init__(self, port: Port, srtp: Srtp, ssrcs: tuple[int, int], types: tuple[int, int], send_time_id: int):
        self.port, self.srtp = port, srtp
        self.ssrc, self.rtx_ssrc = ssrcs
        self.payload_type, self.rtx_type = types
        self.cohort = Cohort(self.payload_type, send_time_id, srtp.tag)
        self.address: tuple[str, int] | None = None
        self.continuity = Continuity()
        self.layer: Layer | None = None
        self.wanted: Layer | None = None
        self.packets = self.octets = 0
        self.nacks = self.again = self.missed = self.picture_losses = 0
        self.loss = 0.0
        self.jitter_ms = 0.0
        self.rtt_ms: float | None = None
        self._rtx_sequence = randrange(1, 0x4000)
        self._allowed = AGAIN_A_SECOND
        self._reports: dict[int, int] = {}

    def follow(self, layer: Layer | None) -> None:
        """Go over to this layer at its next key frame; None stops at once, for instance when the line is too thin."""
        if self.wanted is not None and self.wanted is not self.layer:
            self.wanted.waiting.pop(self, None)
        self.wanted = layer
        if layer is None:
            self._leave()
            self.continuity.pause()
            # What was reported of what is sent no more says nothing of the line as it will be.
            self.loss, self.jitter_ms = 0.0, 0.0
        elif layer is not self.layer:
            layer.waiting[self] = None
            if self.layer is None or self.layer.source is not layer.source:
                layer.source.key_frame_wanted = True

    def wait_no_longer(self) -> None:
        """No picture came at which one can go over: a key frame is one."""
        if self.wanted is not None and self.wanted is not self.layer:
            self.wanted.source.key_frame_wanted = True

    def begin(self, layer: Layer, packet: object) -> None:
        """The key frame is there."""
        self._leave()
        self.continuity.begin(layer, packet)  # type: ignore[arg-type]
        self.layer = self.wanted = layer
        layer.viewers.append(self)

    def _leave(self) -> None:
        if self.layer is not None and self in self.layer.viewers:
            self.layer.viewers.remove(self)
        self.layer = None

    def send_again(self, sequences: list[int]) -> None:
        """Answer a NACK, by RTX (RFC 4588) where the viewer knows it."""
        self.nacks += 1
        for sequence in sequences:
            found = self.continuity.source(sequence)
            if found is None or self._allowed <= 0:
                self.missed += 1
                continue
            self._allowed -= 1
            self.again += 1
            segment, packet = found
            payload = rewritten(packet, segment.picture, segment.base)
            timestamp = (packet.timestamp + segment.timestamp) & 0xFFFFFFFF
            if self.rtx_type:
                self._rtx_sequence = (self._rtx_sequence + 1) & 0xFFFF
                self._send(
                    self.rtx_type,
                    packet.marker,
                    self._rtx_sequence,
                    timestamp,
                    self.rtx_ssrc,
                    sequence.to_bytes(2) + payload,
                )
            else:
                self._send(self.payload_type, packet.marker, sequence, timestamp, self.ssrc, payload)

    def _send(self, kind: int, marker: int, sequence: int, timestamp: int, ssrc: int, payload: bytes) -> None:
        stamp = self.cohort.send_time_id
        head = HEADER.pack(0x90 if stamp else 0x80, marker << 7 | kind, sequence, timestamp, ssrc)
        if stamp:
            word = (stamp << 4 | 2) << 24 | send_time(time.monotonic_ns())
            head += ONE_WORD_OF_EXTENSIONS.to_bytes(4) + word.to_bytes(4)
        packet = self.srtp.encrypt(head + payload)
        if packet and self.address is not None:
            self.port.send(packet, self.address)

    def picture_lost(self) -> None:
        """The viewer cannot go on without a key frame."""
        self.picture_losses += 1
        for layer in (self.layer, self.wanted):
            if layer is not None:
                layer.source.key_frame_wanted = True

    def reported(self, fraction: int, jitter: int, last_report: int, delay: int, now_ns: int) -> None:
        """A reception report of the viewer about this track."""
        self.loss = fraction / 256
        if self.layer is not None:
            self.jitter_ms = jitter * 1000 / self.layer.counters.clock_rate
        sent_ns = self._reports.get(last_report)
        if sent_ns is not None:
            rtt_ms = (now_ns - sent_ns) / 1e6 - delay * 1000 / 65536
            if 0 <= rtt_ms < 60_000:
                self.rtt_ms = rtt_ms if self.rtt_ms is None else 0.7 * self.rtt_ms + 0.3 * rtt_ms

    def report(self, name: bytes, now_ns: int) -> bytes:
        """The sender report of this second: the publisher's clock, in our timestamps. Empty before there is one."""
        self._allowed = AGAIN_A_SECOND
        layer = self.layer
        if layer is None or layer.newest is None or not self.packets:
            return b""
        rate = layer.counters.clock_rate
        if layer.source.clock is not None:
            ntp, timestamp, came_ns = layer.source.clock
            passed = (now_ns - came_ns) / 1e9
            ntp, timestamp = ntp + int(passed * 0x100000000), timestamp + int(passed * rate)
        else:
            ntp = _ntp(time.time())
            timestamp = layer.newest.timestamp + int((now_ns - layer.newest.arrived_ns) / 1e9 * rate)
        self._reports[ntp >> 16 & 0xFFFFFFFF] = now_ns
        while len(self._reports) > REMEMBERED_REPORTS:
            del self._reports[next(iter(self._reports))]
        timestamp += self.continuity.timestamp
        return feedback.sender_report(self.ssrc, ntp, timestamp, self.packets, self.octets, name)


def _ntp(now: float) -> int:
    return int((now + 2_208_988_800) * 0x100000000)
