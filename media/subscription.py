"""A connection over which one participant gets everything of a room, offered by the worker.

Rules: the worker offers, so payload types and extensions are ours and equal for all; a line is offered as soon as a
publisher was answered, so that both sides are ready when its first packet comes; a line stays for the life of the
connection, and what it carries may change: a track that comes back goes on in its line, and a line whose track is gone
is taken by the next one of its kind and codec without a word; only when there is no such line, a new offer is due, and
whoever speaks with the client is told by `changed`. What is withheld from the participant has no line and no name here.
One negotiation at a time.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

from aiortc import RTCSessionDescription

from infra.media_tokens import Grant, Source
from media.channel import POINTER, ROOM
from media.facts import RungChanged
from media.negotiation import OfferRefused, known_codec, offer_to_viewer, preferences, read_answer, without_candidates
from media.published import PublishedTrack
from media.reporter import SpeakerChanged
from media.tracks import Ended, Kind
from media.viewer import Seat, Viewer

if TYPE_CHECKING:
    from media.engine import Engine
    from media.room import Room

SEND_TIME_ID = 3
"""The id of abs-send-time in our own offers."""
MOST_LINES = 32


@dataclass(frozen=True, slots=True)
class Carried:
    """What a line carries now; for the client's layout. `live` is False while its track is away."""

    mid: str
    point_id: UUID
    source: Source
    kind: Kind
    live: bool


class Subscription(Viewer):
    """`changed` is called when `offer()` would offer more than was agreed on, or `lines()` says something new; `news`
    with what happens in the room. `over` is set at the end."""

    def __init__(
        self,
        engine: Engine,
        room: Room,
        grant: Grant,
        changed: Callable[[], None],
        news: Callable[[RungChanged | SpeakerChanged], None] = lambda fact: None,
    ) -> None:
        super().__init__(engine, room, grant)
        self._changed = changed
        self._news = news
        self.over = asyncio.Event()
        self._negotiation = asyncio.Lock()
        self._offered = False
        self._transceivers: list[Any] = []

    @property
    def wants_offer(self) -> bool:
        """Whether there is a track without a line, and room for one."""
        return len(self.seats) < MOST_LINES and any(self._free_seat(track) is None for track in self._unseated())

    def lines(self) -> Sequence[Carried]:
        """What is where, for lines that were negotiated."""
        return [
            Carried(
                line.mid,
                seat.point_id,
                seat.source,
                seat.kind,
                self.room.track(seat.point_id, seat.source, seat.kind) is not None,
            )
            for seat, line in zip(self.seats, self._transceivers, strict=True)
            if line.mid is not None and self._shows(seat.point_id, seat.source)
        ]

    async def offer(self) -> str:
        """The next offer, with a line for every track of the others; at least one track has to be there."""
        await self._negotiation.acquire()
        try:
            for track in self._unseated():
                if (free := self._free_seat(track)) is not None:
                    self._give(free, track)
                elif len(self.seats) < MOST_LINES:
                    self._add_line(track)
            if not self.seats:
                raise OfferRefused("NOTHING_IS_LIVE", "nobody else publishes anything in this room now", 409)
            if self.mouth is None:
                self._open_channels()
                self._listen()
            await self.connection.setLocalDescription(await self.connection.createOffer())
            self._offered = True
            return offer_to_viewer(self.connection.localDescription.sdp)
        except BaseException:
            self._negotiation.release()
            raise

    def _open_channels(self) -> None:
        """The line of the data channels stands last in the first offer, so those who only watch can read."""
        reliable = self.connection.createDataChannel(ROOM)
        moments = self.connection.createDataChannel(POINTER, ordered=False, maxRetransmits=0)
        for channel in (reliable, moments):
            channel.on("open", lambda channel=channel: self.room.channels.opened(self, channel))

    async def accept(self, answer: str) -> None:
        """The client's answer to the last offer; raises OfferRefused, after which the offer still stands."""
        if not self._offered:
            raise OfferRefused("NOTHING_WAS_OFFERED", "an answer needs an offer", 409)
        read_answer(answer, len(self._transceivers) + 1)
        try:
            await self.connection.setRemoteDescription(RTCSessionDescription(without_candidates(answer), "answer"))
        except Exception as fault:
            raise OfferRefused("SDP_UNACCEPTABLE", "the answer does not fit the offer", 422) from fault
        self.named(answer)
        self._offered = False
        self._negotiation.release()
        if self.joined:
            self._begin_all()

    def connected(self) -> None:
        self._begin_all()

    def _begin_all(self) -> None:
        for seat in self.seats:
            self.begin(seat)
        if self.wants_offer:
            self._changed()

    def prepare(self) -> None:
        if not self.closed and self.wants_offer:
            self._changed()

    def take(self, track: PublishedTrack) -> None:
        if self._may_see(track):
            if not any(self._is_of(one, track) for one in self.seats) and (free := self._free_seat(track)) is not None:
                self._give(free, track)
            super().take(track)
        elif not any(self._is_of(seat, track) for seat in self.seats):
            # Nothing that this participant knows of has changed.
            return
        if not self.closed:
            self._changed()

    def leave(self, track: PublishedTrack) -> None:
        super().leave(track)
        if not self.closed:
            self._changed()

    def _unseated(self) -> list[PublishedTrack]:
        return [
            track
            for track in (*self.room.tracks.values(), *self.room.expected())
            if self._may_see(track) and not any(self._is_of(seat, track) for seat in self.seats)
        ]

    def _may_see(self, track: PublishedTrack) -> bool:
        about = track.description
        return about.participant_id != self.grant.participant_id and self._shows(about.point_id, about.source)

    def _shows(self, point_id: UUID, source: Source) -> bool:
        return self.room.is_shown(point_id, source, self.grant)

    @staticmethod
    def _is_of(seat: Seat, track: PublishedTrack) -> bool:
        about = track.description
        place = (about.point_id, about.source, about.kind, about.codec)
        return (seat.point_id, seat.source, seat.kind, seat.codec) == place

    def _free_seat(self, track: PublishedTrack) -> Seat | None:
        """A line of this kind and codec whose track is gone, or came to be withheld."""
        about = track.description
        awaited = self.room.expected()
        for seat in self.seats:
            if (seat.kind, seat.codec) == (about.kind, about.codec):
                if any(self._is_of(seat, one) for one in awaited):
                    continue
                there = self.room.track(seat.point_id, seat.source, seat.kind)
                withheld = not self._shows(seat.point_id, seat.source)
                if there is None or there.description.codec != seat.codec or withheld:
                    return seat
        return None

    def _give(self, seat: Seat, track: PublishedTrack) -> None:
        seat.point_id, seat.source, seat.rank = track.description.point_id, track.description.source, -1

    def _add_line(self, track: PublishedTrack) -> None:
        about = track.description
        codec, again = known_codec(about.codec, about.kind.value)
        transceiver: Any = self.connection.addTransceiver(about.kind.value, direction="sendonly")
        transceiver.setCodecPreferences(preferences(codec, about.kind.value))
        transceiver.sender.name(str(about.point_id), f"{about.source.value}-{about.kind.value}")
        self._transceivers.append(transceiver)
        self.sit(
            Seat(
                about.point_id,
                about.source,
                about.kind,
                about.codec,
                transceiver.sender.ssrcs,
                (codec.payloadType or 0, again),
                SEND_TIME_ID if about.kind is Kind.VIDEO else 0,
            )
        )

    def ended(self, reason: Ended) -> None:
        super().ended(reason)
        self.over.set()
        if self._negotiation.locked():
            self._negotiation.release()

    def noticed(self, fact: RungChanged | SpeakerChanged) -> None:
        self._news(fact)
