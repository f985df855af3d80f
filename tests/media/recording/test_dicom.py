"""What leaves as DICOM is accepted by tools of others, says honestly what it went through, and shows the same."""

from __future__ import annotations

import io
from dataclasses import replace
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path
from uuid import UUID

import av
import numpy as np
import pydicom
import pytest
from pydicom.encaps import generate_frames
from pydicom.uid import MPEG4HP41, JPEGBaseline8Bit

from media.recording.dicom.clip import NotForDicom, Video, clip
from media.recording.dicom.instance import About, Lossy
from media.recording.dicom.still import still
from tests.media.recording.judges import complaints
from tests.media.recording.shelf import record
from tests.media.recording.source import Sender, described, encoded, loop

AT = datetime(2020, 8, 27, 2, 30, tzinfo=UTC)
ABOUT = About(
    study_id=UUID(int=1),
    series_id=UUID(int=2),
    patient_id=UUID("24dad79d-0ced-5bc7-ae5f-e6c6542ccfaf"),
    study_at=AT,
    device_maker="A maker of scanners",
    device_model="US",
    facility="Bệnh viện C Thái Nguyên",
)
FRAMES = 30


def video(codec: str) -> Video:
    shelf = record([(described(codec), Sender(codec).send(encoded(codec, FRAMES)))])
    return Video(bytes(shelf.segments[0].content), codec, AT)


def png(width: int = 640, height: int = 480) -> tuple[bytes, np.ndarray]:
    """A picture of the loop, and its pixels."""
    pixels = loop()[3].reformat(width=width, height=height, format="rgb24").to_ndarray()
    encoder = av.CodecContext.create("png", "w")
    assert isinstance(encoder, av.VideoCodecContext)
    encoder.width, encoder.height, encoder.pix_fmt = width, height, "rgb24"
    encoder.time_base = Fraction(1, 25)
    frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
    return b"".join(bytes(packet) for packet in [*encoder.encode(frame), *encoder.encode(None)]), pixels


@pytest.mark.parametrize("codec", ["h264", "vp8", "vp9"])
def test_a_recording_is_an_ultrasound_multi_frame_image_that_others_accept(codec: str, tmp_path: Path) -> None:
    file = tmp_path / "clip.dcm"
    file.write_bytes(clip(video(codec), ABOUT, 0))
    assert complaints(file) == []
    found = pydicom.dcmread(file)
    assert (found.SOPClassUID, found.NumberOfFrames) == ("1.2.840.10008.5.1.4.1.1.3.1", FRAMES)
    assert (found.Rows, found.Columns, found.InstitutionName) == (240, 320, "Bệnh viện C Thái Nguyên")
    steps = [float(step) for step in found.FrameTimeVector]
    assert steps[0] == 0
    assert all(32.9 < step < 34.1 for step in steps[1:])
    assert (found.AcquisitionDateTime, found.TimezoneOffsetFromUTC) == ("20200827093000.000000+0700", "+0700")


def test_h264_goes_out_as_it_came() -> None:
    found = pydicom.dcmread(io.BytesIO(clip(video("h264"), ABOUT, 0)))
    assert found.file_meta.TransferSyntaxUID == MPEG4HP41
    (stream,) = generate_frames(found.PixelData, number_of_frames=1)
    with av.open(io.BytesIO(stream), "r") as file:
        packets = [bytes(packet) for packet in file.demux(video=0) if packet.size]
    shelf = record([(described("h264"), Sender("h264").send(encoded("h264", FRAMES)))])
    assert packets == shelf.pictures()
    assert (found.LossyImageCompression, found.LossyImageCompressionMethod) == ("01", "ISO_14496_10")


def test_what_dicom_has_no_codec_for_says_that_it_was_compressed_twice() -> None:
    source = video("vp8")
    found = pydicom.dcmread(io.BytesIO(clip(source, ABOUT, 0)))
    assert found.file_meta.TransferSyntaxUID == JPEGBaseline8Bit
    assert list(found.LossyImageCompressionMethod) == ["RFC_6386", "ISO_10918_1"]
    jpeg = next(iter(generate_frames(found.PixelData, number_of_frames=FRAMES)))
    decoder = av.CodecContext.create("mjpeg", "r")
    assert isinstance(decoder, av.VideoCodecContext)
    shown = decoder.decode(av.Packet(jpeg))[0].to_ndarray(format="rgb24").astype(float)
    with av.open(io.BytesIO(source.content), "r") as file:
        sent = next(iter(file.decode(video=0))).to_ndarray(format="rgb24").astype(float)
    assert 10 * np.log10(255**2 / np.mean((shown - sent) ** 2)) > 35


@pytest.mark.parametrize(
    ("compressed", "says"),
    [(None, ("00", None)), (Lossy(("ISO_14496_10",), (40.0,)), ("01", "ISO_14496_10"))],
)
def test_a_still_keeps_every_pixel_and_says_what_it_went_through(
    compressed: Lossy | None, says: tuple[str, str | None], tmp_path: Path
) -> None:
    content, pixels = png()
    file = tmp_path / "still.dcm"
    file.write_bytes(still(content, ABOUT, 0, AT, compressed))
    assert complaints(file) == []
    found = pydicom.dcmread(file)
    assert np.array_equal(found.pixel_array, pixels)
    assert (found.LossyImageCompression, found.get("LossyImageCompressionMethod")) == says


def test_a_patient_is_a_pseudonym_unless_somebody_gives_a_name() -> None:
    content, _ = png(64, 48)
    found = pydicom.dcmread(io.BytesIO(still(content, ABOUT, 0, AT, None)))
    assert (str(found.PatientID), str(found.PatientName)) == (str(ABOUT.patient_id), "Pseudonym^24dad79d")
    assert (found.PatientIdentityRemoved, found.BurnedInAnnotation) == ("YES", "YES")
    named = pydicom.dcmread(io.BytesIO(still(content, replace(ABOUT, patient_name="Mẫu^Nguyễn Văn"), 0, AT, None)))
    assert (str(named.PatientName), "PatientIdentityRemoved" in named) == ("Mẫu^Nguyễn Văn", False)


def test_the_same_recording_makes_the_same_instance() -> None:
    source = video("h264")
    assert clip(source, ABOUT, 0) == clip(source, ABOUT, 0)
    first, second = (pydicom.dcmread(io.BytesIO(clip(source, ABOUT, number))) for number in (0, 1))
    assert first.SOPInstanceUID != second.SOPInstanceUID
    assert first.SeriesInstanceUID == second.SeriesInstanceUID


def test_a_file_without_a_picture_is_refused() -> None:
    with pytest.raises((NotForDicom, av.error.FFmpegError)):
        clip(Video(b"no film", "h264", AT), ABOUT, 0)
