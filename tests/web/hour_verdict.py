"""Was it all kept, and is it what the log says? The recording is played back as a player would, and judged.

Rules: bytes come over HTTP by ranges and are held against the sealed objects on the disk, which are read by the reader
that knows nothing of the product; every frame is decoded; each row says what was asked and what was found.
"""

from __future__ import annotations

import asyncio
import hashlib
import io
import json
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import httpx

from tests.infra import stranger
from tests.web.care import Care

RANGE = 4 << 20
TICKET = "query ($id: UUID!) { recordingTicket(recordingId: $id) { url } }"
IMAGES = """query ($session: UUID!, $after: String) { pictureMarks(
  liveSessionId: $session, what: [STILL], first: 50, after: $after) {
    nodes { imageId diagnostic } pageInfo { hasNextPage endCursor } } }"""
EXAMINED = "query ($id: UUID!) { examination(examinationId: $id) { images } }"
GROWTH = 1.6
KEPT = 0.85
BACK_S = 3.0
Place = tuple[str, str, str]


@dataclass(frozen=True)
class Row:
    """One line of the verdict."""

    what: str
    asked: str
    found: str
    met: bool


async def judge(hour: Any, care: Care, data: Path) -> list[Row]:
    recording = hour.recording
    rows = [Row("the recording is closed", "SEALED", recording["status"], recording["status"] == "SEALED")]
    rows += await _stills(hour, care)
    rows += _watched(hour)
    if recording["status"] != "SEALED":
        return rows
    answer = await care.ask(care.people[0], TICKET, id=recording["recordingId"])
    async with httpx.AsyncClient(timeout=120) as http:
        rows += await _played(http, answer["recordingTicket"]["url"], hour, data)
    return rows


async def _stills(hour: Any, care: Care) -> list[Row]:
    chair, after, found = care.people[0], None, 0
    while True:
        page = (await care.ask(chair, IMAGES, session=hour.recording["liveSessionId"], after=after))["pictureMarks"]
        found += len(page["nodes"])
        after = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            break
    images = (await care.ask(chair, EXAMINED, id=str(care.examination_id)))["examination"]["images"]
    told = f"{found} in the room's marks, {images} in the examination"
    asked = hour.stills_asked
    return [Row("stills are in the examination", str(asked), told, found == images >= max(1, asked))]


def _watched(hour: Any) -> list[Row]:
    """What the screens saw: freezes are told, and are no part of the verdict, since the machine is shared."""
    sums: Counter[str] = Counter()
    for seat in range(3):
        last: dict[str, dict[str, Any]] = {}
        for minute in hour.minutes:
            for line in minute["screens"][seat]:
                now, before = line["numbers"] or {}, last.get(line["name"], {})
                for name in ("freezes", "frozenMs", "frames"):
                    grown = now.get(name, 0) - before.get(name, 0)
                    sums[name] += now.get(name, 0) if grown < 0 else grown
                last[line["name"]] = now
    breaks = [
        ms for minute in hour.minutes[-1:] for seat in minute["screens"] for line in seat for ms in line["mendedMs"]
    ]
    seconds = round(sums["frozenMs"] / 1000, 1)
    told = f"{sums['freezes']} freezes, {seconds} s, in {sums['frames']} frames on 8 screens' pictures"
    rows = [Row("what froze on the screens (told)", "-", told, True)]
    rows.append(Row("lines that were mended (told)", "-", f"{len(breaks)}, longest {max(breaks, default=0)} ms", True))
    killed = hour.killed
    longest = max(killed["longest_gap_s"]) if killed else float("inf")
    rows.append(
        Row("a worker is killed, pictures stand still for", f"<= {BACK_S} s", f"{longest} s", longest <= BACK_S)
    )
    return rows + _memory(hour.minutes)


def _memory(minutes: Sequence[dict[str, Any]]) -> list[Row]:
    """Each process of the product: the first quarter of the time is for warming up."""
    if len(minutes) < 4:
        return []
    early, late = minutes[len(minutes) // 4]["rss_mb"], minutes[-1]["rss_mb"]
    rows = []
    for name in sorted(set(late) - {"browser", "postgres", "kafka"}):
        before, now = early.get(name, 0.0), late[name]
        grown = now / before if before else 0.0
        told = f"{before:.0f} -> {now:.0f} MB, x{grown:.2f}"
        rows.append(Row(f"memory of {name} after the first quarter", f"< x{GROWTH}", told, 0 < grown < GROWTH))
    return rows


async def _played(http: httpx.AsyncClient, url: str, hour: Any, data: Path) -> list[Row]:
    recording = hour.recording
    reply = await http.get(url)
    reply.raise_for_status()
    manifest = reply.json()
    hour.manifest = manifest
    digest = hashlib.sha256(reply.content).hexdigest()
    rows = [
        Row("the manifest is the one of the log", recording["sha256"][:16], digest[:16], digest == recording["sha256"])
    ]
    chain, same, frames, wanted, faults = 0, 0, 0, 0, []
    segments = [one for one in manifest["segments"] if one.get("plain")]
    for segment in segments:
        sealed, plain = await asyncio.to_thread(_unsealed, data, manifest, segment["number"])
        chain += sealed["final"] == segment["final"] and (sealed["ended"] or bool(segment.get("cut")))
        fetched = await _fetched(http, url, segment["number"], segment["plain"])
        same += fetched == plain
        counted, fault = await asyncio.to_thread(decoded, fetched)
        frames += counted.get("video", 0)
        wanted += segment["frames"].get("picture", 0)
        if fault:
            faults.append(f"{segment['number']}: {fault}")
    every = len(segments)
    rows.append(Row("hash chains of the sealed files", str(every), str(chain), chain == every))
    rows.append(Row("played by ranges: the bytes that were sealed", str(every), str(same), same == every))
    rows.append(Row("pictures decoded, frame by frame", str(wanted), str(frames), frames == wanted and frames > 0))
    rows.append(Row("files that do not decode", "0", "; ".join(faults) or "0", not faults))
    return [*rows, *_kept(manifest, hour.minutes), *_against_the_log(manifest, hour)]


def _kept(manifest: dict[str, Any], minutes: Sequence[dict[str, Any]]) -> list[Row]:
    """What the senders made from the first measurement to the last, against what is in the recording."""
    sources = {track: source for track, (_, source, kind) in _places(manifest).items() if kind == "video"}
    kept: Counter[str] = Counter()
    for segment in manifest["segments"]:
        for source in {sources[track] for track in segment["tracks"] if track in sources}:
            kept[source] += segment["frames"].get("picture", 0)
    rows = []
    for source in sorted(kept):
        made = sum(_made(minutes, seat, f"send {source}") for seat in range(3))
        share = kept[source] / made if made else 0.0
        told = f"{kept[source]} of {made}, {100 * share:.1f} %"
        rows.append(Row(f"pictures of the {source} kept, of those that were made", ">= 85 %", told, share >= KEPT))
    return rows


def _made(minutes: Sequence[dict[str, Any]], seat: int, name: str) -> int:
    """Frames that a browser has encoded for a line; a connection that is new begins to count anew."""
    counts = [
        line["numbers"]["frames"]
        for minute in minutes
        for line in minute["screens"][seat]
        if line["name"] == name and line["numbers"]
    ]
    return sum(now - before if now >= before else now for before, now in pairwise(counts))


def _unsealed(data: Path, manifest: dict[str, Any], number: int) -> tuple[dict[str, Any], bytes]:
    objects = data / "objects"
    sealed = (objects / "recordings" / manifest["recording"] / f"{number}.seal").read_bytes()
    master = (data / "sealing" / "master.keys").read_text()
    key = stranger.data_key((objects / "keys" / f"{stranger.key_id(sealed)}.json").read_bytes(), master)
    plain, final, ended = stranger.read(sealed, key)
    return {"final": final.hex(), "ended": ended}, plain


async def _fetched(http: httpx.AsyncClient, url: str, number: int, size: int) -> bytes:
    """The file, in pieces, as a player that seeks gets it."""
    address = re.sub(r"(\?|$)", rf"/{number}\1", url, count=1)
    content = bytearray()
    while len(content) < size:
        last = min(size, len(content) + RANGE) - 1
        reply = await http.get(address, headers={"Range": f"bytes={len(content)}-{last}"})
        reply.raise_for_status()
        content += reply.content
    return bytes(content)


def decoded(content: bytes) -> tuple[dict[str, int], str]:
    """Frames by kind, and what was wrong."""
    counted: Counter[str] = Counter()
    try:
        with av.open(io.BytesIO(content), "r") as container:
            for packet in container.demux():
                for frame in packet.decode():
                    counted["video" if isinstance(frame, av.VideoFrame) else "audio"] += 1
    except av.error.FFmpegError as fault:
        return counted, str(fault)
    return counted, ""


def _against_the_log(manifest: dict[str, Any], hour: Any) -> list[Row]:
    recording = hour.recording
    ours = sorted((one["track"], one["why"].upper()) for one in manifest["gaps"])
    logged = sorted((one["trackId"], one["cause"]) for one in recording["gaps"])
    rows = [Row("gaps in the manifest and in the log", str(len(logged)), str(len(ours)), ours == logged)]
    places = _places(manifest)
    same = set(recording["trackIds"]) == places.keys()
    rows.append(Row("tracks, those that came back included", str(len(recording["trackIds"])), str(len(places)), same))
    whole = (_at(manifest["ended"]["at"]) - _at(manifest["at"])).total_seconds()
    covered = {place: _covered(manifest, place) / whole for place in set(places.values())}
    told = ", ".join(
        f"{place[1]} {100 * share:.1f} %" for place, share in sorted(covered.items(), key=lambda one: one[0][1])
    )
    least = min(covered.values(), default=0)
    rows.append(Row("time that is a file or a gap that is told", ">= 97 % of each", told, least >= 0.97))
    lasted, files = recording["durationMs"], sum(one["durationMs"] for one in manifest["segments"])
    told = f"{files} ms in {len(manifest['segments'])} files, over {whole:.0f} s"
    rows.append(Row("how long its files last together", f"{lasted} ms", told, lasted == files))
    return rows


def _places(manifest: dict[str, Any]) -> dict[str, Place]:
    """Of each track its point, its source and its kind; one that came back over another line is where it was before."""
    places = {one["id"]: (one["point"], one["source"], one["kind"]) for one in manifest["tracks"]}
    for one in manifest.get("continued", ()):
        places[one["track"]] = places[one["before"]]
    return places


def _covered(manifest: dict[str, Any], place: Place) -> float:
    """Seconds of this place's picture or sound that lie in a segment or in a told gap, overlaps counted once."""
    ids = {track for track, found in _places(manifest).items() if found == place}
    spans = [(one["at"], one["until"]) for one in manifest["segments"] if ids & set(one["tracks"]) and one.get("until")]
    spans += [(one["since"], one["until"]) for one in manifest["gaps"] if one["track"] in ids]
    total, end = 0.0, None
    for since, until in sorted((_at(a), _at(b)) for a, b in spans):
        start = max(since, end) if end is not None else since
        total += max(0.0, (until - start).total_seconds())
        end = until if end is None else max(end, until)
    return total


def _at(text: str) -> datetime:
    return datetime.fromisoformat(text)


def table(rows: Iterable[Row]) -> str:
    """The verdict, for people."""
    lines = [(("ok" if row.met else "NOT"), row.what, row.asked, row.found) for row in rows]
    widths = [max(len(line[at]) for line in lines) for at in range(3)]
    return "\n".join(
        f"{met:<{widths[0]}}  {what:<{widths[1]}}  {asked:<{widths[2]}}  {found}" for met, what, asked, found in lines
    )


def main(path: Path) -> None:
    """Prints the table of an hour that was."""
    print(table(Row(**row) for row in json.loads(path.read_text())["verdict"]))
