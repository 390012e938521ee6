"""The strategies of fairness that a policy may choose: how the mentors with a place are put into an order."""

from collections.abc import Mapping, Sequence
from hashlib import blake2b
from typing import Final, assert_never

from services.allocation.decide.buckets import Buckets
from services.allocation.decide.mentor import Mentor
from services.allocation.decide.occupancy import LOAD_BITS, LevelOf, Occupancy
from services.allocation.decide.policy import BucketRoundRobin, DeterministicJitter, Fairness, NoFairness

JITTERS: Final = 10_000
MILLION: Final = 1_000_000
JITTERED_SCALE_BITS: Final = 104


def occupancy_of(
    fairness: Fairness, year: int, ids: Sequence[int], last_chosen: Mapping[int, int]
) -> Occupancy:
    """A year's levels as the strategy wants them.

    `ids` are the mentors by slot, `last_chosen` the latest mentor of each year; the caller keeps both up to date.
    """
    match fairness:
        case NoFairness():
            return Occupancy()
        case DeterministicJitter():
            return Occupancy(jittered_levels(str(year)))
        case BucketRoundRobin():
            return Buckets(fairness.size, year, ids, last_chosen)
        case _:
            assert_never(fairness)


def jitter_of(key: str, mentor_id: int) -> int:
    """A mentor's jitter in millionths, below 10,000: BLAKE2b with 8 bytes (RFC 7693), read big-endian."""
    digest = blake2b(f"{key}:{mentor_id}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") % JITTERS


def jittered_levels(key: str) -> LevelOf:
    """Levels that sort by load / capacity + jitter / 10**6, then by load, exactly, for capacities below 2**32.

    Such sums have denominators below 2**52, so that different ones differ by more than 2**-104.
    """
    jitters: dict[int, int] = {}  # a digest costs more than all the rest of a level

    def level_of(mentor: Mentor, load: int) -> int:
        jitter = jitters.get(mentor.mentor_id)
        if jitter is None:
            jitter = jitters[mentor.mentor_id] = jitter_of(key, mentor.mentor_id)
        capacity = mentor.capacity
        share = ((load * MILLION + jitter * capacity) << JITTERED_SCALE_BITS) // (capacity * MILLION)
        return share << LOAD_BITS | load

    return level_of
