"""A recording leaves as DICOM only after the log says who takes these very bytes out."""

from __future__ import annotations

import asyncio
import io
import zipfile
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import UUID, uuid4

import httpx
import pydicom
import pytest

from domain._values import Blob
from domain.live_session import FirstBytesWritten, RecordingExported, RecordingSealed
from infra.health import Vitals
from infra.media_tokens import grant_keys
from infra.recording_tickets import RecordingTickets
from media.recording.playback_process import main
from tests.domain.cast import DR_LAN, EXAMINATION, PATIENT
from tests.domain.live_cast import CAMERA, CONNECTED, PROBE_PICTURE, ROOM
from tests.media.recording.judges import complaints
from tests.media.recording.room import Room, camera, probe, until
from tests.media.recording.source import Sender, encoded


@pytest.fixture
async def room(log_database: str, tmp_path: Path) -> AsyncIterator[Room]:
    made = Room(log_database, tmp_path)
    await made.opened()
    await made.happened(CONNECTED, stream=EXAMINATION)
    made.run_recorder()
    yield made
    await made.close()


@pytest.fixture
async def door(room: Room) -> AsyncIterator[httpx.AsyncClient]:
    vitals, stop = Vitals("playback"), asyncio.Event()
    running = asyncio.create_task(main(room.settings, vitals, stop))
    await until(lambda: vitals.ready)
    async with httpx.AsyncClient(base_url=str(vitals.details["url"]), timeout=30) as client:
        yield client
    stop.set()
    await running


async def recorded(room: Room, track_id: UUID) -> UUID:
    track = probe() if track_id == PROBE_PICTURE else camera()
    room.feed.offer(track)
    recording_id = await room.authorised(track_id)
    await until(lambda: track.taps)
    codec = track.description.codec
    track.send(Sender(codec), encoded(codec, 30))
    await room.told(FirstBytesWritten)
    await room.stopped(recording_id)
    await room.told(RecordingSealed)
    return recording_id


def ticket(room: Room, recording_id: UUID, person: UUID = DR_LAN) -> dict[str, str]:
    return {"ticket": RecordingTickets(grant_keys(room.settings)).issue(ROOM, recording_id, person)[0]}


async def test_nothing_leaves_before_the_log_says_who_takes_it_out(
    room: Room, door: httpx.AsyncClient, tmp_path: Path
) -> None:
    recording_id = await recorded(room, PROBE_PICTURE)
    path = f"/recordings/{recording_id}/dicom"
    made = await door.post(path, params=ticket(room, recording_id))
    assert made.status_code == 201
    told = made.json()
    before = await door.get(f"{path}/{told['sha256']}", params=ticket(room, recording_id))
    assert (before.status_code, before.json()["code"]) == (403, "NOT_EXPORTED")
    blob = Blob(sha256=told["sha256"], media_type=told["mediaType"], size=told["size"])
    await room.happened(
        RecordingExported(recording_id=recording_id, person_id=DR_LAN, exported=blob, reason="Hội chẩn tuyến trên.")
    )
    other = await door.get(f"{path}/{told['sha256']}", params=ticket(room, recording_id, uuid4()))
    assert other.json()["code"] == "NOT_EXPORTED", "the log names another person"
    given = await door.get(f"{path}/{told['sha256']}", params=ticket(room, recording_id))
    assert (given.status_code, len(given.content)) == (200, told["size"])
    (content,) = unpacked(given.content)
    (tmp_path / "clip.dcm").write_bytes(content)
    assert complaints(tmp_path / "clip.dcm") == []
    found = pydicom.dcmread(io.BytesIO(content))
    assert (found.PatientID, found.NumberOfFrames) == (str(PATIENT), 30)
    assert found.Manufacturer == "A maker of scanners"


async def test_a_package_that_is_made_again_has_the_same_bytes(room: Room, door: httpx.AsyncClient) -> None:
    recording_id = await recorded(room, PROBE_PICTURE)
    path = f"/recordings/{recording_id}/dicom"
    first, second = [(await door.post(path, params=ticket(room, recording_id))).json() for _ in range(2)]
    assert first == second


async def test_what_is_no_ultrasound_is_no_dicom(room: Room, door: httpx.AsyncClient) -> None:
    recording_id = await recorded(room, CAMERA)
    answer = await door.post(f"/recordings/{recording_id}/dicom", params=ticket(room, recording_id))
    assert (answer.status_code, answer.json()["code"]) == (409, "NOT_FOR_DICOM")


def unpacked(package: bytes) -> list[bytes]:
    with zipfile.ZipFile(io.BytesIO(package)) as files:
        return [files.read(name) for name in files.namelist()]
