"""Merkle trees of RFC 6962, section 2.1, that only grow: kept as compact ranges.

A tree of n leaves is a row of perfect subtrees, one for each bit that is set in n, largest first; the **compact range** is
the row of their hashes. Leaf i is the hash of the event with sequence i + 1.
"""

from collections.abc import Iterable
from hashlib import sha256
from typing import Final

HASH_BYTES: Final = 32
EMPTY_ROOT: Final = sha256(b"").digest()

CompactRange = tuple[bytes, ...]
"""Hashes of the perfect subtrees (32 bytes each), largest first; as many as bits are set in the size."""


def grow(compact_range: CompactRange, size: int, leaves: Iterable[bytes]) -> CompactRange:
    """The compact range of the tree of `size` leaves after `leaves` were added to it. About 1 µs a leaf."""
    row = list(compact_range)
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


def root(compact_range: CompactRange) -> bytes:
    """The tree's root hash: the compact range folded from its smallest subtree."""
    if not compact_range:
        return EMPTY_ROOT
    node = compact_range[-1]
    for subtree in compact_range[-2::-1]:
        node = sha256(b"\x01" + subtree + node).digest()
    return node


def pack(compact_range: CompactRange) -> bytes:
    """The compact range as one string of bytes, as it is stored."""
    return b"".join(compact_range)


def unpack(packed: bytes, size: int) -> CompactRange:
    """The compact range of a tree of `size` leaves from its stored bytes. Raises `ValueError` when they do not fit."""
    if len(packed) != HASH_BYTES * size.bit_count():
        raise ValueError(f"a compact range of {len(packed)} bytes is not that of a tree of {size} leaves")
    return tuple(packed[start : start + HASH_BYTES] for start in range(0, len(packed), HASH_BYTES))
