"""Decisions a second in one process, without any I/O, beside the naive engine of the tests.

A decision is everything that `handle` does with a student's fact: the choice with its best four and the number of
candidates, the load, the counter; and the working set dropped every 1,000 students. A choice is that part of it alone.
CPU time, median of the batches.
"""

import gc
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial
from random import Random
from statistics import median
from time import monotonic, process_time
from typing import Any, Final

from infra.demo.cohort import SCHOOLS, CohortSize, make_cohort
from services.allocation.decide import Cause, PartitionState, Pool, handle
from services.allocation.decide.mentor_index import choose
from shared.contracts.facts import Fact, MentorRegistered, StudentRegistered
from tests.oracle.naive import NaivePool
from tests.tools.bench.cohorts import STUDENTS_PER_MENTOR
from tests.tools.bench.figures import Figures, require_equal
from tests.tools.bench.pace import PACE
from tests.tools.bench.sizes import Sizes

GENDER: Final = 0
TENANT: Final = "default"
TIME: Final = "2026-01-01T00:00:00.000000Z"
BATCH: Final = 1_000
ROUNDS: Final = 6
"""Some seconds, so that the machine's pace is seen more than once."""
PLAIN: Final = CohortSize(duplicate_share=0, unchanged_share=0, invalid_share=0)


async def run(sizes: Sizes) -> Figures:
    """By the number of mentors of the pool."""
    return {str(mentors): _measure(mentors, sizes) for mentors in sizes.engine_mentors}


def _measure(mentors: int, sizes: Sizes) -> Figures:
    facts = pool_facts(mentors, min(sizes.engine_students, mentors * STUDENTS_PER_MENTOR))
    known, students = facts[:mentors], facts[mentors:]
    _require_same_choices(known, students[: sizes.engine_naive_students])
    begun = monotonic()
    indexed, choice = _indexed_microseconds(known, students)
    slowdown = PACE.slowdown(begun, monotonic())
    naive = _naive_microseconds(known, students[: sizes.engine_naive_students])
    return {
        "decisions_per_second": round(1e6 / indexed),
        "microseconds": round(indexed, 2),
        "choices_per_second": round(1e6 / choice),
        "choice_microseconds": round(choice, 2),
        "naive_decisions_per_second": round(1e6 / naive, 1),
        "naive_microseconds": round(naive),
        "times_faster": round(naive / indexed),
        "decisions": len(students),
        "naive_decisions": min(len(students), sizes.engine_naive_students),
        "machine": {"slowdown": slowdown},
    }


def pool_facts(mentors: int, students: int) -> list[Fact]:
    """The facts of the demo's cohort that one pool sees: so many mentors first, then so many students."""
    cohort = make_cohort(size=replace(PLAIN, students=2 * students + BATCH, mentors=2 * mentors))
    managers: dict[int, list[int]] = {}
    random = Random(mentors)
    found: list[Fact] = []
    for event in cohort.reference:
        data = event["data"]
        if "full_name" in data:
            managers[data["manager_id"]] = data["centers"] if data["is_active"] else []
        elif "capacity" in data and data["gender"] == GENDER:
            found.append(_mentor(data, managers, random))
    pool = [event["data"] for event in cohort.students if event["data"]["gender"] == GENDER]
    return [*found, *(_student(number, data) for number, data in enumerate(pool[:students]))]


def _mentor(data: dict[str, Any], managers: dict[int, list[int]], random: Random) -> MentorRegistered:
    """With the demo's spread of capacities, whatever the number of students is."""
    manager_id = data["manager_id"]
    return MentorRegistered(
        version=1,
        occurred_at=None,
        mentor_id=data["mentor_id"],
        gender=GENDER,
        type=data["type"],
        capacity=round(STUDENTS_PER_MENTOR * random.uniform(0.6, 1.6)),
        active=data["active"],
        alias_code=None,
        manager_id=manager_id,
        manager_centers=None if manager_id is None else managers[manager_id],
        groups=data["groups"],
        centers=data["centers"],
        schools=data.get("schools", []),
        sealed="",
    )


def _student(number: int, data: dict[str, Any]) -> StudentRegistered:
    return StudentRegistered(
        version=1,
        occurred_at=None,
        year=data["year"],
        student_id=f"01890000-0000-7000-8000-{number:012d}",
        gender=GENDER,
        edu_status=data["edu_status"],
        reg_center=data["reg_center"],
        reg_status=data["reg_status"],
        group_code=data["group_code"],
        school_code=data["school_code"],
        student_type=int(data["school_code"] in SCHOOLS),
        sealed="",
    )


def _causes(facts: Iterable[Fact], first: int = 1) -> list[Cause]:
    return [Cause(TENANT, sequence, TIME, fact) for sequence, fact in enumerate(facts, first)]


def _new_state(mentors: list[Fact]) -> PartitionState:
    state = PartitionState(GENDER)
    for cause in _causes(mentors):
        handle(state, cause)
    state.forget()
    return state


def _new_naive_pool(mentors: list[Fact]) -> NaivePool:
    pool = NaivePool(GENDER)
    for sequence, fact in enumerate(mentors, 1):
        pool.handle(sequence, fact)
    return pool


def _indexed_microseconds(mentors: list[Fact], students: list[Fact]) -> tuple[float, float]:
    """Of a decision, and of the choice alone: made again for those who were just decided."""
    causes = _causes(students, len(mentors) + 1)
    decisions, choices = [], []
    for _ in range(ROUNDS):
        state = _new_state(mentors)
        for start in range(0, len(causes), BATCH):
            batch = causes[start : start + BATCH]
            deciding = _microseconds(partial(_decide, state, batch))
            choices.append(_microseconds(partial(_choose, state.pool(TENANT))) / len(batch))
            decisions.append((deciding + _microseconds(state.forget)) / len(batch))
    return median(decisions), median(choices)


def _decide(state: PartitionState, batch: list[Cause]) -> None:
    for cause in batch:
        handle(state, cause)


def _choose(pool: Pool) -> None:
    for student in pool.changes.enrolments.values():
        choose(pool, student)


def _naive_microseconds(mentors: list[Fact], students: list[Fact]) -> float:
    """For the first students: it only grows slower."""
    pool = _new_naive_pool(mentors)

    def decide() -> None:
        for sequence, fact in enumerate(students, len(mentors) + 1):
            pool.handle(sequence, fact)

    return _microseconds(decide) / len(students)


def _require_same_choices(mentors: list[Fact], students: list[Fact]) -> None:
    """Both engines say the same of the students that both decide."""
    state, pool = _new_state(mentors), _new_naive_pool(mentors)
    for cause in _causes(students, len(mentors) + 1):
        require_equal(
            handle(state, cause),
            pool.handle(cause.sequence, cause.fact),
            f"the decision on student {cause.sequence} beside {len(mentors)} mentors",
        )


def _microseconds(work: Callable[[], None]) -> float:
    """CPU time, without the cyclic collector, as in the services."""
    gc.collect()
    gc.freeze()
    gc.disable()
    begun = process_time()
    work()
    spent = process_time() - begun
    gc.enable()
    gc.unfreeze()
    return spent * 1e6
