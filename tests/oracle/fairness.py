"""The strategies of fairness as docs/domain.md, "Ranking", defines them: every mentor in a list, with fractions."""

from collections.abc import Sequence
from fractions import Fraction
from hashlib import blake2b
from itertools import zip_longest
from math import floor
from typing import NamedTuple


class Filled(NamedTuple):
    """A mentor and how full it is."""

    mentor_id: int
    load: int
    capacity: int

    @property
    def occupancy(self) -> Fraction:
        return Fraction(self.load, self.capacity)


def in_order(
    strategy: str, mentors: Sequence[Filled], key: str, size: Fraction, last_chosen: int | None
) -> list[Filled]:
    """All of the mentors, the one to be chosen first."""
    match strategy:
        case "none":
            return sorted(mentors, key=lambda mentor: (mentor.occupancy, mentor.load, mentor.mentor_id))
        case "deterministic_jitter":
            return sorted(
                mentors,
                key=lambda mentor: (
                    mentor.occupancy + jitter(key, mentor.mentor_id),
                    mentor.load,
                    mentor.mentor_id,
                ),
            )
        case "bucket_round_robin":
            return after(last_chosen, interleaved(mentors, size))
        case _:
            raise ValueError(strategy)


def jitter(key: str, mentor_id: int) -> Fraction:
    """What is added to the mentor's occupancy."""
    digest = blake2b(bytes(f"{key}:{mentor_id}", "ascii"), digest_size=8).hexdigest()
    return Fraction(int(digest, 16) % 10_000, 10**6)


def interleaved(mentors: Sequence[Filled], size: Fraction) -> list[Filled]:
    """The first of each bucket, then the second of each, and so on."""
    buckets: dict[int, list[Filled]] = {}
    for mentor in sorted(mentors, key=lambda mentor: (mentor.load, mentor.mentor_id)):
        buckets.setdefault(floor(mentor.occupancy / size), []).append(mentor)
    turns = zip_longest(*(buckets[number] for number in sorted(buckets)))
    return [mentor for turn in turns for mentor in turn if mentor is not None]


def after(last_chosen: int | None, mentors: list[Filled]) -> list[Filled]:
    """The ring of mentors, cut open behind the last chosen one if it is among them."""
    ids = [mentor.mentor_id for mentor in mentors]
    cut = ids.index(last_chosen) + 1 if last_chosen in ids else 0
    return mentors[cut:] + mentors[:cut]
