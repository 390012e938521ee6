"""Merkle trees of RFC 6962, section 2.1, that only grow: kept as their right edge.

A tree of n leaves is a row of perfect subtrees, one for each bit that is set in n, largest first; the **edge** is
the row of their hashes. Leaf i is the hash of the event with sequence i + 1.
"""

from collections.abc import Iterable
from hashlib import sha256
from typing import Final

HASH_BYTES: Final = 32
EMPTY_ROOT: Final = sha256(b"").digest()

Edge = tuple[bytes, ...]
"""Hashes of the perfect subtrees (32 bytes each), largest first; as many as bits are set in the size."""


def grow(edge: Edge, size: int, leaves: Iterable[bytes]) -> Edge:
    """The edge of the tree of `size` leaves after `leaves` were added to it. About 1 µs a leaf."""
    row = list(edge)
    pop, push, hashed = row.pop, row.append, sha256
    for leaf in leaves:
        node = leaf
        bits = size
        while bits & 1:
            node = hashed(b"\x01" + pop() + node).digest()
            bits >>= 1
        push(node)
        size += 1
    return tuple(row)


def root(edge: Edge) -> bytes:
    """The tree's root hash: the edge folded from its smallest subtree."""
    if not edge:
        return EMPTY_ROOT
    node = edge[-1]
    for subtree in edge[-2::-1]:
        node = sha256(b"\x01" + subtree + node).digest()
    return node


def pack(edge: Edge) -> bytes:
    """The edge as one string of bytes, as it is stored."""
    return b"".join(edge)


def unpack(packed: bytes, size: int) -> Edge:
    """The edge of a tree of `size` leaves from its stored bytes. Raises `ValueError` when they do not fit."""
    if len(packed) != HASH_BYTES * size.bit_count():
        raise ValueError(f"an edge of {len(packed)} bytes is not that of a tree of {size} leaves")
    return tuple(packed[start : start + HASH_BYTES] for start in range(0, len(packed), HASH_BYTES))
