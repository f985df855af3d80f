"""Who may join the pictures and sound of a live session: grants, as short-lived signed tokens.

Rules: the API issues a grant for one point, one role and one session, and the media worker believes nothing else; the
algorithm is fixed and never taken from the token; a grant says everything that the worker has to decide on, so that
the worker needs no database to let somebody in; a refusal has a stable code and never repeats the token. Keys lie one
a line: the last one signs, all of them verify, so that a key can be replaced while calls go on.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from uuid import UUID, uuid4

from joserfc import jwt
from joserfc.errors import ExpiredTokenError, JoseError
from joserfc.jwk import KeySet, OKPKey
from joserfc.jws import JWSRegistry

from domain._live import Destination
from infra.local.files import write_once
from infra.settings import Settings

ALGORITHM = "Ed25519"
ISSUER = "telehealth/grants"
AUDIENCE = "telehealth/media"
LARGEST_TOKEN_BYTES = 4_096
LONGEST_LIFE = timedelta(minutes=10)


class MediaRole(StrEnum):
    """A publisher also sees and hears; a viewer never speaks."""

    PUBLISHER = "publisher"
    VIEWER = "viewer"


class Source(StrEnum):
    """What a picture or a sound is of. The sound of a point travels with its camera."""

    CAMERA = "camera"
    ULTRASOUND = "ultrasound"
    SCREEN = "screen"
    AUDIO = "audio"


@dataclass(frozen=True, slots=True)
class Grant:
    """The right of one participant at one point to join one live session until `expires_at`.

    `expires_at` limits when a connection may be made; one that stands is ended by the session, not by the clock.
    `sources` are those that may be published; empty for a viewer. As an `audience` of its kind the participant is not
    sent the ultrasound of a publisher whose grant says that it is `withheld_from` such people.
    """

    session_id: UUID
    point_id: UUID
    participant_id: UUID
    role: MediaRole
    sources: frozenset[Source]
    expires_at: datetime
    audience: Destination = Destination.CLINICIAN
    withheld_from: frozenset[Destination] = frozenset()


class GrantRefused(Exception):
    """The token is none of ours, or no longer; `code` is stable and meant for clients."""

    code = "GRANT_INVALID"


class GrantMissing(GrantRefused):
    code = "GRANT_MISSING"


class GrantExpired(GrantRefused):
    code = "GRANT_EXPIRED"


class GrantKeysMissing(Exception):
    """There is no key to sign or to verify grants with, and production makes none by itself."""


class GrantDesk:
    """Issues and verifies grants with the keys of one deployment. Safe to share between tasks and threads."""

    def __init__(self, keys: Sequence[OKPKey], now: Callable[[], float] = time.time) -> None:
        self._keys = KeySet(list(keys))
        self._signing = keys[-1]
        self._now = now
        self._registry = JWSRegistry(algorithms=[ALGORITHM], strict_check_header=False)
        self._claims = jwt.JWTClaimsRegistry(
            now=lambda: int(now()),
            leeway=5,
            iss={"essential": True, "value": ISSUER},
            aud={"essential": True, "value": AUDIENCE},
            exp={"essential": True},
            sub={"essential": True},
        )

    def issue(self, grant: Grant) -> str:
        """Signs a grant; ValueError when it would live longer than any call needs to begin."""
        now = datetime.fromtimestamp(self._now(), UTC)
        if grant.expires_at - now > LONGEST_LIFE:
            raise ValueError(f"a grant lives at most {LONGEST_LIFE}")
        if grant.role is MediaRole.VIEWER and grant.sources:
            raise ValueError("a viewer publishes nothing")
        claims = {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "sub": str(grant.participant_id),
            "iat": int(now.timestamp()),
            "exp": int(grant.expires_at.timestamp()),
            "jti": str(uuid4()),
            "session_id": str(grant.session_id),
            "point_id": str(grant.point_id),
            "role": grant.role.value,
            "sources": sorted(source.value for source in grant.sources),
            "audience": grant.audience.value,
            "withheld_from": sorted(one.value for one in grant.withheld_from),
        }
        header = {"alg": ALGORITHM, "kid": self._signing.thumbprint()}
        return jwt.encode(header, claims, self._signing, registry=self._registry)

    def verify(self, token: str | None, *, even_expired: bool = False) -> Grant:
        """The grant of a token that is ours and has not run out; raises GrantRefused.

        `even_expired` is for whoever ends what the grant began: a call may last longer than the right to begin it.
        """
        if not token:
            raise GrantMissing("no token")
        if len(token) > LARGEST_TOKEN_BYTES or not token.isascii():
            raise GrantRefused("not a token")
        try:
            claims = jwt.decode(token, self._keys, registry=self._registry).claims
            if not even_expired:
                self._claims.validate(claims)
            elif (claims["iss"], claims["aud"]) != (ISSUER, AUDIENCE):
                raise GrantRefused("not valid")
            return Grant(
                session_id=UUID(claims["session_id"]),
                point_id=UUID(claims["point_id"]),
                participant_id=UUID(claims["sub"]),
                role=MediaRole(claims["role"]),
                sources=frozenset(Source(source) for source in claims["sources"]),
                expires_at=datetime.fromtimestamp(claims["exp"], UTC),
                audience=Destination(claims["audience"]),
                withheld_from=frozenset(Destination(one) for one in claims["withheld_from"]),
            )
        except ExpiredTokenError:
            raise GrantExpired("expired") from None
        except (JoseError, ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError):
            # Which check failed is not for the sender: it would tell a forger how far he came.
            raise GrantRefused("not valid") from None

    def verify_header(self, authorization: str | None, *, even_expired: bool = False) -> Grant:
        """The grant of an Authorization header of the form `Bearer <token>`."""
        scheme, _, token = (authorization or "").partition(" ")
        if scheme.lower() != "bearer":
            raise GrantMissing("no bearer token")
        return self.verify(token.strip(), even_expired=even_expired)


def grant_desk(settings: Settings) -> GrantDesk:
    """The desk of this deployment; in development its key is made at first use, by whoever needs it first."""
    return GrantDesk(grant_keys(settings))


def grant_keys(settings: Settings) -> Sequence[OKPKey]:
    """Raises GrantKeysMissing in production."""
    file = grant_key_file(settings.data)
    if settings.production and not file.exists():
        raise GrantKeysMissing(f"{file.name} is missing in the data folder's media/")
    return _read(write_once(file, f"{json.dumps(fresh_key().as_dict(private=True))}\n").splitlines())


def grant_key_file(data: Path) -> Path:
    """Private keys, one JSON Web Key a line."""
    return data / "media" / "grants.keys"


def fresh_key() -> OKPKey:
    return OKPKey.generate_key("Ed25519", private=True)


def _read(lines: Iterable[str]) -> Sequence[OKPKey]:
    keys = [OKPKey.import_key(json.loads(line)) for line in lines if line.strip()]
    for key in keys:
        key.ensure_kid()
    return keys
