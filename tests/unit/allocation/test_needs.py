"""Which rows a batch needs, and what stays in memory after it."""

from typing import Any

import pytest

from services.allocation.decide import Cause, needs
from shared.contracts.facts import Fact
from tests.unit.allocation.given import (
    TENANT,
    Given,
    a_mentor,
    a_school_mentor,
    a_school_student,
    a_student,
    an_enrolment,
)


def needed(given: Given, *facts: Fact) -> tuple[set[str], set[int]]:
    """Students, and mentors whose students, a batch of these facts needs."""
    wanted = needs(given.state, [Cause(TENANT, 90 + n, "", fact) for n, fact in enumerate(facts)])
    return wanted.students.get(TENANT, set()), wanted.mentors.get(TENANT, set())


def test_a_student_who_is_not_in_memory_is_needed() -> None:
    given = Given(a_student("waits"))
    assert needed(given, a_student("waits"), a_student("new")) == ({"new"}, set())
    assert needed(given, a_student("waits", year=1403)) == ({"waits"}, set())


@pytest.mark.parametrize(
    "change",
    [
        {"active": False},
        {"groups": [3]},
        {"centers": [1]},
        {"type": "school", "schools": [101]},
        {"manager_id": 7, "manager_centers": []},
    ],
)
def test_a_mentor_that_may_lose_students_is_needed_with_them(change: dict[str, Any]) -> None:
    given = Given(a_mentor(1, groups=[1, 3]))
    assert needed(given, a_mentor(1, **change)) == (set(), {1})
    assert needed(given, a_mentor(1, groups=[1, 3, 5]), a_mentor(1, **change)) == (set(), {1})
    assert needed(given, a_mentor(2, **change)) == (set(), set())


@pytest.mark.parametrize(
    "change",
    [
        {"capacity": 0},
        {"groups": [1, 3, 5]},
        {"centers": [0, 1]},
        {"manager_id": 7, "manager_centers": [0, 2]},
    ],
)
def test_a_mentor_that_loses_nobody_is_not_needed(change: dict[str, Any]) -> None:
    given = Given(a_mentor(1))
    assert needed(given, a_mentor(1, **change)) == (set(), set())


def test_a_mentor_that_was_inactive_has_no_students_to_lose() -> None:
    assert needed(Given(a_mentor(1, active=False)), a_mentor(1, groups=[3])) == (set(), set())


def test_only_a_school_mentor_can_lose_a_school() -> None:
    given = Given(a_school_mentor(1, 101, 102), a_mentor(2, schools=[101]))
    assert needed(given, a_school_mentor(1, 101), a_mentor(2)) == (set(), {1})


def test_after_a_batch_only_those_who_wait_stay() -> None:
    given = Given(a_mentor(1, capacity=1), a_student("has"), a_student("waits"))
    given.state.forget()
    pool = given.state.pool(TENANT)
    assert {year: set(students) for year, students in pool.enrolments.items()} == {1402: {"waits"}}
    assert pool.enrolments[1402]["waits"].stored
    assert (pool.present, pool.changes.enrolments) == ({}, {})
    assert given.load(1) == 1


def test_a_loaded_student_is_known_with_its_counter_and_forgotten_again() -> None:
    given = Given(a_mentor(1))
    given.state.forget()
    row = an_enrolment(a_student("s"), status="assigned", mentor_id=1, counter="013730007")
    given.state.load([row])
    given.when(a_student("s", year=1403))
    assert given.enrolment("s", 1403).counter == "013730007"
    assert [student.year for student in given.state.pool(TENANT).changes.enrolments.values()] == [1403]
    given.state.forget()
    assert not any(given.state.pool(TENANT).enrolments.values())


def test_what_is_in_memory_is_newer_than_a_row() -> None:
    given = Given(a_student("s", version=5))
    given.state.load([an_enrolment(a_student("s", version=4))])
    assert given.enrolment("s").version == 5


def test_a_loaded_school_student_moves_when_its_mentor_loses_the_school() -> None:
    given = Given(a_school_mentor(1, 101), a_school_student("s", 101))
    row = given.enrolment("s")
    given.state.forget()
    given.state.load([row])
    given.when(a_school_mentor(1, 102))
    assert given.enrolment("s").status == "waitlisted"
    assert given.state.pool(TENANT).changes.loads == {(1402, 1)}
