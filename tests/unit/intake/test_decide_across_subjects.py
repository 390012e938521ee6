"""Given a state, when a command changes others too: whose facts follow, in which order, and what each one carries."""

from msgspec import structs

from services.intake.decide.outcomes import Accepted, NewFact, Unchanged
from services.intake.decide.state import State
from services.intake.decide.student_registered import rederived
from shared.contracts.facts import FACT_NAMES, MentorRegistered, StudentRegistered, StudentWithdrawnFact
from shared.contracts.partitions import pool_partition
from tests.unit.intake.examples import STUDENT_ID, empty_state, manager, mentor, roster, student, withdrawal
from tests.unit.intake.given import FEMALE, MALE, carry_out, code, given, new, student_fact, when

LATER = "2026-01-01T00:00:00.000000Z"
OTHER = "0199a000-0000-7000-8000-000000000002"


def told(facts: list[NewFact]) -> list[tuple[str, int, list[int] | None]]:
    """Of a manager's facts: subject, version and, of a mentor, the manager's centres."""
    return [
        (
            item.subject,
            item.fact.version,
            item.fact.manager_centers if isinstance(item.fact, MentorRegistered) else None,
        )
        for item in facts
        if not isinstance(item.fact, StudentRegistered)
    ]


def test_a_managers_other_centres_reissue_its_mentors_by_id() -> None:
    state = given(
        manager(centers=[0]), mentor(mentor_id=9), mentor(mentor_id=8, gender=1), mentor(mentor_id=1)
    )
    before = state.mentors[8].fact
    facts = carry_out(state, structs.replace(manager(centers=[2]), occurred_at=LATER))
    assert told(facts) == [
        ("manager/7", 2, None), ("mentor/1", 2, [2]), ("mentor/8", 2, [2]), ("mentor/9", 2, [2]),
    ]  # fmt: skip
    assert [item.keeps_seal for item in facts] == [False, True, True, True]
    assert facts[2].fact == structs.replace(before, version=2, occurred_at=LATER, manager_centers=[2])
    assert [item.partition for item in facts[1:]] == [
        pool_partition("default", gender, 12) for gender in (FEMALE, MALE, FEMALE)
    ]
    assert all(item.fingerprint == b"same" for item in facts)


def test_an_inactive_manager_has_no_centres_for_its_mentors() -> None:
    state = given(manager(centers=[0]), mentor())
    assert told(carry_out(state, manager(centers=[0], is_active=False)))[1:] == [("mentor/150", 2, [])]
    assert told(carry_out(state, manager(centers=[0, 1], is_active=False))) == [("manager/7", 3, None)]
    assert told(carry_out(state, manager(centers=[0, 1])))[1:] == [("mentor/150", 3, [0, 1])]


def test_a_manager_registered_after_its_mentors_gives_them_its_centres() -> None:
    state = given(mentor(mentor_id=2), mentor(mentor_id=3, manager_id=8))
    assert told(carry_out(state, manager(is_active=False))) == [("manager/7", 1, None)]
    assert told(carry_out(state, manager(centers=[1]))) == [("manager/7", 2, None), ("mentor/2", 2, [1])]


def test_only_mentors_for_whom_it_means_other_centres_are_reissued() -> None:
    state = given(
        manager(), mentor(), mentor(mentor_id=3, manager_id=None), mentor(mentor_id=2, manager_id=8)
    )
    assert told(carry_out(state, manager(), b"another name")) == [("manager/7", 2, None)]
    carry_out(state, mentor(manager_id=8))
    assert told(carry_out(state, manager(centers=[2]))) == [("manager/7", 3, None)]


def test_a_mentor_that_was_reissued_is_known_with_its_new_centres() -> None:
    state = given(manager(centers=[0]), mentor())
    carry_out(state, manager(centers=[1]))
    assert when(state, mentor()) == Unchanged("mentor/150")


def reissued(facts: list[NewFact]) -> list[tuple[str, int, int]]:
    """Of a roster's facts: student, version and new type."""
    return [
        (item.fact.student_id, item.fact.version, item.fact.student_type)
        for item in facts
        if isinstance(item.fact, StudentRegistered)
    ]


def test_a_roster_reissues_the_students_of_its_year_whose_type_changes() -> None:
    state = given(student(school_code=101), student(year=1405, school_code=101))
    carry_out(state, student(school_code=103), student_id=OTHER)
    facts = carry_out(state, structs.replace(roster(), occurred_at=LATER))
    assert reissued(facts) == [(STUDENT_ID, 3, 1)]
    again = facts[1]
    assert (again.subject, again.fact.occurred_at, again.keeps_seal) == (f"student/{STUDENT_ID}", LATER, True)
    assert reissued(carry_out(state, roster(school_codes=[103]))) == [(STUDENT_ID, 4, 0), (OTHER, 2, 1)]
    assert reissued(carry_out(state, roster(school_codes=[103, 104]))) == []


def test_a_student_who_is_not_enrolled_has_no_type_to_change() -> None:
    state = given(student(school_code=101), withdrawal())
    assert reissued(carry_out(state, roster())) == []
    assert rederived(state, STUDENT_ID, 1405, None) is None
    assert student_fact(when(state, student(school_code=101))).student_type == 1


def moves(facts: list[NewFact]) -> list[tuple[str, int, int, int]]:
    """Of one student's facts: what, version, year and gender."""
    found = list[tuple[str, int, int, int]]()
    for item in facts:
        fact = item.fact
        assert isinstance(fact, StudentRegistered | StudentWithdrawnFact)
        assert item.partition == pool_partition("default", fact.gender, 12)
        assert item.type == FACT_NAMES[type(fact)]
        reason = fact.reason if isinstance(fact, StudentWithdrawnFact) else "registered"
        found.append((reason, fact.version, fact.year, fact.gender))
    return found


def three_years() -> State:
    """Versions 1 to 3, each year with a group of its own."""
    return given(
        student(year=1404, group_code=1), student(year=1402, group_code=5), student(year=1403, group_code=7)
    )


def test_another_gender_moves_every_year_from_one_pool_to_the_other() -> None:
    state = three_years()
    command = structs.replace(student(year=1403, group_code=8, gender=1), occurred_at=LATER)
    facts = carry_out(state, command, b"another name")
    assert moves(facts) == [
        ("moved", 4, 1402, FEMALE), ("registered", 5, 1402, MALE),
        ("moved", 6, 1403, FEMALE), ("registered", 7, 1403, MALE),
        ("moved", 8, 1404, FEMALE), ("registered", 9, 1404, MALE),
    ]  # fmt: skip
    registered = [item for item in facts if isinstance(item.fact, StudentRegistered)]
    assert [(item.fact.group_code, item.keeps_seal, item.fingerprint) for item in registered] == [  # type: ignore[union-attr]
        (5, True, b"same"), (8, False, b"another name"), (1, True, b"same"),
    ]  # fmt: skip
    assert {item.fact.occurred_at for item in facts} == {LATER}
    assert state.students[STUDENT_ID].gender == MALE
    assert isinstance(when(state, student(year=1402, group_code=5, gender=1)), Unchanged)


def test_a_new_year_with_another_gender_moves_the_years_before() -> None:
    facts = carry_out(given(student(year=1404)), student(year=1403, gender=1))
    assert moves(facts) == [
        ("registered", 2, 1403, MALE), ("moved", 3, 1404, FEMALE), ("registered", 4, 1404, MALE),
    ]  # fmt: skip


def test_a_student_moves_back_with_the_next_versions() -> None:
    state = given(student(), student(gender=1))
    assert moves(carry_out(state, student())) == [("moved", 4, 1404, MALE), ("registered", 5, 1404, FEMALE)]


def test_a_withdrawal_ends_one_year() -> None:
    state = three_years()
    left = new(when(state, structs.replace(withdrawal(year=1403), occurred_at=LATER)))
    assert (left.type, left.subject) == ("rahnama.intake.student.withdrawn.v1", f"student/{STUDENT_ID}")
    assert left.fact == StudentWithdrawnFact(
        version=4, occurred_at=LATER, year=1403, student_id=STUDENT_ID, gender=FEMALE, reason="withdrawn"
    )
    carry_out(state, withdrawal(year=1403))
    assert when(state, withdrawal(year=1403)) == Unchanged(f"student/{STUDENT_ID}")
    assert isinstance(when(state, student(year=1402, group_code=5)), Unchanged)


def test_who_was_never_registered_in_that_year_cannot_be_withdrawn() -> None:
    refusal = "/data/national_id STUDENT_NOT_REGISTERED"
    unknown = when(empty_state(), withdrawal(), student_id="")
    assert code(unknown) == refusal
    assert code(when(given(student()), withdrawal(year=1405))) == refusal


def test_who_was_withdrawn_is_registered_again_with_the_next_version() -> None:
    state = given(student(), withdrawal())
    assert student_fact(when(state, student())).version == 3


def test_a_year_that_was_withdrawn_is_in_no_pool_and_does_not_move() -> None:
    state = given(student(year=1403), student(year=1404), withdrawal(year=1403))
    assert moves(carry_out(state, student(year=1404, gender=1))) == [
        ("moved", 4, 1404, FEMALE), ("registered", 5, 1404, MALE),
    ]  # fmt: skip
    assert moves(carry_out(state, student(year=1403, gender=1))) == [("registered", 6, 1403, MALE)]


def test_who_left_every_year_comes_back_with_another_gender_without_a_move() -> None:
    state = given(student(), withdrawal())
    assert moves(carry_out(state, student(gender=1))) == [("registered", 3, 1404, MALE)]


def test_a_move_tells_the_type_that_each_year_has() -> None:
    state = given(roster(), student(school_code=101), student(year=1405, school_code=101))
    outcome = when(state, student(year=1405, school_code=101, gender=1))
    assert isinstance(outcome, Accepted)
    types = {
        item.fact.year: item.fact.student_type
        for item in outcome.facts
        if isinstance(item.fact, StudentRegistered)
    }
    assert types == {1404: 1, 1405: 0}
