"""What comes over the data channels of a room: looked at, refused or taken, and told to the log or to the room.

Rules: nothing that was sent is repeated in an answer; whoever only observes reads; a message has at most one answer,
`recorded` or `refused`, and a participant has at most so many under way.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from uuid import UUID

from pydantic import ValidationError

from commands._bus import Accepted, Rejected
from commands._ids import derived_id
from commands.live_session_picture import PlacePointer
from infra.media_tokens import MediaRole
from media.channel_frames import frame_of
from media.channel_gestures import Gesture
from media.channel_messages import (
    KNOWN,
    LARGEST_MESSAGE,
    Chat,
    Fault,
    Freeze,
    Hand,
    Pointed,
    Pointer,
    Raised,
    RecordedNow,
    Refused,
    Stroke,
    understood,
)
from media.channel_said import Recordable, Said, command_id_of, command_of
from media.tracks import Ended

if TYPE_CHECKING:
    from media.channel import Channels, Member
    from media.peer import Peer
    from media.published import PublishedTrack
    from media.room import Room

MOST_WAITING = 50
SILENT = "Observers look on and read."
NO_TRACK = "No track of this id is being published."


class Speech:
    """The ear of one room."""

    def __init__(self, room: Room, channels: Channels) -> None:
        self._room, self._channels = room, channels
        self._gestures: dict[UUID, Gesture] = {}

    def heard(self, member: Member, peer: Peer, data: str | bytes, now_ns: int) -> None:
        if not member.allowance.bears(now_ns, len(data)):
            peer.engine.end(peer, Ended.CLOSED)
            return
        message = self._understood(member, data, now_ns)
        if isinstance(message, Pointer):
            if member.allowance.pointers.takes(now_ns):
                self._pointed(member, message, now_ns)
        elif message is not None:
            allowance = member.allowance.messages
            if member.waiting >= MOST_WAITING or not allowance.takes(now_ns):
                wait = max(allowance.wait_ms(), 1000 if member.waiting >= MOST_WAITING else 0)
                self._fault(member, "TOO_FAST", "Slower: this message was not taken.", now_ns, wait)
            elif isinstance(message, Hand):
                self._raised(member, message, now_ns)
            else:
                self._recorded(member, message)

    def _understood(self, member: Member, data: str | bytes, now_ns: int) -> Recordable | Pointer | Hand | None:
        if isinstance(data, bytes):
            self._fault(member, "MESSAGE_MALFORMED", "Send text, not binary.", now_ns)
            return None
        if len(data) > LARGEST_MESSAGE or len(data.encode()) > LARGEST_MESSAGE:
            self._fault(member, "MESSAGE_TOO_LARGE", f"A message has at most {LARGEST_MESSAGE} bytes.", now_ns)
            return None
        try:
            return understood(data)
        except ValidationError as fault:
            first = fault.errors(include_url=False, include_context=False, include_input=False)[0]
            if first["type"].startswith("union_tag"):
                self._fault(member, "MESSAGE_UNKNOWN", f"`type` is one of: {', '.join(sorted(KNOWN))}.", now_ns)
            else:
                # Names of fields that we do not know are the sender's words, and are not repeated.
                known = [part for part in first["loc"][1:] if first["type"] != "extra_forbidden" or part == ""]
                where = ".".join(str(part) for part in known)
                self._fault(member, "MESSAGE_MALFORMED", f"{where}: {first['type']}".lstrip(": "), now_ns)
            return None

    def _fault(self, member: Member, code: str, text: str, now_ns: int, retry_after_ms: int | None = None) -> None:
        if member.allowance.faults.takes(now_ns):
            self._channels.say(member, Fault(code=code, message=text, retry_after_ms=retry_after_ms))

    def _raised(self, member: Member, message: Hand, now_ns: int) -> None:
        if member.grant.role is MediaRole.VIEWER:
            self._fault(member, "OBSERVERS_ARE_SILENT", SILENT, now_ns)
        else:
            self._channels.relay(Raised(participant_id=member.grant.participant_id, up=message.up))

    def _recorded(self, member: Member, message: Recordable) -> None:
        grant, now = member.grant, datetime.now(UTC)
        if grant.role is MediaRole.VIEWER:
            self._refused(member, message.id, "OBSERVERS_ARE_SILENT", SILENT)
            return
        track = None
        if not isinstance(message, Chat):
            track = self._seen(member, message.track_id)
            if track is None:
                self._refused(member, message.id, "NO_SUCH_TRACK", NO_TRACK)
                return
        frame = None
        if track is not None and isinstance(message, Freeze | Stroke):
            frame = frame_of(self._room, track, grant.participant_id, message.rtp, now)
        session_id, participant_id = self._room.session_id, grant.participant_id
        try:
            command = command_of(session_id, participant_id, message, frame)
        except ValidationError:
            self._refused(member, message.id, "INVALID_INPUT", "A text needs words, without control characters.")
            return

        def answered(answer: Accepted | Rejected) -> None:
            member.waiting -= 1
            if isinstance(answer, Accepted):
                self._channels.say(member, RecordedNow(id=message.id, version=answer.version))
            else:
                self._refused(member, message.id, answer.code, answer.message)

        member.waiting += 1
        person = self._room.orders.people.get(participant_id)
        id_ = command_id_of(session_id, participant_id, message)
        self._room.tell(Said(session_id, now, participant_id, command, id_, person, answered))

    def _refused(self, member: Member, id_: UUID, code: str, text: str) -> None:
        self._channels.say(member, Refused(id=id_, code=code, message=text))

    def _seen(self, member: Member, track_id: UUID) -> PublishedTrack | None:
        """A picture that is shown to this participant; what is withheld from it is not there."""
        track = self._room.track_of(track_id)
        if track is None or not self._room.is_shown(track.description.point_id, track.description.source, member.grant):
            return None
        return track

    # Pointing ------------------------------------------------------------------------------------------------

    def _pointed(self, member: Member, message: Pointer, now_ns: int) -> None:
        grant = member.grant
        if grant.role is MediaRole.VIEWER:
            self._fault(member, "OBSERVERS_ARE_SILENT", SILENT, now_ns)
            return
        track = self._seen(member, message.track_id)
        if track is None:
            self._fault(member, "NO_SUCH_TRACK", NO_TRACK, now_ns)
            return
        pointed = Pointed(
            participant_id=grant.participant_id,
            point_id=grant.point_id,
            track_id=message.track_id,
            x=message.x,
            y=message.y,
            up=message.up,
        )
        self._channels.relay(pointed)
        self._remember(grant.participant_id, track, message, now_ns)

    def _remember(self, participant_id: UUID, track: PublishedTrack, message: Pointer, now_ns: int) -> None:
        gesture = self._gestures.get(participant_id)
        if gesture is not None and (gesture.track_id != message.track_id or gesture.over(now_ns)):
            self.rest(participant_id)
            gesture = None
        if gesture is None:
            frame = frame_of(self._room, track, participant_id, message.rtp, datetime.now(UTC))
            gesture = self._gestures[participant_id] = Gesture(message.track_id, frame, now_ns)
        gesture.place(message.x, message.y, now_ns)
        if message.up:
            self.rest(participant_id)

    def look(self, now_ns: int) -> None:
        """Gestures that came to rest."""
        for participant_id, gesture in tuple(self._gestures.items()):
            if gesture.over(now_ns):
                self.rest(participant_id)

    def rest(self, participant_id: UUID) -> None:
        """This participant's gesture is over: it is recorded."""
        gesture = self._gestures.pop(participant_id, None)
        if gesture is None:
            return
        session_id = self._room.session_id
        command = PlacePointer(
            live_session_id=session_id,
            track_id=gesture.track_id,
            participant_id=participant_id,
            frame=gesture.frame,
            dots=gesture.whole(),
        )
        began = datetime.now(UTC).timestamp() - (time.monotonic_ns() - gesture.began_ns) / 1e9
        at = datetime.fromtimestamp(began, UTC)
        id_ = derived_id(session_id, f"pointer:{participant_id}:{at.isoformat()}")
        person = self._room.orders.people.get(participant_id)
        self._room.tell(Said(session_id, at, participant_id, command, id_, person))
