"""Whose signatures count: every witness that is known, with a key of each kind, and never the log alone."""

from __future__ import annotations

from infra.audit.trust import Trust
from projections.audit._checkpoint import Checkpoint
from projections.audit._keys import Kind, PrivateKey
from projections.audit._note import Note
from tests.audit_office import COSIGNERS, LOG, ORIGIN, public

CHECKPOINT = Checkpoint(ORIGIN, 7, bytes(range(32)))
NEXT = PrivateKey("witness.test", Kind.ED25519_COSIGNATURE, bytes(range(9, 41)))
OTHER = PrivateKey("witness.elsewhere", Kind.ED25519_COSIGNATURE, bytes(range(11, 43)))


def note(*keys: PrivateKey) -> str:
    text = CHECKPOINT.text()
    return Note(text, [key.sign(text, 0 if key is LOG else 1_600_000_000) for key in keys]).encoded()


def cosigners(encoded: str, *witnesses: PrivateKey) -> list[str]:
    found = Trust(lambda: public(LOG), lambda: public(*witnesses)).cosigners(encoded)
    return [one.partition("+")[0] for one in found]


def test_a_checkpoint_is_cosigned_when_every_witness_has_signed_in_every_kind() -> None:
    assert cosigners(note(LOG, *COSIGNERS), *COSIGNERS) == ["witness.test", "witness.test"]
    for missing in COSIGNERS:
        signed = [key for key in COSIGNERS if key is not missing]
        assert cosigners(note(LOG, *signed), *COSIGNERS) == []
    assert cosigners(note(LOG, *COSIGNERS), *COSIGNERS, OTHER) == []


def test_a_log_that_vouches_for_itself_is_not_cosigned() -> None:
    assert cosigners(note(LOG)) == []
    assert cosigners(note(LOG, *COSIGNERS)) == []


def test_a_key_that_was_replaced_need_not_sign_any_more() -> None:
    _, large = COSIGNERS
    assert len(cosigners(note(LOG, NEXT, large), *COSIGNERS, NEXT)) == 2


def test_what_the_log_has_not_signed_or_somebody_forged_is_not_cosigned() -> None:
    assert cosigners(note(*COSIGNERS), *COSIGNERS) == []
    assert cosigners(note(LOG, *COSIGNERS).replace("\n7\n", "\n8\n"), *COSIGNERS) == []
    assert cosigners("no note at all", *COSIGNERS) == []
