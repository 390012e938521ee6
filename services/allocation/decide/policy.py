"""What a pool decides by. Until a tenant activates a policy of its own, it is the default one."""

from dataclasses import dataclass
from fractions import Fraction
from typing import Final


@dataclass(frozen=True, slots=True)
class NoFairness:
    """`none`: the least occupied mentor is first."""


@dataclass(frozen=True, slots=True)
class DeterministicJitter:
    """`deterministic_jitter`: less than 0.01 is added to each occupancy, by year and mentor, always the same."""


@dataclass(frozen=True, slots=True)
class BucketRoundRobin:
    """`bucket_round_robin`: mentors of nearly the same occupancy share a bucket, and the buckets take turns.

    `size` is a bucket's width as a share of the capacity, 0.01 to 1.
    """

    size: Fraction = Fraction(1, 10)

    def __post_init__(self) -> None:
        if not Fraction(1, 100) <= self.size <= 1:
            raise ValueError(f"a bucket is 0.01 to 1 wide, not {self.size}")


Fairness = NoFairness | DeterministicJitter | BucketRoundRobin


@dataclass(frozen=True, slots=True)
class Policy:
    """A policy of one tenant: its name, the engine it is for, which reg_status it allows, and how it ranks.

    It is part of a pool's state, and the pool's index and waitlist are built for it: the fact that activates
    another policy will be evolved into the pool, and build these two anew. Nothing else has to know of it.
    """

    version: str = "default"
    engine: int = 1
    reg_status: frozenset[int] = frozenset({0, 1, 3})
    fairness: Fairness = NoFairness()


DEFAULT_POLICY: Final = Policy()
