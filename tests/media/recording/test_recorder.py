"""The recorder as a process: it keeps what was authorised and nothing else, and a kill costs a named gap at most."""

from __future__ import annotations

import asyncio
import hashlib
import io
import json
import random
import signal
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import av
import pytest

from domain._live import GapCause
from domain.live_session import (
    FirstBytesWritten,
    PersonShown,
    RecordingFailed,
    RecordingInterrupted,
    RecordingSealed,
    RecordingStarted,
    RecordingStopped,
    TrackPublished,
)
from infra.media_tokens import Source
from infra.sealing.form import Head
from infra.sealing.reader import opened
from media.recording.vault import manifest_name, segment_name
from tests.domain.live_cast import CAMERA, LAN, NEXT_CAMERA, PROBE_PICTURE, SOUND
from tests.infra import stranger
from tests.media.recording.room import Published, Room, Store, camera, probe, published, sound, until
from tests.media.recording.source import Sender, encoded, tone

SOON = {"TELEHEALTH_RECORDER_ALARM_SECONDS": "0.5"}


@pytest.fixture
async def room(log_database: str, tmp_path: Path) -> AsyncIterator[Room]:
    made = Room(log_database, tmp_path)
    await made.opened()
    yield made
    await made.close()


def manifest(room: Store, sealed: RecordingSealed) -> dict[str, Any]:
    """The manifest of which the log holds the hash."""
    content = room.objects.get(manifest_name(sealed.recording_id))
    assert hashlib.sha256(content).hexdigest() == sealed.recording.sha256
    found: dict[str, Any] = json.loads(content)
    return found


def files(room: Store, found: dict[str, Any]) -> list[bytes]:
    """The files of a recording in clear; each object ends as the manifest says."""
    plain = []
    for segment in found["segments"]:
        if segment["size"] == 0:
            continue
        content = room.objects.get(segment_name(UUID(found["recording"]), segment["number"]))
        key = room.keys.open(Head.parse(content)[0].key)
        plain.append(opened(content, key, bytes.fromhex(segment["final"])))
        assert (len(content), len(plain[-1])) == (segment["size"], segment["plain"])
    return plain


def pictures(file: bytes) -> int:
    """How many pictures a player shows; a picture that does not decode is an error."""
    with av.open(io.BytesIO(file), "r") as container:
        if not container.streams.video:
            return 0
        container.streams.video[0].codec_context.options = {"err_detect": "explode"}
        return sum(1 for _ in container.decode(video=0))


async def seen_and_heard(room: Room) -> tuple[Published, Published, UUID]:
    """A camera and a sound, recorded for a second and a half."""
    track, heard = camera(), sound()
    room.feed.offer(track)
    room.feed.offer(heard)
    room.run_recorder()
    recording_id = await room.authorised(CAMERA, SOUND)
    await until(lambda: track.taps and heard.taps)
    track.send(Sender("vp8"), encoded("vp8", 45))
    heard.send(Sender("opus"), tone(75))
    await room.told(FirstBytesWritten)
    return track, heard, recording_id


async def test_what_was_authorised_is_recorded_and_the_log_knows_its_hash(room: Room) -> None:
    track, heard, recording_id = await seen_and_heard(room)
    await room.stopped(recording_id)
    (sealed,) = await room.told(RecordingSealed)
    await until(lambda: not room.spooled())
    found = manifest(room, sealed)
    (file,) = files(room, found)
    assert pictures(file) == 45
    assert [segment["frames"] for segment in found["segments"]] == [{"picture": 45, "sound": 75}]
    # On a busy machine the stop comes so late that the end of the recording is silence, and nothing else is missing.
    silence = ("line_silent", found["ended"]["at"])
    assert [gap for gap in found["gaps"] if (gap["why"], gap["until"]) != silence] == []
    assert (found["ended"]["cause"], sealed.recording.media_type) == ("asked", "video/webm")
    assert (track.taps, heard.taps) == ([], [])
    kinds = [type(event) for event in await room.log() if not isinstance(event, RecordingInterrupted)][-4:]
    assert kinds == [RecordingStarted, FirstBytesWritten, RecordingStopped, RecordingSealed]


async def test_whoever_sends_nothing_any_more_is_a_gap_to_the_end_in_the_manifest_and_in_the_log(room: Room) -> None:
    _, left, recording_id = await seen_and_heard(room)
    left.end()
    await asyncio.sleep(2.5)
    await room.stopped(recording_id)
    (sealed,) = await room.told(RecordingSealed)
    found = manifest(room, sealed)
    gaps = {gap["track"]: (gap["why"], gap["until"]) for gap in found["gaps"]}
    assert gaps == dict.fromkeys(map(str, (CAMERA, SOUND)), ("line_silent", found["ended"]["at"]))
    told = {event.track_id: event.cause for event in await room.told(RecordingInterrupted)}
    assert told == dict.fromkeys((CAMERA, SOUND), GapCause.LINE_SILENT)


async def test_a_stranger_with_the_master_key_reads_it_from_the_page_alone(room: Room) -> None:
    track = probe()
    room.feed.offer(track)
    room.run_recorder()
    recording_id = await room.authorised(PROBE_PICTURE)
    await until(lambda: track.taps)
    track.send(Sender("h264"), encoded("h264", 30))
    await room.told(FirstBytesWritten)
    await room.stopped(recording_id)
    await room.told(RecordingSealed)
    folder = room.settings.data / "objects"
    content = (folder / "recordings" / str(recording_id) / "0.seal").read_bytes()
    key_object = (folder / "keys" / f"{stranger.key_id(content)}.json").read_bytes()
    masters = (room.settings.data / "sealing" / "master.keys").read_text()
    plain, final, ended = stranger.read(content, stranger.data_key(key_object, masters))
    stated = json.loads((folder / "recordings" / str(recording_id) / "manifest.json").read_bytes())["segments"][0]
    assert (pictures(plain), final.hex(), ended) == (30, stated["final"], True)


async def test_not_a_byte_is_kept_or_even_handed_over_before_the_authorisation(room: Room) -> None:
    track, other = camera(), probe()
    room.feed.offer(track)
    room.feed.offer(other)
    room.run_recorder()
    await until(lambda: room.feed.connected)
    track.send(Sender("vp8"), encoded("vp8", 30))
    assert (track.taps, room.spooled()) == ([], [])
    await room.authorised(CAMERA)
    await until(lambda: track.taps)
    assert other.taps == []


async def test_what_was_stopped_before_it_began_is_not_recorded(room: Room) -> None:
    track = camera()
    recording_id = await room.authorised(CAMERA)
    await room.stopped(recording_id, "consent_withdrawn")
    second = await room.authorised(PROBE_PICTURE)
    room.feed.offer(track)
    room.feed.offer(probe())
    room.run_recorder()
    started = await room.told(RecordingStarted)
    assert [event.recording_id for event in started] == [second]
    assert track.taps == []


async def test_what_the_last_door_refuses_is_not_recorded(room: Room) -> None:
    """Somebody who has not consented came into the picture: the log's rules refuse the begin."""
    track, other = camera(), probe()
    await room.happened(PersonShown(track_id=CAMERA, person_id=uuid4()))
    await room.authorised(CAMERA)
    second = await room.authorised(PROBE_PICTURE)
    room.feed.offer(track)
    room.feed.offer(other)
    room.run_recorder()
    await until(lambda: other.taps)
    started = await room.told(RecordingStarted)
    assert [event.recording_id for event in started] == [second]
    assert track.taps == []


async def test_after_a_withdrawal_nothing_is_written_any_more_and_the_recording_carries_the_mark(room: Room) -> None:
    track = camera()
    room.feed.offer(track)
    room.run_recorder()
    recording_id = await room.authorised(CAMERA)
    await until(lambda: track.taps)
    sender = Sender("vp8")
    track.send(sender, encoded("vp8", 30))
    await room.told(FirstBytesWritten)
    await room.stopped(recording_id, "consent_withdrawn")
    await until(lambda: not track.taps)
    track.send(sender, encoded("vp8", 30))
    (sealed,) = await room.told(RecordingSealed)
    found = manifest(room, sealed)
    assert found["ended"]["cause"] == "consent_withdrawn"
    assert sum(map(pictures, files(room, found))) == 30


async def test_a_killed_recorder_goes_on_in_a_new_segment_and_names_the_gap(room: Room) -> None:
    track = camera()
    room.feed.offer(track)
    killed = room.start_recorder()
    recording_id = await room.authorised(CAMERA)
    await until(lambda: track.taps)
    sender = Sender("vp8")
    track.send(sender, encoded("vp8", 30))
    await room.told(FirstBytesWritten)
    killed.send_signal(signal.SIGKILL)
    await until(lambda: not track.taps)
    track.send(sender, encoded("vp8", 30))
    room.start_recorder()
    await until(lambda: track.taps)
    track.send(sender, encoded("vp8", 30))
    (gap,) = await room.told(RecordingInterrupted)
    await room.stopped(recording_id)
    (sealed,) = await room.told(RecordingSealed)
    found = manifest(room, sealed)
    assert (gap.cause, gap.track_id) == ("recorder_lost", CAMERA)
    assert [segment["cut"] for segment in found["segments"]] == [True, False]
    # What the muxer still held of the last second is lost with the process; what it gave out is not.
    first, second = (pictures(file) for file in files(room, found))
    assert (0 < first <= 30, second) == (True, 30)
    started, first_bytes = await room.told(RecordingStarted), await room.told(FirstBytesWritten)
    assert (len(started), len(first_bytes)) == (1, 1), "nothing is told twice"


@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.long) for seed in range(1, 12))])
async def test_wherever_the_kill_falls_the_recording_comes_to_a_whole_end(room: Room, seed: int) -> None:
    chance = random.Random(seed)
    track = camera()
    room.feed.offer(track)
    process = room.start_recorder()
    recording_id = await room.authorised(CAMERA)
    sender = Sender("vp8")
    for _ in range(2):
        await until(lambda: track.taps)
        for _ in range(chance.randrange(1, 6)):
            track.send(sender, encoded("vp8", 15))
            await asyncio.sleep(chance.random() / 4)
        process.send_signal(signal.SIGKILL)
        await until(lambda: not track.taps)
        process = room.start_recorder()
    await until(lambda: track.taps)
    track.send(sender, encoded("vp8", 30))
    await room.told(FirstBytesWritten)
    await asyncio.sleep(0.3)
    process.send_signal(signal.SIGKILL)
    await room.stopped(recording_id)
    room.start_recorder()
    (sealed,) = await room.told(RecordingSealed)
    await until(lambda: not room.spooled())
    found = manifest(room, sealed)
    assert all(file == b"" or pictures(file) >= 0 for file in files(room, found))
    assert sealed.recording.size == sum(segment["size"] for segment in found["segments"])


async def test_a_track_that_comes_back_over_another_line_goes_on_in_the_same_recording(room: Room) -> None:
    before, after = camera(), published(NEXT_CAMERA, "vp8")
    room.feed.offer(before)
    room.run_recorder()
    recording_id = await room.authorised(CAMERA)
    await until(lambda: before.taps)
    before.send(Sender("vp8"), encoded("vp8", 30))
    await room.told(FirstBytesWritten)
    before.end()
    event = {"track_id": NEXT_CAMERA, "participant_id": LAN, "source": "camera", "codec": "VP8", "people": ()}
    continued = {**event, "continues": CAMERA, "recording_ids": (recording_id,), "width": 320, "height": 240}
    await room.happened(TrackPublished.model_validate(continued))
    room.feed.offer(after)
    await until(lambda: after.taps)
    await asyncio.sleep(0.5)
    after.send(Sender("vp8", ssrc=5), encoded("vp8", 30)[15:])
    await room.told(RecordingInterrupted)
    await room.stopped(recording_id)
    (sealed,) = await room.told(RecordingSealed)
    assert [pictures(file) for file in files(room, manifest(room, sealed))] == [30, 15]


async def test_a_recording_goes_on_at_another_worker_and_says_that_the_first_was_lost(room: Room) -> None:
    before, after = camera(), published(NEXT_CAMERA, "vp8", Source.CAMERA)
    room.feed.offer(before)
    room.run_recorder()
    recording_id = await room.authorised(CAMERA)
    await until(lambda: before.taps)
    before.send(Sender("vp8"), encoded("vp8", 30))
    await room.told(FirstBytesWritten)
    # The worker is killed: its end of the pipe is gone, and nobody said that anything ended.
    room.lose_the_worker()
    await until(lambda: not before.taps)
    # Half of what comes next is of the time before it is sent; the gap is what is left of this second.
    await asyncio.sleep(1)
    async with room.another_worker() as feed:
        event = {"track_id": NEXT_CAMERA, "participant_id": LAN, "source": "camera", "codec": "VP8", "people": ()}
        continued = {**event, "continues": CAMERA, "recording_ids": (recording_id,), "width": 320, "height": 240}
        await room.happened(TrackPublished.model_validate(continued))
        feed.offer(after)
        await until(lambda: after.taps)
        after.send(Sender("vp8", ssrc=5), encoded("vp8", 30)[15:])
        (gap,) = await room.told(RecordingInterrupted)
        assert (gap.track_id, gap.cause) == (NEXT_CAMERA, GapCause.WORKER_LOST)
        await room.stopped(recording_id)
        (sealed,) = await room.told(RecordingSealed)
    assert [pictures(file) for file in files(room, manifest(room, sealed))] == [30, 15]


async def test_packets_that_the_recorder_does_not_take_in_time_are_a_gap_and_nobody_waits(room: Room) -> None:
    track = camera()
    room.feed.most_bytes = 60_000
    room.feed.offer(track)
    recorder = room.start_recorder()
    recording_id = await room.authorised(CAMERA)
    await until(lambda: track.taps)
    sender = Sender("vp8")
    track.send(sender, encoded("vp8", 30))
    await room.told(FirstBytesWritten)
    recorder.send_signal(signal.SIGSTOP)
    for _ in range(20):
        track.send(sender, encoded("vp8", 30))
        await asyncio.sleep(0)
    recorder.send_signal(signal.SIGCONT)
    await until(lambda: not room.feed.waiting_bytes)
    track.send(sender, encoded("vp8", 30))
    gaps = await room.told(RecordingInterrupted)
    assert {gap.cause for gap in gaps} == {"recorder_overrun"}
    await room.stopped(recording_id)
    (sealed,) = await room.told(RecordingSealed)
    assert sum(map(pictures, files(room, manifest(room, sealed)))) >= 60


async def test_a_recording_for_which_no_track_comes_is_an_alarm(room: Room) -> None:
    room.run_recorder(**SOON)
    recording_id = await room.authorised(CAMERA)
    (failed,) = await room.told(RecordingFailed)
    assert (failed.recording_id, failed.cause) == (recording_id, "not_started")


async def test_a_recording_into_which_no_byte_comes_is_an_alarm(room: Room) -> None:
    track = camera()
    room.feed.offer(track)
    room.run_recorder(**SOON)
    await until(lambda: room.feed.connected)
    await room.authorised(CAMERA)
    await until(lambda: track.tapped)
    (failed,) = await room.told(RecordingFailed)
    assert failed.cause == "no_bytes"
    assert track.taps == []
