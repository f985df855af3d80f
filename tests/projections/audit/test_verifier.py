"""The verifier's own proofs of growth: right for all sizes, and nothing else is taken for one."""

from __future__ import annotations

import pytest

from projections.audit._tree import consistency_proof, leaf_hash, node_hash, root_of
from projections.audit.verifier import Refused, check_consistency

LARGEST = 40
LEAVES = [leaf_hash(bytes([n])) for n in range(LARGEST)]
ROOTS = [root_of(LEAVES[:size]) for size in range(LARGEST + 1)]


def subtree(height: int, index: int) -> bytes:
    if height == 0:
        return LEAVES[index]
    return node_hash(subtree(height - 1, 2 * index), subtree(height - 1, 2 * index + 1))


@pytest.mark.parametrize("size", range(1, LARGEST + 1))
def test_every_tree_has_grown_from_every_smaller_one_and_from_no_other(size: int) -> None:
    for old in range(size + 1):
        proof = list(consistency_proof(subtree, old, size))
        check_consistency(old, size, ROOTS[old], ROOTS[size], proof)
        for root, new_root in ((bytes(32), ROOTS[size]), (ROOTS[old], bytes(32))):
            if old or root == bytes(32):
                with pytest.raises(Refused):
                    check_consistency(old, size, root, new_root, proof)
        with pytest.raises(Refused):
            check_consistency(old, size, ROOTS[old], ROOTS[size], [*proof, bytes(32)])
        if proof:
            with pytest.raises(Refused):
                check_consistency(old, size, ROOTS[old], ROOTS[size], proof[:-1])
            with pytest.raises(Refused):
                check_consistency(old, size, ROOTS[old], ROOTS[size], [bytes(32), *proof[1:]])
    with pytest.raises(Refused):
        check_consistency(size + 1, size, ROOTS[size], ROOTS[size], [bytes(32)])
