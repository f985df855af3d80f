"""Stills: the next key frame at the source's resolution, or the very pixels that the sending browser held."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import io
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from pathlib import Path
from uuid import UUID, uuid4

import av
import httpx
import numpy as np
import pytest
from starlette.applications import Starlette

from infra.media_tokens import Grant, GrantDesk, MediaRole, Source, fresh_key
from infra.sealing.blobs import SealedBlobs
from media.facts import RoomFact, StillTaken
from media.recording.still import NoStill, next_key_frame, size_of_png
from media.recording.still_door import StillDoor
from tests.infra.sealing import blobs_in
from tests.media.recording.room import Published, camera, probe
from tests.media.recording.source import Sender, described, encoded, loop

CODECS = ["vp8", "h264", "vp9"]


def pixels(content: bytes) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    with av.open(io.BytesIO(content), "r", format="png_pipe") as file:
        return next(iter(file.decode(video=0))).to_ndarray(format="rgb24").astype(np.uint8)


def png(width: int = 320, height: int = 240) -> bytes:
    """What a browser's canvas hands out."""
    encoder = av.CodecContext.create("png", "w")
    assert isinstance(encoder, av.VideoCodecContext)
    encoder.width, encoder.height, encoder.pix_fmt = width, height, "rgb24"
    encoder.time_base = Fraction(1, 25)
    frame = loop()[3].reformat(width=width, height=height, format="rgb24")
    frame.pts, frame.pict_type = 0, av.video.frame.PictureType.NONE
    return b"".join(bytes(packet) for packet in [*encoder.encode(frame), *encoder.encode(None)])


async def sent(track: Published, sender: Sender, *, skip: int) -> None:
    """Frames begin to flow once somebody taps; the first of them lie before the key frame."""
    while not track.taps:
        await asyncio.sleep(0.01)
    frames = encoded(sender.codec, 30, 640, 480)
    track.send(sender, frames[skip:])


@pytest.mark.parametrize("codec", CODECS)
async def test_the_next_key_frame_is_what_was_sent_at_full_resolution(codec: str) -> None:
    track = Published(replace(described(codec), codec=codec.upper()))
    sender = Sender(codec)
    encoded(codec, 30, 640, 480)
    before = time.time_ns()
    still, _ = await asyncio.gather(next_key_frame(track), sent(track, sender, skip=10))
    assert (still.width, still.height, still.rtp_timestamp) == (640, 480, 50_000 + 5 * 3000)
    shown = pixels(still.png).astype(float)
    source = loop()[15].reformat(width=640, height=480, format="rgb24").to_ndarray().astype(float)
    assert 10 * np.log10(255**2 / np.mean((shown - source) ** 2)) > 28
    # What is sent is said to have come in during the second before.
    assert before - 1_000_000_000 <= still.taken_ns <= time.time_ns()
    assert track.taps == []


async def test_a_picture_of_which_no_key_frame_comes_gives_no_still() -> None:
    track = probe()
    with pytest.raises(NoStill, match="in time"):
        await asyncio.gather(next_key_frame(track, 0.2), sent(track, Sender("h264"), skip=16))
    assert track.taps == []


@pytest.mark.parametrize(
    "content",
    [b"", b"no picture", png()[:-20], png()[:400] + b"\0" * 40 + png()[440:], b"\x89PNG\r\n\x1a\n" + b"\0" * 30],
)
def test_what_is_no_whole_png_is_refused(content: bytes) -> None:
    with pytest.raises(NoStill):
        size_of_png(content)


def test_a_picture_larger_than_any_screen_is_not_even_decoded() -> None:
    bomb = bytearray(png())
    bomb[16:20] = (60_000).to_bytes(4, "big")
    with pytest.raises(NoStill, match="too large"):
        size_of_png(bytes(bomb))


@dataclass
class Desk:
    """A room with an ultrasound and a camera, and the door for stills."""

    blobs: SealedBlobs
    desk: GrantDesk = field(default_factory=lambda: GrantDesk([fresh_key()]))
    told: list[RoomFact] = field(default_factory=list)
    scan: Published = field(default_factory=probe)
    face: Published = field(default_factory=camera)

    def find(self, session_id: UUID, track_id: UUID) -> Published | None:
        return next((each for each in (self.scan, self.face) if each.description.track_id == track_id), None)

    def grant(self, **other: object) -> Grant:
        about = self.scan.description
        fields: dict[str, object] = {
            "session_id": about.session_id,
            "point_id": about.point_id,
            "participant_id": about.participant_id,
            "role": MediaRole.PUBLISHER,
            "sources": frozenset({Source.ULTRASOUND}),
            "expires_at": datetime.now(UTC).replace(microsecond=0) + timedelta(minutes=5),
        }
        return Grant(**{**fields, **other})  # type: ignore[arg-type]

    async def post(
        self,
        content: bytes = b"",
        headers: Mapping[str, str] | None = None,
        track: Published | None = None,
        grant: Grant | None = None,
    ) -> httpx.Response:
        about = (track or self.scan).description
        app = Starlette(routes=[StillDoor(self.desk, self.find, self.blobs, self.told.append).route()])
        token = self.desk.issue(grant or self.grant())
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://worker") as client:
            address = f"/stills/{about.session_id}/{about.track_id}"
            given = {"Authorization": f"Bearer {token}", **(headers or {})}
            return await client.post(address, content=content, headers=given)


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(blobs_in(tmp_path))


def handed_in(content: bytes, **other: str) -> dict[str, str]:
    digest = base64.b64encode(hashlib.sha256(content).digest()).decode()
    headers = {
        "Content-Type": "image/png",
        "Content-Digest": f"sha-256=:{digest}:",
        "RTP-Timestamp": "123456",
        "Taken-At": str(time.time_ns() // 1_000_000),
    }
    return {**headers, **other}


async def test_the_sending_browsers_picture_is_kept_pixel_by_pixel_and_told_with_the_line(desk: Desk) -> None:
    content = png()
    answer = await desk.post(content, handed_in(content))
    assert (answer.status_code, answer.json()["lossless"]) == (201, True)
    assert desk.blobs.get(hashlib.sha256(content).hexdigest()) == content
    (told,) = desk.told
    assert isinstance(told, StillTaken)
    assert (told.origin, told.rtp_timestamp, told.sha256) == ("sending_browser", 123456, answer.json()["sha256"])
    assert (told.measured.bitrate_kbps, told.measured.width) == (2500, 320)


async def test_a_still_of_the_stream_says_that_it_is_lossy(desk: Desk) -> None:
    answer, _ = await asyncio.gather(desk.post(), sent(desk.scan, Sender("h264"), skip=10))
    assert (answer.status_code, answer.json()["lossless"], answer.json()["width"]) == (201, False, 640)
    (told,) = desk.told
    assert isinstance(told, StillTaken)
    assert (told.origin, told.lossless) == ("key_frame", False)
    assert pixels(desk.blobs.get(told.sha256)).shape == (480, 640, 3)


@pytest.mark.parametrize(
    ("code", "headers"),
    [
        ("STILL_DAMAGED", {"Content-Digest": "sha-256=:" + base64.b64encode(bytes(32)).decode() + ":"}),
        ("STILL_WITHOUT_DIGEST", {"Content-Digest": "md5=:abc:"}),
        ("STILL_WITHOUT_TIME", {"RTP-Timestamp": "-1"}),
        ("STILL_WITHOUT_TIME", {"RTP-Timestamp": str(1 << 32)}),
        ("STILL_WITHOUT_TIME", {"Taken-At": "1598500000000"}),
    ],
)
async def test_a_picture_that_is_not_what_it_says_is_refused_and_not_told(
    desk: Desk, code: str, headers: dict[str, str]
) -> None:
    content = png()
    answer = await desk.post(content, handed_in(content, **headers))
    assert (answer.status_code, answer.json()["code"]) == (400, code)
    assert desk.told == []


async def test_a_picture_smaller_than_the_source_is_refused(desk: Desk) -> None:
    content = png(160, 120)
    answer = await desk.post(content, handed_in(content))
    assert (answer.status_code, answer.json()["code"]) == (400, "STILL_TOO_SMALL")


async def test_who_does_not_send_the_picture_cannot_hand_one_in(desk: Desk) -> None:
    content = png()
    answer = await desk.post(content, handed_in(content), grant=desk.grant(participant_id=uuid4()))
    assert (answer.status_code, answer.json()["code"]) == (403, "STILL_NOT_GRANTED")


async def test_observers_take_no_stills_and_nobody_takes_them_of_faces_or_in_other_rooms(desk: Desk) -> None:
    observer = desk.grant(role=MediaRole.VIEWER, sources=frozenset())
    refused = [
        (await desk.post(grant=observer), 403, "STILL_NOT_GRANTED"),
        (await desk.post(track=desk.face), 409, "NOTHING_IS_LIVE"),
        (await desk.post(grant=desk.grant(session_id=uuid4())), 403, "ANOTHER_SESSION"),
        (await desk.post(headers={"Authorization": "Bearer nonsense"}), 401, "GRANT_INVALID"),
    ]
    assert [(answer.status_code, answer.json()["code"]) for answer, _, _ in refused] == [each[1:] for each in refused]
    assert desk.told == []
