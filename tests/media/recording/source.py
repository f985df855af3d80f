"""A publisher for tests: a real ultrasound loop and a tone, encoded and cut into RTP as a browser does it.

The loop is pydicom's example. VP8, H.264 and Opus are packetised by aiortc's own encoders; VP9 by the few lines of RFC
9628 that one layer needs.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import NamedTuple
from uuid import UUID, uuid4

import av
import numpy as np
import pydicom
from aiortc.codecs.h264 import H264Encoder
from aiortc.codecs.vpx import Vp8Encoder
from aiortc.rtp import RtpPacket
from pydicom.data import get_testdata_file
from pydicom.encaps import generate_frames

from infra.media_tokens import Source
from media.tracks import Kind, TrackDescription

FRAMES_PER_SECOND = 30
FRAME_NS = 1_000_000_000 // FRAMES_PER_SECOND
SOUND_NS = 20_000_000
VP9_PAYLOAD = 1200
ENCODERS = {
    "h264": ("libx264", {"preset": "ultrafast", "tune": "zerolatency", "profile": "baseline"}),
    "vp8": ("libvpx", {"deadline": "realtime", "cpu-used": "8", "lag-in-frames": "0"}),
    "vp9": ("libvpx-vp9", {"deadline": "realtime", "cpu-used": "8", "lag-in-frames": "0"}),
}


class Sent(NamedTuple):
    """A packet and when it arrives."""

    rtp: bytes
    at_ns: int


@functools.cache
def loop() -> tuple[av.VideoFrame, ...]:
    """The pictures of a real ultrasound examination, 30 of them."""
    path = get_testdata_file("examples_ybr_color.dcm", download=False)
    assert isinstance(path, str)
    instance = pydicom.dcmread(path)
    decoder = av.CodecContext.create("mjpeg", "r")
    assert isinstance(decoder, av.VideoCodecContext)
    frames: list[av.VideoFrame] = []
    for jpeg in generate_frames(instance.PixelData, number_of_frames=int(instance.NumberOfFrames)):
        frames += decoder.decode(av.Packet(jpeg))
    return tuple(frames)


@functools.cache
def encoded(codec: str, count: int, width: int = 320, height: int = 240, every: int = 15) -> tuple[bytes, ...]:
    """The loop as the codec writes it, with a key picture every so many."""
    name, options = ENCODERS[codec]
    encoder = av.CodecContext.create(name, "w")
    assert isinstance(encoder, av.VideoCodecContext)
    encoder.width, encoder.height, encoder.pix_fmt = width, height, "yuv420p"
    encoder.time_base, encoder.framerate = Fraction(1, FRAMES_PER_SECOND), Fraction(FRAMES_PER_SECOND)
    encoder.bit_rate, encoder.gop_size, encoder.options = 800_000, every, options
    out: list[bytes] = []
    pictures = loop()
    for number in range(count):
        frame = pictures[number % len(pictures)].reformat(width=width, height=height, format="yuv420p")
        frame.pts, frame.time_base = number, Fraction(1, FRAMES_PER_SECOND)
        frame.pict_type = av.video.frame.PictureType.I if number % every == 0 else av.video.frame.PictureType.NONE
        out += [bytes(packet) for packet in encoder.encode(frame)]
    assert len(out) == count
    return tuple(out)


@functools.cache
def tone(count: int) -> tuple[bytes, ...]:
    """So many Opus packets of 20 ms of 440 Hz."""
    encoder = av.CodecContext.create("libopus", "w")
    assert isinstance(encoder, av.AudioCodecContext)
    encoder.sample_rate, encoder.layout, encoder.format = 48_000, "stereo", "s16"
    out: list[bytes] = []
    for number in range(count):
        times = (np.arange(960) + 960 * number) / 48_000
        wave = (8000 * np.sin(2 * math.pi * 440 * times)).astype(np.int16)
        frame = av.AudioFrame.from_ndarray(np.repeat(wave, 2).reshape(1, -1), format="s16", layout="stereo")
        frame.sample_rate, frame.pts = 48_000, 960 * number
        out += [bytes(packet) for packet in encoder.encode(frame)]
    return tuple(out)


def payloads(codec: str, data: bytes) -> Sequence[bytes]:
    if codec == "opus":
        return [data]
    if codec == "vp9":
        pieces = [data[at : at + VP9_PAYLOAD] for at in range(0, len(data), VP9_PAYLOAD)]
        return [
            bytes([(0x08 if number == 0 else 0) | (0x04 if number == len(pieces) - 1 else 0)]) + piece
            for number, piece in enumerate(pieces)
        ]
    packet = av.Packet(data)
    packet.pts, packet.time_base = 0, Fraction(1, 90_000)
    encoder = Vp8Encoder() if codec == "vp8" else H264Encoder()
    return encoder.pack(packet)[0]


@dataclass
class Sender:
    """Numbers and timestamps go on from one call to the next, and wrap as they do on the wire."""

    codec: str
    ssrc: int = 1234
    number: int = 1000
    timestamp: int = 50_000
    at_ns: int = 1_000_000_000
    frames: list[bytes] = field(default_factory=list)

    @property
    def kind(self) -> Kind:
        return Kind.AUDIO if self.codec == "opus" else Kind.VIDEO

    def send(self, frames: Sequence[bytes]) -> list[Sent]:
        return [sent for each in self.by_frame(frames) for sent in each]

    def by_frame(self, frames: Sequence[bytes]) -> Iterator[list[Sent]]:
        step, ticks = (SOUND_NS, 960) if self.codec == "opus" else (FRAME_NS, 3000)
        for data in frames:
            self.frames.append(data)
            parts = payloads(self.codec, data)
            yield [self._packet(part, last=part is parts[-1]) for part in parts]
            self.timestamp = (self.timestamp + ticks) & 0xFFFFFFFF
            self.at_ns += step

    def _packet(self, payload: bytes, *, last: bool) -> Sent:
        packet = RtpPacket(96, int(last), self.number, self.timestamp, self.ssrc, payload)
        self.number = (self.number + 1) & 0xFFFF
        return Sent(packet.serialize(), self.at_ns)


def described(codec: str, source: Source | None = None, participant: UUID | None = None) -> TrackDescription:
    sound = codec == "opus"
    return TrackDescription(
        track_id=uuid4(),
        session_id=UUID(int=7),
        point_id=UUID(int=8),
        participant_id=participant or UUID(int=9),
        kind=Kind.AUDIO if sound else Kind.VIDEO,
        source=source or (Source.AUDIO if sound else Source.ULTRASOUND),
        codec=codec,
        clock_rate=48_000 if sound else 90_000,
        payload_type=96,
        fmtp={},
        channels=2 if sound else 1,
    )
