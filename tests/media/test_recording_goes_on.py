"""The worker of a room that is recorded is killed: the recording goes on at another one, and says what is missing."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from playwright.async_api import Browser

from commands.live_session_recording import AuthoriseRecording, ConsentToRecording, StopRecording
from domain._live import GapCause, StopCause
from domain.live_session import (
    FirstBytesWritten,
    RecordingInterrupted,
    RecordingSealed,
    RecordingStopped,
    TrackPublished,
)
from tests.media.recording.room import Store
from tests.media.recording.test_recorder import files, manifest, pictures
from tests.media.worker_processes import SOON_MS, Workers, consultation, until
from tests.story_live import ROOM
from tests.story_network import AT, NGA

PATIENT = {"TELEHEALTH_RECORDER_ALARM_SECONDS": "120"}
SOON = (SOON_MS, SOON_MS)


async def recorded(there: Workers) -> tuple[UUID, dict[str, UUID]]:
    """A recording of all that is published now, into which bytes come; and its tracks by their sources."""
    recording_id = uuid4()
    tracks = {str(one.source): one.track_id for one in await there.facts(TrackPublished)}
    for track_id in tracks.values():
        await there.story.tell(AT[NGA], ConsentToRecording(live_session_id=ROOM, track_id=track_id, person_id=NGA))
    ids = tuple(tracks.values())
    authorise = AuthoriseRecording(live_session_id=ROOM, recording_id=recording_id, track_ids=ids)
    await there.story.tell(AT[NGA], authorise)
    await there.until_told(FirstBytesWritten)
    return recording_id, tracks


async def missed(there: Workers, sources: set[str]) -> dict[UUID, Any]:
    """Waits until each of these sources has told what is missing for the lost worker; by track."""
    found: dict[UUID, Any] = {}

    async def told() -> bool:
        source_of = {one.track_id: str(one.source) for one in await there.facts(TrackPublished)}
        lost = [one for one in await there.facts(RecordingInterrupted) if one.cause is GapCause.WORKER_LOST]
        found.update({one.track_id: one for one in lost})
        return {source_of[track_id] for track_id in found} == sources

    await until(told)
    return found


async def sealed(there: Workers, recording_id: UUID) -> RecordingSealed:
    await there.story.tell(AT[NGA], StopRecording(live_session_id=ROOM, recording_id=recording_id))
    (found,) = await there.until_told(RecordingSealed)
    assert isinstance(found, RecordingSealed)
    return found


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


async def test_a_recording_outlives_the_worker_of_its_room_and_names_the_gap(
    chromium: Browser, log_database: str
) -> None:
    async with consultation(chromium, log_database, SOON, **PATIENT) as (there, camera, screen):
        there.start("recorder", "recorder")
        recording_id, before = await recorded(there)
        lines = len((await screen.line())["joined"])
        there.kill((await there.named())[await camera.worker()])
        after = await missed(there, set(before))
        await screen.shows(30, lines=lines + 1)
        found = await sealed(there, recording_id)
        room = Store.of(there.settings)
        contents = manifest(room, found)
        parts = [part for part in contents["segments"] if part["frames"].get("picture")]
        shown = [pictures(file) for file in files(room, {**contents, "segments": parts})]
        assert [one.cause for one in await there.facts(RecordingStopped)] == [StopCause.ASKED], "it went on by itself"
    assert shown == [part["frames"]["picture"] for part in parts], "every picture of every part is seen"
    said = {(UUID(gap["track"]), gap["why"], moment(gap["since"]), moment(gap["until"])) for gap in contents["gaps"]}
    former = [part for part in parts if str(before["camera"]) in part["tracks"]]
    latter = [part for part in parts if set(map(str, after)) & set(part["tracks"])]
    assert former
    assert latter
    for track_id, told in after.items():
        assert (track_id, told.cause, told.gap.start, told.gap.end) in said, "the log and the recording say the same"
        assert all(moment(part["until"]) <= told.gap.end for part in former)
        assert all(moment(part["at"]) >= told.gap.start for part in latter)
