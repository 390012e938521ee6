"""What the erasure of a student leads to: every enrolment ends as if it were withdrawn (docs/domain.md, "Changes")."""

from services.allocation.decide import Cause, needs
from shared.contracts.decisions import StudentAssigned, StudentWithdrawn
from tests.unit.allocation.given import (
    TENANT,
    Given,
    a_mentor,
    a_student,
    a_withdrawal,
    an_enrolment,
    an_erasure,
    outcomes,
)


def test_every_year_ends_and_each_place_goes_to_the_first_who_waits_for_it() -> None:
    given = Given(
        a_mentor(1, capacity=1),
        a_student("s", year=1403),
        a_student("s"),
        a_student("a"),
        a_student("b"),
        a_student("next", year=1403),
    )
    assert outcomes(given.when(an_erasure("s", 1402, 1403))) == [
        ("withdrawn", "s", 1, "erased"),
        ("assigned", "a", 1, "waitlist"),
        ("withdrawn", "s", 1, "erased"),
        ("assigned", "next", 1, "waitlist"),
    ]
    assert (given.load(1), given.load(1, 1403)) == (1, 1)
    for year in (1402, 1403):
        student = given.enrolment("s", year)
        assert (student.status, student.mentor_id, student.version) == ("withdrawn", None, 9)


def test_the_decision_carries_the_erasures_version_and_reason() -> None:
    given = Given(a_mentor(1), a_student("s"))
    assert given.when(an_erasure("s", 1402, version=7)) == [
        StudentWithdrawn(
            year=1402,
            student_id="s",
            version=7,
            policy="default",
            engine=1,
            reason="erased",
            previous_mentor_id=1,
        )
    ]


def test_one_who_waits_waits_no_more() -> None:
    given = Given(a_student("s"), a_student("next"))
    assert outcomes(given.when(an_erasure("s", 1402))) == [("withdrawn", "s", None, "erased")]
    assert outcomes(given.when(a_mentor(1))) == [("assigned", "next", 1, "waitlist")]


def test_a_year_that_had_ended_does_not_end_again() -> None:
    given = Given(a_mentor(1), a_student("s"), a_student("s", year=1403), a_withdrawal("s"))
    (decision,) = given.when(an_erasure("s", 1403))
    assert isinstance(decision, StudentWithdrawn)
    assert decision.year == 1403
    assert given.enrolment("s").version == 9
    assert given.when(an_erasure("s", version=10)) == []


def test_a_student_that_is_not_known_leads_to_nothing() -> None:
    assert Given().when(an_erasure("nobody", 1402)) == []
    assert Given(a_mentor(1), a_student("s")).when(an_erasure("nobody", 1402)) == []


def test_the_counter_of_one_who_was_erased_is_given_to_nobody_else() -> None:
    given = Given(a_mentor(1), a_student("s"), an_erasure("s", 1402))
    (decision,) = given.when(a_student("the same person again"))
    assert isinstance(decision, StudentAssigned)
    assert decision.counter == "023730002"


def test_an_erasure_needs_every_row_of_the_student_also_when_one_of_them_is_in_memory() -> None:
    given = Given(a_mentor(1, capacity=1), a_student("s"), a_student("waits"))
    given.state.forget()
    causes = [Cause(TENANT, 90, "", an_erasure(name, 1402)) for name in ("s", "waits")]
    assert needs(given.state, causes).students == {TENANT: {"s", "waits"}}
    given.state.load(
        [an_enrolment(a_student("waits", year=1403), status="assigned", mentor_id=1, counter="033730001")]
    )
    assert outcomes(given.when(an_erasure("waits", 1402, 1403))) == [
        ("withdrawn", "waits", None, "erased"),
        ("withdrawn", "waits", 1, "erased"),
    ]
