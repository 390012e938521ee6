"""The eligibility rules, one mentor at a time: what a trace shows and what a present mentor must still pass.

The choice itself asks the same questions of all mentors at once, see `mentor_index`.
"""

from typing import Final, NamedTuple

from services.allocation.decide.enrolment import Enrolment, Traits
from services.allocation.decide.mentor import Mentor
from services.allocation.decide.policy import Policy

GRADUATE: Final = 0
SCHOOL_STUDENT: Final = 1


class RuleResult(NamedTuple):
    """One rule's answer. `detail` says why a rule failed, where its code leaves that open."""

    code: str
    passed: bool
    detail: str | None = None


def trace(policy: Policy, mentor: Mentor, student: Enrolment, load: int) -> list[RuleResult]:
    """Every rule's answer for a mentor of the student's pool with `load` students in that year, in order."""
    traits = student.traits
    return [
        RuleResult("GENDER_MATCH", True),  # a pool holds one gender
        RuleResult("GROUP_ALLOWED", traits.group_code in mentor.groups),
        RuleResult("CENTER_ALLOWED", traits.reg_center in mentor.centers),
        RuleResult("REG_STATUS_ALLOWED", traits.reg_status in policy.reg_status),
        _capacity_available(mentor, load),
        _school_type_compatible(mentor, traits),
        RuleResult("GRADUATE_NOT_TO_SCHOOL", traits.edu_status != GRADUATE or mentor.type == "normal"),
        _manager_center_gate(mentor, traits),
    ]


def still_fits(policy: Policy, mentor: Mentor, student: Enrolment) -> bool:
    """Whether a student may stay with its mentor: an active one that passes every rule but capacity."""
    traits = student.traits
    if not mentor.active or (traits.edu_status == GRADUATE and mentor.type == "school"):
        return False
    return (
        traits.group_code in mentor.groups
        and traits.reg_center in mentor.centers
        and traits.reg_status in policy.reg_status
        and _school_type_compatible(mentor, traits).passed
        and _manager_center_gate(mentor, traits).passed
    )


def _capacity_available(mentor: Mentor, load: int) -> RuleResult:
    if not mentor.active:
        return RuleResult("CAPACITY_AVAILABLE", False, "mentor_inactive")
    if load >= mentor.capacity:
        return RuleResult("CAPACITY_AVAILABLE", False, "mentor_full")
    return RuleResult("CAPACITY_AVAILABLE", True)


def _school_type_compatible(mentor: Mentor, traits: Traits) -> RuleResult:
    if traits.student_type != SCHOOL_STUDENT:
        if mentor.type == "school":
            return RuleResult("SCHOOL_TYPE_COMPATIBLE", False, "normal_student_to_school_mentor")
    elif mentor.type == "normal":
        return RuleResult("SCHOOL_TYPE_COMPATIBLE", False, "school_student_to_normal_mentor")
    elif traits.school_code not in mentor.schools:
        return RuleResult("SCHOOL_TYPE_COMPATIBLE", False, "school_not_held")
    return RuleResult("SCHOOL_TYPE_COMPATIBLE", True)


def _manager_center_gate(mentor: Mentor, traits: Traits) -> RuleResult:
    if mentor.manager_centers is None or traits.reg_center in mentor.manager_centers:
        return RuleResult("MANAGER_CENTER_GATE", True)
    if not mentor.manager_centers:
        return RuleResult("MANAGER_CENTER_GATE", False, "manager_centers_not_found")
    return RuleResult("MANAGER_CENTER_GATE", False, "center_not_with_manager")
