"""How the system's own commands are sent: by whom, in whose name, and however long the store is away.

Rules: an answer is an answer, also when it is a refusal; only a store that takes nothing, or contention, is waited for.
"""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from uuid import UUID

import structlog

from commands._bus import Accepted, Bus, Rejected, Unavailable
from commands._command import Command, Context
from domain._kernel import Actor, Recorded, Role
from domain._reference import ReferenceData
from infra.health import Vitals
from infra.measures import REACTIONS

SYSTEM = Actor(id=UUID("6f7c3b1a-0c5e-5d0e-9d0b-5a1e4c7e2d10"), roles=frozenset({Role.SYSTEM}))

log = structlog.get_logger()


class Sender:
    """Sends the system's own commands, however long the store is away."""

    def __init__(self, bus: Bus, reference: ReferenceData, vitals: Vitals) -> None:
        self._bus, self._reference, self._vitals = bus, reference, vitals

    async def send(self, command_id: UUID, command: Command, cause: Recorded | None = None) -> Accepted | Rejected:
        while True:
            try:
                answer = await self._bus.handle(command, self._context(command_id, cause), command_id)
            except Unavailable as fault:
                self._vitals.wait_for("store", "takes no commands")
                await asyncio.sleep(fault.retry_after)
                continue
            self._vitals.has("store")
            accepted = isinstance(answer, Accepted)
            REACTIONS.labels("accepted" if accepted else "refused").inc()
            code = None if isinstance(answer, Accepted) else answer.code
            if code == "TOO_MUCH_CONTENTION":
                await asyncio.sleep(0.1)
                continue
            log.info("reacted", command=type(command).__name__, command_id=command_id, code=code)
            return answer

    def _context(self, command_id: UUID, cause: Recorded | None) -> Context:
        return Context(
            actor=SYSTEM,
            now=datetime.now(UTC),
            correlation_id=cause.metadata.correlation_id if cause else command_id,
            causation_id=cause.metadata.command_id if cause else None,
            reference=self._reference,
        )
