"""What is answered over HTTP when something is wrong: application/problem+json (RFC 9457) with a stable code.

Rules: a code never changes its meaning; a text says what the sender can do and never repeats what was sent.
"""

from __future__ import annotations

import orjson
from starlette.responses import Response

from infra.media_tokens import GrantRefused
from media.negotiation import OfferRefused

TEXTS = {
    "GRANT_MISSING": "Send the grant that the API issued: Authorization: Bearer …",
    "GRANT_EXPIRED": "The grant has run out. Ask the API for a new one.",
    "GRANT_INVALID": "This is no grant of this deployment.",
}


class Problem(Exception):
    """An answer that is not the one that was asked for. `retry_after` is in seconds, `location` where to go instead."""

    def __init__(
        self, status: int, code: str, text: str, *, retry_after: int | None = None, location: str | None = None
    ) -> None:
        super().__init__(text)
        self.status, self.code, self.text, self.retry_after = status, code, text, retry_after
        self.location = location

    def response(self) -> Response:
        body = {"type": "about:blank", "status": self.status, "code": self.code, "title": self.text}
        headers = {"Retry-After": str(self.retry_after)} if self.retry_after is not None else {}
        if self.location is not None:
            body["location"] = self.location
            if self.status < 400:
                headers["Location"] = self.location
        if self.status == 401:
            headers["WWW-Authenticate"] = "Bearer"
        return Response(orjson.dumps(body), self.status, headers, "application/problem+json")


def problem_of(fault: Exception) -> Problem:
    """The answer to a refusal of another layer."""
    if isinstance(fault, Problem):
        return fault
    if isinstance(fault, GrantRefused):
        return Problem(401, fault.code, TEXTS[fault.code])
    if isinstance(fault, OfferRefused):
        return Problem(fault.status, fault.code, fault.text)
    raise fault
