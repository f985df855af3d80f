"""Who asks, and what a request may use: made from the verified token, once per request or connection."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from commands._bus import Bus
from domain._kernel import Actor, Role
from domain._reference import ReferenceData
from graphql_api.access import Viewer
from infra.audit.receipts import ReceiptDesk
from infra.blobs import BlobFolder
from infra.live_tickets import TicketDesk
from infra.recording_tickets import RecordingTickets
from projections._view import Connection

ROLES = {role.value: role for role in Role}


class Token(Protocol):
    """What the identity adapter has verified of an access token."""

    @property
    def subject(self) -> UUID: ...
    @property
    def roles(self) -> frozenset[str]: ...
    @property
    def facility_id(self) -> UUID | None: ...
    @property
    def patient_id(self) -> UUID | None: ...
    @property
    def expires_at(self) -> datetime: ...


class Unauthenticated(Exception):
    """Nobody is let in without a good token; `code` is stable and says what is wrong with this one."""

    def __init__(self, code: str, message: str) -> None:
        self.code = code
        super().__init__(message)


def viewer_of(token: Token) -> Viewer:
    """The viewer behind a verified token. Roles of other systems in the token are passed over."""
    known = frozenset(ROLES[role] for role in token.roles if role in ROLES)
    return Viewer(
        actor=Actor(id=token.subject, roles=known, facility_id=token.facility_id, patient_id=token.patient_id),
        expires_at=token.expires_at,
    )


class Waiter(Protocol):
    async def reached(self, position: int, within_s: float) -> bool:
        """Whether the views have taken in the log up to this position within the time."""
        ...


class Reader(Protocol):
    """Where connections for reading come from; asyncpg's pool is one."""

    def acquire(self) -> Any: ...


@dataclass
class Services:
    """What resolvers work with; one for the whole process."""

    bus: Bus
    reader: Reader
    views: Waiter
    reference: ReferenceData
    receipts: ReceiptDesk | None = None
    blobs: BlobFolder | None = None
    tickets: TicketDesk | None = None
    recordings: RecordingTickets | None = None


@dataclass
class RequestContext:
    """The `info.context` of one operation."""

    viewer: Viewer
    services: Services
    correlation_id: UUID
    now: datetime
    waited_for: set[int] = field(default_factory=set)

    @asynccontextmanager
    async def db(self) -> AsyncIterator[Connection]:
        async with self.services.reader.acquire() as connection:
            yield connection
