"""What a visitor shows: the drawn camera of a hospital, or the loop of a real ultrasound.

Rules: the same number is the same picture, so that what was sent can be held against what arrived; nobody is filmed,
and each camera shows whose it is and that it moves.
"""

from __future__ import annotations

import colorsys
import io
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Protocol, TypeAlias

import av
import numpy as np
import pydicom
import typst
from numpy.typing import NDArray
from pydicom.encaps import generate_frames
from pydicom.errors import InvalidDicomError

Pixels: TypeAlias = NDArray[np.uint8]

FRAMES_PER_SECOND = 15
CAMERA_SIZE, SCAN_SIZE = (640, 360), (1280, 720)
CAMERA_FRAMES = 6 * FRAMES_PER_SECOND
MOST_SCAN_FRAMES = 10 * FRAMES_PER_SECOND
SIGN_FROM = 314
CODECS = {
    "1.2.840.10008.1.2.4.50": "mjpeg",
    "1.2.840.10008.1.2.4.70": "mjpeg",
    "1.2.840.10008.1.2.4.90": "jpeg2000",
    "1.2.840.10008.1.2.4.91": "jpeg2000",
}

SIGN = """
#set page(width: 640pt, height: 360pt, margin: 0pt, fill: none)
#let name = sys.inputs.name
#place(bottom, box(width: 100%, height: 46pt, inset: 12pt, fill: rgb("#07223acc"))[
  #set align(horizon)
  #text(font: "Libertinus Serif", size: 21pt, fill: white, weight: "bold")[#name]
])
"""


class Scene(Protocol):
    """`count` pictures that begin again when they are over."""

    size: tuple[int, int]
    count: int

    def picture(self, number: int) -> Pixels:
        """RGB."""
        ...


class NoPictures(ValueError):
    """The file holds none that can be shown."""


class Camera:
    """A room in the hospital's own colour, somebody at a desk, the name, and a clock whose hand goes round."""

    size, count = CAMERA_SIZE, CAMERA_FRAMES

    def __init__(self, name: str, number: int) -> None:
        self._name, self._number = name, number
        width, height = self.size
        self._y, self._x = np.mgrid[0:height, 0:width].astype(np.float32)

    @cached_property
    def _room(self) -> Pixels:
        hue = (0.53 + 0.13 * self._number) % 1
        wall, floor = (np.array(colorsys.hsv_to_rgb(hue, 0.35, value)) * 255 for value in (0.92, 0.55))
        share = (self._y / self.size[1])[..., None]
        return np.asarray(wall * (1 - share) + floor * share, np.uint8)

    @cached_property
    def _sign(self) -> tuple[Pixels, NDArray[np.float32]]:
        png = typst.compile(SIGN.encode(), format="png", ppi=72, sys_inputs={"name": self._name})
        assert isinstance(png, bytes)
        with av.open(io.BytesIO(png), "r", format="png_pipe") as file:
            rgba = next(iter(file.decode(video=0))).to_ndarray(format="rgba")
        rgba = rgba[SIGN_FROM:]
        return rgba[..., :3].astype(np.uint8), (rgba[..., 3:] / np.float32(255)).astype(np.float32)

    def picture(self, number: int) -> Pixels:
        turn = 2 * np.pi * (number % self.count) / self.count
        out = self._room.copy()
        sway, nod = 26 * np.sin(turn + self._number), 6 * np.sin(3 * turn)
        self._oval(out, 320 + sway, 330, 130, 120, (236, 240, 244))
        self._oval(out, 320 + sway, 168 + nod, 52, 64, (224, 184, 152))
        self._oval(out, 320 + sway, 118 + nod, 56, 26, (42, 34, 30))
        self._clock(out, turn)
        sign, cover = self._sign
        out[SIGN_FROM:] = (sign * cover + out[SIGN_FROM:] * (1 - cover)).astype(np.uint8)
        return out

    def _oval(self, out: Pixels, x: float, y: float, wide: float, high: float, colour: tuple[int, int, int]) -> None:
        rows, columns = _around(y, high), _around(x, wide)
        inside = ((self._x[rows, columns] - x) / wide) ** 2 + ((self._y[rows, columns] - y) / high) ** 2 < 1
        out[rows, columns][inside] = colour

    def _clock(self, out: Pixels, turn: float) -> None:
        x, y, radius = 574.0, 62.0, 46.0
        self._oval(out, x, y, radius, radius, (30, 42, 56))
        self._oval(out, x, y, radius - 4, radius - 4, (250, 250, 246))
        rows, columns = _around(y, radius), _around(x, radius)
        right, down = self._x[rows, columns] - x, self._y[rows, columns] - y
        along = right * np.sin(turn) - down * np.cos(turn)
        across = right * np.cos(turn) + down * np.sin(turn)
        out[rows, columns][(np.abs(across) < 2.2) & (along > -8) & (along < radius - 9)] = (196, 40, 40)


def _around(middle: float, half: float) -> slice:
    """The part of a picture that a figure can touch; the rest need not be looked at."""
    return slice(max(0, int(middle - half)), int(middle + half) + 2)


class Scan:
    """A loop as the device recorded it, with its own speed, fitted into the picture without stretching it."""

    size = SCAN_SIZE

    def __init__(self, file: Path) -> None:
        frames, per_second = _loop(file)
        self._frames, self._step = frames, per_second / FRAMES_PER_SECOND
        self.count = min(MOST_SCAN_FRAMES, max(1, round(len(frames) / self._step)))

    def picture(self, number: int) -> Pixels:
        shown = self._frames[int((number % self.count) * self._step) % len(self._frames)]
        width, height = self.size
        scale = min(width / shown.width, height / shown.height)
        wide, high = round(shown.width * scale), round(shown.height * scale)
        out = np.zeros((height, width, 3), np.uint8)
        left, top = (width - wide) // 2, (height - high) // 2
        fitted = shown.reformat(width=wide, height=high, format="rgb24").to_ndarray()
        out[top : top + high, left : left + wide] = fitted
        return out


def _loop(file: Path) -> tuple[list[av.VideoFrame], float]:
    """The pictures of a DICOM or video file, and how many of them are a second. Raises NoPictures."""
    try:
        instance = pydicom.dcmread(file)
    except InvalidDicomError:
        return _of_video(file)
    except OSError as fault:
        raise NoPictures(f"{file} cannot be read: {fault.strerror}") from None
    frames = list(_of_dicom(instance))
    if not frames:
        raise NoPictures(f"{file.name} holds no picture")
    return frames, 1000 / float(instance.get("FrameTime") or 1000 / FRAMES_PER_SECOND)


def _of_dicom(instance: pydicom.Dataset) -> Iterator[av.VideoFrame]:
    count = int(instance.get("NumberOfFrames", 1))
    codec = CODECS.get(instance.file_meta.TransferSyntaxUID)
    if codec is not None:
        decoder = av.CodecContext.create(codec, "r")
        assert isinstance(decoder, av.VideoCodecContext)
        for compressed in generate_frames(instance.PixelData, number_of_frames=count):
            yield from decoder.decode(av.Packet(compressed))
        return
    try:
        stored = instance.pixel_array
    except (AttributeError, NotImplementedError, RuntimeError, ValueError) as fault:
        raise NoPictures(f"the pictures cannot be decoded: {fault}") from None
    grey = instance.SamplesPerPixel == 1
    for pixels in stored if count > 1 else [stored]:
        if pixels.dtype != np.uint8:
            pixels = (pixels / max(1, pixels.max()) * 255).astype(np.uint8)
        yield av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels), format="gray" if grey else "rgb24")


def _of_video(file: Path) -> tuple[list[av.VideoFrame], float]:
    try:
        with av.open(str(file), "r") as opened:
            stream = opened.streams.video[0]
            frames = list(opened.decode(stream))
            rate = float(stream.average_rate or FRAMES_PER_SECOND)
    except (av.error.FFmpegError, IndexError):
        raise NoPictures(f"{file.name} is neither DICOM nor a video") from None
    if not frames:
        raise NoPictures(f"{file.name} holds no picture")
    return frames, rate
