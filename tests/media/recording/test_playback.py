"""Recordings are played from any place on, to who has a ticket; every access is in the log before the first byte."""

from __future__ import annotations

import asyncio
import io
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID, uuid4

import av
import httpx
import pytest

from domain.live_session import FirstBytesWritten, RecordingSealed, RecordingViewed
from infra.health import Vitals
from infra.media_tokens import grant_keys
from infra.recording_tickets import RecordingTickets
from media.problems import Problem
from media.recording.playback import wanted
from media.recording.playback_process import main
from tests.domain.cast import DR_LAN
from tests.domain.live_cast import CAMERA, ROOM
from tests.media.recording.room import Room, camera, until
from tests.media.recording.source import Sender, encoded


@dataclass
class Cinema:
    """A recording of 45 pictures, and a client at the door of the playback."""

    room: Room
    recording_id: UUID
    tickets: RecordingTickets
    client: httpx.AsyncClient

    def ticket(self, recording_id: UUID | None = None) -> str:
        return self.tickets.issue(ROOM, recording_id or self.recording_id, DR_LAN)[0]

    async def get(self, path: str, ticket: str | None, method: str = "GET", **headers: str) -> httpx.Response:
        query = {"ticket": ticket} if ticket is not None else {}
        return await self.client.request(method, f"/recordings/{path}", params=query, headers=headers)

    async def file(self, **headers: str) -> httpx.Response:
        return await self.get(f"{self.recording_id}/0", self.ticket(), **headers)

    async def views(self) -> list[UUID]:
        return [event.person_id for event in await self.room.log() if isinstance(event, RecordingViewed)]

    @property
    def object(self) -> Path:
        return self.room.settings.data / "objects" / "recordings" / str(self.recording_id) / "0.seal"


@pytest.fixture
async def cinema(log_database: str, tmp_path: Path) -> AsyncIterator[Cinema]:
    room = Room(log_database, tmp_path)
    await room.opened()
    track = camera()
    room.feed.offer(track)
    room.run_recorder()
    recording_id = await room.authorised(CAMERA)
    await until(lambda: track.taps)
    track.send(Sender("vp8"), encoded("vp8", 45))
    await room.told(FirstBytesWritten)
    await room.stopped(recording_id)
    await room.told(RecordingSealed)
    vitals, stop = Vitals("playback"), asyncio.Event()
    playing = asyncio.create_task(main(room.settings, vitals, stop))
    await until(lambda: vitals.ready)
    async with httpx.AsyncClient(base_url=str(vitals.details["url"])) as client:
        yield Cinema(room, recording_id, RecordingTickets(grant_keys(room.settings)), client)
    stop.set()
    await playing
    await room.close()


async def test_a_recording_plays_and_the_log_knows_who_saw_it(cinema: Cinema) -> None:
    ticket = cinema.ticket()
    contents = (await cinema.get(str(cinema.recording_id), ticket)).json()
    assert [segment["frames"]["picture"] for segment in contents["segments"]] == [45]
    answer = await cinema.get(f"{cinema.recording_id}/0", ticket)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "video/webm")
    assert answer.headers["cache-control"] == "no-store"
    with av.open(io.BytesIO(answer.content), "r") as file:
        assert sum(1 for _ in file.decode(video=0)) == 45
    assert await cinema.views() == [DR_LAN], "one ticket is one access, however often it is used"


async def test_any_range_is_the_same_bytes(cinema: Cinema) -> None:
    whole = (await cinema.file()).content
    size = len(whole)
    assert size > 100_000, "more than one record"
    places = [(0, 0), (0, 99), (65_535, 65_536), (70_000, 130_000), (size - 1, size - 1), (10, size + 500)]
    for start, last in places:
        part = await cinema.file(range=f"bytes={start}-{last}")
        assert (part.status_code, part.content) == (206, whole[start : last + 1])
        assert part.headers["content-range"] == f"bytes {start}-{min(last, size - 1)}/{size}"
    assert (await cinema.file(range="bytes=-500")).content == whole[-500:]
    assert (await cinema.file(range=f"bytes={size - 7}-")).content == whole[-7:]
    head = await cinema.get(f"{cinema.recording_id}/0", cinema.ticket(), "HEAD")
    assert (head.headers["content-length"], head.content) == (str(size), b"")


@pytest.mark.parametrize("header", ["bytes=1000-", "bytes=1000-1001", "bytes=-0"])
def test_a_range_outside_is_refused(header: str) -> None:
    with pytest.raises(Problem) as refused:
        wanted(header, 1000)
    assert (refused.value.status, refused.value.code) == (416, "RANGE_OUTSIDE")


@pytest.mark.parametrize(
    "header", [None, "", "bytes=-", "bytes=5-3", "bytes=0-1,4-5", "lines=0-1", "bytes=a-b", "9" * 999]
)
def test_what_is_no_single_range_asks_for_everything(header: str | None) -> None:
    assert wanted(header, 1000) is None


async def test_without_a_good_ticket_nobody_sees_anything(cinema: Cinema) -> None:
    path = f"{cinema.recording_id}/0"
    ticket = cinema.ticket()
    old = RecordingTickets(grant_keys(cinema.room.settings), now=lambda: time.time() - 3600)
    expired = old.issue(ROOM, cinema.recording_id, DR_LAN)[0]
    answers: dict[str, list[str | None]] = {
        "TICKET_INVALID": [None, "", "no ticket", ticket[:-4] + "AAAA", "ü" * 10],
        "TICKET_EXPIRED": [expired],
    }
    for code, tickets in answers.items():
        for one in tickets:
            answer = await cinema.get(path, one)
            assert (answer.status_code, answer.json()["code"]) == (401, code)
    other = await cinema.get(path, cinema.ticket(uuid4()))
    assert (other.status_code, other.json()["code"]) == (403, "TICKET_FOR_ANOTHER")
    assert await cinema.views() == []


async def test_a_recording_that_is_not_there_or_a_file_that_it_has_not_is_not_found(cinema: Cinema) -> None:
    nothing = uuid4()
    missing = await cinema.get(f"{nothing}/0", cinema.ticket(nothing))
    assert (missing.status_code, missing.json()["code"]) == (404, "NO_SUCH_RECORDING")
    for number in ("7", "x", "-1", "9" * 30):
        answer = await cinema.get(f"{cinema.recording_id}/{number}", cinema.ticket())
        assert (answer.status_code, answer.json()["code"]) == (404, "NO_SUCH_RECORDING")


@pytest.mark.parametrize("harm", ["cut", "replaced", "manifest", "key"])
async def test_what_was_changed_is_not_given_out(cinema: Cinema, harm: str) -> None:
    objects = cinema.room.settings.data / "objects"
    if harm == "cut":
        cinema.object.write_bytes(cinema.object.read_bytes()[:-5000])
    elif harm == "replaced":
        content = bytearray(cinema.object.read_bytes())
        content[-3000] ^= 1
        cinema.object.write_bytes(content)
    elif harm == "manifest":
        manifest = cinema.object.with_name("manifest.json")
        manifest.write_bytes(manifest.read_bytes().replace(b'"vp8"', b'"vp9"'))
    else:
        for key in (objects / "keys").iterdir():
            key.unlink()
    answer = await cinema.file()
    assert (answer.status_code, answer.json()["code"]) == (410, "RECORDING_DAMAGED")


async def test_a_changed_byte_in_the_middle_ends_the_answer_before_it(cinema: Cinema) -> None:
    whole = (await cinema.file()).content
    content = bytearray(cinema.object.read_bytes())
    content[80_000] ^= 1
    cinema.object.write_bytes(content)
    got = bytearray()

    async def play() -> None:
        path, ticket = f"/recordings/{cinema.recording_id}/0", cinema.ticket()
        async with cinema.client.stream("GET", path, params={"ticket": ticket}) as answer:
            async for piece in answer.aiter_bytes():
                got.extend(piece)

    with pytest.raises(httpx.RemoteProtocolError):
        await play()
    assert whole.startswith(bytes(got))
    assert len(got) < 80_000
