"""What a real browser sends through the real engine is in the recording, frame by frame, also over a bad line."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from playwright.async_api import Browser

from domain.live_session import FirstBytesWritten, RecordingSealed, TrackPublished
from media.reporter import TrackBegan
from tests.domain.live_cast import LAN, ROOM
from tests.media.line import Line
from tests.media.recording.room import Room
from tests.media.recording.test_recorder import files, manifest, pictures
from tests.media.screens import Screen, screen
from tests.media.ward import Ward

# Three seconds of them, when the machine has the time.
PICTURES, SOUNDS = 60, 150
LONG = pytest.mark.long


async def goes_on(camera: Screen) -> None:
    """Returns when the browser has sent that much more."""

    async def sent() -> tuple[int, int]:
        streams = {one["kind"]: one for one in (await camera.stats("camera"))["outbound"]}
        return streams["video"]["framesSent"], streams["audio"]["packetsSent"]

    frames_before, sounds_before = await sent()
    async with asyncio.timeout(90):
        while True:
            frames, sounds = await sent()
            if frames - frames_before >= PICTURES and sounds - sounds_before >= SOUNDS:
                return
            await asyncio.sleep(0.1)


@pytest.mark.parametrize(
    ("codec", "lost"),
    [
        ("VP8", 0.0),
        pytest.param("H264", 0.05),
        pytest.param("VP9", 0.0, marks=LONG),
        pytest.param("VP8", 0.05, marks=LONG),
    ],
)
async def test_what_a_browser_sends_is_recorded_and_decodes(
    chromium: Browser, ward: Ward, log_database: str, tmp_path: Path, codec: str, lost: float
) -> None:
    room = Room(log_database, tmp_path)
    await room.opened()
    ward.session_id = ROOM
    ward.engine.followers.append(room.feed)
    room.run_recorder()
    if lost:
        Line(ward.engine, inward=lost, outward=lost)
    async with screen(chromium, ward) as camera:
        await camera.publish(codec=codec)
        await ward.until(lambda: len(ward.heard.of(TrackBegan)) == 2)
        tracks = [fact.track for fact in ward.heard.of(TrackBegan)]
        for track in tracks:
            told = {"track_id": track.track_id, "participant_id": LAN, "source": "camera", "codec": codec, "people": ()}
            await room.happened(TrackPublished.model_validate(told))
        recording_id = await room.authorised(*(track.track_id for track in tracks))
        await room.told(FirstBytesWritten)
        await goes_on(camera)
        await room.stopped(recording_id)
        (sealed,) = await room.told(RecordingSealed)
    found = manifest(room, sealed)
    shown = [pictures(file) for file in files(room, found)]
    assert shown == [segment["frames"]["picture"] for segment in found["segments"]], "every frame that is kept decodes"
    assert sum(shown) > PICTURES // 2
    assert sum(segment["frames"]["sound"] for segment in found["segments"]) > SOUNDS // 2
    print(f"{codec}, {lost:.0%} lost each way: {sum(shown)} pictures, {len(found['gaps'])} gaps")
    assert lost or found["gaps"] == []
    await room.close()
