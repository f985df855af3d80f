"""One live session on this worker: who publishes what, who watches, who speaks.

A worker is the room's origin, where all publishers are, or an edge, to which the origin feeds everything by a pipe.

Rules: a place (a point's camera, its ultrasound) has one publisher at a time, and the newest connection has it; the old
one is closed when the new one stands, so a change of network leaves no gap that need not be; observers publish nothing;
each fact is told to the reporter once, in order.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING
from uuid import UUID

from domain._live import Destination, Rung
from infra.media_tokens import Grant, MediaRole, Source
from media.channel import Channels
from media.facts import RungChanged
from media.inflow import Inflow
from media.orders import NOT_READ_YET, Orders
from media.outflow import Outflow
from media.peer import Peer
from media.published import LOUD, PublishedTrack
from media.publisher import Publisher
from media.reporter import Fact, Joined, Left, Reporter, Rerouted, SpeakerChanged, TrackBegan, TrackEnded
from media.tracks import Ended, Kind
from media.viewer import Viewer
from media.way import kind_of, transport_of

if TYPE_CHECKING:
    from media.engine import Engine

Place = tuple[UUID, Source, Kind]

SPEAKS = 127 - LOUD
LOUDER = 6.0
SOON_S = 1.5
KEPT_NS = 5_000_000_000
"""So long a room waits for whoever is on the way; longer than anybody waits for a turn."""


class Room:
    """`session_id` is that of the LiveSession."""

    def __init__(self, engine: Engine, session_id: UUID, reporter: Reporter) -> None:
        self.session_id = session_id
        self.publishers: dict[tuple[UUID, Source], Publisher] = {}
        self.coming: dict[tuple[UUID, Source], Publisher] = {}
        """Those who were answered, and of whom not all has come yet: their lines can be made ready."""
        self.viewers: dict[UUID, Viewer] = {}
        self.tracks: dict[Place, PublishedTrack] = {}
        self.speaker: UUID | None = None
        self._engine = engine
        self._reporter = reporter
        self.members: set[Peer] = set()
        self._connections: dict[UUID, int] = {}
        self._ways: dict[UUID, tuple[object, ...] | None] = {}
        self.orders: Orders = NOT_READ_YET
        self.channels = Channels(engine, self)
        self.rungs: dict[UUID, Rung] = {}
        """On which rung of the ladder each participant's line is, while it is here."""
        self.inflow: Inflow | None = None
        self.outflows: set[Outflow] = set()
        self.hears: Callable[[bytes], None] = self.channels.heard_beyond
        """Called with what was said in this room on another worker."""
        self._withheld: dict[tuple[UUID, Source], frozenset[Destination]] = {}
        self._kept_until_ns = self._back_until_ns = 0
        self._news = asyncio.Event()

    def tell(self, fact: Fact) -> None:
        self._reporter.tell(fact)

    @property
    def empty(self) -> bool:
        """Nobody is here or on the way, and nobody is fed from here."""
        return not self.members and not self.outflows and time.monotonic_ns() > self._kept_until_ns

    def awaits(self) -> None:
        """Somebody is on the way."""
        self._kept_until_ns = time.monotonic_ns() + KEPT_NS

    def comes_back(self) -> None:
        """It was at a lost worker a moment ago: whoever is here first is not told that nobody shows anything."""
        self._back_until_ns = time.monotonic_ns() + KEPT_NS

    def becomes_edge(self) -> None:
        """The publishers are at another worker, which feeds this one."""
        if self.inflow is None:
            self.inflow = Inflow(self._engine, self)

    def becomes_origin(self) -> None:
        """The publishers come here from now on; who watches already stays where it is."""
        if self.inflow is not None:
            fed, self.inflow = self.inflow, None
            fed.close()

    def close(self) -> None:
        """Nobody is left."""
        if self.inflow is not None:
            self.inflow.close()

    def connected(self, peer: Peer) -> None:
        grant = peer.grant
        count = self._connections.get(grant.participant_id, 0)
        self._connections[grant.participant_id] = count + 1
        self._tell_way(peer, first=count == 0)
        peer.hold_to(self.rungs.setdefault(grant.participant_id, Rung.TWO_WAY_HD))
        if isinstance(peer, Publisher):
            before = self.publishers.get((grant.point_id, peer.source))
            self.publishers[grant.point_id, peer.source] = peer
            if before is not None and before is not peer:
                self._engine.end(before, Ended.REPLACED)
        elif isinstance(peer, Viewer):
            self.viewers[peer.id] = peer

    def _tell_way(self, peer: Peer, *, first: bool) -> None:
        """By which way a participant came, and when one of his connections comes by another."""
        grant, transport = peer.grant, transport_of(peer)
        before = self._ways.get(grant.participant_id)
        now = kind_of(peer, transport) if transport is not None else before
        self._ways[grant.participant_id] = now
        if first:
            self.tell(Joined(self.session_id, grant.point_id, grant.participant_id, grant.role, transport))
        elif transport is not None and now != before:
            self.tell(Rerouted(self.session_id, grant.point_id, grant.participant_id, transport))

    def gone(self, peer: Peer, reason: Ended) -> None:
        grant = peer.grant
        self.members.discard(peer)
        if isinstance(peer, Publisher):
            for places in (self.publishers, self.coming):
                if places.get((grant.point_id, peer.source)) is peer:
                    del places[grant.point_id, peer.source]
        self.viewers.pop(peer.id, None)
        if not peer.joined:
            return
        count = self._connections.get(grant.participant_id, 1) - 1
        if count:
            self._connections[grant.participant_id] = count
        else:
            self._connections.pop(grant.participant_id, None)
            self._ways.pop(grant.participant_id, None)
            self.channels.gone(grant.participant_id)
            self.rungs.pop(grant.participant_id, None)
            self.tell(Left(self.session_id, grant.point_id, grant.participant_id, reason))

    def hold(self, participant_id: UUID, rung: Rung, told: RungChanged | None) -> None:
        """A participant's line came to this rung: act on it, and let all screens say so."""
        if participant_id not in self.rungs:
            return
        self.rungs[participant_id] = rung
        for peer in tuple(self.members):
            if peer.joined and peer.grant.participant_id == participant_id:
                peer.hold_to(rung)
        if told is not None:
            for viewer in self._watching():
                viewer.noticed(told)

    def comes(self, publisher: Publisher) -> None:
        """It was answered. While it shakes hands, whoever watches is offered the lines for what it brings."""
        self.coming[publisher.grant.point_id, publisher.source] = publisher
        for viewer in self._watching():
            viewer.prepare()

    def expected(self) -> Sequence[PublishedTrack]:
        """What is about to begin."""
        return [track for publisher in self.coming.values() for track in publisher.tracks if not track.began]

    def track_began(self, publisher: Publisher, track: PublishedTrack) -> None:
        """Its first packet is there."""
        layer = track.best()
        size = (layer.size.width, layer.size.height) if layer is not None else (0, 0)
        self.tell(TrackBegan(track.description, *size))
        for follower in self._engine.followers:
            follower.offer(track)
        for outflow in tuple(self.outflows):
            outflow.began(track, publisher.grant.withheld_from)
        self.appeared(track)
        place = (publisher.grant.point_id, publisher.source)
        if self.coming.get(place) is publisher and all(one.began for one in publisher.tracks):
            del self.coming[place]

    def appeared(self, track: PublishedTrack) -> None:
        """Something can be seen or heard of it."""
        about = track.description
        self.tracks[about.point_id, about.source, about.kind] = track
        self._news.set()
        for viewer in self._watching():
            viewer.take(track)

    def track_ended(self, publisher: Publisher, track: PublishedTrack, reason: Ended) -> None:
        self.disappeared(track)
        for outflow in tuple(self.outflows):
            outflow.ended(track, reason)
        for follower in self._engine.followers:
            follower.withdraw(track.description.track_id)
        self.tell(TrackEnded(track.description, reason))

    def disappeared(self, track: PublishedTrack) -> None:
        about = track.description
        place = (about.point_id, about.source, about.kind)
        if self.tracks.get(place) is track:
            del self.tracks[place]
            for viewer in self._watching():
                viewer.leave(track)

    def _watching(self) -> list[Viewer]:
        """All who watch, also those whose connection waits for something to be there."""
        return [peer for peer in self.members if isinstance(peer, Viewer)]

    def track(self, point_id: UUID, source: Source, kind: Kind) -> PublishedTrack | None:
        return self.tracks.get((point_id, source, kind))

    def track_of(self, track_id: UUID) -> PublishedTrack | None:
        return next((one for one in self.tracks.values() if one.description.track_id == track_id), None)

    def withheld(self, point_id: UUID, source: Source) -> frozenset[Destination]:
        """From whom the law withholds what this source may show."""
        place = (point_id, source)
        here = [one.grant.withheld_from for places in (self.publishers, self.coming) if (one := places.get(place))]
        return frozenset().union(*here) if here else self._withheld.get(place, frozenset())

    def withhold(self, point_id: UUID, source: Source, withheld_from: frozenset[Destination]) -> None:
        """As the origin says."""
        self._withheld[point_id, source] = withheld_from

    def is_shown(self, point_id: UUID, source: Source, to: Grant) -> bool:
        """An ultrasound does not go to people from whom the law withholds what it may show."""
        return source is not Source.ULTRASOUND or to.audience not in self.withheld(point_id, source)

    def tracks_of(self, point_id: UUID, source: Source, to: Grant) -> Sequence[PublishedTrack]:
        """Picture and sound of one source, as far as they are shown to whoever has this grant."""
        if not self.is_shown(point_id, source, to):
            return []
        return [track for place, track in self.tracks.items() if place[:2] == (point_id, source)]

    async def soon(self, found: Callable[[], Sequence[PublishedTrack]]) -> Sequence[PublishedTrack]:
        """What is there, or comes in a moment, where the room only begins to be fed."""
        with suppress(TimeoutError):
            async with asyncio.timeout(SOON_S):
                while self._more_comes(found()):
                    self._news.clear()
                    await self._news.wait()
        return found()

    def _more_comes(self, found: Sequence[PublishedTrack]) -> bool:
        """A picture and its sound do not begin in the same moment, and an edge is only about to be told of both."""
        if not found:
            return self.inflow is not None or time.monotonic_ns() < self._back_until_ns
        return len(found) < max(track.together for track in found)

    def relay(self, text: bytes) -> None:
        """Let those of this room on other workers know something; they hear it in the order in which it was said."""
        if self.inflow is not None:
            self.inflow.said(text)
        for outflow in tuple(self.outflows):
            outflow.said(text)

    def said(self, text: bytes, by: Inflow | Outflow) -> None:
        """Something was said on another worker: it is heard here, and on the other edges. Raises WireBroken."""
        # First here: what is not understood is handed on to nobody.
        self.hears(text)
        for outflow in tuple(self.outflows):
            if outflow is not by:
                outflow.said(text)

    def spoken(self, point_id: UUID) -> None:
        """Somebody has the floor of screens now."""
        self.speaker = point_id
        changed = SpeakerChanged(self.session_id, point_id)
        self.tell(changed)
        for viewer in self._watching():
            viewer.noticed(changed)
        for outflow in tuple(self.outflows):
            outflow.speaker(point_id)

    def mend(self, now_ns: int) -> None:
        """A hundred times a second."""
        if self.inflow is not None:
            self.inflow.mend(now_ns)

    def second(self, now_ns: int) -> None:
        if self.inflow is not None:
            self.inflow.second(now_ns)

    def listen(self) -> None:
        """Four times a second: who is the loudest? It takes some decibels to take the floor from who has it."""
        if self.inflow is not None:
            # That is decided where all voices are.
            return
        for outflow in tuple(self.outflows):
            outflow.levels()
        voices = {
            track.description.point_id: track.loudness
            for track in self.tracks.values()
            if track.description.kind is Kind.AUDIO
        }
        for track in self.tracks.values():
            # Whoever sends nothing any more is heard no more.
            track.loudness *= 0.8
        loudest = max(voices, key=lambda point: voices[point], default=None)
        held = voices.get(self.speaker, 0.0) if self.speaker is not None else 0.0
        if loudest is None or voices[loudest] < SPEAKS:
            return
        if loudest != self.speaker and voices[loudest] > held + LOUDER:
            self.spoken(loudest)


def may_publish(role: MediaRole, sources: frozenset[Source], source: Source) -> bool:
    """An observer publishes nothing, and a publisher only what was granted."""
    return role is MediaRole.PUBLISHER and source in sources
