"""A still as Ultrasound Image: its pixels as they are, not compressed once more.

Rules: the picture comes as PNG; whether it had been compressed with a loss before is said by whoever knows where it
comes from, never guessed.
"""

from __future__ import annotations

import io
from datetime import datetime

import av
from pydicom.uid import ExplicitVRLittleEndian, UltrasoundImageStorage

from media.recording.dicom.instance import About, Lossy, instance, lossy, picture, written


def still(png: bytes, about: About, number: int, taken_at: datetime, compressed: Lossy | None) -> bytes:
    """A DICOM file."""
    with av.open(io.BytesIO(png), "r", format="png_pipe") as file:
        frame = next(iter(file.decode(video=0)))
    pixels = frame.to_ndarray(format="rgb24")
    found = instance(about, UltrasoundImageStorage, ExplicitVRLittleEndian, number, taken_at)
    found.ImageType = ["DERIVED" if compressed else "ORIGINAL", "PRIMARY"]
    picture(found, frame.width, frame.height, "RGB")
    lossy(found, compressed)
    found.PixelData = pixels.tobytes()
    found["PixelData"].VR = "OW"
    return written(found)
