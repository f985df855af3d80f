"""Are the pictures as they must be? Each rule holds two accounts of them against each other.

Rules: what hangs on how fast a machine is, such as a standstill or a picture that came too late, is shown and not
judged; what was sent, seen, kept and recorded is judged.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from infra.demo.live.account import PICTURES_A_SECOND, Account, Source, Watched

MARKS = {"FROZEN": 1, "POINTED": 1, "DRAWN": 1, "RELEASED": 1}

Events = Sequence[Mapping[str, Any]]


def complaints(account: Account, log: Events) -> list[str]:
    """Everything about the pictures that is not as it must be."""
    return [
        *_everybody_saw(account),
        *_room_is_the_processes(account),
        *_stills_are_images(account, log),
        *_marks_are_kept(account),
        *_everybody_consented(account),
        *_recording_is_whole(account),
        *_export_is_the_recording(account),
    ]


def _everybody_saw(account: Account) -> Iterator[str]:
    for source in account.sources:
        if not account.viewers(source.place):
            yield f"nobody watched {source.place}"
    by_place = {source.place: source for source in account.sources}
    for seen in account.watched:
        if seen.place in by_place:
            yield from _saw(seen, by_place[seen.place])
        else:
            yield f"{seen.name} watched {seen.place}, which nobody sent"


def _saw(seen: Watched, source: Source) -> Iterator[str]:
    if not seen.pictures:
        yield f"{seen.name} saw nothing of {seen.place}"
    # Of a camera that was cut off nobody knows how much it sent in its last second.
    if not source.cuts and seen.pictures > source.pictures:
        yield f"{seen.name} saw {seen.pictures} pictures of {seen.place}, which sent {source.pictures}"
    if not seen.moves:
        yield f"{seen.place} stood still before {seen.name} at the end"


def _room_is_the_processes(account: Account) -> Iterator[str]:
    room = account.room
    left = [one["trackId"] for one in room["tracks"] if one["endedAt"] is None]
    if room["status"] != "CLOSED" or room["present"] or left:
        yield f"the room is {room['status']} with {room['present']} people and {len(left)} tracks after everybody left"
    shown = Counter(one["source"] for one in room["tracks"])
    sent = Counter(source.place.split()[1].upper() for source in account.sources)
    again = [source.cuts + source.returns for source in account.sources if source.place.endswith("camera")]
    scanned_again = sum(source.returns for source in account.sources if source.place.endswith("ultrasound"))
    sent["CAMERA"] += sum(again)
    sent["ULTRASOUND"] += scanned_again
    sent["AUDIO"] = sent["CAMERA"]
    if shown != sent:
        yield f"the room shows the tracks {dict(shown)}, sent were {dict(sent)}"
    back = sum(one["continues"] is not None for one in room["tracks"])
    if back != 2 * sum(again) + scanned_again:
        yield f"{back} tracks go on where one ended, {sum(again)} cameras with their sound were cut off"


def _stills_are_images(account: Account, log: Events) -> Iterator[str]:
    captured = {event["data"]["image_id"] for event in log if event["name"] == "examination.image_captured"}
    images = {image["imageId"]: image for image in account.images}
    for still in account.stills:
        image = images.get(still.image_id)
        if image is None or still.image_id not in captured:
            yield f"the still {still.image_id} did not become an image of the examination"
            continue
        kept = image["sha256"], image["deviceId"], image["width"], image["height"]
        if kept != (still.sha256, account.device_id, still.width, still.height):
            yield f"the image {still.image_id} is {kept}, and not the still that was taken"
        if image["diagnostic"] and float(image["framesPerSecond"]) < PICTURES_A_SECOND:
            yield f"the image {still.image_id} is said to be good for a diagnosis, which its line was not"
        if still.lossless and still.held != still.sha256:
            yield f"the still {still.image_id} is not the picture that the sending side held"
    if [still.lossless for still in account.stills] != [False, True]:
        yield f"{len(account.stills)} stills were taken, one of the stream and one without loss are needed"


def _marks_are_kept(account: Account) -> Iterator[str]:
    found = Counter(account.marks)
    if found != (wanted := Counter({**MARKS, "STILL": len(account.stills)})):
        yield f"the view of marks shows {dict(found)}, made were {dict(wanted)}"


def _everybody_consented(account: Account) -> Iterator[str]:
    for track in account.room["tracks"]:
        if track["trackId"] in account.recording["trackIds"] and set(track["people"]) - set(track["consented"]):
            yield f"the track {track['trackId']} was recorded, and not everybody on it had consented"


def _recording_is_whole(account: Account) -> Iterator[str]:
    recording, played = account.recording, account.played
    if (recording["status"], recording["stoppedBecause"]) != ("SEALED", "ASKED"):
        yield f"the recording is {recording['status']}, stopped because {recording['stoppedBecause']}"
    if recording["sha256"] != played.sha256:
        yield f"the log says {recording['sha256']} of the recording, what was played is {played.sha256}"
    sources = [any(track in clip.tracks for clip in played.clips) for track in recording["trackIds"]]
    if not sources or not all(sources):
        yield "a track that was recorded is in no file of the recording"
    for clip in played.clips:
        if clip.decoded != clip.written or not clip.decoded:
            yield f"a file of the recording has {clip.written} pictures, and {clip.decoded} can be decoded"
        due = clip.duration_ms * PICTURES_A_SECOND / 1000
        if not played.gaps and abs(due - clip.decoded) > PICTURES_A_SECOND:
            yield f"a file of {clip.duration_ms} ms without a gap has {clip.decoded} pictures"


def _export_is_the_recording(account: Account) -> Iterator[str]:
    played = account.played
    scanned = sum(clip.decoded for clip in played.clips if account.scans & set(clip.tracks))
    if played.dicom_pictures != scanned:
        yield f"the DICOM export has {played.dicom_pictures} pictures, the recording {scanned}"
    if played.dicom_sha256 not in [one["exportedSha256"] for one in account.recording["accesses"]]:
        yield "the DICOM export is not the one of which the log says that it was taken out"
    if not any(one["exportedSha256"] is None for one in account.recording["accesses"]):
        yield "the log does not say that the recording was seen"
