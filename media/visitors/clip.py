"""Pictures and sound that were encoded once and are sent over and over, so that a machine carries many of them.

Rules: a key picture every second, since a sender that encodes no more cannot make one when it is asked to; times go on
when the clip begins again, so nobody who watches sees where that is.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import av
import numpy as np
from aiortc import MediaStreamTrack

from media.visitors.scene import FRAMES_PER_SECOND, Scene

SOUNDS_PER_SECOND = 50
SAMPLES = 48_000
SOUND_SECONDS = 4
OPTIONS = {"preset": "ultrafast", "tune": "zerolatency", "profile": "baseline"}


class Replay(MediaStreamTrack):
    """Sends packets at their times; `sent` counts them."""

    def __init__(self, kind: str, packets: Sequence[av.Packet[Any]], per_second: int) -> None:
        super().__init__()
        self.kind = kind
        self.sent = 0
        self._packets, self._step = packets, Fraction(1, per_second)
        self._began: float | None = None

    async def recv(self) -> av.Packet[Any]:
        clock = asyncio.get_running_loop().time
        self._began = clock() if self._began is None else self._began
        await asyncio.sleep(max(0.0, self._began + float(self.sent * self._step) - clock()))
        packet = self._packets[self.sent % len(self._packets)]
        packet.pts, packet.time_base = self.sent, self._step
        self.sent += 1
        return packet


def pictures(scene: Scene, kbps: int) -> list[av.Packet[Any]]:
    """The scene as H.264."""
    encoder = av.CodecContext.create("libx264", "w")
    assert isinstance(encoder, av.VideoCodecContext)
    encoder.width, encoder.height = scene.size
    encoder.pix_fmt = "yuv420p"
    encoder.time_base, encoder.framerate = Fraction(1, FRAMES_PER_SECOND), Fraction(FRAMES_PER_SECOND)
    encoder.bit_rate, encoder.gop_size = 1000 * kbps, FRAMES_PER_SECOND
    # A second of the rate is the most that a key picture may borrow.
    encoder.options = {**OPTIONS, "maxrate": f"{kbps}k", "bufsize": f"{kbps}k"}
    packets: list[av.Packet[Any]] = []
    for number in range(scene.count):
        frame = av.VideoFrame.from_ndarray(scene.picture(number), format="rgb24")
        frame.pts, frame.time_base = number, encoder.time_base
        packets += encoder.encode(frame)
    return packets + encoder.encode(None)


def voice(number: int) -> list[av.Packet[Any]]:
    """Somebody who speaks in syllables and says nothing, at a pitch of his own, as Opus."""
    times = np.arange(SAMPLES * SOUND_SECONDS) / SAMPLES
    pitch = (105 + 22 * number) * (1 + 0.06 * np.sin(2 * np.pi * times / 2))
    phase = 2 * np.pi * np.cumsum(pitch) / SAMPLES
    throat = sum(np.sin(harmonic * phase) / harmonic**1.3 for harmonic in range(1, 9))
    syllables = np.clip(np.sin(2 * np.pi * 3 * times), 0, 1) * (np.sin(np.pi * times / 2) ** 2 > 0.1)
    wave = np.asarray(5_000 * throat * syllables, np.int16)
    encoder = av.CodecContext.create("libopus", "w")
    assert isinstance(encoder, av.AudioCodecContext)
    encoder.sample_rate, encoder.layout, encoder.format = SAMPLES, "stereo", "s16"
    encoder.bit_rate = 32_000
    packets: list[av.Packet[Any]] = []
    size = SAMPLES // SOUNDS_PER_SECOND
    for start in range(0, len(wave), size):
        samples = np.repeat(wave[start : start + size], 2).reshape(1, -1)
        frame = av.AudioFrame.from_ndarray(samples, format="s16", layout="stereo")
        frame.sample_rate, frame.pts = SAMPLES, start
        packets += encoder.encode(frame)
    return packets
