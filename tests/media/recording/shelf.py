"""Keeps what a strand tells in memory, and reads the files back as any player would."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

import av

from media.recording.strand import Form, Gap, Segment, Strand
from media.recording.why import Why
from media.tracks import TrackDescription
from tests.media.recording.source import Sent


@dataclass
class Kept(Segment):
    form: Form
    content: bytearray = field(default_factory=bytearray)
    frames: Mapping[str, int] | None = None
    until_ns: int = 0

    def write(self, plain: bytes) -> None:
        self.content += plain

    def close(self, until_ns: int, frames: Mapping[str, int]) -> None:
        self.until_ns, self.frames = until_ns, frames

    def packets(self, kind: str) -> list[tuple[float, bytes]]:
        """Time in seconds since the begin, and the codec's bytes, as a player's demultiplexer finds them."""
        with av.open(io.BytesIO(bytes(self.content)), "r") as file:
            stream = next(each for each in file.streams if each.type == kind)
            packets = [packet for packet in file.demux(stream) if packet.pts is not None and packet.size]
            return [(float((packet.pts or 0) * packet.time_base), bytes(packet)) for packet in packets]

    def decoded(self) -> list[av.VideoFrame]:
        """Every picture; an error of the decoder is an error here."""
        with av.open(io.BytesIO(bytes(self.content)), "r") as file:
            context = file.streams.video[0].codec_context
            context.options = {"err_detect": "explode"}
            return list(file.decode(video=0))


@dataclass
class Shelf:
    segments: list[Kept] = field(default_factory=list)
    gaps: list[Gap] = field(default_factory=list)
    asked: list[UUID] = field(default_factory=list)

    def segment(self, form: Form) -> Kept:
        self.segments.append(Kept(form))
        return self.segments[-1]

    def gap(self, gap: Gap) -> None:
        self.gaps.append(gap)

    def ask_key_frame(self, track_id: UUID) -> None:
        self.asked.append(track_id)

    def pictures(self) -> list[bytes]:
        return [data for segment in self.segments if segment.form.codec for _, data in segment.packets("video")]

    def reasons(self) -> list[Why]:
        return [gap.why for gap in self.gaps]


def record(tracks: Sequence[tuple[TrackDescription, Sequence[Sent]]], **options: int) -> Shelf:
    """Everything that was sent, in the order of arrival, into one strand."""
    shelf = Shelf()
    strand = Strand([track for track, _ in tracks], shelf, **options)
    arrivals = [
        (sent.at_ns, number, track.track_id, sent.rtp)
        for track, all_sent in tracks
        for number, sent in enumerate(all_sent)
    ]
    for at_ns, _, track_id, rtp in sorted(arrivals, key=lambda each: each[:2]):
        strand.packet(track_id, rtp, at_ns)
        strand.passed(at_ns)
    strand.close()
    return shelf
