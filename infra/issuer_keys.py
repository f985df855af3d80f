"""The public keys of an OpenID Connect issuer, found by discovery and kept by key id.

Rules: discovery must name the very issuer it was asked for; keys are fetched over https, or from loopback in
development; only asymmetric signing keys are kept; an unknown key id asks the issuer again, but never more often than
the pause allows, so that forged ids cannot be used to flood it; keys that the issuer dropped are gone after a refresh.
"""

import asyncio
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import httpx
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, Key, OKPKey, RSAKey

from infra.settings import Settings

TIMEOUT_SECONDS = 5.0
# Without any key nobody is let in, so the first ones are asked for again sooner.
FIRST_PAUSE_SECONDS = 1.0
LARGEST_ANSWER_BYTES = 256_000
KINDS: dict[str, type[RSAKey] | type[ECKey] | type[OKPKey]] = {"RSA": RSAKey, "EC": ECKey, "OKP": OKPKey}


class IssuerUnreachable(Exception):
    """The issuer gave no usable keys; a fault to retry, never a reason to let somebody in."""


class IssuerKeys:
    """The `Keys` of one issuer. Safe to share between tasks of one loop."""

    def __init__(self, settings: Settings, issuer: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._issuer = issuer
        self._production = settings.production
        self._refresh_seconds = settings.oidc_keys_refresh_seconds
        self._pause_seconds = settings.oidc_keys_pause_seconds
        self._clock = clock
        self._keys: dict[str, Key] = {}
        self._fetched_at: float | None = None
        self._asked_at: float | None = None
        self._asking = asyncio.Lock()

    async def key(self, kid: str) -> Key | None:
        """The key of that id; None when the issuer has none. IssuerUnreachable when it never gave any."""
        if kid not in self._keys or self._older_than(self._fetched_at, self._refresh_seconds):
            async with self._asking:
                if kid not in self._keys or self._older_than(self._fetched_at, self._refresh_seconds):
                    await self._refresh()
        return self._keys.get(kid)

    async def _refresh(self) -> None:
        # While the issuer is away the known keys go on to serve: its outage must not lock a clinic out.
        pause_seconds = self._pause_seconds if self._keys else min(self._pause_seconds, FIRST_PAUSE_SECONDS)
        if self._older_than(self._asked_at, pause_seconds):
            self._asked_at = self._clock()
            try:
                self._keys = await self._fetch()
                self._fetched_at = self._clock()
            except (httpx.HTTPError, ValueError, KeyError, TypeError, JoseError) as error:
                if self._fetched_at is None:
                    raise IssuerUnreachable(type(error).__name__) from None
        if self._fetched_at is None:
            raise IssuerUnreachable("no keys yet")

    async def _fetch(self) -> dict[str, Key]:
        async with httpx.AsyncClient(timeout=TIMEOUT_SECONDS, trust_env=self._production) as client:
            discovery = await self._read(client, self._issuer.rstrip("/") + "/.well-known/openid-configuration")
            if discovery["issuer"] != self._issuer:
                raise ValueError("discovery names another issuer")
            return signing_keys(await self._read(client, discovery["jwks_uri"]))

    async def _read(self, client: httpx.AsyncClient, url: str) -> Any:
        address = urlsplit(url)
        loopback = address.hostname in ("127.0.0.1", "::1", "localhost") and not self._production
        if address.scheme != "https" and not loopback:
            raise ValueError("keys come over https only")
        answer = await client.get(url)
        answer.raise_for_status()
        if len(answer.content) > LARGEST_ANSWER_BYTES:
            raise ValueError("answer too large")
        return answer.json()

    def _older_than(self, moment: float | None, seconds: float) -> bool:
        return moment is None or self._clock() - moment >= seconds


def signing_keys(jwks: Any) -> dict[str, Key]:
    """The keys of a JWKS that may verify signatures, by id; shared secrets and encryption keys are left out."""
    keys: dict[str, Key] = {}
    for jwk in jwks["keys"]:
        kind = KINDS.get(jwk.get("kty", ""))
        if kind is not None and jwk.get("kid") and jwk.get("use", "sig") == "sig":
            keys[jwk["kid"]] = kind.import_key({k: v for k, v in jwk.items() if k not in ("d", "key_ops")})
    return keys
