"""The witness cosigns one history of a log, whatever is sent to it, by whom, at once, and across its own ends."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path
from random import Random

import httpx
import pytest

from infra.audit.cosigning import SIZE_TYPE, request
from infra.audit.witness import Witness, witness_app
from infra.audit.witness_state import WitnessState
from infra.serving import bound_socket, serving
from projections.audit._checkpoint import Checkpoint
from projections.audit._keys import Kind, PrivateKey, signers_of
from projections.audit._note import Note, read_signatures
from projections.audit._tree import Subtrees, consistency_proof, leaf_hash, node_hash, range_hash
from tests.audit_office import COSIGNERS, LOG, ORIGIN, cosigner_keys, note_of, public
from tests.projections.audit.growing import LEAVES

THIEF = PrivateKey(ORIGIN, Kind.ED25519, bytes(32))
MOST = len(LEAVES)


class Tree:
    """A history of up to 301 leaves that leaves the true one at `forked`, if at all."""

    def __init__(self, forked: int = MOST, salt: bytes = b"") -> None:
        self.forked = forked
        self.leaves = LEAVES[:forked] + [leaf_hash(salt + bytes([n % 256])) for n in range(forked, MOST)]
        self._known: dict[tuple[int, int], bytes] = {}

    def subtree(self, height: int, index: int) -> bytes:
        if height == 0:
            return self.leaves[index]
        if (height, index) not in self._known:
            halves = (self.subtree(height - 1, 2 * index), self.subtree(height - 1, 2 * index + 1))
            self._known[height, index] = node_hash(*halves)
        return self._known[height, index]

    def checkpoint(self, size: int) -> Checkpoint:
        return Checkpoint(ORIGIN, size, range_hash(self.subtree, 0, size))


TRUE = Tree()


def asked(tree: Tree, old: int, new: int, key: PrivateKey = LOG, proof: Subtrees | None = None) -> bytes:
    note = note_of(tree.checkpoint(new), key)
    return request(old, lambda _: consistency_proof(proof or tree.subtree, old, new) if old < new else [], note)


@pytest.fixture
def state(tmp_path: Path) -> Iterator[WitnessState]:
    found = WitnessState(tmp_path / "seen.sqlite")
    yield found
    found.close()


@pytest.fixture
def witness(state: WitnessState) -> Witness:
    return Witness(state, COSIGNERS, lambda: public(LOG))


def test_a_log_that_grows_is_cosigned_in_both_ways(witness: Witness) -> None:
    old = 0
    for new in (1, 2, 7, 8, 8, 300):
        answer = witness.add_checkpoint(asked(TRUE, old, new))
        assert answer.status == 200
        note = Note(TRUE.checkpoint(new).text(), read_signatures(answer.text))
        assert list(signers_of(note, cosigner_keys())) == cosigner_keys()
        assert witness.latest(ORIGIN).text == note_of(TRUE.checkpoint(new))
        old = new


def test_whoever_asks_from_an_old_size_is_told_the_right_one(witness: Witness) -> None:
    witness.add_checkpoint(asked(TRUE, 0, 5))
    answer = witness.add_checkpoint(asked(TRUE, 0, 9))
    assert (answer.status, answer.text, answer.media_type) == (409, "5\n", SIZE_TYPE)


@pytest.mark.parametrize(
    ("body", "status", "reason"),
    [
        (asked(Tree(3), 8, 12), 422, "fork"),
        (asked(Tree(3), 8, 12, proof=TRUE.subtree), 422, "fork"),
        (asked(TRUE, 8, 12, proof=Tree(3).subtree), 422, "fork"),
        (asked(Tree(7), 8, 8), 409, "fork"),
        (asked(TRUE, 0, 7), 409, "set back"),
        (asked(TRUE, 7, 7), 409, "set back"),
        (asked(TRUE, 8, 12, THIEF), 403, "forged"),
        (asked(TRUE, 8, 12).replace(b"old 8", b"old 13"), 400, None),
        (asked(TRUE, 8, 12).replace(ORIGIN.encode() + b"\n", b"log.test/two\n"), 404, "unknown log"),
        (b"old 8\n\n", 400, None),
        (b"", 400, None),
        (b"\xff", 400, None),
        (asked(TRUE, 8, 12).replace(b"old 8", b"old 08"), 400, None),
        (b"old 8\n" + b"AAAA\n" + asked(TRUE, 8, 12).partition(b"\n")[2], 400, None),
        (b"old 8\n" + b"A" * 43 + b"=\n" * 64 + b"\n", 400, None),
    ],
)
def test_what_is_wrong_is_refused_and_kept_and_changes_nothing(
    witness: Witness, state: WitnessState, body: bytes, status: int, reason: str | None
) -> None:
    witness.add_checkpoint(asked(TRUE, 0, 8))
    before = witness.latest(ORIGIN)
    answer = witness.add_checkpoint(body)
    assert answer.status == status
    assert "— " not in answer.text
    assert witness.latest(ORIGIN) == before
    assert state.refusals() == ({reason: 1} if reason else {})


def attack(chance: Random, size: int) -> bytes:
    """A fork, a set-back or a forgery, with whatever proof may help it, against a witness that has seen `size`."""
    fork = Tree(chance.randrange(max(1, size)), chance.randbytes(4))
    new = chance.randrange(1, MOST)
    old = chance.choice((size, size, chance.randrange(MOST), 0))
    match chance.randrange(5):
        case 0:
            return asked(fork, old, max(new, fork.forked + 1), proof=chance.choice((None, TRUE.subtree)))
        case 1:
            return asked(TRUE, chance.choice((old, new)), chance.randrange(1, size))
        case 2:
            return asked(TRUE, old, new, THIEF)
        case 3:
            note = Note(TRUE.checkpoint(new).text(), [LOG.sign(fork.checkpoint(new).text())])
            return request(old, lambda _: consistency_proof(TRUE.subtree, min(old, new), new), note.encoded())
        case _:
            proof = list(consistency_proof(fork.subtree, min(size, MOST - 1), MOST)) or [bytes(32)]
            chance.shuffle(proof)
            return request(size, lambda _: proof, note_of(fork.checkpoint(MOST)))


def test_of_a_thousand_forks_setbacks_and_forgeries_none_is_cosigned(tmp_path: Path) -> None:
    chance, size, cosigned, attacks = Random(9), 8, 0, 0
    state = WitnessState(tmp_path / "seen.sqlite")
    witness = Witness(state, COSIGNERS[:1], lambda: public(LOG))
    witness.add_checkpoint(asked(TRUE, 0, size))
    while attacks < 1_000:
        if chance.random() < 0.02:  # It ends and starts anew.
            state.close()
            state = WitnessState(tmp_path / "seen.sqlite")
            witness = Witness(state, COSIGNERS[:1], lambda: public(LOG))
        if chance.random() < 0.05:
            grown = min(MOST - 1, size + chance.randrange(4))
            assert witness.add_checkpoint(asked(TRUE, size, grown)).status == 200
            size = grown
        attacks += 1
        cosigned += witness.add_checkpoint(attack(chance, size)).status == 200
    assert cosigned == 0
    state.close()


async def test_of_two_histories_sent_at_once_one_is_cosigned(tmp_path: Path) -> None:
    """Through two processes' worth of doors on one state: the comparison and the writing are one step."""
    chance = Random(3)
    states = [WitnessState(tmp_path / "seen.sqlite") for _ in range(2)]
    witnesses = [Witness(state, COSIGNERS[:1], lambda: public(LOG)) for state in states]
    history: Sequence[Tree] = [TRUE]
    size = 0
    for _ in range(40):
        new = size + chance.randrange(1, 6)
        rivals = [*history, Tree(size, chance.randbytes(3)), Tree(max(0, size - 1), chance.randbytes(3))]
        sent = [asked(tree, size, new + chance.randrange(2)) for tree in rivals for _ in range(2)]
        answers = await asyncio.gather(
            *(asyncio.to_thread(witnesses[n % 2].add_checkpoint, body) for n, body in enumerate(sent))
        )
        roots = {
            (note.partition(b"\n\n")[2]) for answer, note in zip(answers, sent, strict=True) if answer.status == 200
        }
        assert roots, [answer.text for answer in answers]
        seen = states[0].seen(ORIGIN)
        assert seen is not None
        # What is cosigned in one round is one history: every other tree is a later one of the same.
        winner = next(tree for tree in rivals if tree.checkpoint(seen.size).root == seen.root)
        for note in roots:
            of_winner = {note_of(winner.checkpoint(n)).encode() for n in range(size, seen.size + 1)}
            assert note in of_winner
        history, size = [winner], seen.size
    for state in states:
        state.close()


def test_without_the_write_lock_two_histories_would_both_be_cosigned(tmp_path: Path) -> None:
    """The control: two that compare before either writes."""
    state = WitnessState(tmp_path / "seen.sqlite")
    witness = Witness(state, COSIGNERS[:1], lambda: public(LOG))
    witness.add_checkpoint(asked(TRUE, 0, 5))
    seen = state.seen(ORIGIN)

    class Unlocked(WitnessState):
        def seen(self, origin: str) -> object:  # type: ignore[override]
            return seen

    late = Witness(Unlocked(tmp_path / "seen.sqlite"), COSIGNERS[:1], lambda: public(LOG))
    assert witness.add_checkpoint(asked(TRUE, 5, 9)).status == 200
    assert late.add_checkpoint(asked(Tree(6), 5, 9)).status == 200
    state.close()


def test_what_was_seen_is_on_the_disk_before_the_answer(tmp_path: Path) -> None:
    state = WitnessState(tmp_path / "seen.sqlite")
    witness = Witness(state, COSIGNERS, lambda: public(LOG))
    assert witness.add_checkpoint(asked(TRUE, 0, 8)).status == 200
    # As another process sees it, while the first one still runs.
    other = sqlite3.connect(tmp_path / "seen.sqlite")
    assert other.execute("select size from seen").fetchall() == [(8,)]
    assert state._db.execute("pragma synchronous").fetchone() == (2,)
    other.close()
    state.close()


def test_a_witness_that_cannot_write_does_not_answer(
    witness: Witness, state: WitnessState, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr(WitnessState, "see", full)
    with pytest.raises(sqlite3.OperationalError):
        witness.add_checkpoint(asked(TRUE, 0, 8))
    assert state.seen(ORIGIN) is None


async def test_over_http_it_answers_as_the_specification_says(witness: Witness) -> None:
    async with serving(witness_app(witness), bound_socket(0)) as url, httpx.AsyncClient(base_url=url) as client:
        answer = await client.post("/add-checkpoint", content=asked(TRUE, 0, 8))
        assert answer.status_code == 200
        assert answer.text.startswith("— witness.test ")
        told = await client.post("/add-checkpoint", content=asked(TRUE, 4, 9))
        assert (told.status_code, told.headers["content-type"], told.text) == (409, SIZE_TYPE, "8\n")
        assert (await client.post("/add-checkpoint", content=b"x" * 70_000)).status_code == 413
        assert (await client.get("/latest", params={"origin": ORIGIN})).text == note_of(TRUE.checkpoint(8))
        assert (await client.get("/latest", params={"origin": "x"})).status_code == 404
