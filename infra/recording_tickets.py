"""Who may see a recording: tickets that the API signs and the playback believes.

Rules: a ticket names one recording and one person and lives for minutes; it is signed with the keys that sign grants
for rooms, for another audience, so neither passes for the other; a refusal never repeats the ticket.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

from joserfc import jwt
from joserfc.errors import ExpiredTokenError, JoseError
from joserfc.jwk import KeySet, OKPKey
from joserfc.jws import JWSRegistry

from infra.media_tokens import ALGORITHM, ISSUER, LARGEST_TOKEN_BYTES, grant_keys
from infra.serving import LOOPBACK
from infra.settings import Settings

AUDIENCE = "telehealth/recordings"
LIFE = timedelta(minutes=15)


class TicketRefused(Exception):
    """`code` is stable and meant for clients."""

    code = "TICKET_INVALID"


class TicketExpired(TicketRefused):
    code = "TICKET_EXPIRED"


@dataclass(frozen=True, slots=True)
class Ticket:
    """The right of a person to see a recording until `expires_at`. One `ticket_id` is one access in the log."""

    ticket_id: UUID
    session_id: UUID
    recording_id: UUID
    person_id: UUID
    expires_at: datetime


class RecordingTickets:
    """`base` is the address of the playback, which is needed to show somebody the way."""

    def __init__(self, keys: Sequence[OKPKey], base: str = "", now: Callable[[], float] = time.time) -> None:
        self._base = base.rstrip("/")
        self._keys, self._signing, self._now = KeySet(list(keys)), keys[-1], now
        self._registry = JWSRegistry(algorithms=[ALGORITHM], strict_check_header=False)
        self._claims = jwt.JWTClaimsRegistry(
            now=lambda: int(now()),
            leeway=0,
            iss={"essential": True, "value": ISSUER},
            aud={"essential": True, "value": AUDIENCE},
            exp={"essential": True},
            sub={"essential": True},
            jti={"essential": True},
        )

    def way(self, session_id: UUID, recording_id: UUID, person_id: UUID) -> tuple[str, datetime]:
        """An address to open, and until when it holds."""
        text, expires_at = self.issue(session_id, recording_id, person_id)
        return f"{self._base}/recordings/{recording_id}?ticket={text}", expires_at

    def issue(self, session_id: UUID, recording_id: UUID, person_id: UUID) -> tuple[str, datetime]:
        """The signed ticket, and until when it holds."""
        expires_at = datetime.fromtimestamp(int(self._now()), UTC) + LIFE
        claims = {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "sub": str(person_id),
            "exp": int(expires_at.timestamp()),
            "jti": str(uuid4()),
            "session_id": str(session_id),
            "recording_id": str(recording_id),
        }
        header = {"alg": ALGORITHM, "kid": self._signing.thumbprint()}
        return jwt.encode(header, claims, self._signing, registry=self._registry), expires_at

    def verify(self, text: str | None) -> Ticket:
        """Raises TicketRefused."""
        if not text or len(text) > LARGEST_TOKEN_BYTES or not text.isascii():
            raise TicketRefused("not a ticket")
        try:
            claims = jwt.decode(text, self._keys, registry=self._registry).claims
            self._claims.validate(claims)
            return Ticket(
                ticket_id=UUID(claims["jti"]),
                session_id=UUID(claims["session_id"]),
                recording_id=UUID(claims["recording_id"]),
                person_id=UUID(claims["sub"]),
                expires_at=datetime.fromtimestamp(claims["exp"], UTC),
            )
        except ExpiredTokenError:
            raise TicketExpired("expired") from None
        except (JoseError, ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError):
            raise TicketRefused("not valid") from None


def recording_tickets(settings: Settings) -> RecordingTickets:
    """The tickets of this deployment."""
    base = settings.playback_url or f"http://{LOOPBACK}:{settings.playback_port}"
    return RecordingTickets(grant_keys(settings), base)
