"""Key files: made once, read by their owner only, replaced with an overlap, and never forgotten as public keys."""

from __future__ import annotations

from pathlib import Path

import pytest

from infra.audit import keys
from infra.audit.keys import KeyRefused
from infra.audit.policy import policy_text
from infra.settings import Settings
from projections.audit._keys import Kind
from projections.audit.verifier import Policy


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings.from_env({"TELEHEALTH_DATA": str(tmp_path)})


def test_keys_are_made_once_and_lie_where_only_their_owner_reads(settings: Settings) -> None:
    first = keys.log_keys(settings)
    assert keys.log_keys(settings) == first
    made = (first, keys.receipt_keys(settings), keys.witness_keys(settings))
    assert [[key.kind for key in each] for each in made] == [[Kind.ED25519], [Kind.ED25519], list(keys.COSIGNING)]
    private = [*settings.data.rglob("*.key")]
    assert len(private) == 3
    assert {file.stat().st_mode & 0o777 for file in private} == {0o600}
    assert list(keys.public_keys(keys.log_key_file(settings))) == [first[0].public]


def test_a_key_that_others_can_read_is_not_used(settings: Settings) -> None:
    keys.log_keys(settings)
    (settings.data / "audit" / "log.key").chmod(0o640)
    with pytest.raises(KeyRefused, match="others than its owner"):
        keys.log_keys(settings)


def test_in_production_no_key_comes_into_being_by_accident(settings: Settings) -> None:
    in_production = settings.model_copy(update={"environment": "production"})
    with pytest.raises(KeyRefused, match="missing"):
        keys.log_keys(in_production)
    keys.rotate(settings.data / "audit" / "log.key", settings.audit_origin)
    assert len(keys.log_keys(in_production)) == 1


def test_the_next_key_signs_beside_the_old_one_until_that_is_retired(settings: Settings) -> None:
    file = settings.data / "audit" / "log.key"
    (old,) = keys.log_keys(settings)
    with pytest.raises(KeyRefused, match="another one has replaced"):
        keys.retire(file, old.public.key_id.hex(), settings.audit_origin)
    (new,) = keys.rotate(file, settings.audit_origin)
    assert [key.public for key in keys.log_keys(settings)] == [old.public, new]
    with pytest.raises(KeyRefused, match="another one has replaced"):
        keys.retire(file, "00000000", settings.audit_origin)
    keys.retire(file, old.public.key_id.hex(), settings.audit_origin)
    assert [key.public for key in keys.log_keys(settings)] == [new]
    assert list(keys.public_keys(keys.log_key_file(settings))) == [old.public, new]


@pytest.mark.parametrize("content", ["", "PRIVATE+KEY+x+00000000+AQ==\n", "nonsense\n"])
def test_a_file_without_a_usable_key_is_refused_without_telling_what_is_in_it(settings: Settings, content: str) -> None:
    file = settings.data / "audit" / "log.key"
    file.parent.mkdir()
    file.write_text(content)
    file.chmod(0o600)
    with pytest.raises(KeyRefused) as refused:
        keys.log_keys(settings)
    assert "nonsense" not in str(refused.value)


def test_the_keys_of_another_log_are_refused(settings: Settings) -> None:
    keys.log_keys(settings)
    with pytest.raises(KeyRefused, match="another name"):
        keys.log_keys(settings.model_copy(update={"audit_origin": "other.test/log"}))


def test_the_policy_of_a_machine_can_be_read_by_the_verifier(settings: Settings) -> None:
    keys.log_keys(settings)
    assert Policy.read(policy_text(settings)).quorum == "none"
    keys.receipt_keys(settings)
    keys.witness_keys(settings)
    policy = Policy.read(policy_text(settings))
    assert (policy.quorum, len(policy.logs)) == ("witnesses", 2)
