"""A grant lets one participant into one session for a short time, and nothing else does."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest
from joserfc import jwt
from joserfc.jwk import OctKey, OKPKey

from infra.media_tokens import (
    AUDIENCE,
    ISSUER,
    Grant,
    GrantDesk,
    GrantExpired,
    GrantKeysMissing,
    GrantMissing,
    GrantRefused,
    MediaRole,
    Source,
    fresh_key,
    grant_desk,
    grant_key_file,
)
from infra.settings import Settings

NOW = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
GRANT = Grant(
    session_id=UUID(int=1),
    point_id=UUID(int=2),
    participant_id=UUID(int=3),
    role=MediaRole.PUBLISHER,
    sources=frozenset({Source.CAMERA, Source.ULTRASOUND}),
    expires_at=NOW + timedelta(minutes=5),
)


def key() -> OKPKey:
    made = fresh_key()
    made.ensure_kid()
    return made


def desk(*keys: OKPKey, at: datetime = NOW) -> GrantDesk:
    return GrantDesk(keys or (key(),), now=at.timestamp)


def test_a_grant_comes_back_as_it_was_issued() -> None:
    one = desk()
    assert one.verify_header(f"Bearer {one.issue(GRANT)}") == GRANT


def test_a_grant_of_another_key_is_refused() -> None:
    with pytest.raises(GrantRefused):
        desk().verify(desk().issue(GRANT))


def test_a_grant_runs_out() -> None:
    one = key()
    token = desk(one).issue(GRANT)
    with pytest.raises(GrantExpired):
        desk(one, at=NOW + timedelta(minutes=6)).verify(token)


def test_a_replaced_key_still_verifies_what_it_signed() -> None:
    old, new = key(), key()
    both = desk(old, new)
    assert both.verify(desk(old).issue(GRANT)) == GRANT
    assert desk(new).verify(both.issue(GRANT)) == GRANT, "the last one signs"


def test_a_token_without_a_signature_is_refused() -> None:
    one = desk()
    head, body, _ = one.issue(GRANT).split(".")
    for forged in (f"{head}.{body}.", f"eyJhbGciOiJub25lIn0.{body}.", f"{body}.{body}.{body}"):
        with pytest.raises(GrantRefused):
            one.verify(forged)


def test_the_public_key_is_no_shared_secret() -> None:
    one = key()
    public = json.dumps(one.as_dict(private=False)).encode()
    claims = {"iss": ISSUER, "aud": AUDIENCE, "sub": str(UUID(int=3)), "exp": int(NOW.timestamp()) + 60}
    forged = jwt.encode({"alg": "HS256", "kid": one.thumbprint()}, claims, OctKey.import_key(public))
    with pytest.raises(GrantRefused):
        desk(one).verify(forged)


@pytest.mark.parametrize("header", [None, "", "Basic abc", "Bearer", "Bearer "])
def test_without_a_token_nobody_is_let_in(header: str | None) -> None:
    with pytest.raises(GrantMissing):
        desk().verify_header(header)


@pytest.mark.parametrize("text", ["x", "a.b.c", "é" * 10, "A" * 5_000, "...", "e30.e30.e30"])
def test_what_is_no_token_is_refused(text: str) -> None:
    with pytest.raises(GrantRefused):
        desk().verify(text)


def test_a_grant_lives_ten_minutes_at_most() -> None:
    with pytest.raises(ValueError, match="at most"):
        desk().issue(replace(GRANT, expires_at=NOW + timedelta(minutes=11)))


def test_a_viewer_is_granted_no_source() -> None:
    with pytest.raises(ValueError, match="publishes nothing"):
        desk().issue(replace(GRANT, role=MediaRole.VIEWER))


def test_processes_of_one_data_folder_believe_each_other(tmp_path: Path) -> None:
    settings = Settings(data=tmp_path)
    grant = replace(GRANT, expires_at=datetime.now(UTC).replace(microsecond=0) + timedelta(minutes=1))
    assert grant_desk(settings).verify(grant_desk(settings).issue(grant)) == grant
    assert grant_key_file(settings.data).stat().st_mode & 0o077 == 0


def test_production_makes_no_key_by_itself(tmp_path: Path) -> None:
    settings = Settings(
        environment="production",
        data=tmp_path,
        database_url="postgresql://db/telehealth",
        kafka_bootstrap="kafka:9092",
        oidc_issuer="https://id.example.vn",
    )
    with pytest.raises(GrantKeysMissing):
        grant_desk(settings)
