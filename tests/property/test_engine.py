"""The indexed engine against the naive one, over random histories of every input."""

from collections.abc import Sequence
from random import Random
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.allocation.decide import Cause, PartitionState, Pool, decide, evolve, handle
from shared.contracts.decisions import DECISION_NAMES, Decision, StudentAssigned
from shared.contracts.facts import MentorRegistered
from tests.oracle.histories import History, entry, histories
from tests.oracle.naive import NaivePool
from tests.oracle.tables import Tables

GENDERS = st.sampled_from((0, 1))
USED = st.sampled_from((0, 0, 0, 9996))
"""How many counters of each year are used up before the history begins."""


def placed(history: History) -> list[Cause]:
    """The history as it stands in a log: dense, with a time."""
    return [
        Cause(tenant, sequence, f"2026-01-01T00:00:{sequence:09.6f}Z", fact)
        for sequence, (tenant, fact) in enumerate(history, 1)
    ]


def as_bytes(decisions: Sequence[Decision]) -> bytes:
    """What the log would hold."""
    return msgspec.json.encode([(DECISION_NAMES[type(decision)], decision) for decision in decisions])


class Oracle:
    """Naive pools by tenant."""

    def __init__(self, gender: int, used: int = 0) -> None:
        self.gender = gender
        self.used = used
        self.pools: dict[str, NaivePool] = {}

    def handle(self, cause: Cause) -> list[Decision]:
        pool = self.pools.setdefault(
            cause.tenant, NaivePool(self.gender, numbers_used=dict.fromkeys((1403, 1404), self.used))
        )
        return pool.handle(cause.sequence, cause.fact)


def fresh_tables(gender: int, used: int) -> Tables:
    return Tables(
        gender,
        counters={(tenant, year): used for tenant in ("default", "north") for year in (1403, 1404)},
    )


@settings(max_examples=max(300, settings().max_examples))
@given(data=st.data(), gender=GENDERS, used=USED)
def test_the_indexed_engine_decides_as_the_naive_one_wherever_batches_end(
    data: st.DataObject, gender: int, used: int
) -> None:
    causes = placed(data.draw(histories(gender)))
    tables, oracle = fresh_tables(gender, used), Oracle(gender, used)
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


@pytest.mark.parametrize("seed", range(10))
def test_a_long_history_is_decided_as_the_naive_engine_decides_it(seed: int) -> None:
    random = Random(seed)
    causes = placed([entry(random.randrange(2**32), 1) for _ in range(1_500)])
    tables, oracle = fresh_tables(1, 9_990), Oracle(1, 9_990)
    state = tables.restore()
    while causes:
        size = random.randint(1, 40)
        batch, causes = causes[:size], causes[size:]
        for cause, decisions in zip(batch, tables.handle_batch(state, batch), strict=True):
            assert as_bytes(decisions) == as_bytes(oracle.handle(cause)), cause
        state.forget()


@given(history=histories(0), used=USED)
def test_a_state_rebuilt_from_facts_and_decisions_is_the_state_that_made_them(
    history: History, used: int
) -> None:
    first, rebuilt = fresh_tables(0, used).restore(), fresh_tables(0, used).restore()
    for cause in placed(history):
        decisions = handle(first, cause)
        evolve(rebuilt, cause, cause.fact)
        for decision in decisions:
            evolve(rebuilt, cause, decision)
    assert picture(rebuilt) == picture(first)


@given(history=histories(1))
def test_a_replay_decides_the_same_byte_for_byte(history: History) -> None:
    runs = []
    for _ in range(2):
        state = PartitionState(1)
        runs.append(b"".join(as_bytes(handle(state, cause)) for cause in placed(history)))
    assert runs[0] == runs[1]


@given(history=histories(0))
def test_the_index_kept_in_step_equals_one_built_anew(history: History) -> None:
    tables = Tables(0)
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


@given(history=histories(0))
def test_after_every_fact_loads_waitlist_and_counters_keep_their_promises(history: History) -> None:
    state, oracle = PartitionState(0), Oracle(0)
    given_counters: dict[str, set[str]] = {}
    for cause in placed(history):
        earlier = {tenant: all_loads(pool) for tenant, pool in state.pools.items()}
        decisions = handle(state, cause)
        oracle.handle(cause)
        for tenant, pool in state.pools.items():
            require_true_loads(pool, earlier.get(tenant, {}))
            require_that_nobody_waits_in_vain(oracle.pools[tenant])
        for decision in decisions:
            if isinstance(decision, StudentAssigned) and decision.counter is not None:
                given_counters.setdefault(cause.tenant, set()).add(decision.counter)
    for tenant, counters in given_counters.items():
        require_unique_and_dense(counters, state.pools[tenant])


def require_true_loads(pool: Pool, earlier: dict[tuple[int, int], int]) -> None:
    """A load is the number of students assigned; it grows only within the capacity."""
    for (year, mentor_id), load in all_loads(pool).items():
        assigned = [e for e in pool.enrolments.values() if e.year == year and e.mentor_id == mentor_id]
        assert load == len(assigned)
        assert {e.status for e in assigned} <= {"assigned"}
        assert load <= max(pool.mentors[mentor_id].capacity, earlier.get((year, mentor_id), 0))


def require_that_nobody_waits_in_vain(pool: NaivePool) -> None:
    assert [student for student in pool.waiting() if pool.eligible(student)] == []


def require_unique_and_dense(counters: set[str], pool: Pool) -> None:
    """One counter a student, and in each year 0001, 0002 … without a gap."""
    own = {e.student_id: e.counter for e in pool.enrolments.values() if e.counter}
    assert len(set(own.values())) == len(own)
    assert set(own.values()) == counters
    for year, last in pool.last_counters.items():
        prefix = f"{year % 100:02d}373"
        assert {c for c in counters if c.startswith(prefix)} == {
            f"{prefix}{number:04d}" for number in range(1, last + 1)
        }


def all_loads(pool: Pool) -> dict[tuple[int, int], int]:
    return {(year, mentor_id): n for year, loads in pool.loads.items() for mentor_id, n in loads.items()}


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


def picture(state: PartitionState) -> dict[str, Any]:
    """Everything in a state that can change a decision, without what is empty."""
    return {
        tenant: {
            "mentors": pool.mentors,
            "loads": {key: load for key, load in all_loads(pool).items() if load},
            "last_counters": {year: last for year, last in pool.last_counters.items() if last},
            "last_chosen": pool.last_chosen,
            "counters": pool.counters,
            "enrolments": {
                key: msgspec.structs.replace(student, stored=True) for key, student in pool.enrolments.items()
            },
            "waitlist": waitlist_picture(pool),
            "index": index_picture(pool),
        }
        for tenant, pool in state.pools.items()
        if pool.mentors or pool.enrolments or pool.loads
    }


def waitlist_picture(pool: Pool) -> dict[str, Any]:
    return {
        "students": sorted(pool.waitlist.by_arrival),
        "queues": {
            (year, mentor_id): sorted(pool.waitlist.queues_of(mentor, year))
            for year in pool.loads
            for mentor_id, mentor in pool.mentors.items()
        },
    }


def index_picture(pool: Pool) -> dict[str, Any]:
    def without_empty(bitsets: dict[Any, int]) -> dict[Any, int]:
        return {key: bits for key, bits in bitsets.items() if bits}

    index = pool.index
    return {
        "ids": index.ids,
        "bitsets": [
            without_empty(table)
            for table in (index._groups, index._centers, index._reach, index._gates, index._schools)
        ],
        "kinds": (index._normal, index._free),
        "years": {
            year: (occupancy.order, occupancy.levels, occupancy.available)
            for year, occupancy in index.years.items()
            if any(pool.loads[year].values())
        },
    }
