"""A still of a live picture: the next key frame, decoded at the source's own resolution.

Rules: one frame is decoded, in a thread, and none of the stream; the key frame is a new moment and not the best of the
encoder, so it is said to be lossy; its time is that of its RTP timestamp, by the sender's clock once a sender report
told it, else by its arrival.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from fractions import Fraction

import av

from media.recording.clock import SenderClock
from media.recording.frames import Frame
from media.recording.intake import Intake
from media.tracks import Ended, Kind, Track

WITHIN_S = 5.0
LARGEST_SIDE = 8192


class NoStill(Exception):
    """No picture came of it; the message says why."""


@dataclass(frozen=True, slots=True)
class Still:
    """`taken_ns` is since 1970."""

    png: bytes
    width: int
    height: int
    rtp_timestamp: int
    taken_ns: int


class _FirstKeyFrame:
    """A tap that waits for one key frame."""

    def __init__(self, track: Track) -> None:
        self._intake = Intake(track.description, SenderClock(), lambda _: track.ask_key_frame())
        self.found: asyncio.Future[tuple[Frame, int]] = asyncio.get_running_loop().create_future()

    def packet(self, rtp: bytes, arrived_ns: int) -> None:
        for item in self._intake.packet(rtp, arrived_ns):
            if isinstance(item, Frame) and item.key is not None and not self.found.done():
                self.found.set_result((item, self._intake.clock.at(item.timestamp, item.arrived_ns)))

    def sender_report(self, ntp: int, rtp_timestamp: int) -> None:
        self._intake.clock.report(ntp, rtp_timestamp)

    def ended(self, reason: Ended) -> None:
        if not self.found.done():
            self.found.set_exception(NoStill("the picture ended"))


async def next_key_frame(track: Track, within_s: float = WITHIN_S) -> Still:
    """Raises NoStill."""
    if track.description.kind is not Kind.VIDEO:
        raise NoStill("there is no picture to take")
    tap = _FirstKeyFrame(track)
    track.add_tap(tap)
    try:
        frame, taken_ns = await asyncio.wait_for(tap.found, within_s)
    except TimeoutError:
        raise NoStill("no key frame came in time") from None
    finally:
        track.remove_tap(tap)
    png, width, height = await asyncio.to_thread(decoded, track.description.codec.lower(), frame.data)
    calendar_ns = time.time_ns() - time.monotonic_ns()
    return Still(png, width, height, frame.timestamp, taken_ns + calendar_ns)


def decoded(codec: str, data: bytes) -> tuple[bytes, int, int]:
    """One key frame as PNG, and its size. Raises NoStill."""
    decoder = av.CodecContext.create(codec, "r")
    assert isinstance(decoder, av.VideoCodecContext)
    try:
        frames = [*decoder.decode(av.Packet(data)), *decoder.decode(None)]
    except av.error.FFmpegError:
        raise NoStill("the key frame does not decode") from None
    if not frames:
        raise NoStill("the key frame does not decode")
    # With spatial layers the last one is the largest.
    frame = frames[-1].reformat(format="rgb24")
    encoder = av.CodecContext.create("png", "w")
    assert isinstance(encoder, av.VideoCodecContext)
    encoder.width, encoder.height, encoder.pix_fmt = frame.width, frame.height, "rgb24"
    encoder.time_base = Fraction(1, 1000)
    frame.pts = 0
    png = b"".join(bytes(packet) for packet in [*encoder.encode(frame), *encoder.encode(None)])
    return png, frame.width, frame.height


def size_of_png(content: bytes) -> tuple[int, int]:
    """Width and height of a whole PNG that decodes; nothing larger than any screen is decoded. Raises NoStill."""
    if content[:8] != b"\x89PNG\r\n\x1a\n" or content[12:16] != b"IHDR":
        raise NoStill("this is no PNG")
    width, height = (int.from_bytes(content[at : at + 4], "big") for at in (16, 20))
    if not (0 < width <= LARGEST_SIDE and 0 < height <= LARGEST_SIDE):
        raise NoStill("the picture is too large")
    decoder = av.CodecContext.create("png", "r")
    assert isinstance(decoder, av.VideoCodecContext)
    decoder.options = {"err_detect": "explode+crccheck"}
    try:
        frames = decoder.decode(av.Packet(content))
    except av.error.FFmpegError:
        raise NoStill("the PNG is damaged") from None
    if len(frames) != 1 or (frames[0].width, frames[0].height) != (width, height):
        raise NoStill("the PNG is damaged")
    return width, height
