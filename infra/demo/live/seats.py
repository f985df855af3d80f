"""Who has a seat in the room, and what the log and the views say of the room.

Rules: the way in is asked of the API by each for himself, and asked for anew whenever it is needed, since it holds for
minutes; how things stand is read from the views and nowhere else.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

from infra.client import Accepted
from infra.demo.day import Answer, Day, NotAsItMustBe, Person
from infra.demo.people import Cast

WITHIN_S = 60.0
POLL_S = 0.15
JOIN = """
mutation ($input: JoinLiveSessionInput!, $commandId: UUID!) {
  answer: joinLiveSession(input: $input, commandId: $commandId) {
    ... on CommandAccepted {
      aggregateId version position
      ticket { liveSessionId participantId pointId token whip { source url } whepTemplate }
    }
    ... on CommandRejected { code message }
  }
}
"""
ROOM = """
query ($id: UUID!) {
  liveSession(consultationId: $id) {
    position liveSessionId status present tracksLive
    participants { participantId facilityId part present stays rung }
    tracks {
      trackId participantId source codec width height people consented continues endedAt diagnostic
      measured { bitrateKbps lossPercent framesPerSecond }
    }
    recordings {
      recordingId trackIds status firstBytesAt stoppedBecause sha256 size durationMs
      gaps { trackId since until cause } accesses { personId exportedSha256 }
    }
  }
}
"""

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Way:
    """The way into the room for one participant, for some minutes."""

    ticket: Row

    @property
    def token(self) -> str:
        return str(self.ticket["token"])

    @property
    def session_id(self) -> str:
        return str(self.ticket["liveSessionId"])

    def whip(self, source: str) -> str:
        """Where this source is published."""
        return next(str(one["url"]) for one in self.ticket["whip"] if one["source"] == source)

    def whep(self, point_id: UUID, source: str) -> str:
        return str(self.ticket["whepTemplate"]).format(pointId=point_id, source=source.lower())

    def still(self, track_id: str) -> str:
        base = str(self.ticket["whepTemplate"]).partition("/whep/")[0]
        return f"{base}/stills/{self.session_id}/{track_id}"


@dataclass
class Seats:
    """The room of one consultation."""

    day: Day
    cast: Cast
    consultation_id: UUID
    _given: dict[UUID, dict[str, Any]] = field(default_factory=dict)

    def participant(self, who: Person) -> UUID:
        return self.day.id(f"seat of {who.id}")

    async def way(self, who: Person, **more: Any) -> Way:
        """Lets somebody in, or gives whoever was let in before the way once more."""
        new = who.id not in self._given
        given = self._given.setdefault(
            who.id,
            {"participantId": str(self.participant(who)), "consultationId": str(self.consultation_id), **more},
        )
        command_id, sent = uuid4(), time.monotonic()
        answer = (await self.day.ask(who, JOIN, input=given, commandId=str(command_id)))["answer"]
        if not answer.get("ticket"):
            raise NotAsItMustBe(f"{who.name} was not let into the room: {answer.get('code')} {answer.get('message')}")
        if new:
            accepted = Accepted(UUID(answer["aggregateId"]), answer["version"], answer["position"])
            self.day.answers.append(Answer(command_id, "joinLiveSession", sent, accepted))
            self.day.stage.answered(accepted)
        return Way(answer["ticket"])

    async def room(self) -> Row | None:
        row: Row | None = (await self.day.ask(self.cast.responsible, ROOM, id=str(self.consultation_id)))["liveSession"]
        return row

    async def until(self, what: str, holds: Callable[[Row], bool]) -> Row:
        """The room as the view shows it once this holds."""
        deadline = time.monotonic() + WITHIN_S
        while True:
            row = await self.room()
            if row is not None and holds(row):
                return row
            if time.monotonic() > deadline:
                raise NotAsItMustBe(f"the view of the room did not show within {WITHIN_S:g} s that {what}")
            await asyncio.sleep(POLL_S)

    def track(self, room: Row, who: Person, source: str) -> Row | None:
        """The track of a source of somebody that is live now."""
        seat = str(self.participant(who))
        found = [one for one in room["tracks"] if (one["participantId"], one["source"]) == (seat, source)]
        return next((one for one in found if one["endedAt"] is None), None)
