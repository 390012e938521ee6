"""The student's counter: docs/domain.md, "Counter" and "Known answers"."""

import re

import pytest

from services.allocation.decide import Pool
from services.allocation.decide.enrolment import counter_of, next_counter, number_of
from shared.contracts.decisions import StudentAssigned
from tests.unit.allocation.given import TENANT, Given, a_mentor, a_student

PATTERN = re.compile(r"^\d{2}(357|373)\d{4}$")


def counters(given: Given, *names: str, year: int = 1402) -> list[tuple[str | None, str | None]]:
    decisions = [given.when(a_student(name, year=year))[0] for name in names]
    return [(d.counter, d.counter_status) for d in decisions if isinstance(d, StudentAssigned)]


def test_the_first_girl_of_1402_is_023730001_and_the_first_boy_023570001() -> None:
    assert counters(Given(a_mentor(1)), "s") == [("023730001", None)]
    assert counters(Given(a_mentor(1), gender=1), "s") == [("023570001", None)]


def test_every_counter_has_the_known_form() -> None:
    for counter in (counter_of(1414, 0, 3333), counter_of(1400, 1, 1), counter_of(1399, 1, 9999)):
        assert PATTERN.match(counter)
    assert counter_of(1414, 0, 3333) == "143733333"
    assert number_of("143733333") == 3333


def test_what_is_no_counter_is_refused() -> None:
    assert number_of("143733333") == 3333
    for wrong in ("123670001", "990123456", "99035700000", "", "14373333x", "۱۴۳۷۳۳۳۳۳"):
        with pytest.raises(ValueError, match="is no counter"):
            number_of(wrong)


def test_counters_run_without_gaps_in_each_year_of_the_pool() -> None:
    given = Given(a_mentor(1))
    assert counters(given, "a", "b") == [("023730001", None), ("023730002", None)]
    assert counters(given, "c", year=1403) == [("033730001", None)]
    assert counters(given, "d") == [("023730003", None)]


def test_who_waits_uses_up_no_counter() -> None:
    given = Given(a_mentor(1, capacity=1))
    counters(given, "a", "b")
    assert given.enrolment("b").counter is None
    given.when(a_mentor(1, capacity=2))
    assert given.enrolment("b").counter == "023730002"


def test_a_student_keeps_its_counter_in_a_later_year() -> None:
    given = Given(a_mentor(1))
    counters(given, "a")
    assert counters(given, "a", year=1403) == [("023730001", None)]
    assert counters(given, "b", year=1403) == [("033730001", None)]


def test_a_student_keeps_its_counter_when_it_is_moved() -> None:
    given = Given(a_mentor(1), a_mentor(2, groups=[3]))
    counters(given, "a")
    given.when(a_student("a", group_code=3))
    assert (given.enrolment("a").mentor_id, given.enrolment("a").counter) == (2, "023730001")


def test_a_student_that_waits_in_two_years_gets_one_counter_of_the_year_served_first() -> None:
    given = Given(a_student("a", year=1403), a_student("a", year=1402))
    given.when(a_mentor(1))
    assert {given.enrolment("a", year).counter for year in (1402, 1403)} == {"033730001"}


def test_a_counter_given_in_one_year_shows_on_another_in_which_the_student_still_waits() -> None:
    given = Given(a_student("a", year=1403, group_code=3), a_student("a"), a_mentor(1))
    waiting = given.enrolment("a", 1403)
    assert (waiting.status, waiting.counter) == ("waitlisted", "023730001")


def test_past_9999_students_are_still_allocated_without_a_counter() -> None:
    pool = Pool.restore(TENANT, 0, mentors=[], loads=[], years=[(1402, 9998, None)], waiting=[])
    given = Given()
    given.state.pools[TENANT] = pool
    given.when(a_mentor(1))
    assert counters(given, "a", "b") == [("023739999", None), (None, "COUNTER_EXHAUSTED")]
    assert given.load(1) == 2
    assert next_counter(1402, 0, 9999) is None


def test_one_who_got_no_counter_in_an_exhausted_year_waits_with_the_counter_of_another() -> None:
    given = Given()
    given.state.pools[TENANT] = Pool.restore(
        TENANT, 0, mentors=[], loads=[], years=[(1402, 9999, None)], waiting=[]
    )
    given.when(a_mentor(1))
    assert counters(given, "a") == [(None, "COUNTER_EXHAUSTED")]
    assert counters(given, "a", year=1403) == [("033730001", None)]
    given.when(a_student("a", group_code=3))
    assert given.enrolment("a").counter == "033730001"
