"""What a mentor's fact leads to: docs/domain.md, "Changes"."""

from typing import Any

import pytest

from shared.contracts.decisions import StudentAssigned
from tests.unit.allocation.given import (
    Given,
    a_mentor,
    a_school_mentor,
    a_school_student,
    a_student,
    outcomes,
)


def test_a_new_mentor_serves_those_who_wait_by_arrival_up_to_its_capacity() -> None:
    given = Given(a_student("a"), a_student("other", group_code=3), a_student("b"), a_student("c"))
    assert outcomes(given.when(a_mentor(1, capacity=2))) == [
        ("assigned", "a", 1, "waitlist"),
        ("assigned", "b", 1, "waitlist"),
    ]


def test_all_years_wait_in_one_line_and_each_has_its_own_places() -> None:
    given = Given(a_student("a"), a_student("b", year=1403), a_student("c"), a_student("d", year=1403))
    assert outcomes(given.when(a_mentor(1, capacity=1))) == [
        ("assigned", "a", 1, "waitlist"),
        ("assigned", "b", 1, "waitlist"),
    ]


def test_a_raised_capacity_serves_the_waitlist() -> None:
    given = Given(a_mentor(1, capacity=1), a_student("a"), a_student("b"), a_student("c"))
    decisions = given.when(a_mentor(1, capacity=2))
    assert outcomes(decisions) == [("assigned", "b", 1, "waitlist")]
    assert isinstance(decisions[0], StudentAssigned)
    assert (decisions[0].rank.load, decisions[0].rank.capacity, decisions[0].candidates) == (1, 2, 1)


def test_a_capacity_below_the_load_evicts_nobody_and_adds_nobody() -> None:
    given = Given(a_mentor(1, capacity=2), a_student("a"), a_student("b"))
    assert given.when(a_mentor(1, capacity=1)) == []
    assert outcomes(given.when(a_student("c"))) == [("waitlisted", "c", "CAPACITY_AVAILABLE")]
    assert outcomes(given.when(a_student("a", group_code=3))) == [
        ("released", "a", 1, "changed"),
        ("waitlisted", "a", "GROUP_ALLOWED"),
    ]
    assert given.load(1) == 1


@pytest.mark.parametrize(
    "change",
    [
        {"active": False},
        {"groups": [3]},
        {"centers": [1]},
        {"type": "school", "schools": [101]},
        {"manager_id": 7, "manager_centers": [1]},
        {"manager_id": 7, "manager_centers": []},
    ],
)
def test_students_who_no_longer_fit_are_moved_by_arrival(change: dict[str, Any]) -> None:
    given = Given(a_mentor(1), a_student("a"), a_student("b"), a_mentor(2, capacity=1))
    assert outcomes(given.when(a_mentor(1, **change)))[:4] == [
        ("released", "a", 1, "mentor"),
        ("assigned", "a", 2, "mentor"),
        ("released", "b", 1, "mentor"),
        ("waitlisted", "b", given.enrolment("b").reason),
    ]


def test_a_managers_mentors_change_one_after_the_other_and_nobody_is_left_where_it_does_not_fit() -> None:
    managed = {"manager_id": 7, "capacity": 1, "groups": [1, 3], "centers": [0, 1]}
    before = [a_mentor(n, manager_centers=[0], **managed) for n in range(1, 5)]
    after = [a_mentor(n, manager_centers=[1], version=2, **managed) for n in range(1, 5)]
    given = Given(*before, a_mentor(9, capacity=2), *(a_student(f"s{n}") for n in range(1, 5)))
    waiting = a_student("centre 1", reg_center=1)
    assert outcomes(given.when(waiting)) == [("waitlisted", "centre 1", "CAPACITY_AVAILABLE")]
    assert [given.enrolment(f"s{n}").mentor_id for n in range(1, 5)] == [1, 2, 3, 4]
    assert [outcomes(given.when(fact)) for fact in after] == [
        [
            ("released", "s1", 1, "mentor"),
            ("assigned", "s1", 9, "mentor"),
            ("assigned", "centre 1", 1, "waitlist"),
        ],
        [("released", "s2", 2, "mentor"), ("assigned", "s2", 9, "mentor")],
        [("released", "s3", 3, "mentor"), ("waitlisted", "s3", "MANAGER_CENTER_GATE")],
        [("released", "s4", 4, "mentor"), ("waitlisted", "s4", "MANAGER_CENTER_GATE")],
    ]


def test_students_who_still_fit_stay() -> None:
    given = Given(a_mentor(1, groups=[1, 3]), a_student("a"), a_student("b", group_code=3), a_mentor(2))
    assert outcomes(given.when(a_mentor(1, groups=[3]))) == [
        ("released", "a", 1, "mentor"),
        ("assigned", "a", 2, "mentor"),
    ]


def test_a_school_mentor_that_loses_a_school_loses_its_students() -> None:
    given = Given(a_school_mentor(1, 101, 102), a_school_student("a", 101), a_school_student("b", 102))
    assert outcomes(given.when(a_school_mentor(1, 102))) == [
        ("released", "a", 1, "mentor"),
        ("waitlisted", "a", "SCHOOL_TYPE_COMPATIBLE"),
    ]


def test_places_that_become_free_go_to_those_whom_the_changed_mentor_fits() -> None:
    given = Given(a_mentor(1, capacity=1), a_student("a"), a_student("b", group_code=3))
    assert outcomes(given.when(a_mentor(1, capacity=1, groups=[3]))) == [
        ("released", "a", 1, "mentor"),
        ("waitlisted", "a", "GROUP_ALLOWED"),
        ("assigned", "b", 1, "waitlist"),
    ]


@pytest.mark.parametrize(
    "before",
    [
        {"active": False},
        {"groups": [3]},
        {"centers": [1]},
        {"type": "school", "schools": [101]},
        {"manager_id": 7, "manager_centers": []},
        {"capacity": 0},
    ],
)
def test_a_mentor_that_becomes_fit_serves_the_waitlist(before: dict[str, Any]) -> None:
    given = Given(a_mentor(1, **before), a_student("s"))
    assert outcomes(given.when(a_mentor(1))) == [("assigned", "s", 1, "waitlist")]


def test_an_inactive_mentor_serves_nobody() -> None:
    assert Given(a_student("s")).when(a_mentor(1, active=False)) == []


def test_mentors_that_come_in_any_order_of_ids_are_ranked_by_id() -> None:
    given = Given(a_student("early"), a_mentor(300), a_mentor(100), a_mentor(200))
    decisions = given.when(a_student("s"))
    assert isinstance(decisions[0], StudentAssigned)
    assert decisions[0].mentor_id == 100
    assert [candidate.mentor_id for candidate in decisions[0].next_best] == [200, 300]


def test_of_a_pools_mentors_nobody_with_a_place_is_forgotten_when_one_is_put_between() -> None:
    given = Given(*(a_mentor(mentor_id, capacity=1) for mentor_id in (5, 1, 3)))
    taken = [given.when(a_student(name))[0] for name in ("a", "b", "c")]
    assert [d.mentor_id for d in taken if isinstance(d, StudentAssigned)] == [1, 3, 5]
    given.when(a_mentor(4, capacity=1))
    assert outcomes(given.when(a_student("d"))) == [("assigned", "d", 4, "registered")]
