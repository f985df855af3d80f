"""The recording, fetched by somebody who may: over HTTP with a ticket, decoded picture by picture, and as DICOM.

Rules: what is counted here is what a decoder gives, never what somebody says of it; taking it out is said in the log
first, with the hash of what is taken.
"""

from __future__ import annotations

import asyncio
import hashlib
import io
import zipfile
from typing import Any

import av
import httpx
import pydicom

from infra.demo.day import Day, NotAsItMustBe, Person
from infra.demo.live.account import Clip, Played
from infra.demo.live.seats import Seats

TICKET = "query ($id: UUID!) { recordingTicket(recordingId: $id) { url } }"
REASON = "Lưu vào hồ sơ bệnh án của người bệnh. Kept with the patient's record."


async def play_back(day: Day, seats: Seats, who: Person, session_id: str, recording_id: str) -> Played:
    """Everything of it, once the log says that it is sealed."""
    await seats.until(
        "the recording is sealed",
        lambda room: any(one["recordingId"] == recording_id and one["sha256"] for one in room["recordings"]),
    )
    url = (await day.ask(who, TICKET, id=recording_id))["recordingTicket"]["url"]
    contents = await _got(day, url)
    manifest = contents.json()
    clips = []
    for segment in manifest["segments"]:
        if segment.get("plain"):
            content = (await _got(day, _at(url, f"/{segment['number']}"))).content
            clips.append(await asyncio.to_thread(_clip, segment, content))
    made = (await _got(day, _at(url, "/dicom"), "POST", 201)).json()
    given = {"liveSessionId": session_id, "recordingId": recording_id, "exported": made, "reason": REASON}
    await day.do(who, "exportRecording", given)
    package = (await _got(day, _at(url, f"/dicom/{made['sha256']}"))).content
    return Played(
        recording_id=recording_id,
        sha256=hashlib.sha256(contents.content).hexdigest(),
        clips=clips,
        gaps=manifest["gaps"],
        dicom_sha256=hashlib.sha256(package).hexdigest(),
        dicom_pictures=await asyncio.to_thread(_pictures_in, package),
    )


async def _got(day: Day, url: str, method: str = "GET", wanted: int = 200) -> httpx.Response:
    answer = await day.http.request(method, url)
    if answer.status_code != wanted:
        raise NotAsItMustBe(f"the recording was not given out: {answer.status_code} {answer.text}")
    return answer


def _at(url: str, path: str) -> str:
    place, _, ticket = url.partition("?")
    return f"{place}{path}?{ticket}"


def _clip(segment: dict[str, Any], content: bytes) -> Clip:
    with av.open(io.BytesIO(content), "r") as file:
        decoded = sum(1 for _ in file.decode(video=0)) if file.streams.video else 0
    return Clip(
        tracks=segment["tracks"],
        width=segment["width"],
        height=segment["height"],
        duration_ms=segment["durationMs"],
        written=segment["frames"].get("picture", 0),
        decoded=decoded,
        size=len(content),
    )


def _pictures_in(package: bytes) -> int:
    with zipfile.ZipFile(io.BytesIO(package)) as files:
        instances = [pydicom.dcmread(io.BytesIO(files.read(name))) for name in files.namelist()]
    return sum(int(instance.get("NumberOfFrames", 1)) for instance in instances)
