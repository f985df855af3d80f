"""Relays for those whose network lets no UDP through: addresses, and credentials that run out.

Rules: a credential is made for one participant and lives for a time that is said in its own name, so that the relay
needs to know nobody: it is what coturn checks with `use-auth-secret` (draft-uberti-behave-turn-rest). The secret is
shared with the relay only and never leaves the server.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import time
from collections.abc import Sequence
from dataclasses import dataclass

from infra.settings import Settings


@dataclass(frozen=True, slots=True)
class IceServer:
    """One entry of a browser's `iceServers`; a STUN server has neither name nor password."""

    url: str
    username: str | None = None
    credential: str | None = None


def ice_servers(settings: Settings, participant: str, now: float | None = None) -> Sequence[IceServer]:
    """What a participant may use for the next `turn_credential_seconds`; empty where no relay is set up."""
    if not settings.turn_urls:
        return []
    secret = settings.turn_secret
    assert secret is not None
    ends = int((time.time() if now is None else now) + settings.turn_credential_seconds)
    username = f"{ends}:{participant}"
    digest = hmac.new(secret.encode(), username.encode(), hashlib.sha1).digest()
    credential = base64.b64encode(digest).decode()
    return [
        IceServer(url) if url.startswith("stun") else IceServer(url, username, credential) for url in settings.turn_urls
    ]
