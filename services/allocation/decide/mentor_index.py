"""The mentors of a pool as a choice needs them: who passes the rules, and at which level of occupancy each is.

A mentor's slot is its place in the order of mentor ids, so the lowest set bit of a bitset is the lowest id.
"""

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

import msgspec

from services.allocation.decide.enrolment import Enrolment, Traits
from services.allocation.decide.fairness import occupancy_of
from services.allocation.decide.mentor import Mentor
from services.allocation.decide.occupancy import Occupancy
from services.allocation.decide.policy import Policy
from services.allocation.decide.rules import MentorMasks, Rule
from shared.contracts.decisions import Candidate

if TYPE_CHECKING:
    from services.allocation.decide.state import Pool

NEXT_BEST: Final = 3
CLASSES_KEPT: Final = 4096
"""Of students that the rules cannot tell apart, with the mentors that they may have."""


class MentorIndex:
    """Kept in step with the pool's mentors and loads by `put` and `move`.

    It ranks as the policy says, by the rules of its engine; `last_chosen` is the pool's, by year.
    """

    def __init__(self, policy: Policy, rules: Sequence[Rule], last_chosen: Mapping[int, int]) -> None:
        self._policy = policy
        self._rules = rules
        self._last_chosen = last_chosen
        self.ids: list[int] = []
        self.years: dict[int, Occupancy] = {}
        self.masks = MentorMasks()
        self._passing: dict[Traits, int] = {}

    def open_year(self, year: int, mentors: Mapping[int, Mentor], loads: Mapping[int, int]) -> None:
        """Starts the year's levels, with the loads that it has."""
        occupancy = self.years[year] = occupancy_of(self._policy.fairness, year, self.ids, self._last_chosen)
        for slot, mentor_id in enumerate(self.ids):
            mentor = mentors[mentor_id]
            if mentor.active:
                occupancy.add(1 << slot, mentor, loads.get(mentor_id, 0))

    def put(self, before: Mentor | None, after: Mentor, loads: Mapping[int, Mapping[int, int]]) -> None:
        """Takes a new mentor in, or the new state of a known one. `loads` are by year and mentor."""
        mentor_id = after.mentor_id
        slot = bisect_left(self.ids, mentor_id)
        bit = 1 << slot
        if before is None:
            if slot < len(self.ids):
                self._open_slot(slot)
            self.ids.insert(slot, mentor_id)
        else:
            self.masks.toggle(before, bit)
        self.masks.toggle(after, bit)
        self._passing.clear()
        for year, occupancy in self.years.items():
            load = loads[year].get(mentor_id, 0)
            if before is not None and before.active:
                occupancy.remove(bit, before, load)
            if after.active:
                occupancy.add(bit, after, load)

    def move(self, year: int, mentor: Mentor, load_before: int, load_after: int) -> None:
        """Moves a mentor to the level of its new load."""
        if mentor.active:
            bit = 1 << bisect_left(self.ids, mentor.mentor_id)
            self.years[year].move(bit, mentor, load_before, load_after)

    def eligible(self, student: Enrolment) -> int:
        """The mentors with a place that pass every rule."""
        traits = student.traits
        passing = self._passing.get(traits)
        if passing is None:
            passing = self._passing_but_for_places(traits)
        return passing & self.years[student.year].available

    def funnel(self, student: Enrolment) -> dict[str, int]:
        """How many mentors remain after each rule, in the rules' order."""
        available = self.years[student.year].available
        remaining = self.masks.everyone
        counts: dict[str, int] = {}
        for rule in self._rules:
            remaining &= rule.passing(self._policy, student.traits, self.masks, available)
            counts[rule.code] = remaining.bit_count()
        return counts

    def _passing_but_for_places(self, traits: Traits) -> int:
        """Kept until the mentors change: students are alike in what the rules ask of them."""
        if len(self._passing) >= CLASSES_KEPT:
            self._passing.clear()
        passing = self.masks.everyone
        for rule in self._rules:
            if not rule.asks_for_a_place:
                passing &= rule.passing(self._policy, traits, self.masks, 0)
        self._passing[traits] = passing
        return passing

    def _open_slot(self, slot: int) -> None:
        self.masks.open_slot(slot)
        for occupancy in self.years.values():
            occupancy.open_slot(slot)


class Choice(msgspec.Struct, frozen=True, gc=False):
    """The eligible mentors, best first, at most four of them; `candidates` counts them all."""

    ranked: list[Candidate]
    candidates: int


def choose(pool: "Pool", student: Enrolment) -> Choice:
    """Engine 1: the first of the eligible in the order of the policy's strategy of fairness; nobody, when `ranked` is empty."""
    index = pool.index
    eligible = index.eligible(student)
    if not eligible:
        return Choice([], 0)
    year = student.year
    mentors, loads, ids = pool.mentors, pool.loads[year], index.ids
    ranked = []
    for slot in index.years[year].best(eligible, 1 + NEXT_BEST):
        mentor_id = ids[slot]
        ranked.append(Candidate(mentor_id, loads.get(mentor_id, 0), mentors[mentor_id].capacity))
    return Choice(ranked, eligible.bit_count())
