"""The recorder's end of the pipe: one line for each media worker that is connected.

Rules: a worker that breaks the form of the wire is cut off; while the disk is too far behind nothing more is read, and
the worker drops and tells, as it must.
"""

from __future__ import annotations

import asyncio
from typing import Protocol, cast
from uuid import UUID

import structlog

from media.framed import Message, Messages, WireBroken, description, message
from media.recording.disk import Disk
from media.recording.why import Why
from media.recording.wire import DROPPED, PACKET, REPORT, Says
from media.tracks import TrackDescription

MOST_BEHIND_BYTES = 16 << 20
MOST_TRACKS = 4096
log = structlog.get_logger()


class Takes(Protocol):
    """What becomes of what a worker says."""

    def track_there(self, line: WorkerLine, number: int, track: TrackDescription) -> None: ...

    def track_gone(self, track_id: UUID, why: Why = Why.LINE_SILENT) -> None: ...

    def packet(self, track_id: UUID, rtp: bytes, arrived_ns: int) -> None: ...

    def sender_report(self, track_id: UUID, ntp: int, rtp_timestamp: int) -> None: ...

    def overrun(self, track_id: UUID, packets: int) -> None: ...


class WorkerLine(asyncio.Protocol):
    def __init__(self, takes: Takes, disk: Disk, lines: set[WorkerLine]) -> None:
        self._takes, self._disk, self._lines = takes, disk, lines
        self._messages = Messages()
        self._tracks: dict[int, UUID] = {}
        self._transport: asyncio.Transport | None = None
        self._paused = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are of no common class.
        self._transport = cast(asyncio.Transport, transport)
        self._lines.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._lines.discard(self)
        for track_id in list(self._tracks.values()):
            # A worker that goes in good order says first that its tracks have ended.
            self._takes.track_gone(track_id, Why.WORKER_LOST)

    def data_received(self, data: bytes) -> None:
        try:
            for said in self._messages.feed(data):
                self._hear(said)
        except (WireBroken, ValueError, IndexError) as fault:
            log.error("worker_not_understood", exc_info=fault)
            self.cut()
        if self._disk.waiting_bytes > MOST_BEHIND_BYTES and self._transport is not None and not self._paused:
            self._paused = True
            self._transport.pause_reading()

    def disk_caught_up(self) -> None:
        """Asked now and then; reading goes on when half of the way is made good."""
        if self._paused and self._transport is not None and self._disk.waiting_bytes < MOST_BEHIND_BYTES // 2:
            self._paused = False
            self._transport.resume_reading()

    def say(self, kind: Says, number: int) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(message(kind, number))

    def cut(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    def _hear(self, said: Message) -> None:
        if said.kind == Says.TRACK:
            self._new_track(said)
            return
        track_id = self._tracks.get(said.track)
        if track_id is None:
            return
        match said.kind:
            case Says.PACKET:
                if len(said.body) < PACKET.size:
                    raise WireBroken("a packet without its time")
                self._takes.packet(track_id, said.body[PACKET.size :], *PACKET.unpack_from(said.body))
            case Says.REPORT if len(said.body) == REPORT.size:
                self._takes.sender_report(track_id, *REPORT.unpack(said.body))
            case Says.DROPPED if len(said.body) == DROPPED.size:
                self._takes.overrun(track_id, *DROPPED.unpack(said.body))
            case Says.ENDED:
                del self._tracks[said.track]
                self._takes.track_gone(track_id)
            case _:
                raise WireBroken("an unknown message")

    def _new_track(self, said: Message) -> None:
        if said.track in self._tracks or len(self._tracks) >= MOST_TRACKS:
            raise WireBroken("a track that is there already, or too many")
        track = description(said.body)
        self._tracks[said.track] = track.track_id
        self._takes.track_there(self, said.track, track)
