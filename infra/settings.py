"""What a deployment can set.

Rules: this is the only file that reads the environment; a value is checked once, here, and never again; times are in
seconds and say so in their names; ports are 0 when the local stack may choose; no default is a secret.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

ROOT = Path(__file__).resolve().parents[1]
SIGNATURES = ("ES256", "EdDSA", "Ed25519", "RS256")

LISTS = ("oidc_algorithms", "allowed_origins", "turn_urls", "processes")

Port = Annotated[int, Field(ge=0, le=65535)]
Seconds = Annotated[float, Field(gt=0, le=86_400)]


class SettingsRefused(Exception):
    """A variable of the environment holds what it may not; the message names it and never repeats its value."""


class Settings(BaseModel):
    """Every setting of every process; each field's description names the variable that sets it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    environment: Literal["development", "production"] = Field("development", description="TELEHEALTH_ENV")
    data: Path = Field(Path("var"), description="TELEHEALTH_DATA")
    cache: Path = Field(Path("~/.cache/telehealth"), description="TELEHEALTH_CACHE")

    database_url: str | None = Field(None, description="DATABASE_URL", repr=False)
    kafka_bootstrap: str | None = Field(None, description="KAFKA_BOOTSTRAP")
    kafka_replication: Annotated[int, Field(ge=1, le=15)] = Field(1, description="TELEHEALTH_KAFKA_REPLICATION")

    api_port: Port = Field(0, description="TELEHEALTH_API_PORT")
    issuer_port: Port = Field(0, description="TELEHEALTH_ISSUER_PORT")
    postgres_port: Port = Field(0, description="TELEHEALTH_POSTGRES_PORT")
    kafka_port: Port = Field(0, description="TELEHEALTH_KAFKA_PORT")
    processes: tuple[str, ...] = Field((), description="TELEHEALTH_PROCESSES")
    listen_address: str = Field("127.0.0.1", min_length=1, description="TELEHEALTH_LISTEN_ADDRESS")
    health_port: Port = Field(0, description="TELEHEALTH_HEALTH_PORT")
    log_to_stderr: bool = Field(True, description="TELEHEALTH_LOG_TO_STDERR")

    allowed_origins: tuple[str, ...] = Field((), description="TELEHEALTH_ALLOWED_ORIGINS")

    oidc_issuer: str | None = Field(None, description="TELEHEALTH_OIDC_ISSUER")
    oidc_audience: str = Field("telehealth", min_length=1, description="TELEHEALTH_OIDC_AUDIENCE")
    oidc_algorithms: tuple[str, ...] = Field(SIGNATURES, min_length=1, description="TELEHEALTH_OIDC_ALGORITHMS")
    oidc_roles_claim: str = Field("roles", min_length=1, description="TELEHEALTH_OIDC_ROLES_CLAIM")
    oidc_leeway_seconds: Annotated[int, Field(ge=0, le=300)] = Field(5, description="TELEHEALTH_OIDC_LEEWAY_SECONDS")
    oidc_keys_refresh_seconds: Seconds = Field(600, description="TELEHEALTH_OIDC_KEYS_REFRESH_SECONDS")
    oidc_keys_pause_seconds: Seconds = Field(10, description="TELEHEALTH_OIDC_KEYS_PAUSE_SECONDS")

    audit_origin: str = Field("telehealth.localhost/log", min_length=1, description="TELEHEALTH_AUDIT_ORIGIN")
    audit_witness_keys: Path | None = Field(None, description="TELEHEALTH_AUDIT_WITNESS_KEYS")
    witness_url: str | None = Field(None, description="TELEHEALTH_WITNESS_URL")
    witness_port: Port = Field(0, description="TELEHEALTH_WITNESS_PORT")
    witness_name: str = Field("witness.localhost", min_length=1, description="TELEHEALTH_WITNESS_NAME")
    witness_log_keys: Path | None = Field(None, description="TELEHEALTH_WITNESS_LOG_KEYS")

    objects_url: str | None = Field(None, pattern=r"^s3://[^/?#]+(/[^?#]*)?$", description="TELEHEALTH_OBJECTS_URL")
    objects_endpoint: str | None = Field(None, description="TELEHEALTH_OBJECTS_ENDPOINT")
    objects_region: str = Field("local", min_length=1, description="TELEHEALTH_OBJECTS_REGION")
    objects_key_id: str | None = Field(None, description="TELEHEALTH_OBJECTS_KEY_ID", repr=False)
    objects_secret: str | None = Field(None, description="TELEHEALTH_OBJECTS_SECRET", repr=False)
    sealing_keys: Path | None = Field(None, description="TELEHEALTH_SEALING_KEYS")

    playback_port: Port = Field(0, description="TELEHEALTH_PLAYBACK_PORT")
    playback_url: str | None = Field(None, description="TELEHEALTH_PLAYBACK_URL")
    recorder_alarm_seconds: Seconds = Field(15, description="TELEHEALTH_RECORDER_ALARM_SECONDS")

    media_http_port: Port = Field(0, description="TELEHEALTH_MEDIA_HTTP_PORT")
    media_udp_port: Port = Field(0, description="TELEHEALTH_MEDIA_UDP_PORT")
    media_bind_address: str = Field("127.0.0.1", min_length=1, description="TELEHEALTH_MEDIA_BIND_ADDRESS")
    media_public_address: str | None = Field(None, description="TELEHEALTH_MEDIA_PUBLIC_ADDRESS")
    media_url: str | None = Field(None, description="TELEHEALTH_MEDIA_URL")
    media_native: Literal["auto", "off", "on"] = Field("auto", description="TELEHEALTH_MEDIA_NATIVE")
    media_worker: str | None = Field(None, pattern=r"^[a-z0-9][a-z0-9.-]{0,62}$", description="TELEHEALTH_MEDIA_WORKER")
    media_workers: Annotated[int, Field(ge=1, le=16)] = Field(2, description="TELEHEALTH_MEDIA_WORKERS")
    media_packets_a_second: Annotated[int, Field(ge=1)] = Field(40_000, description="TELEHEALTH_MEDIA_PACKETS_A_SECOND")
    turn_urls: tuple[str, ...] = Field((), description="TELEHEALTH_TURN_URLS")
    turn_secret: str | None = Field(None, description="TELEHEALTH_TURN_SECRET", repr=False)
    turn_credential_seconds: Seconds = Field(600, description="TELEHEALTH_TURN_CREDENTIAL_SECONDS")
    open_release: Annotated[str, Field(pattern=r"^[a-z][a-z0-9]{0,29}$")] = Field(
        "r1", description="TELEHEALTH_OPEN_RELEASE"
    )

    start_timeout_seconds: Seconds = Field(120, description="TELEHEALTH_START_TIMEOUT_SECONDS")
    stop_timeout_seconds: Seconds = Field(10, description="TELEHEALTH_STOP_TIMEOUT_SECONDS")

    @property
    def production(self) -> bool:
        return self.environment == "production"

    @classmethod
    def from_env(cls, environ: Mapping[str, str] | None = None) -> Self:
        """Reads the settings; SettingsRefused names every variable that is wrong."""
        source = os.environ if environ is None else environ
        given: dict[str, object] = {}
        for name, field in cls.model_fields.items():
            text = source.get(field.description or "", "").strip()
            if text:
                given[name] = _split(text) if name in LISTS else text
        try:
            return cls.model_validate(given)
        except ValidationError as error:
            raise SettingsRefused("; ".join(_complaint(cls, e["loc"], e["msg"]) for e in error.errors())) from None

    @model_validator(mode="after")
    def _resolved_paths(self) -> Self:
        # Children run elsewhere and as other users, so a path means the same in all of them.
        object.__setattr__(self, "data", self.data.expanduser().resolve())
        object.__setattr__(self, "cache", self.cache.expanduser().resolve())
        return self

    @model_validator(mode="after")
    def _signatures_are_asymmetric(self) -> Self:
        # A shared-secret algorithm would let whoever can verify a token also write one, with the public key as secret.
        unknown = set(self.oidc_algorithms) - set(SIGNATURES)
        if unknown:
            raise ValueError(f"TELEHEALTH_OIDC_ALGORITHMS may hold {', '.join(SIGNATURES)} only")
        return self

    @model_validator(mode="after")
    def _objects_stay_in_the_country(self) -> Self:
        # Without an endpoint the library would send them to one abroad.
        if self.objects_url and not self.objects_endpoint:
            raise ValueError("TELEHEALTH_OBJECTS_ENDPOINT must say where TELEHEALTH_OBJECTS_URL is reached")
        return self

    @model_validator(mode="after")
    def _relays_have_a_secret(self) -> Self:
        if any(not url.startswith(("stun:", "stuns:", "turn:", "turns:")) for url in self.turn_urls):
            raise ValueError("TELEHEALTH_TURN_URLS may hold stun:, stuns:, turn: and turns: only")
        if any(url.startswith("turn") for url in self.turn_urls) and not self.turn_secret:
            raise ValueError("TELEHEALTH_TURN_SECRET must be set for the relays of TELEHEALTH_TURN_URLS")
        return self

    @model_validator(mode="after")
    def _production_needs_its_own(self) -> Self:
        if not self.production:
            return self
        for name in ("database_url", "kafka_bootstrap", "oidc_issuer"):
            if getattr(self, name) is None:
                raise ValueError(f"{type(self).model_fields[name].description} must be set in production")
        if urlsplit(self.oidc_issuer or "").scheme != "https":
            raise ValueError("TELEHEALTH_OIDC_ISSUER must be an https address in production")
        return self

    def to_env(self) -> dict[str, str]:
        """The variables that make a child process read these same settings."""
        env = {}
        for name, field in type(self).model_fields.items():
            value = getattr(self, name)
            if value is not None and field.description:
                env[field.description] = _joined(value)
        return env


def child_environment(settings: Settings) -> dict[str, str]:
    """The environment of a child: what this process was given, and the settings as resolved here."""
    inherited = {k: v for k, v in os.environ.items() if not k.startswith("TELEHEALTH_")}
    return {**inherited, **settings.to_env(), "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}


def _split(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


def _joined(value: object) -> str:
    if isinstance(value, tuple):
        return ",".join(value)
    return str(value).lower() if isinstance(value, bool) else str(value)


def _complaint(cls: type[Settings], where: tuple[int | str, ...], message: str) -> str:
    field = cls.model_fields.get(str(where[0])) if where else None
    return f"{field.description}: {message}" if field else message.removeprefix("Value error, ")
