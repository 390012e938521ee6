"""What a fact or a decision does to the state. Nothing is chosen here: a replay evolves the same state."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from services.allocation.decide.enrolment import Enrolment, Traits, number_of
from services.allocation.decide.mentor import Mentor
from services.allocation.decide.pool import Pool
from services.allocation.decide.state import Cause, PartitionState
from shared.contracts.decisions import (
    Decision,
    StudentAssigned,
    StudentReleased,
    StudentWaitlisted,
    StudentWithdrawn,
)
from shared.contracts.facts import (
    Fact,
    MentorRegistered,
    StudentErased,
    StudentRegistered,
    StudentWithdrawnFact,
)


def evolve(state: PartitionState, cause: Cause, event: Fact | Decision) -> None:
    """Takes `cause.fact` itself, or one of the decisions that it led to, into the state (in place).

    The student of a decision must be in the working set. Manager and roster facts change nothing here.
    """
    step = _STEPS.get(type(event))
    if step is not None:
        step(state.pool(cause.tenant), cause, event)


def _student_registered(pool: Pool, cause: Cause, fact: StudentRegistered) -> None:
    pool.open_year(fact.year)
    students = pool.enrolments[fact.year]
    student = students.get(fact.student_id)
    if student is None:
        student = students[fact.student_id] = Enrolment(
            tenant=cause.tenant,
            year=fact.year,
            student_id=fact.student_id,
            version=fact.version,
            arrival=cause.sequence,
            status="undecided",
            mentor_id=None,
            counter=pool.counter_of(fact.student_id),
            traits=Traits.of(fact),
            reason="",
            cause_sequence=cause.sequence,
            decided_at=cause.time,
        )
    else:
        waits = student.status == "waitlisted"
        if waits:
            pool.waitlist.remove(student)
        student.version = fact.version
        student.traits = Traits.of(fact)
        if waits:
            pool.waitlist.add(student)
        elif student.status == "withdrawn":
            student.status = "undecided"
    pool.changes.enrolments[student.arrival] = student


def _withdrawal_accepted(pool: Pool, _: Cause, fact: StudentWithdrawnFact) -> None:
    student = pool.find(fact.year, fact.student_id)
    if student is not None:
        _new_version(pool, student, fact.version)


def _erasure_accepted(pool: Pool, _: Cause, fact: StudentErased) -> None:
    for student in pool.of_student(fact.student_id):
        _new_version(pool, student, fact.version)


def _new_version(pool: Pool, student: Enrolment, version: int) -> None:
    """Nothing else moves: what the fact does to a live enrolment is a decision."""
    student.version = version
    pool.changes.enrolments[student.arrival] = student


def _mentor_registered(pool: Pool, _: Cause, fact: MentorRegistered) -> None:
    before = pool.mentors.get(fact.mentor_id)
    after = pool.mentors[fact.mentor_id] = Mentor.of(fact)
    pool.index.put(before, after, pool.loads)
    pool.changes.mentors[fact.mentor_id] = after


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


_STEPS: Final[Mapping[type, Callable[[Pool, Cause, Any], None]]] = {
    StudentRegistered: _student_registered,
    StudentWithdrawnFact: _withdrawal_accepted,
    StudentErased: _erasure_accepted,
    MentorRegistered: _mentor_registered,
    StudentAssigned: _assigned,
    StudentWaitlisted: _waitlisted,
    StudentReleased: _left,
    StudentWithdrawn: _left,
}
