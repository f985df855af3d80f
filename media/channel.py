"""The data channels of one room: who is reached how, what is said to whom, and what the room is told.

Rules: what is part of the record is shown to nobody before it is in the log, and comes out of the log to everybody, in
its order, on every worker that has the room; pointers and hands are worth their moment, go straight to everybody, and
may be lost. A participant is told each thing once, over the newest of its channels; one that does not read is cut off
rather than kept in memory. What concerns a picture is told to those to whom it is shown.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from uuid import UUID

from pydantic import ValidationError

from infra.media_tokens import Grant
from media.channel_frames import as_seen_by
from media.channel_limits import Allowance
from media.channel_messages import (
    Drawn,
    Floor,
    Frozen,
    Hands,
    Message,
    Muted,
    Passing,
    Pointed,
    Raised,
    Removed,
    RoomNow,
    passing,
    spoken,
)
from media.channel_news import news_of
from media.channel_speech import Speech
from media.followed import Chapter
from media.framed import WireBroken
from media.tracks import Ended

if TYPE_CHECKING:
    from media.engine import Engine
    from media.peer import Peer
    from media.published import PublishedTrack
    from media.room import Room

ROOM, POINTER = "room", "pointer"
MOST_CHANNELS = 8
MOST_UNREAD, UNREAD_FOR_POINTERS = 512 * 1024, 16 * 1024


@dataclass(slots=True)
class Member:
    """A participant, its channels in the order of their opening, and what it may still say."""

    grant: Grant
    lines: list[tuple[Peer, Any]] = field(default_factory=list)
    allowance: Allowance = field(default_factory=Allowance)
    waiting: int = 0

    def line(self, label: str) -> tuple[Peer, Any] | None:
        """The newest channel of this name that is open."""
        self.lines = [one for one in self.lines if not one[0].closed and one[1].readyState != "closed"]
        found = (one for one in reversed(self.lines) if one[1].label == label and one[1].readyState == "open")
        return next(found, None)


class Channels:
    """Of one room on this worker; what is worth its moment goes to the room's other workers, and comes from them."""

    def __init__(self, engine: Engine, room: Room) -> None:
        self._engine, self._room = engine, room
        self._members: dict[UUID, Member] = {}
        self._hands: dict[UUID, None] = {}
        self._speech = Speech(room, self)

    def opened(self, peer: Peer, channel: Any) -> None:
        """A channel stands, made by the client or by us."""
        member = self._members.setdefault(peer.grant.participant_id, Member(peer.grant))
        if channel.label not in (ROOM, POINTER) or len(member.lines) >= MOST_CHANNELS:
            channel.close()
            return
        member.grant = peer.grant
        member.lines.append((peer, channel))
        channel.on("message", lambda data: self._speech.heard(member, peer, data, time.monotonic_ns()))
        if channel.label == ROOM and self._room.orders.version is not None:
            self.say(member, self._room_now(member))

    def told(self, chapter: Chapter) -> None:
        """The log goes on. Called before the room has the new orders."""
        before, now = self._room.orders, chapter.orders
        self._room.orders = now
        if before.version is None:
            for member in self._all():
                self.say(member, self._room_now(member))
            return
        for at in chapter.events:
            if (news := news_of(at, chapter.live_session)) is not None:
                self.to_all(news)
        if now.silent != before.silent:
            self.to_all(Muted(participant_ids=sorted(now.silent)))
        if now.floor != before.floor:
            self.to_all(Floor(point_id=now.floor))
            self._lower(id_ for id_, one in self._members.items() if one.grant.point_id == now.floor)
        for id_ in now.removed - before.removed:
            if (gone := self._members.get(id_)) is not None:
                self.say(gone, Removed(code="REMOVED_FROM_THE_ROOM"))

    def relay(self, message: Passing) -> None:
        """Let everybody know what is worth its moment, here and on other workers."""
        self._passing(message)
        self._room.relay(spoken(message).encode())

    def heard_beyond(self, text: bytes) -> None:
        """The same from another worker. Raises WireBroken."""
        try:
            message = passing(text)
        except ValidationError as fault:
            raise WireBroken("something was said that nobody understands") from fault
        self._passing(message)

    def _passing(self, message: Passing) -> None:
        if isinstance(message, Pointed):
            self.to_all(message)
        elif message.up != (message.participant_id in self._hands):
            if message.up:
                self._hands[message.participant_id] = None
            else:
                del self._hands[message.participant_id]
            self.to_all(Hands(participant_ids=list(self._hands)))

    def gone(self, participant_id: UUID) -> None:
        """The last connection of a participant is gone; what it may say is remembered, so that coming back is no way
        around the limits."""
        self._speech.rest(participant_id)
        self._lower([participant_id])

    def look(self, now_ns: int) -> None:
        """Four times a second."""
        self._speech.look(now_ns)

    def to_all(self, message: Message) -> None:
        track_id = getattr(message, "track_id", None)
        track = self._room.track_of(track_id) if track_id is not None else None
        if track_id is not None and track is None:
            return
        # Made once for all, except for what has the time of a frame.
        text = spoken(message)
        author = message.participant_id if isinstance(message, Pointed) else None
        for member in self._all():
            if track is not None and not self._sees(member, track):
                continue
            if track is not None and isinstance(message, Frozen | Drawn):
                self.say(member, self._in_numbers_of(member, track, message))
            elif author is None or author != member.grant.participant_id:
                self._send(member, text, pointer=isinstance(message, Pointed))

    def say(self, member: Member, message: Message) -> None:
        self._send(member, spoken(message), pointer=False)

    def _send(self, member: Member, text: str, *, pointer: bool) -> None:
        line = (member.line(POINTER) if pointer else None) or member.line(ROOM)
        if line is None:
            return
        peer, channel = line
        if pointer and channel.bufferedAmount > UNREAD_FOR_POINTERS:
            return
        if channel.bufferedAmount > MOST_UNREAD:
            self._engine.end(peer, Ended.CLOSED)
            return
        channel.send(text)

    def _in_numbers_of(self, member: Member, track: PublishedTrack, message: Frozen | Drawn) -> Message:
        seen = as_seen_by(self._room, track, member.grant.participant_id, message.rtp or 0)
        return message.model_copy(update={"rtp": seen})

    def _sees(self, member: Member, track: PublishedTrack) -> bool:
        about = track.description
        return self._room.is_shown(about.point_id, about.source, member.grant)

    def _all(self) -> list[Member]:
        return [one for one in self._members.values() if one.lines]

    def _room_now(self, member: Member) -> RoomNow:
        orders = self._room.orders
        return RoomNow(
            version=orders.version or 0,
            participant_id=member.grant.participant_id,
            floor=orders.floor,
            muted=sorted(orders.silent),
            hands=list(self._hands),
            frozen=list(orders.frozen),
            recording=orders.recording,
        )

    def _lower(self, participant_ids: Iterable[UUID]) -> None:
        for id_ in [one for one in participant_ids if one in self._hands]:
            self.relay(Raised(participant_id=id_, up=False))
