"""The images of the day: real ones that pydicom carries as its examples, with nobody behind them.

Rules: a frame of the ultrasound loop is taken out of its file byte by byte as the device compressed it, since every
new compression would cost a doctor detail; other devices send the instance as it is.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import pydicom
from pydicom.data import get_testdata_file
from pydicom.encaps import generate_frames

LOOP = "examples_ybr_color"
TAKEN = (0, 14)
END_OF_JPEG = b"\xff\xd9"


@dataclass(frozen=True, slots=True)
class Picture:
    """Bytes to store, and the live picture in which they were seen: pixels and frames per second."""

    content: bytes
    media_type: str
    width: int
    height: int
    frames_per_second: str


def pictures(name: str) -> list[Picture]:
    """What the device of a point shows."""
    path = get_testdata_file(name + ".dcm", download=False)
    assert isinstance(path, str)
    return _frames(path) if name == LOOP else [Picture(Path(path).read_bytes(), "application/dicom", 1280, 720, "30")]


def _frames(path: str) -> list[Picture]:
    loop = pydicom.dcmread(path)
    every = generate_frames(loop.PixelData, number_of_frames=int(loop.NumberOfFrames))
    rate = f"{1000 / float(loop.FrameTime):.2f}"
    last = max(TAKEN)
    return [
        Picture(_unpadded(frame), "image/jpeg", int(loop.Columns), int(loop.Rows), rate)
        for number, frame in enumerate(islice(every, last + 1))
        if number in TAKEN
    ]


def _unpadded(frame: bytes) -> bytes:
    """DICOM pads fragments to an even length; the picture ends with its own mark."""
    return frame[: frame.rindex(END_OF_JPEG) + len(END_OF_JPEG)]
