"""One file of a recording: fragmented MP4 for H.264, WebM for VP8 and VP9, with Opus; made from encoded frames as is.

Rules: nothing is decoded; the file grows at its end only, so it can be sealed while it comes and played as far as it
got; a fragment is at most a second long. Times are nanoseconds since the file's begin and never go back.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from fractions import Fraction

import av
import av.stream

from media.recording.frames import Frame

MP4 = {
    "movflags": "frag_keyframe+empty_moov+default_base_moof",
    "frag_duration": "1000000",
    "max_interleave_delta": "1000000",
    "flush_packets": "1",
}
WEBM = {"live": "1", "cluster_time_limit": "1000", "max_interleave_delta": "1000000", "flush_packets": "1"}
PICTURE_BASE, SOUND_BASE = Fraction(1, 90_000), Fraction(1, 48_000)


class _Out(io.RawIOBase):
    """The muxer writes here; it can neither go back nor read."""

    def __init__(self, sink: Callable[[bytes], None]) -> None:
        super().__init__()
        self._sink = sink

    def writable(self) -> bool:
        return True

    def write(self, data: bytes) -> int:  # type: ignore[override]
        self._sink(bytes(data))
        return len(data)


class Container:
    """`first` is the key picture that the file begins with; without a codec of a picture it holds sound alone."""

    def __init__(self, sink: Callable[[bytes], None], codec: str | None, first: Frame | None, *, sound: bool) -> None:
        self.media_type = _media_type(codec)
        mp4 = codec == "h264"
        self._file = av.open(_Out(sink), "w", format="mp4" if mp4 else "webm", options=MP4 if mp4 else WEBM)
        self._picture = self._with_picture(codec, first) if codec and first and first.key else None
        # The encoder is never used; it is asked for the header that its format needs.
        self._sound = self._file.add_stream("libopus", rate=48_000) if sound else None
        self._last = {"picture": -1, "sound": -1}
        self._file.start_encoding()

    def _with_picture(self, codec: str, first: Frame) -> av.stream.Stream:
        assert first.key is not None
        if codec == "h264":
            with av.open(io.BytesIO(first.data), format="h264") as template:
                return self._file.add_stream_from_template(template.streams.video[0])
        size = {"width": first.key.width, "height": first.key.height}
        return self._file.add_mux_stream(codec, time_base=PICTURE_BASE, **size)

    def picture(self, frame: Frame, at_ns: int) -> None:
        if self._picture is not None:
            packet = self._packet(frame.data, "picture", PICTURE_BASE, at_ns)
            packet.stream, packet.is_keyframe = self._picture, frame.key is not None
            self._file.mux(packet)

    def sound(self, frame: Frame, at_ns: int) -> None:
        if self._sound is not None:
            packet = self._packet(frame.data, "sound", SOUND_BASE, at_ns)
            packet.stream, packet.is_keyframe = self._sound, True
            packet.duration = opus_samples(frame.data)
            self._file.mux(packet)

    def close(self) -> None:
        """Write what the format needs at its end."""
        self._file.close()

    def _packet(self, data: bytes, of: str, base: Fraction, at_ns: int) -> av.Packet[av.stream.Stream]:
        # Two frames never share a time, or the format would refuse the second one; WebM counts in milliseconds.
        least = self._last[of] + int(base.denominator / 1000) if self._last[of] >= 0 else 0
        ticks = max(at_ns * base.denominator // 1_000_000_000, least)
        self._last[of] = ticks
        packet = av.Packet(data)
        packet.pts = packet.dts = ticks
        packet.time_base = base
        return packet


def opus_samples(data: bytes) -> int:
    """How long an Opus packet sounds, in 1/48,000 s, by its first bytes (RFC 6716, section 3.1)."""
    config, code = data[0] >> 3, data[0] & 3
    if config < 12:
        frame = (480, 960, 1920, 2880)[config & 3]
    elif config < 16:
        frame = (480, 960)[config & 1]
    else:
        frame = (120, 240, 480, 960)[config & 3]
    frames = {0: 1, 1: 2, 2: 2}.get(code, (data[1] & 0x3F) if len(data) > 1 else 1)
    return frame * frames


def _media_type(codec: str | None) -> str:
    if codec is None:
        return "audio/webm"
    return "video/mp4" if codec == "h264" else "video/webm"
