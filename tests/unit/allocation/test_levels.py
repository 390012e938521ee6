"""Bitsets by key, in blocks: whatever the blocks are, they hold what a plain dictionary of levels would hold."""

from collections.abc import Sequence
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.allocation.decide.bitsets import nth_set_bit, with_open_slot
from services.allocation.decide.occupancy import BLOCK_LEVELS, Levels

Slots = dict[int, int]
"""slot → the key of its level"""

some_slots = st.dictionaries(st.integers(0, 300), st.integers(0, 90), max_size=12 * BLOCK_LEVELS)


def plain(slots: Slots, among: int = -1) -> list[tuple[int, int]]:
    """The levels as a walk over all of them finds them, of the slots in `among`."""
    levels: dict[int, int] = {}
    for slot, key in slots.items():
        if among >> slot & 1:
            levels[key] = levels.get(key, 0) | 1 << slot
    return sorted(levels.items())


def built(slots: Slots) -> Levels:
    levels = Levels()
    for slot, key in slots.items():
        levels.put(key, 1 << slot)
    return levels


@given(before=some_slots, after=some_slots, wanted=st.integers(0, 2**301))
def test_the_levels_that_meet_the_wanted_are_those_of_a_plain_walk(
    before: Slots, after: Slots, wanted: int
) -> None:
    levels = built(before)
    assert (list(levels), list(levels.meeting(wanted))) == (plain(before), plain(before, wanted))
    for slot, key in before.items():
        levels.take(key, 1 << slot)
        if slot in after:
            levels.put(after[slot], 1 << slot)
    moved = {slot: key for slot, key in after.items() if slot in before}
    assert (list(levels), list(levels.meeting(wanted))) == (plain(moved), plain(moved, wanted))


@pytest.mark.parametrize("seed", range(20))
def test_what_moves_from_level_to_level_is_found_where_it_is(seed: int) -> None:
    """So many levels that blocks were cut, and then move after move."""
    random = Random(seed)
    slots = {slot: random.randrange(6 * BLOCK_LEVELS) for slot in range(300)}
    levels = built(slots)
    for _ in range(200):
        slot = random.randrange(300)
        levels.take(slots[slot], 1 << slot)
        slots[slot] = random.randrange(6 * BLOCK_LEVELS)
        levels.put(slots[slot], 1 << slot)
        assert list(levels.meeting(1 << slot)) == plain(slots, 1 << slot)
    assert list(levels) == plain(slots)


@given(slots=some_slots, opened=st.integers(0, 300), wanted=st.integers(0, 2**301))
def test_levels_with_an_opened_slot_are_those_of_the_moved_slots(
    slots: Slots, opened: int, wanted: int
) -> None:
    levels = built(slots)
    levels.open_slot(opened)
    moved = {slot + (slot >= opened): key for slot, key in slots.items()}
    assert (list(levels), list(levels.meeting(wanted))) == (plain(moved), plain(moved, wanted))


@given(keys=st.permutations(range(5 * BLOCK_LEVELS)))
def test_blocks_stay_small_while_they_fill_and_go_when_they_are_empty(keys: Sequence[int]) -> None:
    levels = Levels()
    for key in keys:
        levels.put(key, 1 << key)
        assert all(0 < len(block.levels) <= BLOCK_LEVELS for block in levels._blocks)
    for key in keys:
        levels.take(key, 1 << key)
    assert [len(block.levels) for block in levels._blocks] == []


@given(st.sets(st.integers(0, 300)), st.integers(0, 300))
def test_an_opened_slot_moves_those_above_it_and_is_empty(slots: set[int], opened: int) -> None:
    moved = {slot + (slot >= opened) for slot in slots}
    assert with_open_slot(sum(1 << slot for slot in slots), opened) == sum(1 << slot for slot in moved)


@given(st.sets(st.integers(0, 300), min_size=1))
def test_the_nth_set_bit_is_the_nth_of_the_sorted_set(slots: set[int]) -> None:
    bits = sum(1 << slot for slot in slots)
    found: Sequence[int] = [nth_set_bit(bits, number) for number in range(len(slots))]
    assert found == sorted(slots)
