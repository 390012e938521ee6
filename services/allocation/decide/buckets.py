"""`bucket_round_robin`: mentors of nearly the same occupancy in a bucket, the buckets in turn, and the turn goes on.

The order of the eligible is made of rounds: the first of every bucket, lowest bucket first, then the second of
every bucket, and so on; in a bucket by load, then by mentor id. The choice is the one after the year's last
chosen mentor in that order, which closes into a ring. If that mentor is not eligible now, the order's first is.
"""

from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from itertools import groupby, islice

from services.allocation.decide.bitsets import nth_set_bit
from services.allocation.decide.mentor import Mentor
from services.allocation.decide.occupancy import LOAD_BITS, Occupancy

Bucket = list[int]
"""The eligible mentors of a bucket as bitsets over slots: those of one load each, lowest load first."""


class Buckets(Occupancy):
    """Levels by (bucket, load). `ids` are the mentors by slot, `last_chosen` the latest mentor of each year."""

    __slots__ = ("_ids", "_last_chosen", "_year")

    def __init__(self, size: Fraction, year: int, ids: Sequence[int], last_chosen: Mapping[int, int]) -> None:
        numerator, denominator = size.numerator, size.denominator

        def level_of(mentor: Mentor, load: int) -> int:
            bucket = load * denominator // (mentor.capacity * numerator)
            return bucket << LOAD_BITS | load

        super().__init__(level_of)
        self._year = year
        self._ids = ids
        self._last_chosen = last_chosen

    def best(self, eligible: int, wanted: int) -> list[int]:
        """The slots of the first `wanted` of `eligible`, from the one after the last chosen on."""
        buckets = self._buckets(eligible)
        places = _places(buckets, self._place(buckets, self._last_chosen.get(self._year)))
        return [_slot_at(buckets[number], turn) for turn, number in islice(places, wanted)]

    def _buckets(self, eligible: int) -> list[Bucket]:
        """The buckets in which somebody is eligible, lowest first."""
        grouped = groupby(self.levels.meeting(eligible), key=lambda level: level[0] >> LOAD_BITS)
        return [[here for _, here in levels] for _, levels in grouped]

    def _place(self, buckets: Sequence[Bucket], mentor_id: int | None) -> tuple[int, int] | None:
        """(turn, bucket) of a mentor; None when it is not eligible."""
        if mentor_id is None:
            return None
        bit = 1 << bisect_left(self._ids, mentor_id)
        for number, bucket in enumerate(buckets):
            before = 0
            for level in bucket:
                if level & bit:
                    return before + (level & (bit - 1)).bit_count(), number
                before += level.bit_count()
        return None


def _places(buckets: Sequence[Bucket], last: tuple[int, int] | None) -> Iterator[tuple[int, int]]:
    """Every (turn, bucket) once: those after `last` in the order of turns, and then those up to it."""
    sizes = [sum(level.bit_count() for level in bucket) for bucket in buckets]
    turns = range(max(sizes, default=0))
    if last is None:
        last = (-1, -1)
    turn_of_last = max(last[0], 0)
    for turn in turns[turn_of_last:]:
        yield from (
            (turn, number) for number, size in enumerate(sizes) if turn < size and (turn, number) > last
        )
    for turn in turns[: turn_of_last + 1]:
        yield from (
            (turn, number) for number, size in enumerate(sizes) if turn < size and (turn, number) <= last
        )


def _slot_at(bucket: Bucket, turn: int) -> int:
    for level in bucket:
        count = level.bit_count()
        if turn < count:
            return nth_set_bit(level, turn)
        turn -= count
    raise IndexError("the bucket has no such turn")
