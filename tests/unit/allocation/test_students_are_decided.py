"""What a student's fact leads to: docs/domain.md, "Ranking" and "Changes"."""

from services.allocation.decide import Cause, PartitionState, handle
from shared.contracts.decisions import Candidate, Rank, StudentAssigned, StudentWaitlisted
from shared.contracts.facts import ManagerRegistered, SchoolRosterPublished
from tests.unit.allocation.given import (
    Given,
    a_mentor,
    a_school_mentor,
    a_school_student,
    a_student,
    outcomes,
)


def test_a_new_student_gets_the_emptiest_mentor_and_is_told_the_next_best() -> None:
    given = Given(a_mentor(1), a_mentor(2), a_mentor(3, active=False), a_student("first"))
    assert given.when(a_student("second", version=4)) == [
        StudentAssigned(
            year=1402,
            student_id="second",
            version=4,
            policy="default",
            engine=1,
            mentor_id=2,
            counter="023730002",
            counter_status=None,
            rank=Rank(0, 60),
            candidates=2,
            next_best=[Candidate(1, 1, 60)],
            reason="registered",
            previous_mentor_id=None,
        )
    ]


def test_a_student_without_an_eligible_mentor_waits_and_the_funnel_says_why() -> None:
    given = Given(
        a_mentor(1, groups=[3]),
        a_mentor(2, centers=[1]),
        a_mentor(3, capacity=0),
        a_mentor(4, active=False),
        a_school_mentor(5, 101),
    )
    assert given.when(a_student("s")) == [
        StudentWaitlisted(
            year=1402,
            student_id="s",
            version=1,
            policy="default",
            engine=1,
            reason="SCHOOL_TYPE_COMPATIBLE",
            funnel={
                "GENDER_MATCH": 5,
                "GROUP_ALLOWED": 4,
                "CENTER_ALLOWED": 3,
                "REG_STATUS_ALLOWED": 3,
                "CAPACITY_AVAILABLE": 1,
                "SCHOOL_TYPE_COMPATIBLE": 0,
                "GRADUATE_NOT_TO_SCHOOL": 0,
                "MANAGER_CENTER_GATE": 0,
            },
        )
    ]


def test_in_an_empty_pool_everyone_waits_for_a_mentor_of_the_gender() -> None:
    assert outcomes(Given().when(a_student("s"))) == [("waitlisted", "s", "GENDER_MATCH")]


def test_a_school_student_gets_only_a_mentor_that_holds_the_school() -> None:
    given = Given(a_mentor(1), a_school_mentor(2, 102), a_school_mentor(3, 101, 102))
    assert outcomes(given.when(a_school_student("s", 101))) == [("assigned", "s", 3, "registered")]


def test_a_graduate_of_a_special_school_waits_because_no_school_mentor_may_take_it() -> None:
    given = Given(a_mentor(1), a_school_mentor(2, 101))
    assert outcomes(given.when(a_school_student("s", 101, edu_status=0))) == [
        ("waitlisted", "s", "GRADUATE_NOT_TO_SCHOOL")
    ]


def test_each_year_has_the_whole_capacity() -> None:
    given = Given(a_mentor(1, capacity=1), a_student("a"))
    assert outcomes(given.when(a_student("b"))) == [("waitlisted", "b", "CAPACITY_AVAILABLE")]
    assert outcomes(given.when(a_student("b", year=1403))) == [("assigned", "b", 1, "registered")]


def test_another_tenants_mentors_do_not_exist() -> None:
    state = PartitionState(0)
    handle(state, Cause("north", 1, "", a_mentor(1)))
    assert outcomes(handle(state, Cause("default", 2, "", a_student("s")))) == [
        ("waitlisted", "s", "GENDER_MATCH")
    ]


def test_registered_again_while_the_mentor_still_fits_nothing_moves() -> None:
    given = Given(a_mentor(1, groups=[1, 3]), a_student("s"), a_mentor(2, groups=[1, 3]))
    assert given.when(a_student("s", version=2, group_code=3)) == []
    student = given.enrolment("s")
    assert (student.version, student.traits.group_code, student.mentor_id, student.arrival) == (2, 3, 1, 2)


def test_a_full_mentor_still_fits_the_students_it_has() -> None:
    given = Given(a_mentor(1, capacity=1, groups=[1, 3]), a_student("s"))
    assert given.when(a_student("s", version=2, group_code=3)) == []


def test_registered_again_so_that_the_mentor_no_longer_fits_the_student_is_moved() -> None:
    given = Given(a_mentor(1), a_mentor(2, groups=[3]), a_student("s"))
    decisions = given.when(a_student("s", version=2, group_code=3))
    assert outcomes(decisions) == [("released", "s", 1, "changed"), ("assigned", "s", 2, "changed")]
    assert isinstance(decisions[1], StudentAssigned)
    assert (decisions[1].previous_mentor_id, decisions[1].version) == (1, 2)
    assert (given.load(1), given.load(2)) == (0, 1)


def test_the_place_that_a_moved_student_leaves_goes_to_the_first_who_waits() -> None:
    given = Given(a_mentor(1, capacity=1), a_student("a"), a_student("b"), a_student("c"))
    assert outcomes(given.when(a_student("a", group_code=3))) == [
        ("released", "a", 1, "changed"),
        ("waitlisted", "a", "GROUP_ALLOWED"),
        ("assigned", "b", 1, "waitlist"),
    ]


def test_one_who_waits_and_is_registered_again_is_decided_anew_and_nothing_is_released() -> None:
    given = Given(a_mentor(1, groups=[3]), a_student("s"))
    assert outcomes(given.when(a_student("s", version=2, group_code=5))) == [
        ("waitlisted", "s", "GROUP_ALLOWED")
    ]
    assert outcomes(given.when(a_student("s", version=3, group_code=3))) == [("assigned", "s", 1, "changed")]


def test_one_who_waits_keeps_its_arrival_when_it_is_registered_again() -> None:
    given = Given(a_student("a"), a_student("b"), a_student("a", version=2))
    assert outcomes(given.when(a_mentor(1, capacity=1))) == [("assigned", "a", 1, "waitlist")]


def test_a_student_that_lost_its_place_waits_at_its_old_arrival() -> None:
    given = Given(a_mentor(1, groups=[3]), a_student("early", group_code=3), a_student("late"))
    given.when(a_student("early", version=2))
    assert outcomes(given.when(a_mentor(2, capacity=1))) == [("assigned", "early", 2, "waitlist")]


def test_a_changed_roster_moves_its_students_one_after_the_other_and_they_keep_their_arrival() -> None:
    given = Given(
        a_mentor(1, capacity=2),
        a_student("a", school_code=101),
        a_student("other"),
        a_student("b", school_code=101),
        a_student("last"),
    )
    assert outcomes(given.when(a_school_student("a", 101, version=2))) == [
        ("released", "a", 1, "changed"),
        ("waitlisted", "a", "SCHOOL_TYPE_COMPATIBLE"),
        ("assigned", "b", 1, "waitlist"),
    ]
    assert outcomes(given.when(a_school_student("b", 101, version=2))) == [
        ("released", "b", 1, "changed"),
        ("waitlisted", "b", "SCHOOL_TYPE_COMPATIBLE"),
        ("assigned", "last", 1, "waitlist"),
    ]
    assert [given.enrolment(name).arrival for name in ("a", "other", "b", "last")] == [2, 3, 4, 5]
    assert outcomes(given.when(a_school_mentor(2, 101, capacity=1))) == [("assigned", "a", 2, "waitlist")]


def test_managers_and_rosters_are_passed_over() -> None:
    given = Given()
    manager = ManagerRegistered(
        version=1, occurred_at=None, manager_id=1, is_active=True, centers=[0], sealed=""
    )
    roster = SchoolRosterPublished(version=1, occurred_at=None, year=1402, school_codes=[101])
    assert given.when(manager) == given.when(roster) == []
