"""What the end of an enrolment leads to, by a withdrawal or by a move to the other pool: docs/domain.md, "Changes"."""

import pytest

from services.allocation.decide import Cause, needs
from shared.contracts.decisions import StudentAssigned, StudentWithdrawn
from tests.unit.allocation.given import (
    TENANT,
    Given,
    a_mentor,
    a_student,
    a_withdrawal,
    an_enrolment,
    outcomes,
)


def test_one_with_a_mentor_is_withdrawn_and_its_place_goes_to_the_first_who_waits() -> None:
    given = Given(a_mentor(1, capacity=1), a_student("s"), a_student("a"), a_student("b"))
    assert outcomes(given.when(a_withdrawal("s"))) == [
        ("withdrawn", "s", 1, "withdrawn"),
        ("assigned", "a", 1, "waitlist"),
    ]
    assert given.load(1) == 1
    student = given.enrolment("s")
    assert (student.status, student.mentor_id, student.version) == ("withdrawn", None, 2)


def test_the_decision_carries_the_withdrawals_version_and_reason() -> None:
    given = Given(a_mentor(1), a_student("s"))
    assert given.when(a_withdrawal("s", "moved", version=7)) == [
        StudentWithdrawn(
            year=1402,
            student_id="s",
            version=7,
            policy="default",
            engine=1,
            reason="moved",
            previous_mentor_id=1,
        )
    ]


def test_one_who_waits_is_withdrawn_and_waits_no_more() -> None:
    given = Given(a_student("s"), a_student("next"))
    assert outcomes(given.when(a_withdrawal("s"))) == [("withdrawn", "s", None, "withdrawn")]
    assert outcomes(given.when(a_mentor(1))) == [("assigned", "next", 1, "waitlist")]


@pytest.mark.parametrize("year", [1402, 1403])
def test_a_student_or_a_year_that_is_not_known_leads_to_nothing(year: int) -> None:
    assert Given().when(a_withdrawal("nobody", year=year)) == []
    given = Given(a_mentor(1), a_student("s"))
    assert given.when(a_withdrawal("nobody", year=year)) == []
    assert given.when(a_withdrawal("s", year=1403)) == []
    assert given.enrolment("s").status == "assigned"


def test_withdrawn_again_leads_to_nothing() -> None:
    given = Given(a_mentor(1), a_student("s"), a_withdrawal("s"))
    assert given.when(a_withdrawal("s", version=3)) == []
    assert (given.enrolment("s").version, given.load(1)) == (3, 0)


def test_one_year_ends_and_the_others_go_on() -> None:
    given = Given(a_mentor(1, capacity=1), a_student("s"), a_student("s", year=1403))
    given.when(a_withdrawal("s"))
    assert (given.load(1), given.load(1, 1403)) == (0, 1)
    assert given.enrolment("s", 1403).status == "assigned"


@pytest.mark.parametrize("reason", ["withdrawn", "moved"])
def test_registered_after_a_withdrawal_a_student_is_decided_anew_with_its_old_counter(reason: str) -> None:
    given = Given(a_mentor(1), a_student("s"), a_student("other"))
    given.when(a_withdrawal("s", "moved" if reason == "moved" else "withdrawn"))
    (decision,) = given.when(a_student("s", version=5))
    assert isinstance(decision, StudentAssigned)
    assert (decision.reason, decision.counter, decision.version) == ("registered", "023730001", 5)
    assert decision.previous_mentor_id is None


def test_registered_after_a_withdrawal_a_student_waits_at_its_old_arrival() -> None:
    given = Given(a_student("early"), a_student("late"), a_withdrawal("early"))
    assert outcomes(given.when(a_student("early", version=3))) == [("waitlisted", "early", "GENDER_MATCH")]
    assert outcomes(given.when(a_mentor(1, capacity=1))) == [("assigned", "early", 1, "waitlist")]


def test_a_mentor_that_changes_moves_nobody_who_has_left_it() -> None:
    given = Given(a_mentor(1), a_student("s"), a_withdrawal("s"))
    assert given.when(a_mentor(1, active=False)) == []


def test_one_who_has_left_comes_back_in_the_same_batch_as_from_the_database() -> None:
    at_once, later = (Given(a_mentor(1, capacity=1), a_student("s"), a_student("waits")) for _ in range(2))
    later.state.forget()
    later.state.load(
        [an_enrolment(a_student("s"), status="assigned", mentor_id=1, counter="023730001", arrival=2)]
    )
    decisions = [
        given.when(fact) for given in (at_once, later) for fact in (a_withdrawal("s"), a_student("s"))
    ]
    assert decisions[:2] == decisions[2:]
    assert outcomes(decisions[1]) == [("waitlisted", "s", "CAPACITY_AVAILABLE")]


def test_a_withdrawal_needs_the_students_row_unless_it_waits() -> None:
    given = Given(a_mentor(1, capacity=1), a_student("has"), a_student("waits"))
    given.state.forget()
    causes = [Cause(TENANT, 90, "", a_withdrawal(name)) for name in ("has", "waits", "nobody")]
    wanted = needs(given.state, causes)
    assert (wanted.students, wanted.mentors) == ({TENANT: {"has", "nobody"}}, {})


def test_who_has_left_is_not_kept_in_memory() -> None:
    given = Given(a_student("s"), a_withdrawal("s"))
    given.state.forget()
    assert given.state.pool(TENANT).enrolments == {1402: {}}


def test_a_counter_that_another_year_brings_later_is_also_that_of_the_year_that_has_ended() -> None:
    given = Given(a_student("s"), a_student("s", year=1403), a_withdrawal("s"))
    pool = given.state.pool(TENANT)
    given.state.forget()
    assert given.enrolment("s", 1403).counter is None
    given.when(a_mentor(1))
    assert pool.changes.counters == {"s": "033730001"}
    together = Given(a_student("s"), a_student("s", year=1403), a_withdrawal("s"), a_mentor(1))
    assert together.enrolment("s").counter == "033730001"


def test_a_counter_is_also_that_of_an_ended_year_when_the_other_left_and_came_back_in_between() -> None:
    given = Given(a_student("s"), a_student("s", year=1403), a_withdrawal("s"))
    given.state.forget()
    for fact in (a_withdrawal("s", year=1403), a_mentor(1), a_student("s", year=1403)):
        given.when(fact)
    assert given.state.pool(TENANT).changes.counters == {"s": "033730001"}
