"""The development issuer: the smallest OpenID Connect issuer that real verification accepts.

Rules: it exists in development only; its key is made at first start, in the data folder, readable by its owner alone;
it answers discovery and public keys and has no login, since `telehealth token` signs with the key on the same disk.
"""

import asyncio
import json
import time
from collections.abc import Iterable
from pathlib import Path
from uuid import UUID, uuid4

from joserfc import jwt
from joserfc.jwk import ECKey
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from infra.health import Vitals
from infra.identity import ROLES
from infra.local.files import write_once
from infra.local.ports import issuer_url
from infra.serving import LOOPBACK, bound_socket, serving
from infra.settings import Settings

ALGORITHM = "ES256"
NAMES = {
    "doctor": "BS. Phát Triển",
    "nurse": "ĐD. Phát Triển",
    "patient": "Người Bệnh Thử",
}


class NotInProduction(Exception):
    """The development issuer was asked for where real people are treated."""


def development_key(data: Path) -> ECKey:
    """The signing key of this data folder; made once, by whoever needs it first."""
    fresh = ECKey.generate_key("P-256", private=True).as_dict(private=True)
    return ECKey.import_key(json.loads(write_once(data / "issuer" / "key.json", json.dumps(fresh))))


def issue_token(
    settings: Settings,
    role: str | Iterable[str],
    *,
    subject: UUID | None = None,
    facility: UUID | None = None,
    patient: UUID | None = None,
    name: str | None = None,
    minutes: float = 60,
) -> str:
    """Signs an access token of the development issuer; NotInProduction where that is not allowed."""
    if settings.production:
        raise NotInProduction("tokens are issued in development only")
    roles = sorted({role} if isinstance(role, str) else set(role))
    if unknown := set(roles) - ROLES:
        raise ValueError(f"unknown role {', '.join(sorted(unknown))}; there are {', '.join(sorted(ROLES))}")
    key = development_key(settings.data)
    now = int(time.time())
    claims = {
        "iss": issuer_url(settings),
        "aud": settings.oidc_audience,
        "sub": str(subject or uuid4()),
        "iat": now,
        "exp": now + int(minutes * 60),
        "jti": str(uuid4()),
        "name": name or NAMES.get(roles[0], roles[0]) if roles else "",
        "roles": roles,
        **({"facility_id": str(facility)} if facility else {}),
        **({"patient_id": str(patient)} if patient else {}),
    }
    # RFC 9068: the type keeps an access token from being taken for another kind of token.
    header = {"alg": ALGORITHM, "kid": key.thumbprint()}
    return jwt.encode(header, claims, key, algorithms=[ALGORITHM], default_type="at+jwt")


def issuer_app(issuer: str, key: ECKey) -> Starlette:
    """Discovery and public keys."""
    public = {**key.as_dict(private=False), "kid": key.thumbprint(), "use": "sig", "alg": ALGORITHM}
    discovery = {
        "issuer": issuer,
        "jwks_uri": f"{issuer}/jwks.json",
        "id_token_signing_alg_values_supported": [ALGORITHM],
        "subject_types_supported": ["public"],
        "response_types_supported": ["none"],
    }

    async def configuration(_: Request) -> Response:
        return JSONResponse(discovery)

    async def jwks(_: Request) -> Response:
        return JSONResponse({"keys": [public]})

    return Starlette(
        routes=[Route("/.well-known/openid-configuration", configuration), Route("/jwks.json", jwks)],
    )


async def main(settings: Settings, vitals: Vitals, stop: asyncio.Event) -> None:
    """Serves the issuer until it is asked to stop."""
    if settings.production:
        raise NotInProduction("the development issuer does not run in production")
    sock = bound_socket(settings.issuer_port, settings.listen_address)
    issuer = f"http://{LOOPBACK}:{sock.getsockname()[1]}"
    key = await asyncio.to_thread(development_key, settings.data)
    async with serving(issuer_app(issuer, key), sock):
        vitals.details["url"] = issuer
        vitals.started()
        await stop.wait()
