"""One recording: its strands, its files on the spool, its journal, until everything lies sealed where it stays.

Rules: every picture is kept together with the sound of its participant; a key is durable before the first byte is
sealed with it; what a kill left is mended and closed, and the recording goes on in new segments, with the gap named.
"""

from __future__ import annotations

import asyncio
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from uuid import UUID

from infra.sealing.data_keys import DataKeys
from infra.sealing.form import SealBroken
from media.recording.disk import Disk
from media.recording.intake import SILENT_NS
from media.recording.journal import Journal
from media.recording.manifest import manifest, moment
from media.recording.spool import Closed, SpooledSegment, mended
from media.recording.strand import Form, Gap, Strand
from media.recording.vault import Vault, segment_name
from media.recording.why import Why
from media.tracks import Kind, TrackDescription

# What waits in memory goes out and is synced so often.
FLUSH_NS = 1_000_000_000


class Recording:
    """`ask` passes requests for key frames on. Times come in by the monotonic clock, and go out by the calendar."""

    def __init__(
        self, recording_id: UUID, folder: Path, disk: Disk, vault: Vault, keys: DataKeys, ask: Callable[[UUID], None]
    ) -> None:
        self.recording_id, self._folder, self._disk, self._vault, self._keys = recording_id, folder, disk, vault, keys
        self._ask = ask
        self._calendar_ns = time.time_ns() - time.monotonic_ns()
        self.journal = Journal(folder, disk)
        self._key: tuple[UUID, bytes] | None = None
        self._strands: list[Strand] = []
        self._strand_of: dict[UUID, Strand] = {}
        self._open: dict[int, SpooledSegment] = {}
        self._whole: dict[int, int] = {}
        self._uploads: dict[int, asyncio.Task[None]] = {}
        self._flushed_ns = 0
        self.last_packet_ns: int | None = None
        self._lost_since: dict[UUID, tuple[int, Why]] = {}
        self._mend()

    # Its life ------------------------------------------------------------------------------------------------

    @property
    def session_id(self) -> UUID:
        return UUID(self.journal.of("began")[0]["session"])

    @property
    def track_ids(self) -> list[UUID]:
        first = [UUID(track["id"]) for track in self.journal.of("began")[0]["tracks"]]
        return first + [UUID(entry["track"]) for entry in self.journal.of("continued")]

    @property
    def ended(self) -> bool:
        return bool(self.journal.of("ended"))

    @property
    def live_tracks(self) -> set[UUID]:
        return set(self._strand_of)

    async def begin(self, session_id: UUID, tracks: Sequence[TrackDescription]) -> None:
        """The recording was authorised, and nothing of it was kept before."""
        key_id, _ = self._key = await asyncio.to_thread(self._keys.create)
        self.journal.add(
            "began",
            recording=str(self.recording_id),
            session=str(session_id),
            key=str(key_id),
            at=self._moment(time.monotonic_ns()),
            tracks=[_told(track) for track in tracks],
        )
        self.take_up(tracks)

    def take_up(self, tracks: Sequence[TrackDescription]) -> None:
        """Tracks are there, at the begin or again after the recorder was lost."""
        self._opened_key()
        now_ns = time.monotonic_ns()
        for group in strands_of(tracks):
            strand = Strand(group, self)
            self._strands.append(strand)
            self._strand_of |= dict.fromkeys((each.track_id for each in group), strand)
            for each in group:
                strand.missing_since(each.track_id, *self._lost_since.pop(each.track_id, (now_ns, None)))

    def continued(self, before: UUID, after: UUID) -> None:
        """A track came back as another one; what was missing between them is a gap of the new one."""
        self.track_ended(before)
        self.journal.add("continued", before=str(before), track=str(after), at=self._moment(time.monotonic_ns()))
        if before in self._lost_since:
            self._lost_since[after] = self._lost_since.pop(before)

    def packet(self, track_id: UUID, rtp: bytes, arrived_ns: int) -> None:
        if (strand := self._strand_of.get(track_id)) is not None:
            self.last_packet_ns = arrived_ns
            strand.packet(track_id, rtp, arrived_ns)

    def sender_report(self, track_id: UUID, ntp: int, rtp_timestamp: int) -> None:
        if (strand := self._strand_of.get(track_id)) is not None:
            strand.sender_report(track_id, ntp, rtp_timestamp)

    def overrun(self, track_id: UUID, packets: int) -> None:
        if (strand := self._strand_of.get(track_id)) is not None:
            strand.not_handed_over(track_id, Why.RECORDER_OVERRUN, packets)

    def track_ended(self, track_id: UUID, why: Why = Why.LINE_SILENT) -> None:
        if (strand := self._strand_of.pop(track_id, None)) is not None:
            last_ns = strand.track_ended(track_id)
            if last_ns is not None:
                self._lost_since[track_id] = last_ns, why

    def passed(self, now_ns: int) -> None:
        """Time went on."""
        for strand in self._strands:
            strand.passed(now_ns)
        if now_ns - self._flushed_ns >= FLUSH_NS:
            self._flushed_ns = now_ns
            for segment in self._open.values():
                segment.flush()
        if any(segment.synced for segment in self._open.values()) and not self.journal.of("first_bytes"):
            self.journal.add("first_bytes", at=self._moment(now_ns))

    def end(self, cause: str, *, keep_what_waits: bool = True) -> None:
        """Nothing more is taken in; what still waits for its place is written, or not.

        What is silent, or has gone, is a gap up to now: every moment of every track is in a file or in a gap.
        """
        now_ns = time.monotonic_ns()
        for strand in self._strands:
            strand.close(keep_what_waits=keep_what_waits, until_ns=now_ns)
        self._strands, self._strand_of = [], {}
        if not self.ended:
            for track_id, (since_ns, why) in self._lost_since.items():
                if now_ns - since_ns > SILENT_NS:
                    self.gap(Gap(track_id, since_ns, now_ns, why, 0))
            self.journal.add("ended", cause=cause, at=self._moment(now_ns))

    def pause(self) -> None:
        """The recorder goes away in order: the segments are whole, and the recording is not at its end."""
        for strand in self._strands:
            strand.close()
        self._strands, self._strand_of = [], {}

    def leave(self) -> None:
        for upload in self._uploads.values():
            upload.cancel()
        self.journal.close()

    async def stored(self) -> Mapping[str, str | int] | None:
        """Wait until everything lies where it stays; None when not one byte was recorded. Raises OSError."""
        await self._disk.drained()
        await asyncio.gather(*self._uploads.values())
        closed = self.journal.of("closed")
        if not any(entry["plain"] for entry in closed):
            return None
        sha256 = await self._vault.put_manifest(self.recording_id, manifest(self.journal.entries))
        segments = self.journal.of("segment")
        return {
            "sha256": sha256,
            "media_type": next((each["mediaType"] for each in segments if each["codec"]), segments[0]["mediaType"]),
            "size": sum(entry["size"] for entry in closed),
            "duration_ms": sum(entry["durationMs"] for entry in closed),
            "key_id": self.journal.of("began")[0]["key"],
        }

    def forget(self) -> None:
        """Everything is in its place and in the log: the spool is not needed any more."""
        self.journal.close()
        shutil.rmtree(self._folder)

    # What its strands tell -----------------------------------------------------------------------------------

    def segment(self, form: Form) -> SpooledSegment:
        number = len(self.journal.of("segment"))
        self.journal.add(
            "segment",
            number=number,
            tracks=[str(each) for each in form.tracks],
            mediaType=form.media_type,
            codec=form.codec,
            width=form.width,
            height=form.height,
            at=self._moment(form.began_ns),
        )
        path = self._path(number)
        segment = SpooledSegment(
            path, self._disk, self._opened_key(), form.media_type, lambda c: self._close(number, form, c)
        )
        self._open[number] = segment
        self._upload(number, lambda: segment.synced)
        return segment

    def gap(self, gap: Gap) -> None:
        self.journal.add(
            "gap",
            track=str(gap.track_id),
            since=self._moment(gap.since_ns),
            until=self._moment(gap.until_ns),
            why=gap.why.value,
            packets=gap.packets,
        )

    def ask_key_frame(self, track_id: UUID) -> None:
        self._ask(track_id)

    def _close(self, number: int, form: Form, closed: Closed) -> None:
        duration_ms = (closed.until_ns - form.began_ns) // 1_000_000
        self._write_closed(number, closed, self._moment(closed.until_ns), duration_ms, cut=False)
        self._open.pop(number, None)

    def _write_closed(self, number: int, closed: Closed, until: str, duration_ms: int, *, cut: bool) -> None:
        fields = {name: value for name, value in asdict(closed).items() if name != "until_ns"}
        self.journal.add("closed", number=number, until=until, durationMs=duration_ms, cut=cut, **fields)
        self._whole[number] = closed.size

    # After a kill --------------------------------------------------------------------------------------------

    def _mend(self) -> None:
        done = {entry["number"]: entry for entry in self.journal.of("closed")}
        for entry in self.journal.of("segment"):
            number = entry["number"]
            if number in done:
                self._whole[number] = done[number]["size"]
            else:
                self._close_cut(number, entry["at"])
            self._upload(number, lambda: 0)
        until = {entry["number"]: _ns(entry["until"]) - self._calendar_ns for entry in self.journal.of("closed")}
        for entry in self.journal.of("segment"):
            lost = until[entry["number"]], Why.RECORDER_LOST
            self._lost_since |= dict.fromkeys(map(UUID, entry["tracks"]), lost)
        for entry in self.journal.of("continued"):
            # What is missing since then is missing of the track that it became.
            since = self._lost_since.pop(UUID(entry["before"]), None)
            if since is not None:
                self._lost_since.setdefault(UUID(entry["track"]), since)

    def _close_cut(self, number: int, began: str) -> None:
        """The file may not even have come into being; then the segment is empty. Raises KeyNotUnwrapped."""
        path = self._path(number)
        try:
            found = mended(path, self._opened_key()[1])
        except (FileNotFoundError, SealBroken):
            path.write_bytes(b"")
            closed, cut, written_ns = Closed(0, {}, 0, 0, 0, ""), True, _ns(began)
        else:
            closed, cut, written_ns = found.closed, found.cut, found.written_ns
        duration_ms = max(0, written_ns - _ns(began)) // 1_000_000
        self._write_closed(number, closed, moment(max(written_ns, _ns(began))), duration_ms, cut=cut)

    def _opened_key(self) -> tuple[UUID, bytes]:
        if self._key is None:
            key_id = UUID(self.journal.of("began")[0]["key"])
            self._key = key_id, self._keys.open(key_id)
        return self._key

    def _upload(self, number: int, synced: Callable[[], int]) -> None:
        name = segment_name(self.recording_id, number)
        take = self._vault.take(name, self._path(number), lambda: self._whole.get(number), synced)
        self._uploads[number] = asyncio.create_task(take)

    def _path(self, number: int) -> Path:
        return self._folder / f"{number}.seal"

    def _moment(self, monotonic_ns: int) -> str:
        return moment(monotonic_ns + self._calendar_ns)


def strands_of(tracks: Sequence[TrackDescription]) -> list[list[TrackDescription]]:
    """Each picture with the sound of its participant, once; sound that is left over by itself."""
    sounds = [each for each in tracks if each.kind is Kind.AUDIO]
    groups: list[list[TrackDescription]] = []
    for picture in (each for each in tracks if each.kind is Kind.VIDEO):
        own = next((each for each in sounds if each.participant_id == picture.participant_id), None)
        if own is not None:
            sounds.remove(own)
        groups.append([picture, own] if own else [picture])
    return [*groups, *([each] for each in sounds)]


def _told(track: TrackDescription) -> dict[str, str]:
    return {
        "id": str(track.track_id),
        "kind": track.kind.value,
        "source": track.source.value,
        "codec": track.codec,
        "point": str(track.point_id),
        "participant": str(track.participant_id),
    }


def _ns(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp() * 1_000_000) * 1000
