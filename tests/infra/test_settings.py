"""Settings are read once, checked once, and handed on unchanged."""

import re
from pathlib import Path

import pytest

from infra.settings import ROOT, Settings, SettingsRefused, child_environment

PRODUCTION = {
    "TELEHEALTH_ENV": "production",
    "DATABASE_URL": "postgresql://db.example/telehealth",
    "KAFKA_BOOTSTRAP": "kafka.example:9092",
    "TELEHEALTH_OIDC_ISSUER": "https://id.example",
}


def test_an_empty_environment_is_a_development_stack_of_its_own() -> None:
    settings = Settings.from_env({})
    assert not settings.production
    assert settings.database_url is None
    assert settings.kafka_bootstrap is None
    assert settings.data == Path("var").resolve()


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("TELEHEALTH_ENV", "staging"),
        ("TELEHEALTH_API_PORT", "70000"),
        ("TELEHEALTH_STOP_TIMEOUT_SECONDS", "-1"),
        ("TELEHEALTH_OIDC_LEEWAY_SECONDS", "86400"),
    ],
)
def test_a_wrong_value_is_refused_by_the_name_of_its_variable_and_never_repeated(variable: str, value: str) -> None:
    with pytest.raises(SettingsRefused) as refused:
        Settings.from_env({variable: value})
    assert variable in str(refused.value)
    assert value not in str(refused.value)


@pytest.mark.parametrize("missing", ["DATABASE_URL", "KAFKA_BOOTSTRAP", "TELEHEALTH_OIDC_ISSUER"])
def test_production_never_falls_back_to_a_store_or_issuer_of_development(missing: str) -> None:
    assert Settings.from_env(PRODUCTION).production
    with pytest.raises(SettingsRefused, match=missing):
        Settings.from_env({k: v for k, v in PRODUCTION.items() if k != missing})


def test_production_takes_identities_over_https_only() -> None:
    with pytest.raises(SettingsRefused, match="https"):
        Settings.from_env({**PRODUCTION, "TELEHEALTH_OIDC_ISSUER": "http://id.example"})


@pytest.mark.parametrize("algorithm", ["none", "HS256", "RS1"])
def test_only_asymmetric_signatures_can_be_configured(algorithm: str) -> None:
    with pytest.raises(SettingsRefused, match="TELEHEALTH_OIDC_ALGORITHMS"):
        Settings.from_env({"TELEHEALTH_OIDC_ALGORITHMS": f"ES256,{algorithm}"})


def test_a_child_reads_the_very_settings_of_its_parent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TELEHEALTH_API_PORT", "1")
    parent = Settings.from_env({**PRODUCTION, "TELEHEALTH_OIDC_ALGORITHMS": "ES256,RS256", "TELEHEALTH_DATA": "there"})
    assert Settings.from_env(child_environment(parent)) == parent


def test_the_password_of_the_database_is_not_in_the_printed_settings() -> None:
    assert "geheim" not in repr(Settings.from_env({"DATABASE_URL": "postgresql://u:geheim@h/d"}))


def test_no_other_file_reads_the_environment() -> None:
    packages = ("domain", "commands", "projections", "streams", "graphql_api", "infra")
    readers = [
        str(path.relative_to(ROOT))
        for package in packages
        for path in (ROOT / package).rglob("*.py")
        if re.search(r"\bos\.(environ|getenv)\b|from os import .*(environ|getenv)", path.read_text())
    ]
    assert readers == ["infra/settings.py"]
