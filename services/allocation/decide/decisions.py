"""The decisions: how each is made, which is the only place that chooses, and what it does to the state.

A replay evolves the same state from the decisions alone.
"""

from collections.abc import Callable, Iterator, Mapping
from heapq import heapify, heappop, heapreplace
from typing import Any, Final

from services.allocation.decide.enrolment import Enrolment, next_counter, number_of
from services.allocation.decide.mentor import Mentor
from services.allocation.decide.rules import still_fits
from services.allocation.decide.state import Cause, Pool
from shared.contracts.decisions import (
    AssignmentReason,
    Decision,
    Rank,
    StudentAssigned,
    StudentReleased,
    StudentWaitlisted,
    StudentWithdrawn,
)


def serve(pool: Pool, mentor: Mentor) -> Iterator[Decision]:
    """Gives the mentor's free places to those who wait, by arrival, all years together.

    Of a queue the rules are asked for the first student alone: its students are alike in all that rules ask of them.
    """
    if not mentor.active:
        return
    heads = [
        (queue[0].arrival, year, queue)
        for year, loads in pool.loads.items()
        if loads.get(mentor.mentor_id, 0) < mentor.capacity
        for queue in pool.waitlist.queues_of(mentor, year)
        if still_fits(pool.engine.rules, pool.policy, mentor, queue[0])
    ]
    heapify(heads)
    while heads:
        arrival, year, queue = heads[0]
        if pool.loads[year].get(mentor.mentor_id, 0) >= mentor.capacity:
            heappop(heads)
            continue
        student = queue[0]
        yield place(pool, student, "waitlist")
        if student.status == "waitlisted":
            raise RuntimeError(f"the student of arrival {arrival} was not taken by mentor {mentor.mentor_id}")
        if queue:
            heapreplace(heads, (queue[0].arrival, year, queue))
        else:
            heappop(heads)


def place(
    pool: Pool, student: Enrolment, reason: AssignmentReason, previous_mentor_id: int | None = None
) -> StudentAssigned | StudentWaitlisted:
    """The student's mentor, or that it waits."""
    choice = pool.engine.choose(pool, student)
    if not choice.ranked:
        return _wait(pool, student)
    ranked = choice.ranked
    best, policy, year = ranked[0], pool.policy, student.year
    counter = student.counter
    if counter is None:
        counter = next_counter(year, pool.gender, pool.last_counters.get(year, 0))
    return StudentAssigned(
        year=year,
        student_id=student.student_id,
        version=student.version,
        policy=policy.version,
        engine=policy.engine,
        mentor_id=best.mentor_id,
        counter=counter,
        counter_status=None if counter is not None else "COUNTER_EXHAUSTED",
        rank=Rank(best.load, best.capacity),
        candidates=choice.candidates,
        next_best=ranked[1:],
        reason=reason,
        previous_mentor_id=previous_mentor_id,
    )


def _wait(pool: Pool, student: Enrolment) -> StudentWaitlisted:
    funnel = pool.index.funnel(student)
    return StudentWaitlisted(
        year=student.year,
        student_id=student.student_id,
        version=student.version,
        policy=pool.policy.version,
        engine=pool.policy.engine,
        reason=next(rule for rule, remaining in funnel.items() if not remaining),
        funnel=funnel,
    )


def release(pool: Pool, student: Enrolment, mentor: Mentor, reason: AssignmentReason) -> StudentReleased:
    """That the student leaves the mentor, who does not fit any more."""
    return StudentReleased(
        year=student.year,
        student_id=student.student_id,
        version=student.version,
        policy=pool.policy.version,
        engine=pool.policy.engine,
        reason=reason,
        previous_mentor_id=mentor.mentor_id,
    )


def withdraw(pool: Pool, student: Enrolment, mentor: Mentor | None, reason: str) -> StudentWithdrawn:
    """That the enrolment ends."""
    return StudentWithdrawn(
        year=student.year,
        student_id=student.student_id,
        version=student.version,
        policy=pool.policy.version,
        engine=pool.policy.engine,
        reason=reason,
        previous_mentor_id=None if mentor is None else mentor.mentor_id,
    )


def _assigned(pool: Pool, cause: Cause, event: StudentAssigned) -> None:
    student = _decided(pool, cause, event)
    waited = student.status == "waitlisted"
    if waited:
        pool.waitlist.remove(student)
    student.status = "assigned"
    year, mentor_id = event.year, event.mentor_id
    student.mentor_id = mentor_id
    _change_load(pool, year, mentor_id, 1)
    pool.present.setdefault(mentor_id, {})[student.arrival] = student
    pool.last_chosen[year] = mentor_id
    pool.changes.years.add(year)
    if event.counter is not None and student.counter is None:
        _give_counter(pool, year, student.student_id, event.counter)
        if student.stored:  # it may wait since an earlier batch: rows of its other years may not be in memory
            pool.changes.counters[student.student_id] = event.counter


def _waitlisted(pool: Pool, cause: Cause, event: StudentWaitlisted) -> None:
    student = _decided(pool, cause, event)
    if student.status != "waitlisted":
        student.status = "waitlisted"
        pool.waitlist.add(student)


def _left(pool: Pool, cause: Cause, event: StudentReleased | StudentWithdrawn) -> None:
    student = _decided(pool, cause, event)
    if student.status == "waitlisted":
        pool.waitlist.remove(student)
    student.status = "released" if isinstance(event, StudentReleased) else "withdrawn"
    if student.mentor_id is not None:
        _change_load(pool, event.year, student.mentor_id, -1)
        del pool.present[student.mentor_id][student.arrival]
        student.mentor_id = None


def _decided(pool: Pool, cause: Cause, event: Decision) -> Enrolment:
    """The student of a decision, with what every decision leaves on it."""
    student = pool.enrolments[event.year][event.student_id]
    pool.changes.enrolments[student.arrival] = student
    student.reason = event.reason
    student.cause_sequence = cause.sequence
    student.decided_at = cause.time
    student.policy = event.policy
    return student


def _change_load(pool: Pool, year: int, mentor_id: int, change: int) -> None:
    loads = pool.loads[year]
    before = loads.get(mentor_id, 0)
    loads[mentor_id] = before + change
    pool.index.move(year, pool.mentors[mentor_id], before, before + change)
    pool.changes.loads.add((year, mentor_id))


def _give_counter(pool: Pool, year: int, student_id: str, counter: str) -> None:
    pool.last_counters[year] = number_of(counter)
    for student in pool.of_student(student_id):
        if student.counter is None:
            student.counter = counter
            pool.changes.enrolments[student.arrival] = student


DECISIONS: Final[Mapping[type[Decision], Callable[[Pool, Cause, Any], None]]] = {
    StudentAssigned: _assigned,
    StudentWaitlisted: _waitlisted,
    StudentReleased: _left,
    StudentWithdrawn: _left,
}
"""What each does to the pool, in place. Its student must be in the working set."""
