"""Who is first among the eligible: docs/domain.md, "Ranking" and "Known answers"."""

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from services.allocation.decide import Mentor, Pool
from services.allocation.decide.mentor_index import choose
from services.allocation.decide.occupancy import Occupancy, level_of
from shared.contracts.decisions import Candidate
from tests.unit.allocation.given import TENANT, a_mentor, a_student, an_enrolment, the_mentor


def ranking(*occupancies: tuple[int, int, int]) -> list[int]:
    """The ids of the first four, of (mentor_id, load, capacity)."""
    return [candidate.mentor_id for candidate in choices(*occupancies)]


def choices(*occupancies: tuple[int, int, int]) -> list[Candidate]:
    pool = Pool.restore(
        TENANT,
        0,
        mentors=[
            the_mentor(a_mentor(mentor_id, capacity=capacity)) for mentor_id, _, capacity in occupancies
        ],
        loads=[(1402, mentor_id, load) for mentor_id, load, _ in occupancies],
        years=[],
        waiting=[],
    )
    choice = choose(pool, an_enrolment(a_student("s")))
    assert choice.candidates == sum(load < capacity for _, load, capacity in occupancies)
    return choice.ranked


def of_capacity(capacity: int) -> Mentor:
    return the_mentor(a_mentor(1, capacity=capacity))


def test_2_of_4_against_1_of_4_is_the_second() -> None:
    assert ranking((1, 2, 4), (2, 1, 4)) == [2, 1]


def test_2_of_4_against_3_of_6_is_the_first_because_its_load_is_lower() -> None:
    assert ranking((1, 2, 4), (2, 3, 6)) == [1, 2]
    assert ranking((2, 2, 4), (1, 3, 6)) == [2, 1]


def test_a_full_tie_of_200_and_150_gives_150() -> None:
    assert ranking((200, 2, 4), (150, 2, 4)) == [150, 200]


def test_30_of_60_against_20_of_60_is_the_second() -> None:
    assert ranking((1, 30, 60), (2, 20, 60)) == [2, 1]


def test_occupancies_that_floats_cannot_tell_apart_are_told_apart() -> None:
    nearly_a_half = (2**30 - 1, 2**31 - 1)
    a_little_less = (2**30 - 2, 2**31 - 3)
    assert Fraction(*a_little_less) < Fraction(*nearly_a_half)
    assert a_little_less[0] / a_little_less[1] == nearly_a_half[0] / nearly_a_half[1]
    assert ranking((1, *nearly_a_half), (2, *a_little_less)) == [2, 1]


def test_the_best_four_are_named_with_their_loads_and_all_are_counted() -> None:
    chosen = choices((1, 5, 10), (2, 4, 10), (3, 3, 10), (4, 2, 10), (5, 1, 10), (6, 10, 10))
    assert chosen == [Candidate(5, 1, 10), Candidate(4, 2, 10), Candidate(3, 3, 10), Candidate(2, 4, 10)]


@given(
    st.lists(
        st.tuples(st.integers(0, 2**31 - 1), st.integers(1, 2**31 - 1)).filter(lambda pair: pair[0] < pair[1])
    )
)
def test_levels_sort_as_fractions_and_then_loads_do(pairs: list[tuple[int, int]]) -> None:
    by_level = sorted(pairs, key=lambda pair: level_of(of_capacity(pair[1]), pair[0]))
    by_fraction = sorted(pairs, key=lambda pair: (Fraction(*pair), pair[0]))
    assert [(Fraction(*pair), pair[0]) for pair in by_level] == [
        (Fraction(*pair), pair[0]) for pair in by_fraction
    ]


def test_a_mentor_that_leaves_its_level_leaves_nothing_behind() -> None:
    occupancy = Occupancy()
    for load in range(3):
        occupancy.add(1, of_capacity(3), load)
        occupancy.remove(1, of_capacity(3), load)
    occupancy.add(1, of_capacity(3), 3)
    assert (list(occupancy.levels), occupancy.available) == ([], 0)
