"""The worker's end of the pipe to the recorder: hands tracks over, and never waits for anybody.

Rules: what the recorder does not take in time is dropped, counted and told, so that a disk that stands still costs the
recording a named gap and the consultation nothing; a recorder that is away is looked for again, and told anew what
there is. Nothing in here raises into the forwarding.
"""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID

import structlog

from infra.settings import Settings
from infra.waiting import rest
from media.framed import Message, Messages, Outbox, WireBroken, described, message
from media.recording.wire import DROPPED, PACKET, REPORT, Says
from media.tracks import Ended, Track

MOST_BYTES = 8 << 20
LOOK_AGAIN_S = 0.5
log = structlog.get_logger()


def recorder_socket(settings: Settings) -> Path:
    """Where the recorder of this machine is reached."""
    return settings.data / "run" / "recorder.sock"


@dataclass
class _Offered:
    """A track and its tap. `dropped` counts what the recorder still has to be told."""

    feed: RecorderFeed
    number: int
    track: Track
    taken: bool = False
    dropped: int = 0
    dropping: bool = False

    def packet(self, rtp: bytes, arrived_ns: int) -> None:
        if self.feed.full(self):
            self.dropped += 1
            return
        if self.dropped:
            self.feed.send(message(Says.DROPPED, self.number, DROPPED.pack(self.dropped)))
            self.dropped = 0
        self.feed.send(message(Says.PACKET, self.number, PACKET.pack(arrived_ns), rtp))

    def sender_report(self, ntp: int, rtp_timestamp: int) -> None:
        if not self.feed.full(self):
            self.feed.send(message(Says.REPORT, self.number, REPORT.pack(ntp, rtp_timestamp)))

    def ended(self, reason: Ended) -> None:
        self.feed.withdraw(self.track.description.track_id)


@dataclass
class RecorderFeed:
    """One for a worker. `offer` every track when it begins; it is withdrawn by itself when it ends."""

    socket: Path
    most_bytes: int = MOST_BYTES
    _offered: dict[UUID, _Offered] = field(default_factory=dict)
    _by_number: dict[int, _Offered] = field(default_factory=dict)
    _next: int = 0
    _box: Outbox = field(default_factory=Outbox)

    @property
    def connected(self) -> bool:
        return self._box.open

    @property
    def waiting_bytes(self) -> int:
        """What the recorder has not taken yet."""
        return self._box.waiting_bytes

    def offer(self, track: Track) -> None:
        self._next = (self._next + 1) & 0xFFFF
        offered = _Offered(self, self._next, track)
        self._offered[track.description.track_id] = self._by_number[self._next] = offered
        self._announce(offered)

    def withdraw(self, track_id: UUID) -> None:
        """Safe to call for a track that was never offered, or has ended already."""
        if (offered := self._offered.pop(track_id, None)) is not None:
            del self._by_number[offered.number]
            self.send(message(Says.ENDED, offered.number))

    async def run(self, stop: asyncio.Event) -> None:
        """Keeps the connection until `stop` is set."""
        while not stop.is_set():
            with contextlib.suppress(OSError):
                reader, writer = await asyncio.open_unix_connection(str(self.socket))
                try:
                    await self._talk(reader, writer, stop)
                finally:
                    self._box.connect(None)
                    writer.close()
                    self._all_left()
            await rest(stop, LOOK_AGAIN_S)

    def full(self, offered: _Offered) -> bool:
        """Once full, a track is dropped until half is free again: one gap is better than many."""
        if not self._box.open:
            return True
        most = self.most_bytes // 2 if offered.dropping else self.most_bytes
        offered.dropping = self.waiting_bytes > most
        return offered.dropping

    def send(self, data: bytes) -> None:
        self._box.send(data)

    def _announce(self, offered: _Offered) -> None:
        self.send(message(Says.TRACK, offered.number, described(offered.track.description)))

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, stop: asyncio.Event) -> None:
        self._box.connect(writer.transport)
        for offered in self._offered.values():
            self._announce(offered)
        messages = Messages()
        stopped = asyncio.ensure_future(stop.wait())
        try:
            while not stop.is_set():
                reading = asyncio.ensure_future(reader.read(65_536))
                await asyncio.wait({reading, stopped}, return_when=asyncio.FIRST_COMPLETED)
                if not reading.done() or not (data := reading.result()):
                    reading.cancel()
                    return
                for each in messages.feed(data):
                    self._obey(each)
        except (OSError, WireBroken) as fault:
            log.warning("recorder_lost", exc_info=fault)
        finally:
            stopped.cancel()

    def _obey(self, said: Message) -> None:
        offered = self._by_number.get(said.track)
        if offered is None:
            return
        if said.kind == Says.TAKE and not offered.taken:
            offered.taken, offered.dropped = True, 0
            offered.track.add_tap(offered)
        elif said.kind == Says.LEAVE and offered.taken:
            offered.taken = False
            offered.track.remove_tap(offered)
        elif said.kind == Says.KEY:
            offered.track.ask_key_frame()

    def _all_left(self) -> None:
        for offered in self._offered.values():
            if offered.taken:
                offered.taken = False
                offered.track.remove_tap(offered)
