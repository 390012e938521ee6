"""The eight rules, one mentor at a time: docs/domain.md, "Eligibility rules" and "Known answers"."""

import pytest

from services.allocation.decide import DEFAULT_POLICY, Policy, Pool, trace
from services.allocation.decide.engines import ENGINES
from services.allocation.decide.rules import RULES as ENGINE_RULES
from services.allocation.decide.rules import still_fits
from shared.contracts.decisions import RULES, RULES_OF
from shared.contracts.facts import MentorRegistered, StudentRegistered
from tests.unit.allocation.given import (
    a_mentor,
    a_school_mentor,
    a_school_student,
    a_student,
    an_enrolment,
    the_mentor,
)


def failed(
    mentor: MentorRegistered, student: StudentRegistered, load: int = 0
) -> list[tuple[str, str | None]]:
    answers = trace(ENGINE_RULES, DEFAULT_POLICY, the_mentor(mentor), an_enrolment(student), load)
    assert tuple(answer.code for answer in answers) == RULES
    return [(answer.code, answer.detail) for answer in answers if not answer.passed]


def test_the_rules_have_stable_codes_in_one_order() -> None:
    assert RULES == (
        "GENDER_MATCH", "GROUP_ALLOWED", "CENTER_ALLOWED", "REG_STATUS_ALLOWED", "CAPACITY_AVAILABLE",
        "SCHOOL_TYPE_COMPATIBLE", "GRADUATE_NOT_TO_SCHOOL", "MANAGER_CENTER_GATE",
    )  # fmt: skip


def test_each_engine_has_the_rules_of_the_contract() -> None:
    assert {
        number: tuple(rule.code for rule in engine.rules) for number, engine in ENGINES.items()
    } == RULES_OF


def test_a_mentor_that_passes_every_rule_fails_none() -> None:
    assert failed(a_mentor(1), a_student("s")) == []


@pytest.mark.parametrize(
    ("mentor", "student", "load", "code", "detail"),
    [
        (a_mentor(1, groups=[3]), a_student("s"), 0, "GROUP_ALLOWED", None),
        (a_mentor(1, centers=[1]), a_student("s"), 0, "CENTER_ALLOWED", None),
        (a_mentor(1), a_student("s", reg_status=2), 0, "REG_STATUS_ALLOWED", None),
        (a_mentor(1, capacity=3), a_student("s"), 3, "CAPACITY_AVAILABLE", "mentor_full"),
        (a_mentor(1, capacity=0), a_student("s"), 0, "CAPACITY_AVAILABLE", "mentor_full"),
        (a_mentor(1, active=False), a_student("s"), 0, "CAPACITY_AVAILABLE", "mentor_inactive"),
        (
            a_mentor(1),
            a_school_student("s", 101),
            0,
            "SCHOOL_TYPE_COMPATIBLE",
            "school_student_to_normal_mentor",
        ),
        (a_school_mentor(1, 102), a_school_student("s", 101), 0, "SCHOOL_TYPE_COMPATIBLE", "school_not_held"),
        (
            a_school_mentor(1, 101),
            a_student("s"),
            0,
            "SCHOOL_TYPE_COMPATIBLE",
            "normal_student_to_school_mentor",
        ),
        (
            a_school_mentor(1, 101),
            a_school_student("s", 101, edu_status=0),
            0,
            "GRADUATE_NOT_TO_SCHOOL",
            None,
        ),
        (
            a_mentor(1, manager_id=7, manager_centers=[2]),
            a_student("s"),
            0,
            "MANAGER_CENTER_GATE",
            "center_not_with_manager",
        ),
        (
            a_mentor(1, manager_id=99, manager_centers=[]),
            a_student("s"),
            0,
            "MANAGER_CENTER_GATE",
            "manager_centers_not_found",
        ),
    ],
)
def test_a_rule_that_is_broken_is_the_one_that_is_named(
    mentor: MentorRegistered, student: StudentRegistered, load: int, code: str, detail: str | None
) -> None:
    assert failed(mentor, student, load) == [(code, detail)]
    assert still_fits(ENGINE_RULES, DEFAULT_POLICY, the_mentor(mentor), an_enrolment(student)) == (
        detail == "mentor_full"
    )


def test_a_manager_with_centres_0_and_1_lets_centre_1_pass() -> None:
    mentor = a_mentor(1, centers=[0, 1], manager_id=7, manager_centers=[0, 1])
    assert failed(mentor, a_student("s", reg_center=1)) == []


def test_a_student_with_a_school_that_is_not_special_may_have_a_normal_mentor() -> None:
    assert failed(a_mentor(1), a_student("s", school_code=500)) == []


def test_a_graduate_of_no_special_school_may_have_a_normal_mentor() -> None:
    assert failed(a_mentor(1), a_student("s", edu_status=0)) == []


def test_an_engine_that_this_release_does_not_have_is_refused() -> None:
    with pytest.raises(ValueError, match="policy later is for engine 99"):
        Pool("default", 0, Policy(version="later", engine=99))
