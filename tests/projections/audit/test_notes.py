"""Notes, checkpoints and their keys: in the form that others read, and refused in every other."""

from __future__ import annotations

import base64
import contextlib
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sigstore._internal.rekor.checkpoint import SignedNote

from projections.audit._checkpoint import Checkpoint, NotACheckpoint, read_checkpoint
from projections.audit._keys import (
    Forged,
    Kind,
    NotAKey,
    PrivateKey,
    check_checkpoint,
    check_note,
    read_private_key,
    read_public_key,
    signed_message,
    signers_of,
)
from projections.audit._note import NotANote, Note, read_note, read_signatures

LOG = PrivateKey("log.example/one", Kind.ED25519, bytes(range(32)))
NEXT = PrivateKey("log.example/one", Kind.ED25519, bytes(range(1, 33)))
WITNESS = PrivateKey("witness.example", Kind.ED25519_COSIGNATURE, bytes(range(2, 34)))
LASTING = PrivateKey("witness.example", Kind.ML_DSA_44_COSIGNATURE, bytes(range(3, 35)))
CHECKPOINT = Checkpoint("log.example/one", 20_852_163, bytes(range(32)))
TEXT = CHECKPOINT.text()
NOTE = Note(TEXT, [LOG.sign(TEXT), WITNESS.sign(TEXT, 1_679_315_147), LASTING.sign(TEXT, 1_679_315_147)])
KEYS = [LOG, NEXT, WITNESS, LASTING]

# The example of the specification of signed notes in Go's module for them, with its key.
PETER = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
WELL_KNOWN = (
    "If you think cryptography is the answer to your problem,\n"
    "then you don't know what your problem is.\n"
    "\n"
    "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
)


def test_a_note_that_others_signed_is_accepted() -> None:
    note, signers = check_note(WELL_KNOWN, [read_public_key(PETER)])
    assert note.text.startswith("If you think")
    assert [key.name for key in signers] == ["PeterNeumann"]
    with pytest.raises(Forged):
        check_note(WELL_KNOWN.replace("answer", "riddle"), [read_public_key(PETER)])


def test_another_reader_finds_the_same_text_and_signatures() -> None:
    theirs = SignedNote.from_text(NOTE.encoded())
    assert theirs.note == NOTE.text
    assert [(one.name, one.sig_hash, base64.b64decode(one.signature)) for one in theirs.signatures] == [
        (one.name, one.key_id, one.content) for one in NOTE.signatures
    ]


def test_what_is_written_is_read() -> None:
    assert read_note(NOTE.encoded()) == NOTE == read_note(NOTE.encoded().encode())
    assert read_checkpoint(TEXT) == CHECKPOINT
    extended = replace(CHECKPOINT, extensions=("key overlap", "until 2030"))
    assert read_checkpoint(extended.text()) == extended
    assert read_signatures("".join(one.line() for one in NOTE.signatures)) == NOTE.signatures


@pytest.mark.parametrize("key", KEYS, ids=lambda key: key.kind.name)
def test_keys_are_read_as_they_are_written(key: PrivateKey) -> None:
    assert read_private_key(key.text()) == key
    assert read_public_key(key.public.text()) == key.public
    assert key.seed.hex() not in repr(key)
    assert repr(key.seed) not in repr(key)


@pytest.mark.parametrize("key", KEYS, ids=lambda key: key.kind.name)
def test_a_key_whose_id_is_not_its_own_is_refused(key: PrivateKey) -> None:
    for text in (key.public.text(), key.text()):
        other = text.replace(key.public.key_id.hex(), "00000000")
        with pytest.raises(NotAKey, match="another key"):
            read_private_key(other) if other.startswith("PRIVATE") else read_public_key(other)
    for text in ("", "log+00", "log.example/one+00000000+AQ==", key.public.text()[:-8], "a b" + key.public.text()):
        with pytest.raises(NotAKey):
            read_public_key(text)


def test_the_messages_under_cosignatures_are_those_of_the_specification() -> None:
    assert signed_message(Kind.ED25519_COSIGNATURE, "w", TEXT, 7) == b"cosignature/v1\ntime 7\n" + TEXT.encode()
    assert signed_message(Kind.ML_DSA_44_COSIGNATURE, "w", TEXT, 7) == (
        b"subtree/v1\n\0" + b"\1w" + (7).to_bytes(8, "big") + b"\x0flog.example/one" + bytes(8)
        + (20_852_163).to_bytes(8, "big") + bytes(range(32))
    )  # fmt: skip


def test_every_signer_is_found_and_unknown_ones_are_passed_over() -> None:
    assert signers_of(NOTE, [key.public for key in KEYS]) == [LOG.public, WITNESS.public, LASTING.public]
    with pytest.raises(Forged, match="none of the trusted"):
        check_note(NOTE.encoded(), [NEXT.public])


@pytest.mark.parametrize("signed", range(3))
def test_a_wrong_signature_of_a_known_key_damns_the_note(signed: int) -> None:
    signatures = list(NOTE.signatures)
    for at in (0, 9, -1):
        content = bytearray(signatures[signed].content)
        content[at] ^= 1
        wrong = [*signatures]
        wrong[signed] = replace(signatures[signed], content=bytes(content))
        with pytest.raises(Forged, match="is wrong"):
            check_note(Note(TEXT, wrong).encoded(), [key.public for key in KEYS])


def test_a_signature_is_good_for_its_own_text_only() -> None:
    others = [replace(CHECKPOINT, size=1), replace(CHECKPOINT, root=bytes(32)), replace(CHECKPOINT, origin="log.b")]
    for other in others:
        for key, signature in zip((LOG, WITNESS, LASTING), NOTE.signatures, strict=True):
            with pytest.raises(Forged):
                key.public.check(other.text(), signature)


def test_a_key_signs_for_its_own_log_only() -> None:
    elsewhere = Checkpoint("log.example/two", 1, bytes(32)).text()
    with pytest.raises(Forged):
        check_checkpoint(Note(elsewhere, [LOG.sign(elsewhere)]).encoded(), [LOG.public])
    assert check_checkpoint(NOTE.encoded(), [LOG.public])[0] == CHECKPOINT


def test_a_cosignature_does_not_pass_for_the_signature_of_the_log() -> None:
    witness = PrivateKey("log.example/one", Kind.ED25519_COSIGNATURE, LOG.seed)
    with pytest.raises(Forged):
        check_checkpoint(Note(TEXT, [witness.sign(TEXT, 1)]).encoded(), [witness.public, LOG.public])


def test_during_a_rotation_the_holder_of_either_key_accepts() -> None:
    both = Note(TEXT, [LOG.sign(TEXT), NEXT.sign(TEXT)]).encoded()
    for known in (LOG, NEXT):
        assert check_checkpoint(both, [known.public])[0] == CHECKPOINT


@pytest.mark.parametrize(
    "wrong",
    [
        "",
        TEXT,
        TEXT + "\n",
        NOTE.encoded()[:-1],
        NOTE.encoded() + "\n",
        NOTE.encoded() + "and more\n",
        NOTE.encoded().replace("— ", "- "),
        NOTE.encoded().replace("\n\n", "\n"),
        NOTE.encoded().replace("log.example/one ", "log.example+one ", 1),
        NOTE.encoded().replace("20852163", "2085\t2163"),
        "x\n\n— name AAAA\n",
        "x\n\n— name AAAAAAB=\n",
        "x\n\n—  AAAAAAAA\n",
        "x\n\n" + "— name AAAAAAAA\n" * 65,
        "x" * (1 << 20) + WELL_KNOWN,
    ],
)
def test_what_is_no_note_is_refused(wrong: str) -> None:
    with pytest.raises(NotANote):
        read_note(wrong)


def test_bytes_that_are_no_text_are_refused() -> None:
    with pytest.raises(NotANote):
        read_note(b"\xff\n\n" + WELL_KNOWN.encode())


ROOT = base64.b64encode(bytes(range(32))).decode()


@pytest.mark.parametrize(
    "wrong",
    [
        "",
        "\n\n\n",
        "o\n1\n",
        f"o\n1\n{ROOT}",
        f"o\n01\n{ROOT}\n",
        f"o\n-1\n{ROOT}\n",
        f"o\n+1\n{ROOT}\n",
        f"o\n١\n{ROOT}\n",
        f"o\n{2**63}\n{ROOT}\n",
        f"o\n0\n{ROOT}\n",
        f"o\n1\n{ROOT[:-4]}\n",
        f"o\n1\n{ROOT}=\n",
        f"\n1\n{ROOT}\n",
        f"o\n1\n{ROOT}\n\n",
    ],
)
def test_what_is_no_checkpoint_is_refused(wrong: str) -> None:
    with pytest.raises(NotACheckpoint):
        read_checkpoint(wrong)


@given(st.text(max_size=300))
def test_no_text_whatever_is_read_in_two_ways(text: str) -> None:
    for written in (text, f"{TEXT}\n{text}", f"{text}\n\n{WELL_KNOWN}"):
        with contextlib.suppress(NotANote):
            assert read_note(written).encoded() == written
