"""The tree against RFC 9162's definitions written out plainly, and proofs against every alteration."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.merkle import (
    Frontier,
    NodeOf,
    completed,
    consistency_proof,
    continues,
    leaf_hash,
    node_hash,
    root,
)


def leaves(number: int, fork: int = -1) -> list[bytes]:
    """Return leaf hashes; from `fork` on they are another history's."""
    return [leaf_hash(f"{place}{'x' if 0 <= fork <= place else ''}".encode()) for place in range(number)]


def plain_root(hashes: list[bytes]) -> bytes:
    """Return MTH as section 2.1.1 defines it."""
    if len(hashes) == 1:
        return hashes[0]
    cut = 1
    while cut * 2 < len(hashes):
        cut *= 2
    return hashlib.sha256(b"\1" + plain_root(hashes[:cut]) + plain_root(hashes[cut:])).digest()


def store(hashes: list[bytes]) -> NodeOf:
    """Return the nodes as a log stores them: each written once, when its last leaf comes."""
    nodes = {(0, place): each for place, each in enumerate(hashes)}
    for place in range(len(hashes)):
        for level, index in completed(place):
            nodes[level, index] = node_hash(nodes[level - 1, 2 * index], nodes[level - 1, 2 * index + 1])
    return lambda level, index: nodes[level, index]


def test_every_end_continues_every_earlier_one_and_none_of_another_history() -> None:
    """All pairs up to 40: the honest proof holds, and a fork at any place before the old end does not."""
    most = 40
    node = store(leaves(most))
    for new in range(1, most + 1):
        new_root = root(new, node)
        assert new_root == plain_root(leaves(new))
        for old in range(1, new + 1):
            proof, old_root = consistency_proof(old, new, node), root(old, node)
            assert continues(old, old_root, new, new_root, proof)
            forked = plain_root(leaves(new, fork=old - 1))
            assert not continues(old, old_root, new, forked, proof)
            other = consistency_proof(old, new, store(leaves(new, fork=old - 1)))
            assert not continues(old, old_root, new, forked, other)


def test_a_frontier_gives_every_root() -> None:
    """One leaf after the other, without the tree."""
    frontier = Frontier()
    for number, leaf in enumerate(leaves(70), start=1):
        frontier.add(leaf)
        assert frontier.root() == plain_root(leaves(number))


@given(st.integers(1, 60), st.integers(0, 60), st.data())
def test_an_altered_proof_is_refused(old: int, more: int, data: st.DataObject) -> None:
    """A hash changed, dropped, doubled or exchanged, another size or root: refused, without an exception."""
    new = old + more
    node = store(leaves(new))
    proof, old_root, new_root = consistency_proof(old, new, node), root(old, node), root(new, node)
    altered = list(proof)
    how = data.draw(st.sampled_from(["drop", "double", "change", "short", "add"]))
    place = data.draw(st.integers(0, max(len(proof) - 1, 0)))
    if how == "add" or not proof:
        altered.append(bytes(32))
    elif how == "drop":
        del altered[place]
    elif how == "double":
        altered.insert(place, altered[place])
    elif how == "short":
        altered[place] = altered[place][:31]
    else:
        altered[place] = bytes([altered[place][0] ^ 1]) + altered[place][1:]
    assert not continues(old, old_root, new, new_root, altered)
    assert not continues(old, bytes(32), new, new_root, proof)
    assert not continues(old, old_root, new, bytes(32), proof)


@pytest.mark.parametrize(("old", "new"), [(0, 5), (-1, 5), (6, 5), (1 << 60, 5)])
def test_sizes_that_cannot_be_are_refused(old: int, new: int) -> None:
    """No empty tree, none that shrinks."""
    assert not continues(old, bytes(32), new, bytes(32), [])
