"""A segment of a recording as Ultrasound Multi-frame Image.

Rules: H.264 goes out as it came, in an MP4 file inside one fragment (PS3.5, 8.2.7 and 8.2.8), by the transfer syntax
that its level fits; VP8 and VP9 have none, so each frame is decoded and becomes JPEG Baseline, twice lossy by name. The
times between frames are those that were measured. Sound stays behind: DICOM does not know Opus.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction

import av
from pydicom.dataset import FileDataset
from pydicom.encaps import encapsulate
from pydicom.uid import MPEG4HP41, MPEG4HP422D, JPEGBaseline8Bit, UltrasoundMultiFrameImageStorage

from media.recording.dicom.instance import About, Lossy, instance, lossy, picture, written

H264_METHOD, JPEG_METHOD = "ISO_14496_10", "ISO_10918_1"
# DICOM has no term for them, and lets one be coined.
OTHER_METHODS = {"vp8": "RFC_6386", "vp9": "VP9"}
HIGHEST_LEVEL = {41: MPEG4HP41, 42: MPEG4HP422D}
PROFILES = (66, 77, 100)
JPEG_QUALITY = "2"
MOST_FRAMES_DECODED = 20_000


class NotForDicom(Exception):
    """DICOM has no form for this; the message says why."""


@dataclass(frozen=True, slots=True)
class Video:
    """A file of a recording in clear, its codec, and when it begins."""

    content: bytes
    codec: str
    began_at: datetime


@dataclass(frozen=True, slots=True)
class _Stream:
    times: Sequence[Fraction]
    width: int
    height: int
    size: int


def clip(video: Video, about: About, number: int) -> bytes:
    """A DICOM file. Raises NotForDicom."""
    stream = _looked_at(video.content)
    if video.codec == "h264":
        return _as_it_came(video, stream, about, number)
    return _frame_by_frame(video, stream, about, number)


def _looked_at(content: bytes) -> _Stream:
    with av.open(io.BytesIO(content), "r") as file:
        video = file.streams.video[0]
        packets = [packet for packet in file.demux(video) if packet.pts is not None and packet.size]
        if not packets:
            raise NotForDicom("there is no picture in it")
        times = [(packet.pts or 0) * packet.time_base for packet in packets]
        return _Stream(times, video.width, video.height, sum(packet.size for packet in packets))


def _as_it_came(video: Video, stream: _Stream, about: About, number: int) -> bytes:
    content, profile, level = _whole_mp4(video.content)
    syntax = next((HIGHEST_LEVEL[highest] for highest in sorted(HIGHEST_LEVEL) if level <= highest), None)
    if syntax is None or profile not in PROFILES:
        raise NotForDicom(f"H.264 of profile {profile} and level {level / 10} has no transfer syntax")
    found = instance(about, UltrasoundMultiFrameImageStorage, syntax, number, video.began_at)
    picture(found, stream.width, stream.height, "YBR_PARTIAL_420")
    _multi_frame(found, stream)
    lossy(found, Lossy((H264_METHOD,), (_ratio(stream, stream.size),)))
    found.PixelData = encapsulate([content], has_bot=True)
    return written(found)


def _frame_by_frame(video: Video, stream: _Stream, about: About, number: int) -> bytes:
    if len(stream.times) > MOST_FRAMES_DECODED:
        raise NotForDicom(f"{len(stream.times)} frames of {video.codec} are too many to be decoded one by one")
    found = instance(about, UltrasoundMultiFrameImageStorage, JPEGBaseline8Bit, number, video.began_at)
    frames = list(_jpegs(video.content))
    if len(frames) != len(stream.times):
        raise NotForDicom("not every frame of it decodes")
    picture(found, stream.width, stream.height, "YBR_FULL_422")
    _multi_frame(found, stream)
    ratios = (_ratio(stream, stream.size), _ratio(stream, sum(map(len, frames))))
    lossy(found, Lossy((OTHER_METHODS.get(video.codec, video.codec.upper()), JPEG_METHOD), ratios))
    found.PixelData = encapsulate(frames)
    return written(found)


def _multi_frame(found: FileDataset, stream: _Stream) -> None:
    """Modules Multi-frame, Cine and US Image: a decoder finds the time of each frame by the increments before it."""
    increments = [0.0] + [
        float((after - before) * 1000) for before, after in zip(stream.times, stream.times[1:], strict=False)
    ]
    found.ImageType = ["DERIVED", "PRIMARY"]
    found.NumberOfFrames = len(stream.times)
    found.FrameIncrementPointer = 0x00181065
    found.FrameTimeVector = [f"{step:.3f}" for step in increments]
    span = float(stream.times[-1] - stream.times[0])
    rate = round((len(stream.times) - 1) / span) if span > 0 else 1
    found.CineRate = found.RecommendedDisplayFrameRate = max(1, rate)


def _ratio(stream: _Stream, size: int) -> float:
    return len(stream.times) * stream.width * stream.height * 3 / max(1, size)


def _whole_mp4(content: bytes) -> tuple[bytes, int, int]:
    """The same packets in an MP4 file that is not in fragments; profile and level as the SPS tells them."""
    out = io.BytesIO()
    with av.open(io.BytesIO(content), "r") as file, av.open(out, "w", format="mp4") as whole:
        video = file.streams.video[0]
        extradata = video.codec_context.extradata or b""
        stream = whole.add_stream_from_template(video)
        for packet in file.demux(video):
            if packet.pts is not None and packet.size:
                packet.stream = stream
                whole.mux(packet)
    # avcC (ISO 14496-15): version, profile, compatibility, level.
    if len(extradata) < 4 or extradata[0] != 1:
        raise NotForDicom("it does not say how it was encoded")
    return out.getvalue(), extradata[1], extradata[3]


def _jpegs(content: bytes) -> Sequence[bytes]:
    encoder: av.VideoCodecContext | None = None
    frames: list[bytes] = []
    with av.open(io.BytesIO(content), "r") as file:
        for frame in file.decode(video=0):
            if encoder is None:
                encoder = _jpeg_encoder(frame.width, frame.height)
            full = frame.reformat(format="yuvj422p", dst_color_range="JPEG")
            full.pts, full.time_base = len(frames), Fraction(1, 25)
            frames += [bytes(packet) for packet in encoder.encode(full)]
    if encoder is not None:
        frames += [bytes(packet) for packet in encoder.encode(None)]
    return frames


def _jpeg_encoder(width: int, height: int) -> av.VideoCodecContext:
    encoder = av.CodecContext.create("mjpeg", "w")
    assert isinstance(encoder, av.VideoCodecContext)
    encoder.width, encoder.height, encoder.pix_fmt = width, height, "yuvj422p"
    encoder.time_base = Fraction(1, 25)
    encoder.options = {"qmin": JPEG_QUALITY, "qmax": JPEG_QUALITY, "huffman": "default"}
    return encoder
