"""Facts in, decisions out: the only place that chooses."""

from collections.abc import Iterator
from heapq import heapify, heappop, heapreplace

from services.allocation.decide.enrolment import Enrolment, next_counter
from services.allocation.decide.evolve import evolve
from services.allocation.decide.mentor import Mentor
from services.allocation.decide.pool import Pool
from services.allocation.decide.rules import still_fits
from services.allocation.decide.state import Cause, PartitionState
from shared.contracts.decisions import (
    AssignmentReason,
    Decision,
    Rank,
    StudentAssigned,
    StudentReleased,
    StudentWaitlisted,
    StudentWithdrawn,
)
from shared.contracts.facts import MentorRegistered, StudentErased, StudentRegistered, StudentWithdrawnFact


def handle(state: PartitionState, cause: Cause) -> list[Decision]:
    """Applies a fact: evolves the state with it and with each decision it leads to, and returns these."""
    evolve(state, cause, cause.fact)
    decisions = []
    for decision in decide(state, cause):
        evolve(state, cause, decision)
        decisions.append(decision)
    return decisions


def decide(state: PartitionState, cause: Cause) -> Iterator[Decision]:
    """The decisions that a fact leads to, one at a time; the fact itself is in `state` already.

    Never writes to `state`: the caller evolves it with each decision before it asks for the next one, so that
    every choice sees those before it.
    """
    fact = cause.fact
    if isinstance(fact, StudentRegistered):
        pool = state.pool(cause.tenant)
        return _after_student(pool, pool.enrolments[fact.year][fact.student_id])
    if isinstance(fact, MentorRegistered):
        pool = state.pool(cause.tenant)
        return _after_mentor(pool, pool.mentors[fact.mentor_id])
    if isinstance(fact, StudentWithdrawnFact):
        pool = state.pool(cause.tenant)
        return _after_withdrawal(pool, pool.find(fact.year, fact.student_id), fact.reason)
    if isinstance(fact, StudentErased):
        return _after_erasure(state.pool(cause.tenant), fact.student_id)
    return iter(())


def _after_student(pool: Pool, student: Enrolment) -> Iterator[Decision]:
    if student.mentor_id is None:
        yield _place(pool, student, "registered" if student.status == "undecided" else "changed")
        return
    mentor = pool.mentors[student.mentor_id]
    if not still_fits(pool.engine.rules, pool.policy, mentor, student):
        yield _release(pool, student, mentor, "changed")
        yield _place(pool, student, "changed", mentor.mentor_id)
        yield from _serve(pool, mentor)


def _after_withdrawal(pool: Pool, student: Enrolment | None, reason: str) -> Iterator[Decision]:
    """Ends an enrolment that is live; one that is unknown here, or ended already, leads to nothing."""
    if student is None or student.status == "withdrawn":
        return
    mentor = None if student.mentor_id is None else pool.mentors[student.mentor_id]
    yield _withdraw(pool, student, mentor, reason)
    if mentor is not None:
        yield from _serve(pool, mentor)


def _after_erasure(pool: Pool, student_id: str) -> Iterator[Decision]:
    """Ends every enrolment that is live, year by year, as if each were withdrawn."""
    for student in sorted(pool.of_student(student_id), key=lambda student: student.year):
        yield from _after_withdrawal(pool, student, "erased")


def _after_mentor(pool: Pool, mentor: Mentor) -> Iterator[Decision]:
    """Nobody but this mentor can have gained a place: who leaves it takes one elsewhere or waits."""
    present = pool.present.get(mentor.mentor_id, {})
    for student in [present[arrival] for arrival in sorted(present)]:
        if not still_fits(pool.engine.rules, pool.policy, mentor, student):
            yield _release(pool, student, mentor, "mentor")
            yield _place(pool, student, "mentor", mentor.mentor_id)
    yield from _serve(pool, mentor)


def _serve(pool: Pool, mentor: Mentor) -> Iterator[Decision]:
    """Gives the mentor's free places to those who wait, by arrival, all years together."""
    if not mentor.active:
        return
    heads = [
        (queue[0].arrival, year, queue)
        for year, loads in pool.loads.items()
        if loads.get(mentor.mentor_id, 0) < mentor.capacity
        for queue in pool.waitlist.queues_of(mentor, year)
    ]
    heapify(heads)
    while heads:
        arrival, year, queue = heads[0]
        if pool.loads[year].get(mentor.mentor_id, 0) >= mentor.capacity:
            heappop(heads)
            continue
        student = queue[0]
        yield _place(pool, student, "waitlist")
        if student.status == "waitlisted":
            raise RuntimeError(f"the student of arrival {arrival} was not taken by mentor {mentor.mentor_id}")
        if queue:
            heapreplace(heads, (queue[0].arrival, year, queue))
        else:
            heappop(heads)


def _place(
    pool: Pool, student: Enrolment, reason: AssignmentReason, previous_mentor_id: int | None = None
) -> StudentAssigned | StudentWaitlisted:
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


def _release(pool: Pool, student: Enrolment, mentor: Mentor, reason: AssignmentReason) -> StudentReleased:
    return StudentReleased(
        year=student.year,
        student_id=student.student_id,
        version=student.version,
        policy=pool.policy.version,
        engine=pool.policy.engine,
        reason=reason,
        previous_mentor_id=mentor.mentor_id,
    )


def _withdraw(pool: Pool, student: Enrolment, mentor: Mentor | None, reason: str) -> StudentWithdrawn:
    return StudentWithdrawn(
        year=student.year,
        student_id=student.student_id,
        version=student.version,
        policy=pool.policy.version,
        engine=pool.policy.engine,
        reason=reason,
        previous_mentor_id=None if mentor is None else mentor.mentor_id,
    )
