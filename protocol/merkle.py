"""A log's Merkle tree as in RFC 9162, section 2.1: roots, and proofs that one end continues another.

A leaf's hash is SHA-256 over 0x00 and its content, a node's over 0x01 and its two children. A node of `level` l
and `index` i covers the 2**l leaves from i * 2**l on; only whole nodes are asked for, and those never change
while the log grows.
"""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from typing import Final

HASH_BYTES: Final = 32
NodeOf = Callable[[int, int], bytes]
"""Gives the hash of the whole node of a level and an index."""


def leaf_hash(content: bytes) -> bytes:
    """Return a leaf's hash, 32 bytes."""
    return hashlib.sha256(b"\0" + content).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return the hash of two children's parent, 32 bytes."""
    return hashlib.sha256(b"\1" + left + right).digest()


def completed(leaf: int) -> Iterator[tuple[int, int]]:
    """Yield level and index of the inner nodes that the leaf of this index, from 0, makes whole; lowest first."""
    level = 0
    while leaf >> level & 1:
        level += 1
        yield level, leaf >> level


def root(size: int, node: NodeOf) -> bytes:
    """Return the root over the first `size` leaves; size must be positive."""
    return _root(0, size, node)


def consistency_proof(old: int, new: int, node: NodeOf) -> list[bytes]:
    """Return the proof that the tree of `new` leaves continues the one of `old`; 0 < old <= new."""
    return [] if old == new else _proof(old, 0, new, node, known=True)


def continues(old: int, old_root: bytes, new: int, new_root: bytes, proof: Sequence[bytes]) -> bool:
    """Whether a proof shows that the tree of `new` leaves continues the one of `old` (RFC 9162, 2.1.4.2)."""
    if not 0 < old <= new or any(len(each) != HASH_BYTES for each in proof):
        return False
    if old == new:
        return not proof and old_root == new_root
    path = [old_root, *proof] if old & (old - 1) == 0 else list(proof)
    if not path:
        return False
    first, last = old - 1, new - 1
    while first & 1:
        first, last = first >> 1, last >> 1
    old_made = new_made = path[0]
    for each in path[1:]:
        if last == 0:
            return False
        if first & 1 or first == last:
            old_made, new_made = node_hash(each, old_made), node_hash(each, new_made)
            while first and not first & 1:
                first, last = first >> 1, last >> 1
        else:
            new_made = node_hash(new_made, each)
        first, last = first >> 1, last >> 1
    return last == 0 and old_made == old_root and new_made == new_root


class Frontier:
    """The tree's roots while leaves come one after the other; holds one hash for each level."""

    def __init__(self) -> None:
        self._whole: list[tuple[int, bytes]] = []

    def add(self, leaf: bytes) -> None:
        """Take the next leaf's hash."""
        level, made = 0, leaf
        while self._whole and self._whole[-1][0] == level:
            made = node_hash(self._whole.pop()[1], made)
            level += 1
        self._whole.append((level, made))

    def root(self) -> bytes:
        """Return the root over all leaves so far; there must be one."""
        made = self._whole[-1][1]
        for _, left in reversed(self._whole[:-1]):
            made = node_hash(left, made)
        return made


def _split(size: int) -> int:
    """Return the largest power of two below a size of 2 or more."""
    return 1 << (size - 1).bit_length() - 1


def _root(start: int, size: int, node: NodeOf) -> bytes:
    """Return the root over `size` leaves from `start` on, which is a multiple of the power of two above `size`."""
    if size & (size - 1) == 0:
        level = size.bit_length() - 1
        return node(level, start >> level)
    left = _split(size)
    return node_hash(_root(start, left, node), _root(start + left, size - left, node))


def _proof(old: int, start: int, size: int, node: NodeOf, *, known: bool) -> list[bytes]:
    """Return RFC 9162's SUBPROOF; `known` says that the verifier has the root of what is proven."""
    if old == size:
        return [] if known else [_root(start, size, node)]
    left = _split(size)
    if old <= left:
        return [*_proof(old, start, left, node, known=known), _root(start + left, size - left, node)]
    return [
        *_proof(old - left, start + left, size - left, node, known=False),
        _root(start, left, node),
    ]
