"""Each rule by which the pictures of the launch day are judged sees what it is there for.

The account of a day as it must be is falsified in one place, and the verdict has to say so.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest

from infra.demo.live.account import Account, Clip, Played, Source, Still, Watched, figures
from infra.demo.live.verdict import complaints

SEEN, SCAN, VOICE, CAMERA = "D19-C camera", "scan", "voice", "camera"
LOG: Sequence[Mapping[str, Any]] = [
    {"name": "examination.image_captured", "data": {"image_id": "stream"}},
    {"name": "examination.image_captured", "data": {"image_id": "sender"}},
]


def track(id_: str, source: str, **more: Any) -> dict[str, Any]:
    shown = {"trackId": id_, "source": source, "endedAt": "2020-08-27T09:00:00Z", "continues": None}
    return {**shown, "people": ["somebody"], "consented": ["somebody"], **more}


def image(id_: str, **more: Any) -> dict[str, Any]:
    line = {"bitrateKbps": 2500, "framesPerSecond": "15", "diagnostic": False}
    return {"imageId": id_, "sha256": id_, "deviceId": "probe", "width": 1280, "height": 720, **line, **more}


def viewer(name: str, place: str) -> Watched:
    return Watched(name, place, 90, 0, 0, 0, (), 70, 0, (16, 16))


ROOM = {
    "status": "CLOSED",
    "present": 0,
    "tracks": [
        track(CAMERA, "CAMERA"),
        track(VOICE, "AUDIO"),
        track("camera again", "CAMERA", continues=CAMERA),
        track("voice again", "AUDIO", continues=VOICE),
        track(SCAN, "ULTRASOUND"),
    ],
    "recordings": [
        {
            "recordingId": "recording",
            "trackIds": [SCAN, CAMERA],
            "status": "SEALED",
            "stoppedBecause": "ASKED",
            "sha256": "manifest",
            "durationMs": 6000,
            "accesses": [{"exportedSha256": None}, {"exportedSha256": "package"}],
        }
    ],
}
ACCOUNT = Account(
    sources=(Source(SEEN, "BV C", 100, 300, cuts=1), Source("D19-C ultrasound", "BV C", 100, 0)),
    watched=(viewer("Lào Cai", SEEN), viewer("Bạch Mai", "D19-C ultrasound")),
    stills=(
        Still("stream", "stream", False, 1280, 720),
        Still("sender", "sender", True, 1280, 720, held="sender"),
    ),
    played=Played(
        recording_id="recording",
        sha256="manifest",
        clips=(Clip([SCAN], 1280, 720, 6000, 90, 90, 1), Clip([CAMERA], 640, 360, 6000, 90, 90, 1)),
        gaps=(),
        dicom_sha256="package",
        dicom_pictures=90,
    ),
    room=ROOM,
    images=(image("stream"), image("sender")),
    marks=("FROZEN", "POINTED", "DRAWN", "RELEASED", "STILL", "STILL"),
    device_id="probe",
)

Falsify = Callable[[Account], Account]


def scan_viewer(**changes: Any) -> Falsify:
    return lambda account: replace(account, watched=(account.watched[0], replace(account.watched[1], **changes)))


def room(**changes: Any) -> Falsify:
    return lambda account: replace(account, room={**account.room, **changes})


def first_track(**changes: Any) -> Falsify:
    return room(tracks=[{**ROOM["tracks"][0], **changes}, *ROOM["tracks"][1:]])  # type: ignore[index]


def recording(**changes: Any) -> Falsify:
    return room(recordings=[{**ROOM["recordings"][0], **changes}])  # type: ignore[index]


def last_still(**changes: Any) -> Falsify:
    return lambda account: replace(account, stills=(account.stills[0], replace(account.stills[1], **changes)))


def played(**changes: Any) -> Falsify:
    return lambda account: replace(account, played=replace(account.played, **changes))


def first_clip(**changes: Any) -> Falsify:
    clips = ACCOUNT.played.clips
    return played(clips=(replace(clips[0], **changes), *clips[1:]))


def changed(**changes: Any) -> Falsify:
    return lambda account: replace(account, **changes)


def test_pictures_as_they_must_be_have_no_complaint() -> None:
    assert complaints(ACCOUNT, LOG) == []


@pytest.mark.parametrize(
    ("falsified", "said"),
    [
        (changed(watched=ACCOUNT.watched[:1]), "nobody watched D19-C ultrasound"),
        (scan_viewer(place="nowhere"), "which nobody sent"),
        (scan_viewer(pictures=0), "saw nothing"),
        (scan_viewer(pictures=101), "saw 101 pictures"),
        (scan_viewer(moves=False), "stood still"),
        (room(status="OPEN"), "the room is OPEN"),
        (room(present=1), "with 1 people"),
        (first_track(endedAt=None), "1 tracks after"),
        (room(tracks=ROOM["tracks"][:4]), "sent were"),  # type: ignore[index]
        (first_track(continues="another"), "3 tracks go on"),
        (changed(images=ACCOUNT.images[:1]), "did not become an image"),
        (changed(images=(image("stream"), image("sender", deviceId="other"))), "and not the still"),
        (changed(images=(image("stream"), image("sender", width=640))), "and not the still"),
        (changed(images=(image("stream", diagnostic=True, framesPerSecond="3"),)), "good for a diagnosis"),
        (last_still(sha256="another"), "and not the still"),
        (last_still(held="another"), "not the picture that the sending side held"),
        (last_still(lossless=False), "one without loss are needed"),
        (changed(marks=ACCOUNT.marks[1:]), "marks"),
        (first_track(consented=[]), "not everybody on it had consented"),
        (recording(status="FAILED"), "the recording is FAILED"),
        (recording(stoppedBecause="RECORDER_LOST"), "RECORDER_LOST"),
        (recording(sha256="another"), "what was played is"),
        (recording(trackIds=[SCAN, "another"]), "is in no file"),
        (recording(accesses=[{"exportedSha256": None}]), "was taken out"),
        (recording(accesses=[{"exportedSha256": "package"}]), "was seen"),
        (recording(recordingId="another"), "the recording is None"),
        (first_clip(decoded=89), "89 can be decoded"),
        (first_clip(duration_ms=9000), "without a gap"),
        (played(dicom_pictures=89), "DICOM export has 89"),
        (played(dicom_sha256="another"), "was taken out"),
    ],
)
def test_what_is_not_as_it_must_be_is_found(falsified: Falsify, said: str) -> None:
    assert any(said in complaint for complaint in complaints(falsified(ACCOUNT), LOG))


def test_a_still_that_the_log_does_not_know_is_found() -> None:
    (complaint,) = complaints(ACCOUNT, LOG[:1])
    assert "sender did not become an image" in complaint


def test_the_figures_are_those_of_the_account() -> None:
    told = figures(ACCOUNT)
    assert [(one["sent"], one["received"], one["cuts"]) for one in told["sources"]] == [(100, 90, 1), (100, 90, 0)]
    assert told["recording"]["pictures"] == 180
    assert (told["stills"], told["stills_lossless"]) == (2, 1)
