"""The trees, against RFC 6962's own definition and the reference vectors of Certificate Transparency."""

from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.audit.decide.trees import EMPTY_ROOT, CompactRange, grow, pack, root, unpack
from shared.contracts.envelope import leaf_hash

REFERENCE_LEAVES = [
    bytes.fromhex(text)
    for text in (
        "", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f",
    )
]  # fmt: skip
REFERENCE_ROOTS = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
"""Roots of the trees of the first 0 to 8 leaves (certificate-transparency, merkle_tree_test)."""


def defined_root(leaves: list[bytes]) -> bytes:
    """RFC 6962, section 2.1, as it is written, over leaf hashes."""
    if not leaves:
        return sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    split = 1 << (len(leaves) - 1).bit_length() - 1
    return sha256(b"\x01" + defined_root(leaves[:split]) + defined_root(leaves[split:])).digest()


def hashes(count: int) -> list[bytes]:
    return [leaf_hash(str(number).encode()) for number in range(count)]


@pytest.mark.parametrize("size", range(9))
def test_roots_are_those_of_the_reference_vectors(size: int) -> None:
    leaves = [leaf_hash(value) for value in REFERENCE_LEAVES[:size]]
    assert root(grow((), 0, leaves)).hex() == REFERENCE_ROOTS[size]


def test_the_empty_tree_has_the_hash_of_nothing_as_its_root() -> None:
    assert root(()) == EMPTY_ROOT == sha256(b"").digest()


@given(st.lists(st.integers(0, 70), max_size=6))
def test_a_tree_grown_in_any_steps_is_the_tree_as_it_is_defined(steps: list[int]) -> None:
    leaves = hashes(sum(steps))
    compact_range: CompactRange = ()
    size = 0
    for step in steps:
        compact_range = grow(compact_range, size, leaves[size : size + step])
        size += step
    assert root(compact_range) == defined_root(leaves)
    assert len(compact_range) == size.bit_count()
    assert unpack(pack(compact_range), size) == compact_range


@given(st.integers(1, 300), st.data())
def test_another_leaf_gives_another_root(size: int, data: st.DataObject) -> None:
    leaves = hashes(size)
    changed = data.draw(st.integers(0, size - 1))
    other = [*leaves[:changed], leaf_hash(b"other"), *leaves[changed + 1 :]]
    assert root(grow((), 0, other)) != root(grow((), 0, leaves))


def test_growing_leaves_the_given_edge_as_it_was() -> None:
    compact_range = grow((), 0, hashes(3))
    kept = tuple(compact_range)
    grow(compact_range, 3, hashes(5))
    assert compact_range == kept


@pytest.mark.parametrize(("packed", "size"), [(b"", 1), (b"x" * 32, 3), (b"x" * 31, 1), (b"x" * 64, 0)])
def test_a_stored_edge_that_does_not_fit_the_size_is_refused(packed: bytes, size: int) -> None:
    with pytest.raises(ValueError, match="is not that of a tree"):
        unpack(packed, size)
