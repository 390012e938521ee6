"""How full the mentors of a pool are in one year: who has a place, in the order of the ranking.

A level holds the mentors of one key as a bitset over the mentors' slots; a strategy of fairness is a way to
make these keys (see `fairness`). Mentors without a place are on no level.

Most levels hold nobody whom a student may have: the emptiest mentors stay empty because nobody wants them. So
levels stand in blocks, in the order of their keys, and a block whose union misses the wanted is passed over at once.
"""

from bisect import bisect, insort
from collections.abc import Callable, Iterator
from operator import attrgetter
from typing import Final

from services.allocation.decide.bitsets import with_open_slot
from services.allocation.decide.mentor import Mentor

SCALE_BITS: Final = 64
LOAD_BITS: Final = 32
BLOCK_LEVELS: Final = 16
"""A block that grows beyond this is cut in halves."""

_key = attrgetter("key")


class Level:
    """The bits of one key, in the block where it stands."""

    __slots__ = ("bits", "block", "key")

    def __init__(self, key: int, block: "Block") -> None:
        self.key = key
        self.bits = 0
        self.block = block


class Block:
    """Neighbouring levels, lowest key first, and their union."""

    __slots__ = ("levels", "union")

    def __init__(self) -> None:
        self.levels: list[Level] = []
        self.union = 0

    @property
    def key(self) -> int:
        """The lowest that it has."""
        return self.levels[0].key


class Levels:
    """Bitsets by key; a bit is on one level at most, and a level without bits is none."""

    __slots__ = ("_blocks", "_by_key")

    def __init__(self) -> None:
        self._by_key: dict[int, Level] = {}
        self._blocks: list[Block] = []

    def __iter__(self) -> Iterator[tuple[int, int]]:
        """Every key with its bitset, lowest first."""
        return ((level.key, level.bits) for block in self._blocks for level in block.levels)

    def put(self, key: int, bit: int) -> None:
        """Puts a bit that is on no level onto this one."""
        level = self._by_key.get(key)
        if level is None:
            level = self._open(key)
        level.bits ^= bit
        level.block.union ^= bit

    def take(self, key: int, bit: int) -> None:
        """Takes the bit off the level on which it is."""
        level = self._by_key[key]
        level.bits ^= bit
        level.block.union ^= bit
        if not level.bits:
            self._close(level)

    def meeting(self, wanted: int) -> Iterator[tuple[int, int]]:
        """The keys of the levels that have some of the wanted bits, lowest first, each with these bits."""
        for block in self._blocks:
            if wanted & block.union:
                for level in block.levels:
                    here = wanted & level.bits
                    if here:
                        yield level.key, here

    def open_slot(self, slot: int) -> None:
        """Inserts a zero at `slot` into every level."""
        for block in self._blocks:
            block.union = with_open_slot(block.union, slot)
            for level in block.levels:
                level.bits = with_open_slot(level.bits, slot)

    def _open(self, key: int) -> Level:
        if not self._blocks:
            self._blocks.append(Block())
            number = 0
        else:
            number = max(bisect(self._blocks, key, key=_key) - 1, 0)
        block = self._blocks[number]
        level = self._by_key[key] = Level(key, block)
        insort(block.levels, level, key=_key)
        if len(block.levels) > BLOCK_LEVELS:
            self._blocks.insert(number + 1, _upper_half(block))
        return level

    def _close(self, level: Level) -> None:
        del self._by_key[level.key]
        block = level.block
        block.levels.remove(level)
        if not block.levels:
            self._blocks.remove(block)


def _upper_half(block: Block) -> Block:
    """Cuts the block, and gives the half that no longer belongs to it."""
    upper = Block()
    middle = len(block.levels) // 2
    upper.levels = block.levels[middle:]
    del block.levels[middle:]
    for level in upper.levels:
        level.block = upper
        upper.union |= level.bits
    block.union ^= upper.union
    return upper


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
