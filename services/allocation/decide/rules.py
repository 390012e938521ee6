"""The eligibility rules, each once: its code, what it asks of one mentor, and which mentors of a pool pass it.

`docs/domain.md`, "Eligibility rules". From the table come the mentors that a student may have, the funnel of one who
waits, the trace of one mentor, and whether a student may stay. Another rule, or another order, makes other funnels: it
belongs to another engine (see `engines`).
"""

from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from services.allocation.decide.bitsets import with_open_slot
from services.allocation.decide.enrolment import Enrolment, Traits
from services.allocation.decide.mentor import Codes, Mentor
from services.allocation.decide.policy import Policy

GRADUATE: Final = 0
SCHOOL_STUDENT: Final = 1
PASSES: Final = (True, None)

Answer = tuple[bool, str | None]
"""Whether a mentor passes, and why not, where the rule's code leaves that open."""

_Table = dict[int, int]


class MentorMasks:
    """The mentors of a pool as bitsets, by what the rules ask of them; kept in step by `toggle` and `open_slot`.

    A mentor's bit is its slot, its place in the order of mentor ids. Python's integers carry any number of slots.
    """

    def __init__(self) -> None:
        self.everyone = 0
        self.normal = 0
        self.without_manager = 0
        self._groups: _Table = {}
        self._centers: _Table = {}
        self._gates: _Table = {}
        self._schools: _Table = {}

    def of_group(self, code: int) -> int:
        """Those who take students of a group."""
        return self._groups.get(code, 0)

    def of_center(self, center: int) -> int:
        """Those who cover a centre."""
        return self._centers.get(center, 0)

    def under_manager_of(self, center: int) -> int:
        """Those whose manager has a centre."""
        return self._gates.get(center, 0)

    def of_school(self, code: int | None) -> int:
        """School mentors that hold a school."""
        return 0 if code is None else self._schools.get(code, 0)

    def toggle(self, mentor: Mentor, bit: int) -> None:
        """Sets the mentor's bits, or clears them when they are set."""
        self.everyone ^= bit
        _flip(self._groups, mentor.groups, bit)
        _flip(self._centers, mentor.centers, bit)
        if mentor.manager_centers is None:
            self.without_manager ^= bit
        else:
            _flip(self._gates, mentor.manager_centers, bit)
        if mentor.type == "normal":
            self.normal ^= bit
        else:
            _flip(self._schools, mentor.schools, bit)

    def open_slot(self, slot: int) -> None:
        """Makes room for a mentor between others."""
        self.everyone = with_open_slot(self.everyone, slot)
        self.normal = with_open_slot(self.normal, slot)
        self.without_manager = with_open_slot(self.without_manager, slot)
        for table in (self._groups, self._centers, self._gates, self._schools):
            for key, bits in table.items():
                table[key] = with_open_slot(bits, slot)


def _flip(table: _Table, keys: Codes, bit: int) -> None:
    for key in keys:
        table[key] = table.get(key, 0) ^ bit


class Rule(NamedTuple):
    """`passing` is the bitset of the mentors for which `answer` is true; `available` are those with a place.

    `narrows` (before, after): whether a student who passed the rule with the mentor before may fail it with the mentor after.
    `asks_for_a_place` is the rule whose mask is `available` alone: where a student may stay, it is not asked.
    """

    code: str
    answer: Callable[[Policy, Traits, Mentor, int], Answer]
    passing: Callable[[Policy, Traits, MentorMasks, int], int]
    narrows: Callable[[Mentor, Mentor], bool] = lambda before, after: False
    asks_for_a_place: bool = False


class RuleResult(NamedTuple):
    """One rule's answer. `detail` says why a rule failed, where its code leaves that open."""

    code: str
    passed: bool
    detail: str | None = None


def trace(
    rules: Sequence[Rule], policy: Policy, mentor: Mentor, student: Enrolment, load: int
) -> list[RuleResult]:
    """Every rule's answer for a mentor of the student's pool with `load` students in that year, in order."""
    return [RuleResult(rule.code, *rule.answer(policy, student.traits, mentor, load)) for rule in rules]


def still_fits(rules: Sequence[Rule], policy: Policy, mentor: Mentor, student: Enrolment) -> bool:
    """Whether a student may stay with its mentor: an active one that passes every rule but that of places."""
    return mentor.active and all(
        rule.answer(policy, student.traits, mentor, 0)[0] for rule in rules if not rule.asks_for_a_place
    )


def narrows(rules: Sequence[Rule], before: Mentor, after: Mentor) -> bool:
    """Whether a student who fitted `before` may not fit `after`."""
    return not after.active or any(rule.narrows(before, after) for rule in rules)


# --- the rules of engine 1 that have more than one line


def _has_a_place(_: Policy, __: Traits, mentor: Mentor, load: int) -> Answer:
    if not mentor.active:
        return False, "mentor_inactive"
    return PASSES if load < mentor.capacity else (False, "mentor_full")


def _takes_the_student_type(_: Policy, traits: Traits, mentor: Mentor, __: int) -> Answer:
    if traits.student_type != SCHOOL_STUDENT:
        return PASSES if mentor.type == "normal" else (False, "normal_student_to_school_mentor")
    if mentor.type == "normal":
        return False, "school_student_to_normal_mentor"
    return PASSES if traits.school_code in mentor.schools else (False, "school_not_held")


def _manager_has_the_center(_: Policy, traits: Traits, mentor: Mentor, __: int) -> Answer:
    if mentor.manager_centers is None or traits.reg_center in mentor.manager_centers:
        return PASSES
    return False, "center_not_with_manager" if mentor.manager_centers else "manager_centers_not_found"


def _takes_fewer_groups(before: Mentor, after: Mentor) -> bool:
    return not set(before.groups) <= set(after.groups)


def _reaches_fewer_centers(before: Mentor, after: Mentor) -> bool:
    return not set(before.reach) <= set(after.reach)


def _takes_fewer_schools(before: Mentor, after: Mentor) -> bool:
    if before.type != after.type:
        return True
    return before.type == "school" and not set(before.schools) <= set(after.schools)


RULES: Final = (
    Rule(
        "GENDER_MATCH",
        lambda policy, traits, mentor, load: PASSES,  # a pool holds one gender
        lambda policy, traits, masks, available: masks.everyone,
    ),
    Rule(
        "GROUP_ALLOWED",
        lambda policy, traits, mentor, load: (traits.group_code in mentor.groups, None),
        lambda policy, traits, masks, available: masks.of_group(traits.group_code),
        _takes_fewer_groups,
    ),
    Rule(
        "CENTER_ALLOWED",
        lambda policy, traits, mentor, load: (traits.reg_center in mentor.centers, None),
        lambda policy, traits, masks, available: masks.of_center(traits.reg_center),
        _reaches_fewer_centers,
    ),
    Rule(
        "REG_STATUS_ALLOWED",
        lambda policy, traits, mentor, load: (traits.reg_status in policy.reg_status, None),
        lambda policy, traits, masks, available: (
            masks.everyone if traits.reg_status in policy.reg_status else 0
        ),
    ),
    Rule(
        "CAPACITY_AVAILABLE",
        _has_a_place,
        lambda policy, traits, masks, available: available,
        asks_for_a_place=True,
    ),
    Rule(
        "SCHOOL_TYPE_COMPATIBLE",
        _takes_the_student_type,
        lambda policy, traits, masks, available: (
            masks.of_school(traits.school_code) if traits.student_type == SCHOOL_STUDENT else masks.normal
        ),
        _takes_fewer_schools,
    ),
    Rule(
        "GRADUATE_NOT_TO_SCHOOL",
        lambda policy, traits, mentor, load: (traits.edu_status != GRADUATE or mentor.type == "normal", None),
        lambda policy, traits, masks, available: (
            masks.normal if traits.edu_status == GRADUATE else masks.everyone
        ),
    ),
    Rule(
        "MANAGER_CENTER_GATE",
        _manager_has_the_center,
        lambda policy, traits, masks, available: (
            masks.without_manager | masks.under_manager_of(traits.reg_center)
        ),
        _reaches_fewer_centers,
    ),
)
"""Of engine 1, in their order; the contract with consumers is `shared.contracts.decisions.RULES_OF`."""
