"""What a recording costs: a camera of 720p and 1.5 Mbit/s with its sound, from the tap to sealed bytes on the disk.

Rules: in real time and through the real socket, both of its ends in this process, so that what the worker pays is in
it; what making the packets costs is measured beside and taken off. In the same run the same frames are decoded and
encoded again, as recorders do that do not write what came.
"""

from __future__ import annotations

import asyncio
import io
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from uuid import UUID, uuid4

import av
from aiortc.codecs.vpx import VpxPayloadDescriptor
from aiortc.rtp import RtpPacket

from infra.media_tokens import Source
from infra.objects import Objects
from infra.sealing.data_keys import DataKeys
from infra.sealing.master_keys import add_master_key, read_master_keys
from infra.sealing.reader import opened
from media.recording.disk import Disk
from media.recording.feed import RecorderFeed
from media.recording.recording import Recording
from media.recording.vault import Vault, segment_name
from media.recording.why import Why
from media.recording.wire import Says
from media.recording.worker_line import WorkerLine
from media.tracks import Kind, Measured, Tap, TrackDescription
from tests.benchmarks.figure import Asked, Figure, Runs
from tests.benchmarks.media_clip import HEIGHT, RATE, WIDTH, Clip, clip
from tests.benchmarks.stage import Stage

SECONDS, QUICK_SECONDS = 30, 10
SILENCE = b"\xfc\xff\xfe" + bytes(77)


@dataclass
class Live:
    """A track whose packets go to whoever taps it."""

    description: TrackDescription
    taps: list[Tap] = field(default_factory=list)

    def add_tap(self, tap: Tap) -> None:
        self.taps.append(tap)

    def remove_tap(self, tap: Tap) -> None:
        self.taps.remove(tap)

    def ask_key_frame(self) -> None: ...

    def measured(self) -> Measured:
        return Measured(1500, RATE, WIDTH, HEIGHT, 0, 0, 1, 20, 0, 0, 1)


@dataclass
class Straight:
    """What comes from the worker goes into the one recording; there is no log to ask."""

    recording: Recording

    def track_there(self, line: WorkerLine, number: int, track: TrackDescription) -> None:
        line.say(Says.TAKE, number)

    def track_gone(self, track_id: UUID, why: Why = Why.LINE_SILENT) -> None: ...

    def packet(self, track_id: UUID, rtp: bytes, arrived_ns: int) -> None:
        self.recording.packet(track_id, rtp, arrived_ns)

    def sender_report(self, track_id: UUID, ntp: int, rtp_timestamp: int) -> None: ...

    def overrun(self, track_id: UUID, packets: int) -> None:
        raise RuntimeError("the recorder did not keep up")


async def measure(stage: Stage) -> Sequence[Figure]:
    seconds = QUICK_SECONDS if stage.quick else SECONDS
    source = clip(stage.settings.data.parent / "benchmarks")
    sending = await _sent(source, [], seconds)
    runs, frames = [], 0
    for _ in range(1 if stage.quick else stage.rounds):
        with tempfile.TemporaryDirectory() as folder:
            spent, frames = await _recorded(source, seconds, Path(folder))
        runs.append(100 * (spent - sending) / seconds)
    anew = 100 * _encoded_anew(source)
    return [
        Figure(
            "recording of a 720p camera with sound: CPU",
            "% of a core",
            Runs(runs),
            asked=Asked(3.0, at_least=False),
            baseline=anew,
            versus="decoding and encoding the same frames anew, without any container or seal",
            limit="RTP, its order and the socket, in Python",
            details={"frames_kept": f"{frames} of {seconds * RATE}"},
        )
    ]


async def _recorded(source: Clip, seconds: int, folder: Path) -> tuple[float, int]:
    """CPU seconds, and how many frames a player finds afterwards."""
    add_master_key(folder / "master.keys")
    objects = Objects.in_folder(folder / "objects")
    keys, disk = DataKeys(objects, read_master_keys(folder / "master.keys")), Disk()
    recording = Recording(uuid4(), folder / "spool", disk, Vault(objects), keys, lambda _: None)
    tracks = [Live(_described("VP8", Kind.VIDEO, 90_000)), Live(_described("opus", Kind.AUDIO, 48_000))]
    await recording.begin(uuid4(), [track.description for track in tracks])
    lines: set[WorkerLine] = set()
    server = await asyncio.get_running_loop().create_unix_server(
        lambda: WorkerLine(Straight(recording), disk, lines), str(folder / "sock")
    )
    feed, stop = RecorderFeed(folder / "sock"), asyncio.Event()
    running = asyncio.create_task(feed.run(stop))
    for track in tracks:
        feed.offer(track)
    while not all(track.taps for track in tracks):
        await asyncio.sleep(0.01)
    spent = await _sent(source, tracks, seconds, lambda: recording.passed(time.monotonic_ns()))
    while feed.waiting_bytes:
        await asyncio.sleep(0.01)
    await asyncio.sleep(0.1)
    recording.end("asked")
    stored = await recording.stored()
    assert stored is not None
    stop.set()
    await running
    server.close()
    return spent, _frames(objects, keys, recording)


async def _sent(source: Clip, tracks: Sequence[Live], seconds: int, tick: Callable[[], None] | None = None) -> float:
    """In real time; answers the CPU seconds of this process meanwhile."""
    began, cpu = time.monotonic(), time.process_time()
    numbers, sounds = [0, 0], 0
    for number in range(seconds * RATE):
        due = began + number / RATE
        with suppress(TimeoutError):
            await asyncio.sleep(max(0, due - time.monotonic()))
        parts = source[number % len(source)]
        packets = [_packet(part, numbers[0] + at, number * 3000, 1, part is parts[-1]) for at, part in enumerate(parts)]
        numbers[0] += len(parts)
        _hand(tracks, 0, packets)
        while sounds * 0.02 <= number / RATE:
            _hand(tracks, 1, [_packet(SILENCE, sounds, sounds * 960, 2, marker=False)])
            sounds += 1
        if tick is not None and number % 8 == 0:
            tick()
    return time.process_time() - cpu


def _packet(payload: bytes, number: int, timestamp: int, ssrc: int, marker: bool) -> bytes:
    return RtpPacket(96, int(marker), number & 0xFFFF, timestamp & 0xFFFFFFFF, ssrc, payload).serialize()


def _hand(tracks: Sequence[Live], which: int, packets: Sequence[bytes]) -> None:
    for tap in tracks[which].taps if tracks else ():
        for packet in packets:
            tap.packet(packet, time.monotonic_ns())


def _frames(objects: Objects, keys: DataKeys, recording: Recording) -> int:
    key = keys.open(UUID(str(recording.journal.of("began")[0]["key"])))
    count = 0
    for segment in recording.journal.of("segment"):
        content = opened(objects.get(segment_name(recording.recording_id, segment["number"])), key)
        with av.open(io.BytesIO(content), "r") as file:
            count += sum(1 for packet in file.demux(video=0) if packet.size)
    return count


def _encoded_anew(source: Clip) -> float:
    """CPU seconds for a second of the same picture, decoded and encoded with libvpx as for a live one."""
    decoder, encoder = av.CodecContext.create("libvpx", "r"), av.CodecContext.create("libvpx", "w")
    assert isinstance(decoder, av.VideoCodecContext)
    assert isinstance(encoder, av.VideoCodecContext)
    encoder.width, encoder.height, encoder.pix_fmt = WIDTH, HEIGHT, "yuv420p"
    encoder.bit_rate, encoder.time_base, encoder.framerate = 1_500_000, Fraction(1, RATE), Fraction(RATE)
    encoder.options = {"deadline": "realtime", "cpu-used": "8"}
    cpu = time.process_time()
    for number, parts in enumerate(source):
        data = b"".join(VpxPayloadDescriptor.parse(part)[1] for part in parts)
        for frame in decoder.decode(av.Packet(data)):
            frame.pts, frame.time_base = number, Fraction(1, RATE)
            frame.pict_type = av.video.frame.PictureType.NONE
            encoder.encode(frame)
    return (time.process_time() - cpu) / (len(source) / RATE)


def _described(codec: str, kind: Kind, rate: int) -> TrackDescription:
    return TrackDescription(
        track_id=uuid4(),
        session_id=UUID(int=1),
        point_id=UUID(int=2),
        participant_id=UUID(int=3),
        kind=kind,
        source=Source.CAMERA,
        codec=codec,
        clock_rate=rate,
        payload_type=96,
        fmtp={},
    )
