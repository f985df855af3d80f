"""What a worker does for the log beside carrying media: it tells, it looks, and it does what the log says.

Rules: nothing of this stands in the way of a picture: without the database calls go on, and facts wait; a participant
or a track that the rules refuse is ended; a room that was closed is emptied, and who was sent out of one goes within
a second; what the log says of a room is told over its data channels; what an earlier run of this worker left open when
it was killed is closed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from uuid import UUID, uuid4

import structlog

from commands._bus import Bus
from infra.event_store import PostgresEventStore
from infra.health import Vitals
from infra.media_places import Lost, Placement, Run
from infra.postgres import Line, Wake, keep_listening
from infra.reference import load as load_reference
from infra.settings import Settings
from media.engine import Engine
from media.followed import Followed
from media.observation import Observation
from media.placing import Placing
from media.reporter import Joined, TrackBegan
from media.reporting import LogReporter
from media.told import Told
from media.tracks import Ended
from projections.live_session import earlier_runs

SECOND_S, EARLIER_RUNS_EVERY_S, FAREWELL_S = 1.0, 10.0, 5.0
# A notice of the log wakes at once; without one it is looked this often, and never more often than that.
LOOK_S, BREATH_S = 0.25, 0.05
# The same thing told twice, or over a new connection, is no reason to end it.
HARMLESS = frozenset({"PARTICIPANT_ALREADY_PRESENT", "TRACK_ALREADY_PUBLISHED"})
log = structlog.get_logger()


class OnTheLog:
    """The log's side of one run of a worker."""

    def __init__(self, settings: Settings, dsn: str, vitals: Vitals) -> None:
        reference = load_reference()
        self._store, self._line, self._vitals = PostgresEventStore(dsn), Line(dsn), vitals
        self.reporter = LogReporter(Bus(self._store), reference, worker_name(settings), uuid4())
        self._followed = Followed(self._store)
        self._observation = Observation(self.reporter, reference)
        self._settings, self._dsn = settings, dsn
        self._placing: Placing | None = None
        self._burials: set[asyncio.Task[None]] = set()

    async def follow(self, engine: Engine) -> None:
        """As long as the worker runs. Raises TakenForLost."""
        self.reporter.refused = lambda fact, code: end_refused(engine, fact, code)
        self._observation.act, self._observation.standing = engine.hold, engine.standing
        run = Run(self.reporter.run_id, self.reporter.worker, engine.url, engine.pipe)
        most = self._settings.media_packets_a_second
        self._placing = Placing(self._dsn, run, most, self._bury, lambda rooms: self._placed(engine, rooms))
        engine.directory = self._placing
        wake = Wake()
        await asyncio.gather(
            self._look(engine),
            self._close_earlier_runs(),
            self._obey(engine, wake),
            keep_listening(self._dsn, "events", wake),
            self._placing.follow(engine),
        )

    def _placed(self, engine: Engine, rooms: Mapping[UUID, Placement]) -> None:
        engine.placed(rooms)
        for session_id, at in rooms.items():
            if at.moved_from is not None and at.origin.run_id == self.reporter.run_id:
                self.reporter.takes_over(session_id, at.moved_from)

    def _bury(self, lost: Lost) -> None:
        """Whoever it carried is off the line; that is told in our own time, and by whoever takes the rooms over too."""
        task = asyncio.get_running_loop().create_task(self.reporter.lost(lost.run_id, lost.sessions))
        self._burials.add(task)
        task.add_done_callback(self._burials.discard)

    async def _look(self, engine: Engine) -> None:
        while True:
            try:
                rooms = tuple(engine.rooms.values())
                # What an edge is fed is looked at by its origin.
                tracks = [track for room in rooms if room.inflow is None for track in room.tracks.values()]
                viewers = [viewer for room in rooms for viewer in room.viewers.values()]
                self._observation.look(tracks, watching=viewers, late_ms=engine.lag_ms)
            except Exception as fault:
                log.error("look_failed", exc_info=fault)
            self._vitals.details.update(facts_waiting=self.reporter.waiting, facts_given_up=self.reporter.given_up)
            await asyncio.sleep(SECOND_S)

    async def _close_earlier_runs(self) -> None:
        while True:
            try:
                await self.reporter.close_earlier_runs(self._earlier)
            except Exception as fault:
                # The views may not be built yet, or the database be away: calls go on.
                log.warning("rooms_not_read", error_type=type(fault).__name__)
                await self._line.drop()
            await asyncio.sleep(EARLIER_RUNS_EVERY_S)

    async def _obey(self, engine: Engine, wake: Wake) -> None:
        while True:
            await wake.wait(LOOK_S)
            try:
                # First what was read before: whoever has to go was told so, and had a moment to hear it.
                obey(engine)
                await self._read_on(engine)
            except Exception as fault:
                log.warning("rooms_not_read", error_type=type(fault).__name__)
            await asyncio.sleep(BREATH_S)

    async def _read_on(self, engine: Engine) -> None:
        anew = {id_ for id_, room in engine.rooms.items() if room.orders.version is None}
        for chapter in await self._followed.read_on(list(engine.rooms), anew):
            if (room := engine.rooms.get(chapter.session_id)) is not None:
                room.channels.told(chapter)

    async def _earlier(self) -> Sequence[tuple[UUID, UUID]]:
        if self._placing is None or not self._placing.enrolled:
            # Runs of this name may be those of another worker, which lives.
            return ()
        return await earlier_runs(await self._line.get(), self.reporter.worker, self.reporter.run_id)

    async def close(self) -> None:
        """After the engine has ended all connections: what it told of that is still sent."""
        await self.reporter.close(FAREWELL_S)
        for burial in tuple(self._burials):
            burial.cancel()
        if self._placing is not None:
            await self._placing.close()
        await self._line.close()
        await self._store.close()


def worker_name(settings: Settings) -> str:
    """The same for every run of this worker: its name, or else its port, which is its own on this machine."""
    return settings.media_worker or f"media-{settings.media_udp_port}"


def obey(engine: Engine) -> None:
    """End what the log does not want: closed rooms, and who was sent out."""
    for session_id, room in tuple(engine.rooms.items()):
        if room.orders.closed:
            end_all(engine, session_id)
        for participant_id in room.orders.removed:
            end_all(engine, session_id, participant_id)


def end_refused(engine: Engine, fact: Told, code: str) -> None:
    """The log does not take it, so it may not be."""
    if code in HARMLESS:
        return
    match fact:
        case Joined():
            end_all(engine, fact.session_id, fact.participant_id)
        case TrackBegan():
            room = engine.rooms.get(fact.track.session_id)
            publisher = room.publishers.get((fact.track.point_id, fact.track.source)) if room is not None else None
            if publisher is not None:
                engine.end(publisher, Ended.CLOSED)


def end_all(engine: Engine, session_id: UUID, participant_id: UUID | None = None) -> None:
    """End the connections of a room, or those of one participant in it."""
    room = engine.rooms.get(session_id)
    for peer in tuple(room.members) if room is not None else ():
        if participant_id in (None, peer.grant.participant_id):
            engine.end(peer, Ended.CLOSED)
