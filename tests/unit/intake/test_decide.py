"""Given a state, when a command comes, then these facts, nothing, or a refusal."""

from msgspec import structs

from services.intake.decide.messages import needs
from services.intake.decide.outcomes import Unchanged
from services.intake.decide.state import Needs
from shared.contracts.facts import (
    ManagerRegistered,
    MentorRegistered,
    SchoolRosterPublished,
    StudentRegistered,
)
from shared.contracts.partitions import pool_partition
from tests.unit.intake.examples import STUDENT_ID, empty_state, manager, mentor, roster, student, withdrawal
from tests.unit.intake.given import FEMALE, MALE, code, fact, given, mentor_fact, new, student_fact, when


def test_a_new_student_is_registered_under_its_pseudonym() -> None:
    added = new(when(empty_state(), student(), b"print"))
    assert (added.type, added.subject) == ("rahnama.intake.student.registered.v1", f"student/{STUDENT_ID}")
    assert (added.partition, added.fingerprint) == (pool_partition("default", FEMALE, 12), b"print")
    assert added.fact == StudentRegistered(
        version=1,
        occurred_at="2025-09-23T05:00:00.000000Z",
        year=1404,
        student_id=STUDENT_ID,
        gender=0,
        edu_status=1,
        reg_center=1,
        reg_status=0,
        group_code=27,
        school_code=101,
        student_type=0,
        sealed="",
    )


def test_a_student_stands_in_the_partition_of_its_pool() -> None:
    female, male = new(when(empty_state(), student())), new(when(empty_state(), student(gender=1)))
    assert (female.partition % 2, male.partition % 2) == (FEMALE, MALE)


def test_the_same_student_again_is_unchanged_whenever_it_happened() -> None:
    again = structs.replace(student(), occurred_at=None)
    assert when(given(student()), again) == Unchanged(f"student/{STUDENT_ID}")


def test_a_changed_student_has_the_next_version_over_all_years() -> None:
    state = given(student())
    assert student_fact(when(state, student(group_code=1))).version == 2
    assert student_fact(when(state, student(), b"another name")).version == 2
    other_year = fact(when(state, student(year=1405)), state)
    assert (other_year.version, student_fact(when(state, student(group_code=1))).version) == (2, 3)
    assert isinstance(when(state, student()), Unchanged)
    assert isinstance(when(state, student(year=1405)), Unchanged)


def test_a_school_student_is_one_whose_school_is_in_the_roster_of_the_year() -> None:
    state = given(roster())
    assert student_fact(when(state, student(school_code=101))).student_type == 1
    assert student_fact(when(state, student(school_code=103))).student_type == 0
    assert student_fact(when(state, student(school_code=None))).student_type == 0
    assert student_fact(when(state, student(school_code=101, year=1405))).student_type == 0


def test_a_mentor_without_a_manager_has_no_managers_centres() -> None:
    added = new(when(empty_state(), mentor(manager_id=None, gender=1)))
    assert (added.subject, added.partition) == ("mentor/150", pool_partition("default", MALE, 12))
    assert added.fact == MentorRegistered(
        version=1,
        occurred_at="2025-09-23T05:00:00.000000Z",
        mentor_id=150,
        gender=1,
        type="normal",
        capacity=40,
        active=True,
        alias_code="A-150",
        manager_id=None,
        manager_centers=None,
        groups=[1, 27],
        centers=[0, 1],
        schools=[],
        sealed="",
    )


def test_a_mentor_carries_its_managers_centres() -> None:
    assert mentor_fact(when(given(manager(centers=[2, 1])), mentor())).manager_centers == [1, 2]
    assert mentor_fact(when(given(manager(is_active=False)), mentor())).manager_centers == []
    assert mentor_fact(when(empty_state(), mentor())).manager_centers == []


def test_the_same_mentor_again_is_unchanged_and_another_one_is_the_next_version() -> None:
    state = given(manager(), mentor())
    assert when(state, structs.replace(mentor(), occurred_at=None)) == Unchanged("mentor/150")
    assert mentor_fact(when(state, mentor(), b"another name")).version == 2
    changes: list[dict[str, object]] = [
        {"capacity": 41}, {"active": False}, {"alias_code": None}, {"manager_id": None}, {"manager_id": 8},
        {"groups": [1]}, {"centers": [1]}, {"type": "school", "schools": [101]},
    ]  # fmt: skip
    for change in changes:
        assert mentor_fact(when(state, mentor(**change))).version == 2


def test_the_gender_of_a_mentor_never_changes() -> None:
    assert code(when(given(mentor()), mentor(gender=1))) == "/data/gender MENTOR_GENDER_FIXED"


def test_a_manager_is_registered_and_registered_again() -> None:
    state = given(manager())
    assert state.managers[7].centers == (0, 1)
    added = new(when(state, manager(centers=[2])))
    assert (added.subject, added.partition) == ("manager/7", pool_partition("default", 0, 12))
    assert added.fact == ManagerRegistered(
        version=2,
        occurred_at="2025-09-23T05:00:00.000000Z",
        manager_id=7,
        is_active=True,
        centers=[2],
        sealed="",
    )
    assert when(state, manager()) == Unchanged("manager/7")


def test_a_roster_is_published_and_the_same_one_changes_nothing() -> None:
    added = new(when(empty_state(), roster()))
    assert (added.type, added.subject) == ("rahnama.intake.school-roster.published.v1", "school-roster/1404")
    assert added.fact == SchoolRosterPublished(
        version=1, occurred_at="2025-09-23T05:00:00.000000Z", year=1404, school_codes=[101, 102]
    )
    state = given(roster())
    assert when(state, roster(school_codes=[101, 102])) == Unchanged("school-roster/1404")
    assert fact(when(state, roster(school_codes=[101]))).version == 2
    assert fact(when(state, roster(year=1405))).version == 1
    assert fact(when(empty_state(), roster(school_codes=[]))).version == 1


def test_deciding_changes_nothing() -> None:
    state = given(manager(), mentor(), roster(), student())
    before = repr(state)
    for command in (
        student(group_code=1), student(gender=1), withdrawal(), mentor(capacity=1), manager(centers=[2]),
        roster(school_codes=[]),
    ):  # fmt: skip
        when(state, command, b"other")
    assert repr(state) == before


def test_what_a_batch_needs_is_named() -> None:
    assert needs(
        [
            student(), withdrawal(), mentor(), mentor(mentor_id=2, manager_id=None), manager(manager_id=9),
            roster(year=1405),
        ]
    ) == Needs(mentors={150, 2}, references={"managers": {7, 9}, "school_rosters": {1404, 1405}}, mentors_of={9})  # fmt: skip
