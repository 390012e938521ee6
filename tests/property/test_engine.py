"""The indexed engine against the naive one, over random histories of every input and every strategy of fairness."""

from fractions import Fraction
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.allocation.decide import Cause, PartitionState, Policy, Pool, decide, evolve, handle
from services.allocation.decide.engines import ENGINES
from services.allocation.decide.policy import BucketRoundRobin, DeterministicJitter
from shared.contracts.decisions import StudentAssigned
from shared.contracts.facts import MentorRegistered
from tests.oracle.histories import TENANTS, History, happening, histories
from tests.oracle.naive import NaivePool
from tests.oracle.partition import NaivePartition, as_bytes, placed
from tests.oracle.picture import all_loads, picture
from tests.oracle.tables import Tables

GENDERS = st.sampled_from((0, 1))
USED = st.sampled_from((0, 0, 0, 9996))
"""How many counters of each year are used up before the history begins."""
POLICIES = (
    Policy(),
    Policy(version="jitter", fairness=DeterministicJitter()),
    Policy(version="rotation", fairness=BucketRoundRobin()),
    Policy(version="wide", reg_status=frozenset({0, 2}), fairness=BucketRoundRobin(Fraction(1, 3))),
)


def test_every_engine_is_compared() -> None:
    assert {policy.engine for policy in POLICIES} == set(ENGINES)


def fresh_tables(gender: int, used: int, policy: Policy = POLICIES[0]) -> Tables:
    """Tables that are empty but for the counters, and what all tenants decide by."""
    return Tables(
        gender,
        policies=dict.fromkeys(TENANTS, policy),
        counters={(tenant, year): used for tenant in set(TENANTS) for year in (1403, 1404)},
    )


@settings(max_examples=max(300, settings().max_examples))
@given(data=st.data(), gender=GENDERS, used=USED, policy=st.sampled_from(POLICIES))
def test_the_indexed_engine_decides_as_the_naive_one_wherever_batches_end(
    data: st.DataObject, gender: int, used: int, policy: Policy
) -> None:
    causes = placed(data.draw(histories(gender)))
    tables, oracle = fresh_tables(gender, used, policy), a_naive_partition(gender, used, policy)
    state = tables.restore()
    while causes:
        size = data.draw(st.integers(1, 8), label="facts in the batch")
        batch, causes = causes[:size], causes[size:]
        for cause, decisions in zip(batch, tables.handle_batch(state, batch), strict=True):
            assert as_bytes(decisions) == as_bytes(oracle.handle(cause)), cause
        match data.draw(st.sampled_from(("keep", "forget", "restart")), label="after the batch"):
            case "forget":
                state.forget()
            case "restart":
                state = tables.restore()
    require_that_rows_say_the_same(tables, oracle)


@pytest.mark.parametrize("policy", POLICIES, ids=lambda policy: policy.version)
@pytest.mark.parametrize("seed", range(4))
def test_a_long_history_is_decided_as_the_naive_engine_decides_it(seed: int, policy: Policy) -> None:
    random = Random(seed)
    causes = placed([entry for _ in range(1_000) for entry in happening(random.randrange(2**32), 1)])
    tables, oracle = fresh_tables(1, 9_990, policy), a_naive_partition(1, 9_990, policy)
    state = tables.restore()
    while causes:
        size = random.randint(1, 40)
        batch, causes = causes[:size], causes[size:]
        for cause, decisions in zip(batch, tables.handle_batch(state, batch), strict=True):
            assert as_bytes(decisions) == as_bytes(oracle.handle(cause)), cause
        state.forget()
    require_that_rows_say_the_same(tables, oracle)


@given(history=histories(0), used=USED, policy=st.sampled_from(POLICIES))
def test_a_state_rebuilt_from_facts_and_decisions_is_the_state_that_made_them(
    history: History, used: int, policy: Policy
) -> None:
    first, rebuilt = (fresh_tables(0, used, policy).restore() for _ in range(2))
    for cause in placed(history):
        decisions = handle(first, cause)
        evolve(rebuilt, cause, cause.fact)
        for decision in decisions:
            evolve(rebuilt, cause, decision)
    assert picture(rebuilt) == picture(first)


@given(history=histories(1), policy=st.sampled_from(POLICIES))
def test_a_replay_decides_the_same_byte_for_byte(history: History, policy: Policy) -> None:
    runs = []
    for _ in range(2):
        state = fresh_tables(1, 0, policy).restore()
        runs.append(b"".join(as_bytes(handle(state, cause)) for cause in placed(history)))
    assert runs[0] == runs[1]


@given(history=histories(0), policy=st.sampled_from(POLICIES))
def test_the_index_kept_in_step_equals_one_built_anew(history: History, policy: Policy) -> None:
    tables = fresh_tables(0, 0, policy)
    state = tables.restore()
    for cause in placed(history):
        tables.handle_batch(state, [cause])
        state.forget()
        assert picture(state) == picture(tables.restore())


@given(history=histories(0))
def test_deciding_writes_nothing(history: History) -> None:
    state = PartitionState(0)
    for cause in placed(history):
        handle(state, cause)
    evolve(state, causes_more := Cause("default", 999, "", a_mentor_for_all()), causes_more.fact)
    before = picture(state)
    first = next(decide(state, causes_more), None)
    assert picture(state) == before
    assert next(decide(state, causes_more), None) == first


@given(history=histories(0), policy=st.sampled_from(POLICIES))
def test_after_every_fact_loads_waitlist_and_counters_keep_their_promises(
    history: History, policy: Policy
) -> None:
    state, oracle = fresh_tables(0, 0, policy).restore(), a_naive_partition(0, 0, policy)
    given_counters: dict[str, set[str]] = {}
    for cause in placed(history):
        earlier = {tenant: all_loads(pool) for tenant, pool in state.pools.items()}
        decisions = handle(state, cause)
        oracle.handle(cause)
        for tenant, pool in state.pools.items():
            require_true_loads(pool, earlier.get(tenant, {}))
            require_that_nobody_waits_in_vain(oracle.pool(tenant))
        for decision in decisions:
            if isinstance(decision, StudentAssigned) and decision.counter is not None:
                given_counters.setdefault(cause.tenant, set()).add(decision.counter)
    for tenant, counters in given_counters.items():
        require_unique_and_dense(counters, state.pools[tenant])


def a_naive_partition(gender: int, used: int, policy: Policy) -> NaivePartition:
    return NaivePartition(gender, used, dict.fromkeys(TENANTS, policy))


def require_that_rows_say_the_same(tables: Tables, oracle: NaivePartition) -> None:
    """Where everyone is, since when, and with which counter, as the read model has it."""
    rows = {
        key: (row.version, row.arrival, row.status, row.mentor_id, row.counter)
        for key, row in tables.students.items()
    }
    assert rows == {
        (tenant, student.fact.year, student.fact.student_id): (
            student.version,
            student.arrival,
            student.status,
            student.mentor_id,
            pool.counters.get(student.fact.student_id),
        )
        for tenant, pool in oracle.pools.items()
        for student in pool.students
    }


def require_true_loads(pool: Pool, earlier: dict[tuple[int, int], int]) -> None:
    """A load is the number of students assigned; it grows only within the capacity."""
    for (year, mentor_id), load in all_loads(pool).items():
        assigned = [e for e in pool.enrolments[year].values() if e.mentor_id == mentor_id]
        assert load == len(assigned)
        assert {e.status for e in assigned} <= {"assigned"}
        assert load <= max(pool.mentors[mentor_id].capacity, earlier.get((year, mentor_id), 0))


def require_that_nobody_waits_in_vain(pool: NaivePool) -> None:
    assert [student for student in pool.waiting() if pool.eligible(student)] == []


def require_unique_and_dense(counters: set[str], pool: Pool) -> None:
    """One counter a student, and in each year 0001, 0002 … without a gap."""
    own = {e.student_id: e.counter for year in pool.enrolments.values() for e in year.values() if e.counter}
    assert len(set(own.values())) == len(own)
    assert set(own.values()) == counters
    for year, last in pool.last_counters.items():
        prefix = f"{year % 100:02d}373"
        assert {c for c in counters if c.startswith(prefix)} == {
            f"{prefix}{number:04d}" for number in range(1, last + 1)
        }


def a_mentor_for_all() -> MentorRegistered:
    return MentorRegistered(
        version=1,
        occurred_at=None,
        mentor_id=175,
        gender=0,
        type="normal",
        capacity=2,
        active=True,
        alias_code=None,
        manager_id=None,
        manager_centers=None,
        groups=[1, 3, 5],
        centers=[0, 1, 2],
        schools=[],
        sealed="",
    )
