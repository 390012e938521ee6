"""How full the mentors of a pool are in one year: who has a place, in the order of the ranking.

A level holds the mentors of one key as a bitset over the mentors' slots; a strategy of fairness is a way to
make these keys (see `fairness`). Mentors without a place are on no level.
"""

from collections.abc import Callable

from services.allocation.decide.bitsets import with_open_slot
from services.allocation.decide.levels import Levels
from services.allocation.decide.mentor import Mentor

SCALE_BITS = 64
LOAD_BITS = 32

LevelOf = Callable[[Mentor, int], int]
"""(mentor, load) → the key of its level; of two keys the lower one is ranked first."""


def level_of(mentor: Mentor, load: int) -> int:
    """An integer that sorts by load / capacity, then by load, exactly, for capacities below 2**32.

    Two different fractions with such denominators differ by more than 2**-64, so that their floors after
    scaling by 2**64 differ too; equal fractions give equal floors.
    """
    return ((load << SCALE_BITS) // mentor.capacity) << LOAD_BITS | load


class Occupancy:
    """The mentors with a place: `levels` has them by key, `available` is the union."""

    __slots__ = ("_level_of", "available", "levels")

    def __init__(self, level_of: LevelOf = level_of) -> None:
        self.available = 0
        self.levels = Levels()
        self._level_of = level_of

    def add(self, bit: int, mentor: Mentor, load: int) -> None:
        """Puts a mentor on its level, if it has a place."""
        self.move(bit, mentor, mentor.capacity, load)

    def remove(self, bit: int, mentor: Mentor, load: int) -> None:
        """Takes a mentor off its level, if it is on one."""
        self.move(bit, mentor, load, mentor.capacity)

    def move(self, bit: int, mentor: Mentor, before: int, after: int) -> None:
        """Moves a mentor from the level of one load to that of another, as far as it has a place there."""
        capacity = mentor.capacity
        had, has = before < capacity, after < capacity
        if had:
            self.levels.take(self._level_of(mentor, before), bit)
        if has:
            self.levels.put(self._level_of(mentor, after), bit)
        if had != has:
            self.available ^= bit

    def open_slot(self, slot: int) -> None:
        """Makes room for a mentor between others: every slot from `slot` on moves up by one."""
        self.available = with_open_slot(self.available, slot)
        self.levels.open_slot(slot)

    def best(self, eligible: int, wanted: int) -> list[int]:
        """The slots of the first `wanted` of `eligible`, best first: lowest level, then lowest slot."""
        found: list[int] = []
        for _, here in self.levels.meeting(eligible):
            while here:
                others = here & (here - 1)
                found.append((here ^ others).bit_length() - 1)
                if len(found) == wanted:
                    return found
                here = others
        return found
