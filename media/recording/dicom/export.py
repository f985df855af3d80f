"""A recording of an ultrasound as a package of DICOM files, made for whoever will take it out of the system.

Rules: what the package is made from is the sealed recording and the log, so the same recording makes the same bytes;
it is stored sealed, known by its hash, and given to nobody before the log says who exports these bytes and why.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import AsyncIterator, Iterator, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from domain._kernel import Event
from domain._live import Ultrasound
from domain.examination import DeviceConnected
from domain.live_session import TrackPublished
from infra import event_log
from infra.mapper import Broken, decoded
from infra.postgres import Connection
from media.recording.archive import Archive, Sealed
from media.recording.dicom.clip import NotForDicom, Video, clip
from media.recording.dicom.instance import About

PACKAGE = "application/zip"
# Zip knows no time before; that of the pictures stands in them.
NO_TIME = (1980, 1, 1, 0, 0, 0)


async def about(db: Connection, session_id: UUID, recording: Sealed, track_id: UUID) -> About | None:
    """Of whom and with what device a track is; None for what is no ultrasound."""
    scan: Ultrasound | None = None
    async for event in _facts(db, session_id, TrackPublished):
        if isinstance(event, TrackPublished) and event.track_id == track_id:
            scan = event.ultrasound
    if scan is None:
        return None
    device: DeviceConnected | None = None
    async for event in _facts(db, scan.examination_id, DeviceConnected):
        if isinstance(event, DeviceConnected) and event.device_id == scan.device_id:
            device = event
    return About(
        study_id=scan.examination_id,
        series_id=recording.recording_id,
        patient_id=scan.patient_id,
        study_at=datetime.fromisoformat(recording.manifest["at"]),
        device_maker=device.maker if device else "",
        device_model=device.device_kind if device else "",
        device_serial=(device.serial_number or "") if device else "",
    )


def package(archive: Archive, recording: Sealed, of: Mapping[UUID, About]) -> bytes:
    """Blocks. Raises NotForDicom when there is no picture of an ultrasound in it, and what `Archive.file` raises."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as files:
        for number, segment, whose in _ultrasounds(recording, of):
            found = archive.file(recording, number)
            content = b"".join(found.read(0, found.size))
            video = Video(content, segment["codec"], datetime.fromisoformat(segment["at"]))
            files.writestr(zipfile.ZipInfo(f"{number}.dcm", NO_TIME), clip(video, whose, number))
        if not files.namelist():
            raise NotForDicom("there is no picture of an ultrasound in it")
    return out.getvalue()


def _ultrasounds(recording: Sealed, of: Mapping[UUID, About]) -> Iterator[tuple[int, dict[str, Any], About]]:
    for segment in recording.manifest["segments"]:
        whose = next((of[UUID(track)] for track in segment["tracks"] if UUID(track) in of), None)
        if whose is not None and segment["codec"] and segment["plain"]:
            yield segment["number"], segment, whose


async def _facts(db: Connection, stream_id: UUID, kind: type[Event]) -> AsyncIterator[Event]:
    for stored in await event_log.after(db, 0, streams=[stream_id], names=[kind.name]):
        read = decoded(stored)
        if read is not None and not isinstance(read, Broken):
            yield read.event
