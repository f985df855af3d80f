"""Who is let in, and everybody who is not."""

import base64
import hmac
import json
import time
from typing import Any
from uuid import UUID, uuid4

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, Key, OctKey, OKPKey, RSAKey

from infra.identity import Identity, TokenRefused, Verifier
from infra.issuer_keys import signing_keys
from infra.settings import Settings

ISSUER = "https://id.example"
EC = ECKey.generate_key("P-256", parameters={"kid": "ec"}, private=True)
RSA = RSAKey.generate_key(2048, parameters={"kid": "rsa"}, private=True)
ED = OKPKey.generate_key("Ed25519", parameters={"kid": "ed"}, private=True)
STRANGER = ECKey.generate_key("P-256", parameters={"kid": "ec"}, private=True)
JWKS = {"keys": [key.as_dict(private=False) for key in (EC, RSA, ED)]}
SUBJECT, FACILITY = uuid4(), uuid4()
FAR_AWAY = 4_102_444_800  # The year 2100, however long ago these tests were collected.


class _PublishedKeys:
    """The keys of a JWKS that was read already."""

    async def key(self, kid: str) -> Key | None:
        return signing_keys(JWKS).get(kid)


def verifier(**settings: Any) -> Verifier:
    return Verifier(Settings(oidc_audience="telehealth", **settings), ISSUER, _PublishedKeys())


def claims(**changed: Any) -> dict[str, Any]:
    now = int(time.time())
    given = {
        "iss": ISSUER,
        "aud": ["telehealth", "account"],
        "sub": str(SUBJECT),
        "iat": now,
        "exp": now + 60,
        "jti": "token-1",
        "name": "BS. Lan",
        "roles": ["doctor", "offline_access"],
        "facility_id": str(FACILITY),
        **changed,
    }
    return {name: value for name, value in given.items() if value is not ...}


def signed(given: dict[str, Any], key: Key = EC, alg: str = "ES256", **header: Any) -> str:
    return jwt.encode({"alg": alg, "kid": key.kid, **header}, given, key, algorithms=[alg])


async def refusal(token: str | None, **settings: Any) -> str:
    with pytest.raises(TokenRefused) as refused:
        await verifier(**settings).verify(token)
    assert not token or token not in str(refused.value)
    return refused.value.code


@pytest.mark.filterwarnings("ignore:EdDSA is deprecated")
@pytest.mark.parametrize(("key", "alg"), [(EC, "ES256"), (RSA, "RS256"), (ED, "EdDSA"), (ED, "Ed25519")])
async def test_a_valid_token_tells_who_sends(key: Key, alg: str) -> None:
    given = claims()
    identity = await verifier().from_header(f"Bearer {signed(given, key, alg)}")
    assert identity == Identity(
        subject=SUBJECT,
        roles=frozenset({"doctor"}),
        facility_id=FACILITY,
        patient_id=None,
        name="BS. Lan",
        expires_at=identity.expires_at,
        token_id="token-1",
    )
    assert identity.expires_at.timestamp() == given["exp"]


async def test_roles_are_read_where_the_issuer_keeps_them() -> None:
    token = signed(claims(roles=..., realm_access={"roles": ["auditor"]}))
    identity = await verifier(oidc_roles_claim="realm_access.roles").verify(token)
    assert identity.roles == {"auditor"}


@pytest.mark.parametrize("header", [None, "", "Basic abc", "Bearer", "Bearer "])
async def test_no_token_is_missing_and_not_invalid(header: str | None) -> None:
    with pytest.raises(TokenRefused) as refused:
        await verifier().from_header(header)
    assert refused.value.code == "TOKEN_MISSING"


async def test_an_expired_token_says_so_and_nothing_else_does() -> None:
    now = int(time.time())
    assert await refusal(signed(claims(exp=now - 6))) == "TOKEN_EXPIRED"
    assert isinstance(await verifier().verify(signed(claims(exp=now - 3))), Identity)
    assert await refusal(signed(claims(exp=now - 3)), oidc_leeway_seconds=0) == "TOKEN_EXPIRED"


@pytest.mark.parametrize(
    "changed",
    [
        {"aud": "another-service"},
        {"aud": ...},
        {"iss": "https://id.example.evil"},
        {"iss": ...},
        {"exp": ...},
        {"exp": "tomorrow"},
        {"exp": 10**30},
        {"nbf": FAR_AWAY},
        {"iat": FAR_AWAY},
        {"iat": ...},
        {"jti": ...},
        {"sub": ...},
        {"sub": "not-a-uuid"},
        {"sub": ["00000000-0000-0000-0000-000000000000"]},
        {"facility_id": "everywhere"},
        {"roles": "doctor"},
        {"roles": [["doctor"]]},
        {"roles": 1},
    ],
    ids=str,
)
async def test_a_token_with_a_wrong_claim_is_refused(changed: dict[str, Any]) -> None:
    assert await refusal(signed(claims(**changed))) == "TOKEN_INVALID"


def _part(value: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


async def test_a_token_without_a_signature_is_refused() -> None:
    for alg in ("none", "None", ""):
        assert await refusal(f"{_part({'alg': alg, 'kid': 'ec'})}.{_part(claims())}.") == "TOKEN_INVALID"


async def test_a_public_key_is_no_shared_secret() -> None:
    for key in (RSA, EC):
        # Signed by hand, since a library refuses to use a public key so.
        body = f"{_part({'alg': 'HS256', 'kid': key.kid})}.{_part(claims())}"
        mac = hmac.digest(key.as_pem(private=False), body.encode(), "sha256")
        token = f"{body}.{base64.urlsafe_b64encode(mac).rstrip(b'=').decode()}"
        assert await refusal(token) == "TOKEN_INVALID"


async def test_an_algorithm_that_is_not_configured_is_refused() -> None:
    assert await refusal(signed(claims(), RSA, "RS256"), oidc_algorithms=("ES256",)) == "TOKEN_INVALID"


async def test_an_unknown_critical_header_is_refused() -> None:
    header = {"alg": "ES256", "kid": "ec", "crit": ["b65"], "b65": True}
    token = f"{_part(header)}.{_part(claims())}"
    signature = EC.get_op_key("sign")
    assert signature is not None
    # Signed by hand, since no library writes a header that it does not know.
    from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePrivateKey
    from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
    from cryptography.hazmat.primitives.hashes import SHA256

    assert isinstance(signature, EllipticCurvePrivateKey)
    r, s = decode_dss_signature(signature.sign(token.encode(), ECDSA(SHA256())))
    raw = base64.urlsafe_b64encode(r.to_bytes(32, "big") + s.to_bytes(32, "big")).rstrip(b"=").decode()
    assert await refusal(f"{token}.{raw}") == "TOKEN_INVALID"


async def test_a_key_in_the_token_itself_is_never_used() -> None:
    given, public = claims(), STRANGER.as_dict(private=False)
    token = jwt.encode({"alg": "ES256", "kid": "ec", "jwk": public}, given, STRANGER, algorithms=["ES256"])
    assert await refusal(token) == "TOKEN_INVALID"


async def test_an_unknown_key_id_is_refused() -> None:
    other = ECKey.generate_key("P-256", parameters={"kid": "other"}, private=True)
    assert await refusal(signed(claims(), other)) == "TOKEN_INVALID"


@pytest.mark.parametrize(
    "token", ["x", "a.b.c", "..", "é.é.é", "e30.e30.e30", "A" * 9000, _part({"kid": 7}) + ".e30.e30", "WzFd.e30.e30"]
)
async def test_what_is_no_token_at_all_is_refused(token: str) -> None:
    assert await refusal(token) == "TOKEN_INVALID"


async def test_a_changed_payload_breaks_the_signature() -> None:
    head, _, signature = signed(claims()).split(".")
    forged = claims(roles=["operator"], sub=str(UUID(int=1)))
    assert await refusal(f"{head}.{_part(forged)}.{signature}") == "TOKEN_INVALID"


def test_shared_secrets_and_encryption_keys_of_a_jwks_are_left_out() -> None:
    secret = OctKey.generate_key(256, parameters={"kid": "oct"}).as_dict(private=True)
    encryption = {**RSA.as_dict(private=False), "kid": "enc", "use": "enc"}
    nameless = {k: v for k, v in EC.as_dict(private=False).items() if k != "kid"}
    assert set(signing_keys({"keys": [secret, encryption, nameless, *JWKS["keys"]]})) == {"ec", "rsa", "ed"}


class _ChangingKeys:
    """An issuer that changes its keys."""

    def __init__(self, *keys: Key) -> None:
        self.keys = {key.kid: key for key in keys}

    async def key(self, kid: str) -> Key | None:
        return self.keys.get(kid)


async def test_a_token_that_was_let_in_is_refused_as_soon_as_it_has_expired() -> None:
    now = [time.time()]
    checks = Verifier(Settings(oidc_leeway_seconds=0), ISSUER, _ChangingKeys(EC), now=lambda: now[0])
    token = signed(claims())
    await checks.verify(token)
    now[0] += 61
    with pytest.raises(TokenRefused) as refused:
        await checks.verify(token)
    assert refused.value.code == "TOKEN_EXPIRED"


async def test_a_token_that_was_let_in_is_refused_when_its_issuer_no_longer_has_the_key() -> None:
    issuer = _ChangingKeys(EC)
    checks, token = Verifier(Settings(), ISSUER, issuer), signed(claims())
    await checks.verify(token)
    issuer.keys = {"ec": STRANGER}
    with pytest.raises(TokenRefused) as refused:
        await checks.verify(token)
    assert refused.value.code == "TOKEN_INVALID"


async def test_a_token_that_was_let_in_lets_in_no_other_one() -> None:
    checks, token = Verifier(Settings(), ISSUER, _ChangingKeys(EC)), signed(claims())
    await checks.verify(token)
    head, payload, _ = token.split(".")
    for forged in (
        f"{head}.{_part(claims(roles=['operator']))}.{token.split('.')[2]}",
        f"{head}.{payload}.",
        token[:-4],
    ):
        with pytest.raises(TokenRefused):
            await checks.verify(forged)


async def test_only_so_many_tokens_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("infra.identity.REMEMBERED_TOKENS", 2)
    checks = Verifier(Settings(), ISSUER, _ChangingKeys(EC))
    for n in range(4):
        await checks.verify(signed(claims(jti=f"token-{n}")))
    assert len(checks._signed) == 2
