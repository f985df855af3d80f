"""One live session on this worker: who publishes what, who watches, who speaks.

Rules: a place (a point's camera, its ultrasound) has one publisher at a time, and the newest connection has it; the old
one is closed when the new one stands, so a change of network leaves no gap that need not be; observers publish nothing;
each fact is told to the reporter once, in order.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING
from uuid import UUID

from infra.media_tokens import Grant, MediaRole, Source
from media.channel import Channels
from media.orders import NOT_READ_YET, Orders
from media.peer import Peer
from media.published import LOUD, PublishedTrack
from media.publisher import Publisher
from media.reporter import Fact, Joined, Left, Reporter, SpeakerChanged, TrackBegan, TrackEnded
from media.tracks import Ended, Kind
from media.viewer import Viewer

if TYPE_CHECKING:
    from media.engine import Engine

Place = tuple[UUID, Source, Kind]

SPEAKS = 127 - LOUD
LOUDER = 6.0


class Room:
    """`session_id` is that of the LiveSession."""

    def __init__(self, engine: Engine, session_id: UUID, reporter: Reporter) -> None:
        self.session_id = session_id
        self.publishers: dict[tuple[UUID, Source], Publisher] = {}
        self.viewers: dict[UUID, Viewer] = {}
        self.tracks: dict[Place, PublishedTrack] = {}
        self.speaker: UUID | None = None
        self._engine = engine
        self._reporter = reporter
        self.members: set[Peer] = set()
        self._connections: dict[UUID, int] = {}
        self.orders: Orders = NOT_READ_YET
        self.channels = Channels(engine, self)

    def tell(self, fact: Fact) -> None:
        self._reporter.tell(fact)

    @property
    def empty(self) -> bool:
        """Nobody is here or on the way."""
        return not self.members

    def connected(self, peer: Peer) -> None:
        grant = peer.grant
        count = self._connections.get(grant.participant_id, 0)
        self._connections[grant.participant_id] = count + 1
        if count == 0:
            self.tell(Joined(self.session_id, grant.point_id, grant.participant_id, grant.role))
        if isinstance(peer, Publisher):
            before = self.publishers.get((grant.point_id, peer.source))
            self.publishers[grant.point_id, peer.source] = peer
            if before is not None and before is not peer:
                self._engine.end(before, Ended.REPLACED)
        elif isinstance(peer, Viewer):
            self.viewers[peer.id] = peer

    def gone(self, peer: Peer, reason: Ended) -> None:
        grant = peer.grant
        self.members.discard(peer)
        if isinstance(peer, Publisher) and self.publishers.get((grant.point_id, peer.source)) is peer:
            del self.publishers[grant.point_id, peer.source]
        self.viewers.pop(peer.id, None)
        if not peer.joined:
            return
        count = self._connections.get(grant.participant_id, 1) - 1
        if count:
            self._connections[grant.participant_id] = count
        else:
            self._connections.pop(grant.participant_id, None)
            self.channels.gone(grant.participant_id)
            self.tell(Left(self.session_id, grant.point_id, grant.participant_id, reason))

    def track_began(self, publisher: Publisher, track: PublishedTrack) -> None:
        """Its first packet is there."""
        about = track.description
        self.tracks[about.point_id, about.source, about.kind] = track
        layer = track.best()
        size = (layer.size.width, layer.size.height) if layer is not None else (0, 0)
        self.tell(TrackBegan(about, *size))
        for follower in self._engine.followers:
            follower.offer(track)
        for viewer in tuple(self.viewers.values()):
            viewer.take(track)

    def track_ended(self, publisher: Publisher, track: PublishedTrack, reason: Ended) -> None:
        about = track.description
        place = (about.point_id, about.source, about.kind)
        if self.tracks.get(place) is track:
            del self.tracks[place]
            for viewer in tuple(self.viewers.values()):
                viewer.leave(track)
        for follower in self._engine.followers:
            follower.withdraw(about.track_id)
        self.tell(TrackEnded(about, reason))

    def track(self, point_id: UUID, source: Source, kind: Kind) -> PublishedTrack | None:
        return self.tracks.get((point_id, source, kind))

    def track_of(self, track_id: UUID) -> PublishedTrack | None:
        return next((one for one in self.tracks.values() if one.description.track_id == track_id), None)

    def is_shown(self, point_id: UUID, source: Source, to: Grant) -> bool:
        """An ultrasound does not go to people from whom the law withholds what it may show."""
        publisher = self.publishers.get((point_id, source))
        return source is not Source.ULTRASOUND or publisher is None or to.audience not in publisher.grant.withheld_from

    def tracks_of(self, point_id: UUID, source: Source, to: Grant) -> Sequence[PublishedTrack]:
        """Picture and sound of one source, as far as they are shown to whoever has this grant."""
        if not self.is_shown(point_id, source, to):
            return []
        return [track for place, track in self.tracks.items() if place[:2] == (point_id, source)]

    def listen(self) -> None:
        """Four times a second: who is the loudest? It takes some decibels to take the floor from who has it."""
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
            self.speaker = loudest
            self.tell(SpeakerChanged(self.session_id, loudest))


def may_publish(role: MediaRole, sources: frozenset[Source], source: Source) -> bool:
    """An observer publishes nothing, and a publisher only what was granted."""
    return role is MediaRole.PUBLISHER and source in sources
