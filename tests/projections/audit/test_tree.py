"""The Merkle tree: every proof of every size to 300 holds, every other is refused, and others compute the same."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest
from pymerkle import InmemoryTree, verify_consistency, verify_inclusion

from projections.audit._tree import (
    EMPTY_ROOT,
    Frontier,
    ProofRefused,
    check_consistency,
    check_inclusion,
    complete_subtrees,
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    root_of,
)
from tests.projections.audit.growing import LEAVES, RECORDS, SIZES, root, subtree

# The eight entries and roots that the authors of Certificate Transparency test their own trees with.
VECTORS = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"]
ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]


def refused(check: Callable[..., None], *case: Any) -> bool:
    try:
        check(*case)
    except ProofRefused:
        return True
    return False


def shape(index: int, size: int) -> list[bool]:
    """On which side each step of the proof stands, from the root down."""
    found, start, end = [], 0, size
    while end - start > 1:
        middle = start + (1 << (end - start - 1).bit_length() - 1)
        found.append(index < middle)
        start, end = (start, middle) if index < middle else (middle, end)
    return found


@pytest.fixture(scope="module")
def oracle() -> InmemoryTree:
    return InmemoryTree.init_from_entries(RECORDS, algorithm="sha256")


def test_the_roots_are_those_of_certificate_transparency() -> None:
    leaves = [leaf_hash(bytes.fromhex(one)) for one in VECTORS]
    assert [root_of(leaves[: size + 1]).hex() for size in range(8)] == ROOTS
    assert root_of([]).hex() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


def test_every_root_is_the_one_of_the_definition_and_of_another_implementation(oracle: InmemoryTree) -> None:
    frontier = Frontier()
    for size in SIZES:
        assert frontier.root() == root(0, size) == root_of(LEAVES[:size])
        assert frontier.root() == oracle.get_root(size) or size == 0
        assert frontier.size == size
        if size < len(LEAVES):
            frontier.append(LEAVES[size])


def test_a_frontier_goes_on_from_its_peaks() -> None:
    for size in SIZES[:-1]:
        peaks = [subtree(height, index) for height, index in complete_subtrees(0, size)]
        frontier = Frontier(size, peaks)
        assert frontier.peaks == tuple(peaks)
        frontier.append(LEAVES[size])
        assert frontier.root() == root(0, size + 1)
    with pytest.raises(ValueError, match="complete subtrees"):
        Frontier(3, [EMPTY_ROOT])


def test_every_inclusion_proof_holds_and_another_implementation_accepts_it(oracle: InmemoryTree) -> None:
    for size in SIZES:
        for index in range(size):
            proof = inclusion_proof(subtree, index, size)
            check_inclusion(LEAVES[index], index, size, proof, root(0, size))
            if size % 23 == 0:
                theirs = oracle.prove_inclusion(index + 1, size)
                assert theirs.path[1:] == proof
                verify_inclusion(LEAVES[index], root(0, size), theirs, index + 1, size, "sha256")


def test_an_inclusion_proof_holds_for_no_other_index() -> None:
    for size in SIZES:
        for index in range(size):
            proof = inclusion_proof(subtree, index, size)
            others = range(-1, size + 2) if size < 33 else (index - 1, index ^ 1, index ^ 2, size, size - 1 - index)
            wrong = [other for other in others if other != index]
            assert all(refused(check_inclusion, LEAVES[index], other, size, proof, root(0, size)) for other in wrong)


def test_an_inclusion_proof_holds_for_no_other_size() -> None:
    chance = random.Random(1)
    for size in SIZES[1:]:
        for index in range(size) if size < 17 else chance.sample(range(size), 4):
            proof = inclusion_proof(subtree, index, size)
            for other in (other for other in SIZES if other != size):
                assert refused(check_inclusion, LEAVES[index], index, other, proof, root(0, other))
                # With the same root the size is told from another only where the way to the leaf is another one.
                if other <= index or len(shape(index, other)) != len(proof):
                    assert refused(check_inclusion, LEAVES[index], index, other, proof, root(0, size))


def test_a_proof_with_a_step_too_many_too_few_or_changed_is_refused() -> None:
    for size in SIZES[2:]:
        index = size * 7 % size if size % 5 else size - 1
        proof = list(inclusion_proof(subtree, index, size))
        changed = [proof[0][:-1] + bytes([proof[0][-1] ^ 1]), *proof[1:]]
        for wrong in (proof[1:], proof[:-1], [*proof, proof[-1]], [proof[0], *proof], changed):
            with pytest.raises(ProofRefused):
                check_inclusion(LEAVES[index], index, size, wrong, root(0, size))


def test_every_consistency_proof_holds_and_another_implementation_knows_both_roots(oracle: InmemoryTree) -> None:
    for new in SIZES:
        for old in range(new + 1):
            proof = consistency_proof(subtree, old, new)
            check_consistency(old, new, root(0, old), root(0, new), proof)
            if old and new % 37 == 0:
                theirs = oracle.prove_consistency(old, new)
                verify_consistency(root(0, old), root(0, new), theirs, old, new, "sha256")


def test_a_consistency_proof_holds_for_no_other_tree() -> None:
    chance = random.Random(2)
    for new in SIZES[2:]:
        for old in range(1, new) if new < 17 else chance.sample(range(1, new), 3):
            proof = list(consistency_proof(subtree, old, new))
            forked = root(0, old)[:-1] + bytes([root(0, old)[-1] ^ 1])
            wrong = [
                (old, new, forked, root(0, new), proof),
                (old, new, root(0, old), forked, proof),
                (new, old, root(0, new), root(0, old), proof),
                (old, new, root(0, old), root(0, new), proof[:-1]),
                (old, new, root(0, old), root(0, new), [*proof, proof[-1]]),
                *((other, new, root(0, other), root(0, new), proof) for other in SIZES[: new + 1] if other != old),
                *((old, other, root(0, old), root(0, other), proof) for other in SIZES if other != new),
            ]
            assert all(refused(check_consistency, *case) for case in wrong)


def test_nothing_is_proved_about_leaves_and_trees_that_are_not_there() -> None:
    for index, size in ((0, 0), (5, 5), (-1, 5)):
        with pytest.raises(ValueError, match="no leaf"):
            inclusion_proof(subtree, index, size)
    with pytest.raises(ValueError, match="no earlier one"):
        consistency_proof(subtree, 6, 5)


def test_a_node_is_no_leaf() -> None:
    left, right = LEAVES[0], LEAVES[1]
    assert leaf_hash(left + right) != root(0, 2)
