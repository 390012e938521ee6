"""How many students a second the decider decides, beside the naive engine. `python -m tests.bench.engine`

CPU time of one process, per student: the fact into the state, the choice with its best four and the number of
candidates, the load, the counter, and the working set dropped every 1,000 students. The median of the batches.
"""

import gc
from collections.abc import Callable
from random import Random
from statistics import median
from time import process_time

from services.allocation.decide import Cause, PartitionState, handle
from shared.contracts.facts import MentorRegistered, StudentRegistered
from tests.oracle.naive import NaivePool

GROUPS = (1, 3, 5, 7, 8, 9, 11, 12, 14, 17, 18, *range(21, 28), 29, 30, 31, 33, 35, 41, 43, 45, 46, 53, 55)
CENTERS = (0, 1, 2)
SCHOOLS = tuple(range(101, 141))
BATCH = 1_000


def main() -> None:
    """Prints a line for each number of mentors and kind of capacities."""
    print("mentors  capacities  indexed µs  students/s  naive µs")
    for mentors in (500, 2_000, 20_000):
        for low, high in ((60, 60), (30, 90)):
            indexed = measure_indexed(mentors, low, high)
            naive = measure_naive(mentors, low, high) if low == high and mentors <= 2_000 else None
            print(
                f"{mentors:7,}  {f'{low}-{high}':>10}  {indexed:10.1f}  {1e6 / indexed:10,.0f}"
                f"  {'' if naive is None else f'{naive:8,.0f}'}"
            )


def measure_indexed(mentors: int, low: int, high: int) -> float:
    """Microseconds of CPU a student, while up to 30,000 students come."""
    random = Random(mentors)
    state = PartitionState(0)
    facts: list[MentorRegistered | StudentRegistered] = [
        a_mentor(random, number, low, high) for number in range(1, mentors + 1)
    ]
    for sequence, fact in enumerate(facts, 1):
        handle(state, Cause("default", sequence, "", fact))
    students = [a_student(random, number) for number in range(min(mentors * 50, 30_000))]
    causes = [
        Cause("default", sequence, "2026-01-01T00:00:00.000000Z", fact)
        for sequence, fact in enumerate(students, mentors + 1)
    ]

    def decide_batch(start: int) -> None:
        for cause in causes[start : start + BATCH]:
            handle(state, cause)
        state.forget()

    return median(microseconds_each(decide_batch, start, BATCH) for start in range(0, len(causes), BATCH))


def measure_naive(mentors: int, low: int, high: int) -> float:
    """Microseconds of CPU a student, for the first 100: it only grows slower."""
    random = Random(mentors)
    pool = NaivePool(0)
    for number in range(1, mentors + 1):
        pool.handle(number, a_mentor(random, number, low, high))
    students = [a_student(random, number) for number in range(100)]

    def decide_all(start: int) -> None:
        for sequence, fact in enumerate(students, start):
            pool.handle(sequence, fact)

    return microseconds_each(decide_all, mentors + 1, len(students))


def microseconds_each(work: Callable[[int], None], start: int, count: int) -> float:
    """CPU time of `work(start)`, without the cyclic collector, as in the services."""
    gc.collect()
    gc.freeze()
    gc.disable()
    began = process_time()
    work(start)
    spent = process_time() - began
    gc.enable()
    return spent / count * 1e6


def a_mentor(random: Random, mentor_id: int, low: int, high: int) -> MentorRegistered:
    """One of ten for special schools, with 8 to 20 groups and one to three centres."""
    school = random.random() < 0.1
    return MentorRegistered(
        version=1,
        occurred_at=None,
        mentor_id=mentor_id,
        gender=0,
        type="school" if school else "normal",
        capacity=random.randint(low, high),
        active=True,
        alias_code=None,
        manager_id=None,
        manager_centers=None,
        groups=random.sample(GROUPS, random.randint(8, 20)),
        centers=random.sample(CENTERS, random.randint(1, 3)),
        schools=random.sample(SCHOOLS, 10) if school else [],
        sealed="",
    )


def a_student(random: Random, number: int) -> StudentRegistered:
    """One of ten of a special school."""
    school = random.random() < 0.1
    return StudentRegistered(
        version=1,
        occurred_at=None,
        year=1404,
        student_id=f"01890000-0000-7000-8000-{number:012d}",
        gender=0,
        edu_status=1,
        reg_center=random.choice(CENTERS),
        reg_status=random.choice((0, 1, 3)),
        group_code=random.choice(GROUPS),
        school_code=random.choice(SCHOOLS) if school else None,
        student_type=int(school),
        sealed="",
    )


if __name__ == "__main__":
    main()
