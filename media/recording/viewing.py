"""Every access to a recording as a fact in the log, before anything is given out.

Rules: a ticket is one access, however many ranges a player asks for; the command's id follows from the ticket, so two
processes that meet it tell it once; while the log cannot be told, nobody sees anything.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from datetime import UTC, datetime
from uuid import UUID

from commands._bus import Accepted, Bus, Unavailable
from commands._command import Context
from commands._ids import derived_id
from commands.live_session_recording import RecordRecordingViewed
from domain._kernel import Actor, Role
from domain._reference import ReferenceData
from domain.live_session import RecordingSealed
from infra.postgres import LINE_FAULTS, Line
from infra.recording_tickets import Ticket
from media.problems import Problem
from media.recording.archive import Archive

THE_PLAYBACK = Actor(id=UUID("7d2f8a4c-93a1-5f0e-8a4b-6c1d2e9b0f35"), roles=frozenset({Role.SYSTEM}))
REMEMBERED = 10_000


class Viewing:
    def __init__(self, bus: Bus, reference: ReferenceData, line: Line, archive: Archive) -> None:
        self._bus, self._reference, self._line, self._archive = bus, reference, line, archive
        self._reading = asyncio.Lock()
        self._seen: OrderedDict[UUID, RecordingSealed] = OrderedDict()

    async def seen(self, ticket: Ticket) -> RecordingSealed:
        """What the log says of the recording, once the log knows who sees it. Raises NotSealed and Problem."""
        known = self._seen.get(ticket.ticket_id)
        if known is not None:
            return known
        try:
            async with self._reading:
                sealed = await self._archive.sealed_as(await self._line.get(), ticket.session_id, ticket.recording_id)
            await self._tell(ticket)
        except (*LINE_FAULTS, Unavailable):
            await self._line.drop()
            raise Problem(503, "UNAVAILABLE", "The log cannot be told now. Come again.", retry_after=2) from None
        self._seen[ticket.ticket_id] = sealed
        while len(self._seen) > REMEMBERED:
            self._seen.popitem(last=False)
        return sealed

    async def _tell(self, ticket: Ticket) -> None:
        command = RecordRecordingViewed(
            live_session_id=ticket.session_id, recording_id=ticket.recording_id, person_id=ticket.person_id
        )
        command_id = derived_id(ticket.ticket_id, "viewed")
        context = Context(
            actor=THE_PLAYBACK, now=datetime.now(UTC), correlation_id=command_id, reference=self._reference
        )
        answer = await self._bus.handle(command, context, command_id)
        if not isinstance(answer, Accepted):
            raise Problem(409, "ACCESS_NOT_TOLD", "The log does not take this access. Ask for a new ticket.")
