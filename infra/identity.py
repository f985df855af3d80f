"""Who sends a request: verification of OpenID Connect access tokens of any issuer.

Rules: the algorithms are fixed by configuration and never taken from the token; keys come only from the issuer's own
JWKS, never from a token's header; issuer, audience, expiry, issue time, subject and token id must be there; a refusal
has a stable code and never repeats the token. An issuer that cannot be reached is a fault of ours, not of the token.
"""

import hashlib
import json
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol
from uuid import UUID

from joserfc import jwt
from joserfc.errors import ExpiredTokenError, JoseError
from joserfc.jwk import Key
from joserfc.jws import JWSRegistry
from joserfc.util import urlsafe_b64decode

from infra.settings import Settings

ROLES = frozenset(
    {"doctor", "nurse", "coordinator", "registrar", "patient", "auditor", "analyst", "operator", "system"}
)
LARGEST_TOKEN_BYTES = 8_192
REMEMBERED_TOKENS = 4_096


@dataclass(frozen=True, slots=True)
class Identity:
    """A verified sender. Roles that this product does not know are not among `roles`."""

    subject: UUID
    roles: frozenset[str]
    facility_id: UUID | None
    patient_id: UUID | None
    name: str
    expires_at: datetime
    token_id: str


class TokenRefused(Exception):
    """The sender is not let in; `code` is stable and meant for clients."""

    code = "TOKEN_INVALID"


class TokenMissing(TokenRefused):
    code = "TOKEN_MISSING"


class TokenExpired(TokenRefused):
    code = "TOKEN_EXPIRED"


class TokenInvalid(TokenRefused):
    code = "TOKEN_INVALID"


class Keys(Protocol):
    """Where an issuer's public keys come from; None when it has no key of that id."""

    async def key(self, kid: str) -> Key | None: ...


@dataclass(frozen=True, slots=True)
class Signed:
    """A token whose signature by this very key was verified."""

    key: Key
    claims: dict[str, Any]
    identity: Identity


class Verifier:
    """Turns a token into an `Identity`, or refuses it.

    Verifying a signature is the largest single cost of a request, and its result never changes: so it is remembered,
    by the digest of the whole token and for this key only. The claims are looked at anew every time, since time passes.
    """

    def __init__(self, settings: Settings, issuer: str, keys: Keys, now: Callable[[], float] = time.time) -> None:
        self._keys = keys
        self._roles_claim = settings.oidc_roles_claim
        self._algorithms = list(settings.oidc_algorithms)
        self._registry = JWSRegistry(algorithms=self._algorithms, strict_check_header=False)
        self._claims = jwt.JWTClaimsRegistry(
            now=lambda: int(now()),
            leeway=settings.oidc_leeway_seconds,
            iss={"essential": True, "value": issuer},
            aud={"essential": True, "value": settings.oidc_audience},
            exp={"essential": True},
            iat={"essential": True},
            sub={"essential": True},
            jti={"essential": True},
        )
        self._signed: OrderedDict[bytes, Signed] = OrderedDict()

    async def from_header(self, authorization: str | None) -> Identity:
        """Verifies an Authorization header of the form `Bearer <token>`."""
        scheme, _, token = (authorization or "").partition(" ")
        if scheme.lower() != "bearer":
            raise TokenMissing("no bearer token")
        return await self.verify(token.strip())

    async def verify(self, token: str | None) -> Identity:
        """Verifies one token; raises TokenRefused, or IssuerUnreachable when no key could be had."""
        if not token:
            raise TokenMissing("no token")
        if len(token) > LARGEST_TOKEN_BYTES or not token.isascii():
            raise TokenInvalid("not a token")
        key = await self._keys.key(_kid(token))
        if key is None:
            raise TokenInvalid("unknown key")
        try:
            signed = self._signed_by(key, token)
            self._claims.validate(signed.claims)
            return signed.identity
        except ExpiredTokenError:
            raise TokenExpired("expired") from None
        except (JoseError, ValueError, TypeError, AttributeError, OverflowError):
            # Which check failed is not for the sender: it would tell a forger how far he came.
            raise TokenInvalid("not valid") from None

    def _signed_by(self, key: Key, token: str) -> Signed:
        digest = hashlib.sha256(token.encode()).digest()
        known = self._signed.get(digest)
        if known is None or known.key is not key:
            claims = jwt.decode(token, key, algorithms=self._algorithms, registry=self._registry).claims
            self._claims.validate(claims)
            known = self._signed[digest] = Signed(key, claims, self._identity(claims))
            if len(self._signed) > REMEMBERED_TOKENS:
                self._signed.popitem(last=False)
        return known

    def _identity(self, claims: Mapping[str, Any]) -> Identity:
        roles = _dig(claims, self._roles_claim) or ()
        if isinstance(roles, str) or not all(isinstance(role, str) for role in roles):
            raise ValueError("roles must be a list of names")
        return Identity(
            subject=UUID(claims["sub"]),
            roles=ROLES.intersection(roles),
            facility_id=_optional_uuid(claims.get("facility_id")),
            patient_id=_optional_uuid(claims.get("patient_id")),
            name=str(claims.get("name", "")),
            expires_at=datetime.fromtimestamp(claims["exp"], UTC),
            token_id=claims["jti"],
        )


def _kid(token: str) -> str:
    """The key id of a token's header; everything else in the header is left to the verification."""
    try:
        header = json.loads(urlsafe_b64decode(token.split(".")[0].encode()))
        kid = header["kid"]
    except (ValueError, KeyError, TypeError, RecursionError):
        raise TokenInvalid("not a token") from None
    if not isinstance(kid, str) or not 0 < len(kid) <= 256:
        raise TokenInvalid("not a token")
    return kid


def _dig(claims: Mapping[str, Any], path: str) -> Any:
    """The claim at a dotted path, as Keycloak's `realm_access.roles`."""
    value: Any = claims
    for part in path.split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    return value


def _optional_uuid(value: object) -> UUID | None:
    return None if value is None else UUID(str(value))
