"""The mentors of a pool as bitsets: a mentor's slot is its place in the order of mentor ids.

One bitset for each group, centre, reachable centre and school, so that a rule is one AND over all mentors,
and the lowest set bit is the lowest id. Python's integers carry any number of slots.
"""

from bisect import bisect_left
from collections.abc import Mapping

from services.allocation.decide.bitsets import with_open_slot
from services.allocation.decide.enrolment import Enrolment
from services.allocation.decide.fairness import occupancy_of
from services.allocation.decide.mentor import Codes, Mentor
from services.allocation.decide.occupancy import Occupancy
from services.allocation.decide.policy import Policy
from services.allocation.decide.rules import GRADUATE, SCHOOL_STUDENT
from shared.contracts.decisions import RULES


class MentorIndex:
    """Kept in step with the pool's mentors and loads by `put` and `move`.

    It ranks as the policy says; `last_chosen` is the pool's, by year.
    """

    def __init__(self, policy: Policy, last_chosen: Mapping[int, int]) -> None:
        self._policy = policy
        self._last_chosen = last_chosen
        self._reg_status = policy.reg_status
        self.ids: list[int] = []
        self.years: dict[int, Occupancy] = {}
        self._groups: dict[int, int] = {}
        self._centers: dict[int, int] = {}
        self._reach: dict[int, int] = {}
        self._gates: dict[int, int] = {}
        self._schools: dict[int | None, int] = {}
        self._normal = 0
        self._free = 0  # mentors without a manager

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
            self._open_slot(slot)
            self.ids.insert(slot, mentor_id)
        else:
            self._toggle(before, bit)
        self._toggle(after, bit)
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
        if traits.reg_status not in self._reg_status:
            return 0
        if traits.student_type != SCHOOL_STUDENT:
            kind = self._normal
        elif traits.edu_status == GRADUATE:
            return 0
        else:
            kind = self._schools.get(traits.school_code, 0)
        return (
            self._groups.get(traits.group_code, 0)
            & self._reach.get(traits.reg_center, 0)
            & kind
            & self.years[student.year].available
        )

    def funnel(self, student: Enrolment) -> dict[str, int]:
        """How many mentors remain after each rule, in the rules' order."""
        traits = student.traits
        school_student = traits.student_type == SCHOOL_STUDENT
        everyone = (1 << len(self.ids)) - 1
        passing = (
            everyone,
            self._groups.get(traits.group_code, 0),
            self._centers.get(traits.reg_center, 0),
            everyone if traits.reg_status in self._reg_status else 0,
            self.years[student.year].available,
            self._schools.get(traits.school_code, 0) if school_student else self._normal,
            self._normal if traits.edu_status == GRADUATE else everyone,
            self._free | self._gates.get(traits.reg_center, 0),
        )
        remaining = everyone
        counts: dict[str, int] = {}
        for rule, bits in zip(RULES, passing, strict=True):
            remaining &= bits
            counts[rule] = remaining.bit_count()
        return counts

    def _toggle(self, mentor: Mentor, bit: int) -> None:
        """Sets the mentor's bits, or clears them when they are set."""
        _flip(self._groups, mentor.groups, bit)
        _flip(self._centers, mentor.centers, bit)
        _flip(self._reach, mentor.reach, bit)
        if mentor.manager_centers is None:
            self._free ^= bit
        else:
            _flip(self._gates, mentor.manager_centers, bit)
        if mentor.type == "normal":
            self._normal ^= bit
        else:
            _flip(self._schools, mentor.schools, bit)

    def _open_slot(self, slot: int) -> None:
        if slot == len(self.ids):
            return
        self._normal = with_open_slot(self._normal, slot)
        self._free = with_open_slot(self._free, slot)
        for table in (self._groups, self._centers, self._reach, self._gates, self._schools):
            for key, bits in table.items():
                table[key] = with_open_slot(bits, slot)  # type: ignore[index]
        for occupancy in self.years.values():
            occupancy.open_slot(slot)


def _flip(table: dict[int, int] | dict[int | None, int], keys: Codes, bit: int) -> None:
    for key in keys:
        table[key] = table.get(key, 0) ^ bit
