"""One worker: its port, its rooms, and the clock that drives them.

Rules: everything runs in one loop and nothing in it waits for anything outside; a hundred times a second what is
missing is asked for, twenty times arrivals are told, four times it is looked who is still there, and each peer has one
moment in each second for its reports, spread over the second; joins are let in at a bounded rate, because a handshake
takes ten milliseconds of the loop from those who are in a call already.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from uuid import UUID

import structlog
from aiortc.rtcdtlstransport import RTCCertificate

from domain._live import Rung
from infra.media_places import Placement
from media._aiortc import check_contract
from media.egress import Egress
from media.facts import RungChanged
from media.negotiation import extend_tables
from media.peer import Peer
from media.placing import Alone, Directory
from media.published import PublishedTrack
from media.publisher import Publisher
from media.reporter import Reporter
from media.room import Room
from media.tracks import Ended, Follower
from media.udp import Port
from media.viewer import Viewer

TICK_SECONDS = 0.01
ARRIVALS_EVERY, LOOK_EVERY, SECOND = 5, 25, 100
MOST_PEERS = 2_000
CERTIFICATE_LIVES = timedelta(days=7)

log = structlog.get_logger()


class Engine:
    """`name` is the CNAME under which this worker reports."""

    def __init__(self, port: Port, reporter: Reporter, name: str = "telehealth") -> None:
        self.port = port
        self.egress = Egress(port)
        self.reporter = reporter
        self.name = name.encode()
        self.rooms: dict[UUID, Room] = {}
        self.followers: list[Follower] = []
        self.peers: dict[UUID, Peer] = {}
        self.directory: Directory = Alone()
        self.relays: frozenset[str] = frozenset()
        """The addresses of this deployment's relays, as far as they are known."""
        self.url = self.pipe = ""
        """Where this worker is reached: by clients, and by its edges."""
        self.malformed = self.turned_away = self.taken = self.piped = self.held_in_pipes = 0
        self.lag_ms = 0.0
        self._certificate: RTCCertificate | None = None
        self._tick = 0
        self._due = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._closing: set[asyncio.Task[None]] = set()

    def start(self) -> None:
        """Raises ContractBroken when the libraries are not those that this was written for."""
        check_contract()
        extend_tables()
        self.port.after_wake = self.egress.run
        self.port.start()
        self._due = asyncio.get_running_loop().time()
        self._again()

    async def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        await asyncio.gather(*(peer.close(Ended.CLOSED) for peer in tuple(self.peers.values())))
        for room in self.rooms.values():
            room.close()
        if self._closing:
            await asyncio.gather(*self._closing, return_exceptions=True)
        self.port.close()

    @property
    def certificate(self) -> RTCCertificate:
        """The worker's own, made anew each week; a connection keeps the one that it began with."""
        if self._certificate is None or self._certificate.expires - datetime.now(UTC) < CERTIFICATE_LIVES:
            self._certificate = RTCCertificate.generateCertificate()
        return self._certificate

    @property
    def edges(self) -> int:
        """How many rooms of other workers are fed from here."""
        return sum(len(room.outflows) for room in self.rooms.values())

    def room(self, session_id: UUID) -> Room:
        """The room of a session, made when its first participant comes."""
        room = self.rooms.get(session_id)
        if room is None:
            room = self.rooms[session_id] = Room(self, session_id, self.reporter)
        return room

    def placed(self, rooms: Mapping[UUID, Placement]) -> None:
        """Which rooms are this worker's now: one that it helped with may have come to be its own."""
        for session_id, at in rooms.items():
            room = self.rooms.get(session_id)
            if room is not None and at.origin.run_id == self.directory.run_id:
                room.becomes_origin()

    def track(self, session_id: UUID, track_id: UUID) -> PublishedTrack | None:
        """A track that is published now."""
        room = self.rooms.get(session_id)
        return room.track_of(track_id) if room is not None else None

    def standing(self, session_id: UUID, participant_id: UUID) -> Rung | None:
        """The rung on which this participant of that session is held; None when it is not here."""
        room = self.rooms.get(session_id)
        return room.rungs.get(participant_id) if room is not None else None

    def hold(self, session_id: UUID, participant_id: UUID, rung: Rung, told: RungChanged | None) -> None:
        """This participant's line came to that rung of the ladder."""
        if (room := self.rooms.get(session_id)) is not None:
            room.hold(participant_id, rung, told)

    def end(self, peer: Peer, reason: Ended) -> None:
        """Ends a connection without waiting for it."""
        if not peer.closed:
            task = asyncio.get_running_loop().create_task(peer.close(reason))
            self._closing.add(task)
            task.add_done_callback(self._closed)

    def _closed(self, task: asyncio.Task[None]) -> None:
        self._closing.discard(task)
        if not task.cancelled() and (fault := task.exception()) is not None:
            log.error("peer_close_failed", exc_info=fault)

    def _again(self) -> None:
        loop = asyncio.get_running_loop()
        now = loop.time()
        self.lag_ms = max(self.lag_ms * 0.99, (now - self._due) * 1000)
        self._due = max(self._due + TICK_SECONDS, now)
        self._timer = loop.call_at(self._due, self._again)
        self._tick += 1
        try:
            self._work(time.monotonic_ns())
        except Exception as fault:
            # One peer's trouble must not stop everybody's clock.
            log.error("tick_failed", exc_info=fault)

    def _work(self, now_ns: int) -> None:
        tick, peers = self._tick, tuple(self.peers.values())
        for peer in peers:
            if isinstance(peer, Publisher):
                peer.mend(now_ns)
                if tick % ARRIVALS_EVERY == 0:
                    peer.tell_arrivals()
        for room in tuple(self.rooms.values()):
            room.mend(now_ns)
            if tick % SECOND == 0:
                room.second(now_ns)
        for at in range(tick % LOOK_EVERY, len(peers), LOOK_EVERY):
            peers[at].look(now_ns)
        for at in range(tick % SECOND, len(peers), SECOND):
            peer = peers[at]
            if isinstance(peer, Publisher | Viewer) and peer.joined and not peer.closed:
                peer.second(now_ns)
        if tick % LOOK_EVERY == 0:
            for room in tuple(self.rooms.values()):
                room.listen()
                room.channels.look(now_ns)
                if room.empty:
                    room.close()
                    del self.rooms[room.session_id]
        self.egress.run()
