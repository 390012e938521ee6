"""The strategies of fairness that a policy may choose: docs/domain.md, "Ranking" and "Known answers"."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.allocation.decide import DEFAULT_POLICY, Cause, PartitionState, Policy, Pool, handle
from services.allocation.decide.fairness import jitter_of, jittered_levels
from services.allocation.decide.mentor_index import choose
from services.allocation.decide.policy import BucketRoundRobin, DeterministicJitter, Fairness
from shared.contracts.decisions import Candidate, StudentAssigned
from tests.oracle.fairness import Filled, in_order
from tests.unit.allocation.given import TENANT, a_mentor, a_student, an_enrolment, the_mentor

YEAR = 1402
FIFTHS = BucketRoundRobin(Fraction(1, 5))


def a_pool(fairness: Fairness, *occupancies: tuple[int, int, int], last_chosen: int | None = None) -> Pool:
    """Of mentors as (mentor_id, load, capacity)."""
    return Pool.restore(
        TENANT,
        0,
        mentors=[
            the_mentor(a_mentor(mentor_id, capacity=capacity)) for mentor_id, _, capacity in occupancies
        ],
        loads=[(YEAR, mentor_id, load) for mentor_id, load, _ in occupancies],
        years=[(YEAR, 0, last_chosen)],
        waiting=[],
        policy=Policy(version="fair", fairness=fairness),
    )


def ranking(pool: Pool) -> list[int]:
    return [candidate.mentor_id for candidate in choose(pool, an_enrolment(a_student("s"))).ranked]


def picks(pool: Pool, count: int) -> list[int]:
    """The mentors of so many students, one after the other."""
    state = PartitionState(0, {TENANT: pool})
    decisions = [
        decision
        for number in range(1, count + 1)
        for decision in handle(state, Cause(TENANT, number, "", a_student(f"s{number}")))
    ]
    return [decision.mentor_id for decision in decisions if isinstance(decision, StudentAssigned)]


def test_jitter_with_key_25_over_2_of_12_2_of_12_and_3_of_12_chooses_mentor_2() -> None:
    level_of = jittered_levels("25")
    filled = ((1, 2), (2, 2), (3, 3))
    levels = {
        level_of(the_mentor(a_mentor(mentor_id, capacity=12)), load): mentor_id for mentor_id, load in filled
    }
    assert [levels[level] for level in sorted(levels)] == [2, 1, 3]
    assert [jitter_of("25", mentor_id) for mentor_id in (1, 2, 3)] == [3871, 2759, 49]


def test_jitter_goes_by_the_year_and_outweighs_the_mentor_id_but_not_a_hundredth_of_occupancy() -> None:
    by_jitter = sorted((1, 2, 3), key=lambda mentor_id: jitter_of("1402", mentor_id))
    assert by_jitter != [1, 2, 3]
    assert ranking(a_pool(DeterministicJitter(), (1, 2, 12), (2, 2, 12), (3, 2, 12))) == by_jitter
    assert ranking(a_pool(DeterministicJitter(), (1, 1, 100), (2, 2, 100), (3, 0, 100))) == [3, 1, 2]


def test_buckets_of_a_fifth_take_turns_for_twelve_picks() -> None:
    assert picks(a_pool(FIFTHS, (1, 0, 10), (2, 3, 10), (3, 6, 12)), 12) == [1, 2, 3] * 4


def test_a_bucket_is_reached_exactly_where_floats_would_miss_it() -> None:
    tenths, fair = Fraction(3, 10), BucketRoundRobin(Fraction(1, 10))
    assert 0.3 / 0.1 < 3
    assert tenths / fair.size == 3
    assert ranking(a_pool(fair, (2, 3, 10), (1, 29, 100))) == [1, 2]
    assert ranking(a_pool(fair, (2, 3, 10), (1, 31, 100))) == [2, 1]


def test_the_buckets_are_interleaved_lowest_first_and_in_a_bucket_the_lowest_load_is() -> None:
    pool = a_pool(FIFTHS, (1, 5, 10), (2, 1, 10), (3, 0, 10), (4, 9, 20), (5, 5, 10))
    assert ranking(pool) == [3, 1, 2, 5]


@pytest.mark.parametrize(
    ("last_chosen", "expected"), [(3, [1, 2, 3]), (1, [2, 3, 1]), (2, [3, 1, 2]), (9, [1, 2, 3])]
)
def test_the_pick_goes_on_after_the_last_chosen_and_begins_anew_when_that_one_has_no_place(
    last_chosen: int, expected: list[int]
) -> None:
    pool = a_pool(FIFTHS, (1, 0, 10), (2, 3, 10), (3, 6, 12), (9, 10, 10), last_chosen=last_chosen)
    assert ranking(pool) == expected


def test_every_year_has_its_own_rotation() -> None:
    pool = a_pool(FIFTHS, (1, 0, 10), (2, 3, 10))
    state = PartitionState(0, {TENANT: pool})
    for number, year in enumerate((1402, 1403, 1402, 1403), 1):
        handle(state, Cause(TENANT, number, "", a_student(f"s{number}", year=year)))
    assert pool.last_chosen == {1402: 2, 1403: 2}


def test_a_mentor_put_between_others_does_not_disturb_the_rotation() -> None:
    pool = a_pool(FIFTHS, (10, 0, 10), (30, 0, 10), last_chosen=30)
    handle(PartitionState(0, {TENANT: pool}), Cause(TENANT, 1, "", a_mentor(20, capacity=10)))
    assert ranking(pool) == [10, 20, 30]
    pool.last_chosen[YEAR] = 10
    assert ranking(pool) == [20, 30, 10]


def test_the_decision_names_the_policy_and_how_full_the_chosen_were() -> None:
    pool = a_pool(FIFTHS, (1, 0, 10), (2, 3, 10), (3, 6, 12), last_chosen=1)
    (decision,) = handle(PartitionState(0, {TENANT: pool}), Cause(TENANT, 1, "", a_student("s")))
    assert isinstance(decision, StudentAssigned)
    assert (decision.policy, decision.engine, decision.candidates) == ("fair", 1, 3)
    assert (decision.mentor_id, decision.rank.load, decision.rank.capacity) == (2, 3, 10)
    assert decision.next_best == [Candidate(3, 6, 12), Candidate(1, 0, 10)]


@pytest.mark.parametrize("size", [Fraction(0), Fraction(1, 101), Fraction(101, 100)])
def test_a_bucket_is_a_hundredth_to_the_whole_wide(size: Fraction) -> None:
    with pytest.raises(ValueError, match=r"a bucket is 0\.01 to 1 wide"):
        BucketRoundRobin(size)


def test_nothing_is_said_of_fairness_by_default() -> None:
    assert Pool(TENANT, 0).policy == DEFAULT_POLICY == Policy("default", 1, frozenset({0, 1, 3}))


some_mentors = st.lists(
    st.tuples(st.integers(1, 400), st.integers(0, 40), st.integers(1, 40)),
    min_size=1,
    max_size=40,
    unique_by=lambda filled: filled[0],
)


@given(
    mentors=some_mentors,
    size=st.fractions(Fraction(1, 100), 1, max_denominator=100),
    choose_last=st.integers(0, 40),
)
def test_any_mentors_are_ranked_as_the_slow_strategies_rank_them(
    mentors: list[tuple[int, int, int]], size: Fraction, choose_last: int
) -> None:
    last_chosen = mentors[choose_last][0] if choose_last < len(mentors) else None
    free = [Filled(*mentor) for mentor in mentors if mentor[1] < mentor[2]]
    for strategy, fairness in (
        ("deterministic_jitter", DeterministicJitter()),
        ("bucket_round_robin", BucketRoundRobin(size)),
    ):
        expected = in_order(strategy, free, str(YEAR), size, last_chosen)
        pool = a_pool(fairness, *mentors, last_chosen=last_chosen)
        assert ranking(pool) == [mentor.mentor_id for mentor in expected[:4]]
